/* stream_write.c - the writing side of a stream: try at once, queue the rest, half-close after it.
 */
#include "base/mem.h"
#include "io/stream_internal.h"

static void start_write(struct io_stream *s);

size_t io_stream_unsent(const struct io_stream *s) {
    size_t flying = s->writing ? uv_stream_get_write_queue_size(&s->wire->stream) : 0;
    return s->plain.len + s->out.len + flying;
}

void io_stream_report_drained(struct io_stream *s) {
    if (!s->queued || io_stream_unsent(s) > 0)
        return;
    s->queued = false;
    if (s->handler.on_drained)
        s->handler.on_drained(s->ctx);
}

/* What waits is lost; reading goes on, since more may be readable. Linux tells of an RST only once,
   either here or there. */
static int fail(struct io_stream *s, int error) {
    s->write_error = error;
    if (error == UV_ECONNRESET)
        s->reset_seen = true;
    buf_clear(&s->out);
    buf_clear(&s->plain);
    if (s->queued)
        io_stream_next_turn(s);
    return error;
}

void io_stream_capture_flying(struct io_stream *s) {
    struct io_wire *w = s->wire;
    if (!s->capture || !s->writing)
        return;
    size_t left = uv_stream_get_write_queue_size(&w->stream);
    size_t gone = w->flying.len - (left < w->flying.len ? left : w->flying.len);
    if (gone <= w->captured)
        return;
    io_capture_octets(s->capture, true, w->flying.data + w->captured, gone - w->captured);
    w->captured = gone;
}

static void on_written(uv_write_t *request, int status) {
    struct io_wire *w = request->data;
    struct io_stream *s = w->owner;
    if (w == s->wire && status == 0)
        io_capture_octets(s->capture, true, w->flying.data + w->captured,
                          w->flying.len - w->captured);
    buf_clear(&w->flying);
    if (w != s->wire)
        return;
    s->writing = false;
    if (status < 0)
        fail(s, status);
    else if (s->out.len > 0)
        start_write(s);
    if (s->writing)
        return;
    io_stream_flush(s);
    io_stream_report_drained(s);
}

static void start_write(struct io_stream *s) {
    struct io_wire *w = s->wire;
    w->flying = s->out;
    w->captured = 0;
    buf_init(&s->out, w->flying.max);
    w->write.data = w;
    uv_buf_t b = uv_buf_init((char *)w->flying.data, (unsigned)w->flying.len);
    int error = uv_write(&w->write, &w->stream, &b, 1, on_written);
    if (error == 0) {
        s->writing = true;
        io_stream_capture_flying(s);
        return;
    }
    buf_clear(&w->flying);
    fail(s, error);
}

