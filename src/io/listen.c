/* listen.c - listeners on TCP ports and Unix sockets. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "io/stream_internal.h"

enum { BACKLOG = 1024 };

union any_stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct io_listener {
    union any_stream in;
    union any_stream spare; /* takes a connection for which there is no memory, to close it */
    bool shedding;          /* spare is open */
    bool shed_again;
    bool pipe;
    int open_handles;
    int port;
    io_accept_fn on_accept;
    void (*on_closed)(void *ctx);
    void *ctx, *closed_ctx;
};

static void on_handle_closed(uv_handle_t *handle) {
    struct io_listener *l = handle->data;
    if (--l->open_handles > 0)
        return;
    void (*on_closed)(void *) = l->on_closed;
    void *ctx = l->closed_ctx;
    mem_free(l);
    if (on_closed)
        on_closed(ctx);
}

static int init_stream(uv_loop_t *loop, struct io_listener *l, union any_stream *any) {
    int error = l->pipe ? uv_pipe_init(loop, &any->pipe, 0) : uv_tcp_init(loop, &any->tcp);
    any->handle.data = l;
    l->open_handles += error == 0;
    return error;
}

/* --- accepting --- */

static void shed(struct io_listener *l);

static void on_spare_closed(uv_handle_t *handle) {
    struct io_listener *l = handle->data;
    l->shedding = false;
    if (l->shed_again && !uv_is_closing(&l->in.handle))
        shed(l);
    on_handle_closed(handle);
}

/* libuv stops listening while a connection is not accepted, so accept and close it. */
static void shed(struct io_listener *l) {
    l->shed_again = l->shedding;
    if (l->shedding || init_stream(l->in.handle.loop, l, &l->spare) != 0)
        return;
    l->shedding = true;
    uv_accept(&l->in.stream, &l->spare.stream);
    uv_close(&l->spare.handle, on_spare_closed);
}

static void on_connection(uv_stream_t *stream, int status) {
    struct io_listener *l = stream->data;
    if (status != 0) /* it went away before we came to it */
        return;
    struct io_stream *s = io_stream_new(stream->loop, NULL, NULL);
    struct io_wire *w = s ? io_wire_new(s, l->pipe) : NULL;
    if (!w) {
        io_stream_free(s);
        shed(l);
        return;
    }
    s->wire = w;
    if (uv_accept(stream, &w->stream) != 0) {
        io_stream_free(s);
        return;
    }
    io_stream_connected(s);
    l->on_accept(l->ctx, s);
}

/* --- binding --- */

static int resolve_now(uv_loop_t *loop, const char *host, int port, struct sockaddr_storage *out) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    uv_getaddrinfo_t request;
    char service[16];
    if (io_address_parse(host, port, out) == 0)
        return 0;
    if (port < 0 || port > 65535)
        return UV_EINVAL;
    snprintf(service, sizeof service, "%d", port);
    int error = uv_getaddrinfo(loop, &request, NULL, host, service, &hints);
    if (error == 0)
        memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    if (error == 0)
        uv_freeaddrinfo(request.addrinfo);
    return error;
}

static int bind_tcp(struct io_listener *l, const char *host, int port) {
    struct sockaddr_storage address;
    int error = resolve_now(l->in.handle.loop, host, port, &address);
    return error != 0 ? error : uv_tcp_bind(&l->in.tcp, (const struct sockaddr *)&address, 0);
}

static int bind_unix(struct io_listener *l, const char *path) {
    const struct sockaddr_un *limit = NULL;
    if (strlen(path) >= sizeof limit->sun_path) /* libuv would cut it */
        return UV_ENAMETOOLONG;
    return uv_pipe_bind(&l->in.pipe, path);
}

static int chosen_port(const struct io_listener *l) {
    struct sockaddr_storage address = {0};
    int n = sizeof address;
    if (l->pipe || uv_tcp_getsockname(&l->in.tcp, (struct sockaddr *)&address, &n) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

struct io_listener *io_listen(uv_loop_t *loop, const char *host, int port, const char *unix_path,
                              io_accept_fn on_accept, void *ctx, int *error) {
    struct io_listener *l = mem_alloc(sizeof *l);
    *error = UV_ENOMEM;
    if (!l)
        return NULL;
    l->pipe = unix_path;
    l->on_accept = on_accept;
    l->ctx = ctx;
    *error = init_stream(loop, l, &l->in);
    if (*error != 0) {
        mem_free(l);
        return NULL;
    }
    *error = unix_path ? bind_unix(l, unix_path) : bind_tcp(l, host, port);
    if (*error == 0)
        *error = uv_listen(&l->in.stream, BACKLOG, on_connection);
    if (*error != 0) {
        uv_close(&l->in.handle, on_handle_closed);
        return NULL;
    }
    l->port = chosen_port(l);
    return l;
}

int io_listener_port(const struct io_listener *l) {
    return l->port;
}

void io_listener_free(struct io_listener *l, void (*on_closed)(void *ctx), void *ctx) {
    if (!l || uv_is_closing(&l->in.handle))
        return;
    l->on_closed = on_closed;
    l->closed_ctx = ctx;
    uv_close(&l->in.handle, on_handle_closed);
}
