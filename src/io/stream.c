/* stream.c - one transport connection: its life, its reading side, and how the peer ended it. */
#include "io/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/stream_internal.h"

/* Used by one callback at a time, so that an idle connection holds no buffer. */
static uint8_t read_buffer[64 * 1024];

const char *io_end_name(enum io_end_how how) {
    switch (how) {
    case IO_END_FIN:
        return "fin";
    case IO_END_RST:
        return "rst";
    case IO_END_CLOSE_NOTIFY:
        return "close_notify";
    case IO_END_ALERT:
        return "alert";
    case IO_END_TLS_ERROR:
        return "tls_error";
    case IO_END_ERROR:
        break;
    }
    return "error";
}

/* --- life --- */

static void finalize(struct io_stream *s) {
    void (*on_closed)(void *) = s->handler.on_closed;
    void *ctx = s->ctx;
    tls_conn_free(s->tls);
    buf_dispose(&s->received.part);
    buf_dispose(&s->plain);
    buf_dispose(&s->out);
    mem_free(s);
    if (on_closed)
        on_closed(ctx);
}

/* The timer is only closed by io_stream_free, so the last handle is gone after that only. */
static void handle_closed(struct io_stream *s) {
    if (--s->open_handles == 0)
        finalize(s);
}

static void on_wire_closed(uv_handle_t *handle) {
    struct io_wire *w = handle->data;
    struct io_stream *s = w->owner;
    buf_dispose(&w->flying);
    mem_free(w);
    handle_closed(s);
}

static void on_turn_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

struct io_wire *io_wire_new(struct io_stream *s, bool pipe) {
    struct io_wire *w = mem_alloc(sizeof *w);
    if (!w)
        return NULL;
    if ((pipe ? uv_pipe_init(s->loop, &w->pipe, 0) : uv_tcp_init(s->loop, &w->tcp)) != 0) {
        mem_free(w);
        return NULL;
    }
    w->handle.data = w;
    w->owner = s;
    buf_init(&w->flying, IO_QUEUE_MAX + IO_RECORD_SLACK);
    s->open_handles++;
    return w;
}

void io_wire_close(struct io_wire *w) {
    if (!uv_is_closing(&w->handle))
        uv_close(&w->handle, on_wire_closed);
}

