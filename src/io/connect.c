/* connect.c - from a name to a connection: resolve, order the addresses, try one after the other.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "io/names.h"
#include "io/stream_internal.h"

/* What lives while connecting. A resolver under way cannot always be stopped, so that this outlives
   its stream then (stream is NULL). */
struct io_search {
    uv_getaddrinfo_t request;
    bool resolving;
    struct io_stream *stream;
    struct sockaddr_storage source; /* ss_family 0: any */
    struct io_name *host;           /* NULL: an address was given, or it is not resolved yet */
    int port;
    struct sockaddr_storage addresses[IO_ADDRESSES_MAX];
    int count, next;
    char name[IO_TEXT_SIZE]; /* the name, then the address or path that is tried now */
};

static void try_next(struct io_stream *s, int error);

/* --- addresses --- */

void io_address_name(const struct sockaddr *address, char *out, size_t size) {
    char text[INET6_ADDRSTRLEN] = "";
    bool v6 = address->sa_family == AF_INET6;
    const struct sockaddr_in6 *in6 = (const void *)address;
    const struct sockaddr_in *in = (const void *)address;
    if (v6)
        uv_ip6_name(in6, text, sizeof text);
    else
        uv_ip4_name(in, text, sizeof text);
    snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", text, ntohs(v6 ? in6->sin6_port : in->sin_port));
}

int io_address_parse(const char *host, int port, struct sockaddr_storage *out) {
    char bare[64];
    size_t n = strlen(host);
    memset(out, 0, sizeof *out);
    if (n >= sizeof bare + 2 || port < 0 || port > 65535)
        return UV_EINVAL;
    bool brackets = n > 2 && host[0] == '[' && host[n - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(brackets ? n - 2 : n), host + brackets);
    if (!brackets && uv_ip4_addr(bare, port, (struct sockaddr_in *)out) == 0)
        return 0;
    return uv_ip6_addr(bare, port, (struct sockaddr_in6 *)out);
}

/* Those of the source address's family. */
static void take_addresses(struct io_search *search) {
    int family = search->source.ss_family;
    for (int i = 0; i < search->host->count; i++)
        if (family == 0 || family == search->host->addresses[i].ss_family)
            search->addresses[search->count++] = search->host->addresses[i];
}

/* --- the end of a search --- */

static void search_end(struct io_stream *s) {
    struct io_search *search = s->search;
    s->search = NULL;
    if (!search)
        return;
    search->stream = NULL;
    if (!search->resolving)
        mem_free(search);
}

void io_search_cancel(struct io_stream *s) {
    if (s->search && s->search->resolving)
        uv_cancel((uv_req_t *)&s->search->request);
    search_end(s);
}

/* what may be the search's own name. */
static void give_up(struct io_stream *s, int error, const char *what) {
    snprintf(s->text, sizeof s->text, "%s: %s", what, uv_strerror(error));
    s->connect_error = error;
    s->connecting = false;
    search_end(s);
    io_stream_next_turn(s);
}

/* --- attempts --- */

static void on_connected(uv_connect_t *request, int status) {
    struct io_wire *w = request->data;
    struct io_stream *s = w->owner;
    if (w != s->wire) /* closed by us */
        return;
    if (status != 0) {
        s->wire = NULL;
        io_wire_close(w);
        try_next(s, status);
        return;
    }
    struct io_search *search = s->search;
    if (search->host)
        io_name_prefer(search->host, &search->addresses[search->next - 1]);
    search_end(s);
    s->connecting = false;
    io_stream_connected(s);
    if (s->handler.on_connect)
        s->handler.on_connect(s->ctx, 0, "connected");
}

/* A wire for this attempt. NULL: out of memory. */
static struct io_wire *new_attempt(struct io_stream *s, bool pipe) {
    struct io_wire *w = io_wire_new(s, pipe);
    if (!w)
        return NULL;
    w->connect.data = w;
    s->wire = w;
    io_capture_event(s->capture, true, IO_CAPTURE_CONNECT);
    return w;
}

