/* connect.c - from a name to a connection: resolve, order the addresses, try one after the other.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "io/stream_internal.h"

enum { ADDRESSES_MAX = 16 };

/* What lives while connecting. A resolver under way cannot always be stopped, so that this outlives
   its stream then (stream is NULL). */
struct io_search {
    uv_getaddrinfo_t request;
    bool resolving;
    struct io_stream *stream;
    struct sockaddr_storage source; /* ss_family 0: any */
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    int count, next;
    char name[IO_NAME_SIZE]; /* the address or path that is tried now */
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

static void add_address(struct io_search *search, const struct addrinfo *a) {
    bool fits = search->source.ss_family == 0 || search->source.ss_family == a->ai_family;
    if (fits && search->count < ADDRESSES_MAX)
        memcpy(&search->addresses[search->count++], a->ai_addr, a->ai_addrlen);
}

static const struct addrinfo *of_family(const struct addrinfo *a, int family, bool same) {
    while (a && ((a->ai_family == family) != same ||
                 (a->ai_family != AF_INET && a->ai_family != AF_INET6)))
        a = a->ai_next;
    return a;
}

/* Families alternate, so that one that does not work costs one attempt (RFC 8305 section 4). */
static void take_addresses(struct io_search *search, const struct addrinfo *list) {
    int family = list ? list->ai_family : 0;
    const struct addrinfo *first = of_family(list, family, true);
    const struct addrinfo *second = of_family(list, family, false);
    while (first || second) {
        if (first) {
            add_address(search, first);
            first = of_family(first->ai_next, family, true);
        }
        if (second) {
            add_address(search, second);
            second = of_family(second->ai_next, family, false);
        }
    }
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

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct io_search *search = request->data;
    struct io_stream *s = search->stream;
    search->resolving = false;
    if (!s) {
        mem_free(search);
    } else {
        if (status == 0)
            take_addresses(search, list);
        if (status == 0 && search->count == 0)
            status = UV_EAI_ADDRFAMILY; /* none of the source address's family */
        if (status == 0)
            try_next(s, 0);
        else
            give_up(s, status, search->name);
    }
    uv_freeaddrinfo(list);
}

static void resolve(struct io_stream *s, const struct io_target *target) {
    struct io_search *search = s->search;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[16];
    snprintf(port, sizeof port, "%d", target->port);
    snprintf(search->name, sizeof search->name, "%s", target->host);
    search->request.data = search;
    int error = uv_getaddrinfo(s->loop, &search->request, on_resolved, target->host, port, &hints);
    search->resolving = error == 0;
    if (error != 0)
        give_up(s, error, target->host);
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
        resolve(s, target);
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
