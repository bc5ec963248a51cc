/* names.c - host names and their addresses. */
#include "io/names.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static struct io_name *known;

static struct io_name *new_name(const char *host, int port) {
    struct io_name *name = mem_alloc(sizeof *name);
    char *copy = name ? mem_alloc(strlen(host) + 1) : NULL;
    if (!copy) {
        mem_free(name);
        return NULL;
    }
    memcpy(copy, host, strlen(host) + 1);
    name->host = copy;
    name->port = port;
    name->next = known;
    known = name;
    return name;
}

static void add(struct io_name *name, const void *address, size_t n) {
    if (name->count == IO_ADDRESSES_MAX)
        return;
    struct sockaddr_storage *a = &name->addresses[name->count++];
    memcpy(a, address, n);
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons((uint16_t)name->port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons((uint16_t)name->port);
}

/* --- localhost --- */

static bool is_localhost(const char *host) {
    static const char suffix[] = ".localhost";
    size_t n = strlen(host), m = sizeof suffix - 1;
    return strcasecmp(host, suffix + 1) == 0 || (n > m && strcasecmp(host + n - m, suffix) == 0);
}

static struct io_name *new_localhost(const char *host, int port) {
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct io_name *name = new_name(host, port);
    if (!name)
        return NULL;
    add(name, &v6, sizeof v6);
    add(name, &v4, sizeof v4);
    return name;
}

/* --- what a resolver said --- */

struct io_name *io_name_find(const char *host, int port) {
    struct io_name *name = known;
    while (name && (name->port != port || strcasecmp(name->host, host) != 0))
        name = name->next;
    return name || !is_localhost(host) ? name : new_localhost(host, port);
}

static const struct addrinfo *of_family(const struct addrinfo *a, int family, bool same) {
    while (a && ((a->ai_family == family) != same ||
                 (a->ai_family != AF_INET && a->ai_family != AF_INET6)))
        a = a->ai_next;
    return a;
}

struct io_name *io_name_keep(const char *host, int port, const struct addrinfo *list) {
    int family = list ? list->ai_family : 0;
    const struct addrinfo *first = of_family(list, family, true);
    const struct addrinfo *second = of_family(list, family, false);
    struct io_name *name = io_name_find(host, port);
    if (name) /* another connection was faster */
        return name;
    name = new_name(host, port);
    while (name && (first || second)) {
        if (first) {
            add(name, first->ai_addr, first->ai_addrlen);
            first = of_family(first->ai_next, family, true);
        }
        if (second) {
            add(name, second->ai_addr, second->ai_addrlen);
            second = of_family(second->ai_next, family, false);
        }
    }
    return name;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0 &&
           a6->sin6_scope_id == b6->sin6_scope_id;
}

void io_name_prefer(struct io_name *name, const struct sockaddr_storage *address) {
    int at = 0;
    while (at < name->count && !same_address(&name->addresses[at], address))
        at++;
    if (at == 0 || at == name->count)
        return;
    struct sockaddr_storage chosen = name->addresses[at];
    memmove(&name->addresses[1], &name->addresses[0], (size_t)at * sizeof chosen);
    name->addresses[0] = chosen;
}

void io_names_forget(void) {
    while (known) {
        struct io_name *name = known;
        known = name->next;
        mem_free(name->host);
        mem_free(name);
    }
}