static int attempt(struct io_stream *s, const struct sockaddr *address) {
    const struct io_search *search = s->search;
    struct io_wire *w = new_attempt(s, false);
    if (!w)
        return UV_ENOMEM;
    int error = 0;
    if (search->source.ss_family != 0)
        error = uv_tcp_bind(&w->tcp, (const struct sockaddr *)&search->source, 0);
    if (error == 0)
        error = uv_tcp_connect(&w->connect, &w->tcp, address, on_connected);
    if (error != 0) {
        s->wire = NULL;
        io_wire_close(w);
    }
    return error;
}

/* error: why the last attempt failed. */
static void try_next(struct io_stream *s, int error) {
    struct io_search *search = s->search;
    while (search->next < search->count) {
        const struct sockaddr *address = (const void *)&search->addresses[search->next++];
        io_address_name(address, search->name, sizeof search->name);
        error = attempt(s, address);
        if (error == 0)
            return;
    }
    give_up(s, error, search->name);
}

static void use_name(struct io_stream *s, struct io_name *host) {
    struct io_search *search = s->search;
    search->host = host;
    take_addresses(search);
    if (search->count > 0)
        try_next(s, 0);
    else
        give_up(s, UV_EAI_ADDRFAMILY, search->name); /* none of the source address's family */
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct io_search *search = request->data;
    struct io_stream *s = search->stream;
    search->resolving = false;
    if (!s) {
        mem_free(search);
    } else if (status != 0) {
        give_up(s, status, search->name);
    } else {
        struct io_name *host = io_name_keep(search->name, search->port, list);
        if (host)
            use_name(s, host);
        else
            give_up(s, UV_ENOMEM, search->name);
    }
    uv_freeaddrinfo(list);
}

static void resolve(struct io_stream *s, const char *host) {
    struct io_search *search = s->search;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    search->request.data = search;
    int error = uv_getaddrinfo(s->loop, &search->request, on_resolved, host, NULL, &hints);
    search->resolving = error == 0;
    if (error != 0)
        give_up(s, error, host);
}

static void connect_name(struct io_stream *s, const struct io_target *target) {
    struct io_search *search = s->search;
    struct io_name *host = io_name_find(target->host, target->port);
    search->port = target->port;
    snprintf(search->name, sizeof search->name, "%s", target->host);
    if (host)
        use_name(s, host);
    else
        resolve(s, target->host);
}

static void connect_tcp(struct io_stream *s, const struct io_target *target) {
    struct io_search *search = s->search;
    if (target->source && io_address_parse(target->source, 0, &search->source) != 0) {
        give_up(s, UV_EINVAL, target->source);
        return;
    }
    if (target->port < 0 || target->port > 65535) {
        give_up(s, UV_EINVAL, target->host);
        return;
    }
    if (io_address_parse(target->host, target->port, &search->addresses[0]) != 0) {
        connect_name(s, target);
        return;
    }
    search->count = 1;
    bool fits =
        search->source.ss_family == 0 || search->source.ss_family == search->addresses[0].ss_family;
    if (fits)
        try_next(s, 0);
    else
        give_up(s, UV_EAFNOSUPPORT, target->source);
}

static void connect_unix(struct io_stream *s, const char *path) {
    const struct sockaddr_un *limit = NULL;
    snprintf(s->search->name, sizeof s->search->name, "unix:%s", path);
    struct io_wire *w = NULL;
    if (strlen(path) >= sizeof limit->sun_path) /* libuv would cut it */
        give_up(s, UV_ENAMETOOLONG, path);
    else if (!(w = new_attempt(s, true)))
        give_up(s, UV_ENOMEM, path);
    else
        uv_pipe_connect(&w->connect, &w->pipe, path, on_connected);
}

void io_stream_connect(struct io_stream *s, const struct io_target *target) {
    if (s->connecting || s->connected || s->freed)
        return;
    s->connecting = true;
    s->search = mem_alloc(sizeof *s->search);
    if (!s->search) {
        give_up(s, UV_ENOMEM, target->unix_path ? target->unix_path : target->host);
        return;
    }
    s->search->stream = s;
    if (target->unix_path)
        connect_unix(s, target->unix_path);
    else
        connect_tcp(s, target);
}
