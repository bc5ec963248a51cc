/* check_names.c - host names: kept, in which order their addresses are tried, localhost. */
#include "io/names.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "guard.h"

static const char *text_of(const struct sockaddr_storage *a) {
    static char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;
    inet_ntop(a->ss_family, a->ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr,
              text, sizeof text);
    return text;
}

enum { FOUND_MAX = 20 };

static struct {
    struct addrinfo info;
    struct sockaddr_storage address;
} found[FOUND_MAX];

/* What a resolver says: these addresses in this order. */
static const struct addrinfo *say(const char *const *addresses) {
    memset(found, 0, sizeof found);
    for (int i = 0; addresses[i]; i++) {
        struct sockaddr_in *v4 = (void *)&found[i].address;
        struct sockaddr_in6 *v6 = (void *)&found[i].address;
        bool colon = strchr(addresses[i], ':');
        found[i].info.ai_family = colon ? AF_INET6 : AF_INET;
        found[i].address.ss_family = (sa_family_t)found[i].info.ai_family;
        found[i].info.ai_addr = (void *)&found[i].address;
        found[i].info.ai_addrlen = colon ? sizeof *v6 : sizeof *v4;
        found[i].info.ai_next = addresses[i + 1] ? &found[i + 1].info : NULL;
        ck_assert_int_eq(inet_pton(found[i].info.ai_family, addresses[i],
                                   colon ? (void *)&v6->sin6_addr : &v4->sin_addr),
                         1);
    }
    return &found[0].info;
}

static void has(const struct io_name *name, const char *const *addresses) {
    int n = 0;
    for (; addresses[n]; n++)
        if (n < name->count)
            ck_assert_str_eq(text_of(&name->addresses[n]), addresses[n]);
    ck_assert_int_eq(name->count, n);
}

#define ADDRESSES(...)                                                                             \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

START_TEST(localhost) {
    static const char *const names[] = {"localhost", "LocalHost", "app.localhost", "a.b.LOCALHOST"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        has(io_name_find(names[i], 80), ADDRESSES("::1", "127.0.0.1"));
    ck_assert_ptr_eq(io_name_find("localhost", 80), io_name_find("LOCALHOST", 80));
}
END_TEST

START_TEST(not_localhost) {
    static const char *const names[] = {"", ".localhost", "mylocalhost", "localhost.example",
                                        "local"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_ptr_null(io_name_find(names[i], 80));
}
END_TEST

START_TEST(kept) {
    struct io_name *name = io_name_keep("a.example", 80, say(ADDRESSES("192.0.2.1")));
    ck_assert_ptr_eq(io_name_find("A.example", 80), name);
    ck_assert_ptr_null(io_name_find("a.example.com", 80));
    ck_assert_ptr_eq(io_name_keep("a.example", 80, say(ADDRESSES("192.0.2.2"))), name);
    has(name, ADDRESSES("192.0.2.1"));
    io_names_forget();
    ck_assert_ptr_null(io_name_find("a.example", 80));
}
END_TEST

START_TEST(families_alternate) {
    has(io_name_keep(
            "a.example", 80,
            say(ADDRESSES("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"))),
        ADDRESSES("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"));
    has(io_name_keep("b.example", 80, say(ADDRESSES("192.0.2.1", "2001:db8::1"))),
        ADDRESSES("192.0.2.1", "2001:db8::1"));
    ck_assert_int_eq(io_name_keep("c.example", 80, NULL)->count, 0);
}
END_TEST

START_TEST(ports) {
    struct io_name *a = io_name_find("localhost", 80), *b = io_name_find("localhost", 81);
    struct sockaddr_storage v4 = b->addresses[1];
    ck_assert_int_eq(ntohs(((struct sockaddr_in6 *)&b->addresses[0])->sin6_port), 81);
    ck_assert_int_eq(ntohs(((struct sockaddr_in *)&v4)->sin_port), 81);
    io_name_prefer(b, &v4); /* another server may listen there on port 80 */
    has(a, ADDRESSES("::1", "127.0.0.1"));
    has(b, ADDRESSES("127.0.0.1", "::1"));
}
END_TEST

START_TEST(many_addresses) {
    const char *addresses[FOUND_MAX + 1] = {0};
    for (int i = 0; i < FOUND_MAX; i++)
        addresses[i] = i % 2 ? "192.0.2.1" : "2001:db8::1";
    ck_assert_int_eq(io_name_keep("a.example", 80, say(addresses))->count, IO_ADDRESSES_MAX);
}
END_TEST

START_TEST(preferred) {
    struct io_name *name =
        io_name_keep("a.example", 80, say(ADDRESSES("2001:db8::1", "192.0.2.1", "192.0.2.2")));
    struct sockaddr_storage third = name->addresses[2], other = third;
    io_name_prefer(name, &third);
    has(name, ADDRESSES("192.0.2.2", "2001:db8::1", "192.0.2.1"));
    io_name_prefer(name, &third);
    has(name, ADDRESSES("192.0.2.2", "2001:db8::1", "192.0.2.1"));
    ((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    io_name_prefer(name, &other);
    has(name, ADDRESSES("192.0.2.2", "2001:db8::1", "192.0.2.1"));
}
END_TEST

START_TEST(no_memory) {
    for (int i = 0; i < 2; i++) {
        mem_fail_after(i);
        ck_assert_ptr_null(io_name_keep("a.example", 80, say(ADDRESSES("192.0.2.1"))));
        ck_assert_ptr_null(io_name_find("localhost", 80));
        mem_fail_after(-1);
        ck_assert_ptr_null(io_name_find("a.example", 80));
    }
}
END_TEST

int main(void) {
    TCase *t = tcase_create("names");
    tcase_add_checked_fixture(t, NULL, io_names_forget);
    tcase_add_test(t, localhost);
    tcase_add_test(t, not_localhost);
    tcase_add_test(t, kept);
    tcase_add_test(t, families_alternate);
    tcase_add_test(t, ports);
    tcase_add_test(t, many_addresses);
    tcase_add_test(t, preferred);
    tcase_add_test(t, no_memory);
    return guard_run("names", t);
}