/* A peer that closes must not end the process by a signal. */
static void ignore_sigpipe(void) {
    static bool done;
    struct sigaction action;
    if (done)
        return;
    done = true;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

struct io_stream *io_stream_new(uv_loop_t *loop, const struct io_handler *handler, void *ctx) {
    struct io_stream *s = mem_alloc(sizeof *s);
    if (!s)
        return NULL;
    ignore_sigpipe();
    s->loop = loop;
    uv_timer_init(loop, &s->turn); /* cannot fail */
    s->turn.data = s;
    s->open_handles = 1;
    buf_init(&s->received.part, 5 + 65535); /* the longest that a record header can say */
    buf_init(&s->plain, IO_QUEUE_MAX);
    buf_init(&s->out, IO_QUEUE_MAX + IO_RECORD_SLACK);
    if (handler)
        io_stream_set_handler(s, handler, ctx);
    return s;
}

void io_stream_capture(struct io_stream *s, struct io_capture *capture) {
    s->capture = capture;
    if (s->connected)
        io_capture_event(capture, false, IO_CAPTURE_OPEN);
}

/* A close ends with RST, not FIN, where octets of the peer are left unread (RFC 9293
 * section 3.10.4). */
static void capture_close(struct io_stream *s, bool reset) {
    uv_os_fd_t fd;
    int unread = 0;
    if (!s->capture || !s->connected)
        return;
    io_stream_capture_flying(s);
    if (!reset && uv_fileno(&s->wire->handle, &fd) == 0 && ioctl(fd, FIONREAD, &unread) == 0)
        reset = unread > 0;
    io_capture_event(s->capture, true, reset ? IO_CAPTURE_RST : IO_CAPTURE_FIN);
}

void io_stream_close_transport(struct io_stream *s, bool reset) {
    struct io_wire *w = s->wire;
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;
    capture_close(s, reset);
    io_search_cancel(s);
    s->connected = s->reading = s->writing = false;
    s->wire = NULL;
    if (!w)
        return;
    /* As uv_tcp_close_reset does, which refuses when a shutdown is under way. */
    if (reset && uv_fileno(&w->handle, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    io_wire_close(w);
}

void io_stream_free(struct io_stream *s) {
    if (!s || s->freed)
        return;
    s->freed = true;
    s->handler = (struct io_handler){.on_closed = s->handler.on_closed};
    io_stream_close_transport(s, false);
    uv_close((uv_handle_t *)&s->turn, on_turn_closed);
}

void io_stream_reset(struct io_stream *s) {
    uv_timer_stop(&s->turn);
    s->connect_error = 0;
    s->ended = true;
    io_stream_close_transport(s, true);
}

/* --- the end --- */

void io_stream_end(struct io_stream *s, const struct io_end *end) {
    if (s->ended || s->freed)
        return;
    s->ended = true;
    io_stream_update_reading(s);
    io_stream_flush(s);
    if (s->handler.on_end)
        s->handler.on_end(s->ctx, end);
}

/* libuv says EOF after a short read where the kernel says "hung up", and does not look whether that
   was an RST. It is still to be had from the kernel, unless a write met it before. (Where a FIN
   came first the kernel says EPIPE here, and FIN is right.) */
static bool was_reset(const struct io_stream *s) {
    uv_os_fd_t fd;
    int error = 0;
    socklen_t n = sizeof error;
    if (s->end_error != UV_EOF || s->reset_seen || !s->wire)
        return s->end_error == UV_ECONNRESET || s->reset_seen;
    return uv_fileno(&s->wire->handle, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == ECONNRESET;
}

static const char *end_text(const struct io_stream *s, bool rst, bool fin) {
    bool handshake = s->tls && !s->secure;
    if (rst)
        return handshake ? "the peer reset the connection within the TLS handshake"
                         : "the peer reset the connection";
    if (fin)
        return handshake ? "the peer closed the connection within the TLS handshake"
                         : "the peer closed the connection";
    return uv_strerror(s->end_error);
}

static void end_of_transport(struct io_stream *s) {
    bool rst = was_reset(s);
    bool fin = s->end_error == UV_EOF && !rst;
    if (rst || fin)
        io_capture_event(s->capture, false, rst ? IO_CAPTURE_RST : IO_CAPTURE_FIN);
    const struct io_end end = {
        .how = rst   ? IO_END_RST
               : fin ? IO_END_FIN
                     : IO_END_ERROR,
        .alert = -1,
        .text = end_text(s, rst, fin),
    };
    io_stream_end(s, &end);
}

/* --- turns --- */

static void go_on(struct io_stream *s) {
    if (s->tls)
        io_stream_tls_go_on(s);
    if (s->end_error != 0 && !s->paused)
        end_of_transport(s);
    io_stream_update_reading(s);
    io_stream_report_drained(s);
}

static void on_turn(uv_timer_t *timer) {
    struct io_stream *s = timer->data;
    int error = s->connect_error;
    if (error == 0) {
        go_on(s);
        return;
    }
    s->connect_error = 0;
    if (s->handler.on_connect)
        s->handler.on_connect(s->ctx, error, s->text);
}

void io_stream_next_turn(struct io_stream *s) {
    if (!s->freed)
        uv_timer_start(&s->turn, on_turn, 0, 0);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    (void)handle;
    (void)suggested;
    *out = uv_buf_init((char *)read_buffer, sizeof read_buffer);
}

static void on_octets(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
    struct io_wire *w = stream->data;
    struct io_stream *s = w->owner;
    if (w != s->wire || n == 0)
        return;
    if (n < 0) {
        s->end_error = (int)n;
        go_on(s);
        return;
    }
    io_stream_capture_flying(s);
    io_capture_octets(s->capture, false, (const uint8_t *)b->base, (size_t)n);
    if (s->tls) {
        io_stream_tls_received(s, (const uint8_t *)b->base, (size_t)n);
        go_on(s);
    } else if (s->handler.on_read) {
        s->handler.on_read(s->ctx, (const uint8_t *)b->base, (size_t)n);
    }
}

void io_stream_update_reading(struct io_stream *s) {
    bool wanted =
        s->connected && s->has_handler && !s->paused && !s->ended && s->end_error == 0 && !s->freed;
    if (wanted == s->reading || !s->wire)
        return;
    s->reading = wanted;
    if (!wanted) {
        uv_read_stop(&s->wire->stream);
        return;
    }
    int error = uv_read_start(&s->wire->stream, on_alloc, on_octets);
    if (error != 0) { /* the connection is gone already */
        s->reading = false;
        s->end_error = error;
        io_stream_next_turn(s);
    }
}

void io_stream_pause(struct io_stream *s, bool paused) {
    s->paused = paused;
    io_stream_update_reading(s);
    if (!paused && (s->tls || s->end_error != 0)) /* what was decrypted, or the end, may wait */
        io_stream_next_turn(s);
}

void io_stream_set_handler(struct io_stream *s, const struct io_handler *handler, void *ctx) {
    s->handler = *handler;
    s->ctx = ctx;
    s->has_handler = true;
    io_stream_update_reading(s);
}

/* --- names --- */

static void pipe_name(int (*get)(const uv_pipe_t *, char *, size_t *), const uv_pipe_t *pipe,
                      char *out) {
    char path[IO_NAME_SIZE - 8];
    size_t n = sizeof path - 1;
    if (get(pipe, path, &n) != 0)
        n = 0;
    path[n] = 0;
    if (n > 0 && path[0] == 0) /* the abstract namespace of Linux */
        path[0] = '@';
    snprintf(out, IO_NAME_SIZE, "unix:%s", path);
}

static void tcp_name(int (*get)(const uv_tcp_t *, struct sockaddr *, int *), const uv_tcp_t *tcp,
                     char *out) {
    struct sockaddr_storage address;
    int n = sizeof address;
    if (get(tcp, (struct sockaddr *)&address, &n) == 0)
        io_address_name((const struct sockaddr *)&address, out, IO_NAME_SIZE);
}

/* The names are taken now, because the kernel forgets them when the connection is reset. */
void io_stream_connected(struct io_stream *s) {
    struct io_wire *w = s->wire;
    if (w->handle.type == UV_NAMED_PIPE) {
        pipe_name(uv_pipe_getpeername, &w->pipe, s->peer);
        pipe_name(uv_pipe_getsockname, &w->pipe, s->local);
    } else {
        uv_tcp_nodelay(&w->tcp, 1);
        tcp_name(uv_tcp_getpeername, &w->tcp, s->peer);
        tcp_name(uv_tcp_getsockname, &w->tcp, s->local);
    }
    s->connected = true;
    io_capture_event(s->capture, true, IO_CAPTURE_OPEN);
    io_stream_update_reading(s);
}

void io_stream_peer(const struct io_stream *s, char *out, size_t size) {
    snprintf(out, size, "%s", s->peer);
}

void io_stream_local(const struct io_stream *s, char *out, size_t size) {
    snprintf(out, size, "%s", s->local);
}