int io_stream_send(struct io_stream *s, const uint8_t *octets, size_t n) {
    if (!s->connected || s->shut)
        return s->connected ? UV_EPIPE : UV_ENOTCONN;
    if (s->write_error != 0 || n == 0)
        return s->write_error;
    if (!s->writing) { /* then nothing is queued either */
        uv_buf_t b = uv_buf_init((char *)(uintptr_t)octets, (unsigned)n);
        int sent = uv_try_write(&s->wire->stream, &b, 1);
        if (sent < 0 && sent != UV_EAGAIN)
            return fail(s, sent);
        io_capture_octets(s->capture, true, octets, sent > 0 ? (size_t)sent : 0);
        octets += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
    if (n == 0)
        return 0;
    int error = buf_append(&s->out, octets, n);
    if (error != 0) /* a part is on its way, so nothing sound can follow */
        return fail(s, error == BUF_NOMEM ? UV_ENOMEM : UV_ENOBUFS);
    s->queued = true;
    if (!s->writing)
        start_write(s);
    return s->write_error;
}

static void send_records(struct io_stream *s) {
    struct buf records;
    buf_init(&records, s->out.max + IO_RECORD_SLACK * 2);
    if (tls_conn_output(s->tls, &records) != 0) {
        fail(s, UV_ENOMEM);
    } else if (records.len > 0) {
        io_stream_tls_sent(s, records.data, records.len);
        io_stream_send(s, records.data, records.len);
    }
    buf_dispose(&records);
}

static void encrypt_waiting(struct io_stream *s) {
    enum tls_status status = tls_conn_write(s->tls, s->plain.data, s->plain.len);
    if (status == TLS_WANT)
        return;
    buf_clear(&s->plain);
    if (status == TLS_FAILED)
        fail(s, UV_EPROTO);
    send_records(s);
}

static void on_shut(uv_shutdown_t *request, int status) {
    struct io_wire *w = request->data;
    if (status == 0 && w == w->owner->wire)
        io_capture_event(w->owner->capture, true, IO_CAPTURE_FIN);
}

static void close_our_side(struct io_stream *s) {
    if (s->notify_wanted && s->secure) {
        tls_conn_close_notify(s->tls);
        send_records(s);
    }
    s->notify_wanted = false;
    if (!s->shutdown_wanted || s->shut || s->out.len > 0)
        return;
    s->shut = true;
    s->wire->shutdown.data = s->wire;
    uv_shutdown(&s->wire->shutdown, &s->wire->stream, on_shut); /* libuv waits for the write */
}

void io_stream_flush(struct io_stream *s) {
    if (!s->connected)
        return;
    if (s->secure && s->plain.len > 0) /* in one write with the end of the handshake */
        encrypt_waiting(s);
    if (s->tls)
        send_records(s);
    if (s->ended && !s->secure) /* the handshake that they wait for will not be */
        buf_clear(&s->plain);
    if (s->plain.len == 0 && s->connected)
        close_our_side(s);
    if (s->queued && io_stream_unsent(s) == 0)
        io_stream_next_turn(s);
}

static int may_write(const struct io_stream *s, size_t n) {
    if (!s->connected)
        return UV_ENOTCONN;
    if (s->write_error != 0 || s->shutdown_wanted)
        return s->write_error != 0 ? s->write_error : UV_EPIPE;
    size_t unsent = io_stream_unsent(s);
    return unsent > IO_QUEUE_MAX || n > IO_QUEUE_MAX - unsent ? UV_ENOBUFS : 0;
}

static int wait_for_tls(struct io_stream *s, const uint8_t *octets, size_t n) {
    int error = buf_append(&s->plain, octets, n);
    if (error != 0)
        return error == BUF_NOMEM ? UV_ENOMEM : UV_ENOBUFS;
    s->queued = s->queued || n > 0;
    io_stream_flush(s);
    return s->write_error;
}

int io_stream_write(struct io_stream *s, const uint8_t *octets, size_t n) {
    int error = may_write(s, n);
    if (error != 0 || n == 0)
        return error;
    if (!s->tls)
        return io_stream_send(s, octets, n);
    if (s->ended && !s->secure)
        return UV_EPIPE;
    enum tls_status status =
        s->secure && s->plain.len == 0 ? tls_conn_write(s->tls, octets, n) : TLS_WANT;
    if (status == TLS_WANT)
        return wait_for_tls(s, octets, n);
    if (status == TLS_FAILED)
        return UV_EPROTO;
    send_records(s);
    return s->write_error;
}

int io_stream_write_raw(struct io_stream *s, const uint8_t *octets, size_t n) {
    int error = may_write(s, n);
    return error != 0 ? error : io_stream_send(s, octets, n);
}

void io_stream_close_notify(struct io_stream *s) {
    if (!s->tls || s->shutdown_wanted)
        return;
    s->notify_wanted = true;
    io_stream_flush(s);
}

void io_stream_shutdown(struct io_stream *s, bool without_notify) {
    if (s->shutdown_wanted)
        return;
    s->shutdown_wanted = true;
    s->notify_wanted = s->notify_wanted || (s->tls && !without_notify);
    io_stream_flush(s);
}
