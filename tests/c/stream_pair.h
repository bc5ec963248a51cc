/* stream_pair.h - two streams joined over loopback, and what each was told: the fixture of
 * check_stream*.c. */
#ifndef STREAM_PAIR_H
#define STREAM_PAIR_H

#include "io/stream.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { MEBI = 1024 * 1024 };

/* One side of a connection, and what it was told. */
struct side {
    struct io_stream *s;
    bool connected, secure, ended, drained, closed;
    int connect_error;
    char connect_text[256], end_text[256];
    struct io_end end;
    struct buf got;
    size_t got_at_end; /* octets read before on_end */
    int records[2];    /* received, sent */
    size_t record_octets[2];
    int free_in; /* which callback frees the stream */
    bool pause_in_read;
};
enum { FREE_NEVER, FREE_CONNECT, FREE_SECURE, FREE_READ, FREE_END, FREE_RECORD, FREE_DRAINED };

static uv_loop_t loop;
static struct io_listener *listener;
static struct side client, server;
static bool listener_closed;

static inline void free_if(struct side *side, int where) {
    if (side->free_in == where)
        io_stream_free(side->s);
}

static inline void on_connect(void *ctx, int error, const char *text) {
    struct side *side = ctx;
    uv_stop(&loop);
    side->connected = error == 0;
    side->connect_error = error;
    snprintf(side->connect_text, sizeof side->connect_text, "%s", text);
    free_if(side, FREE_CONNECT);
}

static inline void on_secure(void *ctx) {
    struct side *side = ctx;
    uv_stop(&loop);
    side->secure = true;
    free_if(side, FREE_SECURE);
}

static inline void on_read(void *ctx, const uint8_t *octets, size_t n) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert(!side->ended);
    ck_assert_int_eq(buf_append(&side->got, octets, n), 0);
    if (side->pause_in_read)
        io_stream_pause(side->s, true);
    free_if(side, FREE_READ);
}

static inline void on_end(void *ctx, const struct io_end *end) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert(!side->ended); /* once */
    side->ended = true;
    side->end = *end;
    side->got_at_end = side->got.len;
    snprintf(side->end_text, sizeof side->end_text, "%s", end->text);
    free_if(side, FREE_END);
}

static inline void on_record(void *ctx, bool sent, const uint8_t *record, size_t n) {
    struct side *side = ctx;
    uv_stop(&loop);
    (void)record;
    side->records[sent]++;
    side->record_octets[sent] += n;
    free_if(side, FREE_RECORD);
}

static inline void on_drained(void *ctx) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert_uint_eq(io_stream_unsent(side->s), 0);
    side->drained = true;
    free_if(side, FREE_DRAINED);
}

static inline void on_closed(void *ctx) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert(!side->closed);
    side->closed = true;
}

static const struct io_handler handler = {.on_connect = on_connect,
                                          .on_secure = on_secure,
                                          .on_read = on_read,
                                          .on_end = on_end,
                                          .on_record = on_record,
                                          .on_drained = on_drained,
                                          .on_closed = on_closed};

static inline void on_accept(void *ctx, struct io_stream *s) {
    (void)ctx;
    uv_stop(&loop);
    server.s = s;
    server.connected = true;
    io_stream_set_handler(s, &handler, &server);
}

static inline void on_listener_closed(void *ctx) {
    uv_stop(&loop);
    *(bool *)ctx = true;
}

/* The loop runs until this is so; the test's own timeout ends what never comes. Every callback
   stops the loop, so that it does not wait for more. */
#define UNTIL(condition)                                                                           \
    while (!(condition))                                                                           \
    ck_assert_msg(uv_run(&loop, UV_RUN_DEFAULT) || (condition), "the loop ended: " #condition)

static inline void set_up(void) {
    int error;
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    buf_init(&client.got, 256 * MEBI);
    buf_init(&server.got, 256 * MEBI);
    listener_closed = false;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    listener = io_listen(&loop, "127.0.0.1", 0, NULL, on_accept, NULL, &error);
    ck_assert_ptr_nonnull(listener);
    ck_assert_int_gt(io_listener_port(listener), 0);
}

/* Everything goes, and the loop knows of nothing any more. */
static inline void tear_down(void) {
    mem_fail_after(-1);
    io_stream_free(client.closed ? NULL : client.s);
    io_stream_free(server.closed ? NULL : server.s);
    io_listener_free(listener, on_listener_closed, &listener_closed);
    while (uv_run(&loop, UV_RUN_DEFAULT))
        continue;
    ck_assert(listener_closed);
    ck_assert(!client.s || client.closed);
    ck_assert(!server.s || server.closed);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    buf_dispose(&client.got);
    buf_dispose(&server.got);
}

static inline void start_connecting(const struct io_target *target) {
    client.s = io_stream_new(&loop, &handler, &client);
    ck_assert_ptr_nonnull(client.s);
    io_stream_connect(client.s, target);
    ck_assert(!client.connected && client.connect_error == 0); /* never from within */
}

static inline void join(void) {
    const struct io_target target = {.host = "127.0.0.1", .port = io_listener_port(listener)};
    start_connecting(&target);
    UNTIL(client.connected && server.connected);
}

static inline void start_tls(struct side *side, const struct tls_options *options) {
    const char *error = "";
    int status = io_stream_start_tls(side->s, options, side == &server, NULL, 0, &error);
    ck_assert_msg(status == 0, "%s", error);
}

static inline void join_tls(void) {
    const struct tls_options none = {0};
    join();
    start_tls(&client, &none);
    start_tls(&server, &none);
    UNTIL(client.secure && server.secure);
}

static inline void put(struct side *side, const char *text) {
    ck_assert_int_eq(io_stream_write(side->s, (const uint8_t *)text, strlen(text)), 0);
}

static inline bool has(const struct side *side, const char *text) {
    return side->got.len == strlen(text) && memcmp(side->got.data, text, side->got.len) == 0;
}

/* Run a test case with this fixture; the exit status. */
static inline int run_streams(const char *name, TCase *t) {
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 5);
    Suite *s = suite_create(name);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tls_cleanup();
    return failed == 0 ? 0 : 1;
}

#endif
