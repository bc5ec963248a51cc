/* check_capture.c - what is recorded of a stream: octets as they went, how it ended, TLS secrets,
 * and the limit. */
#include "stream_pair.h"

static struct io_capture *of_client, *of_server;

static void start(void) {
    of_client = io_capture_new(8 * MEBI);
    of_server = io_capture_new(8 * MEBI);
}

static void stop(void) {
    io_capture_free(of_client);
    io_capture_free(of_server);
}

/* Both sides are recorded, the client from its first step. */
static void join_recorded(void) {
    const struct io_target target = {.host = "127.0.0.1", .port = io_listener_port(listener)};
    client.s = io_stream_new(&loop, &handler, &client);
    io_stream_capture(client.s, of_client);
    io_stream_connect(client.s, &target);
    UNTIL(client.connected && server.connected);
    io_stream_capture(server.s, of_server);
}

/* "connect> open> octets>5 octets<6 fin>": what was recorded, in order, a line of words. */
static const char *told(const struct io_capture *c) {
    static const char *const names[] = {"connect", "open", "octets", "fin", "rst"};
    static char text[4096];
    struct io_capture_record r;
    const uint8_t *octets;
    size_t at = 0, n = 0;
    int64_t last = 0;
    text[0] = 0;
    while (io_capture_next(c, &at, &r, &octets)) {
        ck_assert_int_ge(r.time, last);
        last = r.time;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%c", n ? " " : "", names[r.what],
                              r.sent ? '>' : '<');
        if (r.what == IO_CAPTURE_OCTETS)
            n += (size_t)snprintf(text + n, sizeof text - n, "%zu", r.n);
        ck_assert_uint_lt(n, sizeof text - 64);
    }
    return text;
}

/* All octets of one direction. */
static struct buf joined(const struct io_capture *c, bool sent) {
    struct io_capture_record r;
    const uint8_t *octets;
    struct buf all;
    size_t at = 0;
    buf_init(&all, 64 * MEBI);
    while (io_capture_next(c, &at, &r, &octets))
        if (r.what == IO_CAPTURE_OCTETS && r.sent == sent)
            ck_assert_int_eq(buf_append(&all, octets, r.n), 0);
    return all;
}

static void check_same(const struct io_capture *from, const struct io_capture *to) {
    struct buf sent = joined(from, true), received = joined(to, false);
    ck_assert_uint_gt(sent.len, 0);
    ck_assert_uint_eq(sent.len, received.len);
    ck_assert_mem_eq(sent.data, received.data, sent.len);
    buf_dispose(&sent);
    buf_dispose(&received);
}

START_TEST(exchange) {
    join_recorded();
    put(&client, "hello");
    UNTIL(has(&server, "hello"));
    put(&server, "answer");
    UNTIL(has(&client, "answer"));
    io_stream_shutdown(client.s, false);
    UNTIL(server.ended);
    io_stream_free(server.s);
    UNTIL(client.ended);
    ck_assert_str_eq(told(of_client), "connect> open> octets>5 octets<6 fin> fin<");
    ck_assert_str_eq(told(of_server), "open< octets<5 octets>6 fin< fin>");
    check_same(of_client, of_server);
    check_same(of_server, of_client);
    ck_assert_uint_eq(io_capture_keys(of_client)->len, 0);
}
END_TEST

/* A write that the kernel does not take at once is recorded as it leaves, and in order. */
START_TEST(much) {
    uint8_t *octets = malloc(6 * MEBI);
    for (size_t i = 0; i < 6 * MEBI; i++)
        octets[i] = (uint8_t)(i * 7 + (i >> 13));
    join_recorded();
    ck_assert_int_eq(io_stream_write(client.s, octets, 6 * MEBI), 0);
    ck_assert_uint_gt(io_stream_unsent(client.s), 0);
    struct buf early = joined(of_client, true);
    ck_assert_uint_eq(early.len, 6 * MEBI - io_stream_unsent(client.s));
    UNTIL(client.drained && server.got.len == 6 * MEBI);
    struct buf all = joined(of_client, true);
    ck_assert_uint_eq(all.len, 6 * MEBI);
    ck_assert_mem_eq(all.data, octets, all.len);
    check_same(of_client, of_server);
    buf_dispose(&early);
    buf_dispose(&all);
    free(octets);
}
END_TEST

/* A write that is cut off by our own end is recorded as far as it went. */
START_TEST(cut_off) {
    uint8_t *octets = calloc(1, 16 * MEBI);
    join_recorded();
    io_stream_pause(server.s, true);
    ck_assert_int_eq(io_stream_write(client.s, octets, 16 * MEBI), 0);
    size_t left = io_stream_unsent(client.s);
    ck_assert_uint_gt(left, 0);
    io_stream_reset(client.s);
    struct buf sent = joined(of_client, true);
    ck_assert_uint_eq(sent.len + io_capture_cut(of_client, true), 16 * MEBI - left);
    ck_assert_ptr_nonnull(strstr(told(of_client), "rst>"));
    buf_dispose(&sent);
    free(octets);
}
END_TEST

START_TEST(limit) {
    join_recorded();
    struct io_capture *small = io_capture_new(200);
    io_stream_capture(client.s, small);
    put(&client, "hello");
    UNTIL(has(&server, "hello"));
    uint8_t octets[500] = {1, 2, 3};
    ck_assert_int_eq(io_stream_write(server.s, octets, sizeof octets), 0);
    UNTIL(client.got.len == sizeof octets);
    put(&client, "more"); /* there would be room, but not for what came before it */
    io_stream_shutdown(client.s, false);
    UNTIL(server.ended);
    struct buf received = joined(small, false), sent = joined(small, true);
    ck_assert_uint_gt(received.len, 0);
    ck_assert_mem_eq(received.data, octets, received.len);
    ck_assert_uint_eq(received.len + io_capture_cut(small, false), sizeof octets);
    ck_assert_uint_eq(sent.len, 5);
    ck_assert_uint_eq(io_capture_cut(small, true), 4);
    ck_assert_ptr_nonnull(strstr(told(small), "fin>")); /* the end is always kept */
    io_capture_stop(small);
    ck_assert_str_eq(told(small), "");
    io_stream_capture(client.s, NULL);
    io_capture_free(small);
    buf_dispose(&received);
    buf_dispose(&sent);
}
END_TEST

START_TEST(secure) {
    const struct tls_options none = {0};
    join_recorded();
    io_stream_capture(server.s, NULL);
    start_tls(&client, &none);
    start_tls(&server, &none);
    UNTIL(client.secure && server.secure);
    put(&client, "hello");
    UNTIL(has(&server, "hello"));
    struct buf sent = joined(of_client, true), received = joined(of_client, false);
    ck_assert_uint_eq(sent.len, client.record_octets[1]);
    ck_assert_uint_eq(received.len, client.record_octets[0]);
    ck_assert_uint_eq(sent.data[0], 22);
    const struct buf *keys = io_capture_keys(of_client);
    ck_assert_ptr_nonnull(memmem(keys->data, keys->len, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", 32));
    ck_assert_ptr_nonnull(memmem(keys->data, keys->len, "SERVER_TRAFFIC_SECRET_0 ", 24));
    ck_assert_uint_eq(keys->data[keys->len - 1], '\n');
    ck_assert_uint_eq(io_capture_keys(of_server)->len, 0); /* its stream is not recorded */
    buf_dispose(&sent);
    buf_dispose(&received);
}
END_TEST

START_TEST(reset_by_peer) {
    join_recorded();
    put(&client, "hello");
    UNTIL(has(&server, "hello"));
    io_stream_reset(server.s);
    UNTIL(client.ended);
    io_stream_free(client.s);
    ck_assert_str_eq(told(of_client), "connect> open> octets>5 rst<"); /* nothing follows an RST */
    ck_assert_str_eq(told(of_server), "open< octets<5 rst>");
}
END_TEST

/* The kernel answers a close with unread octets by RST. */
START_TEST(closed_with_octets_unread) {
    join_recorded();
    io_stream_pause(server.s, true);
    put(&client, "hello");
    put(&server, "answer");
    UNTIL(has(&client, "answer"));
    io_stream_free(server.s);
    UNTIL(client.ended);
    ck_assert_int_eq(client.end.how, IO_END_RST);
    ck_assert_str_eq(told(of_server), "open< octets>6 rst>");
}
END_TEST

START_TEST(nothing_recorded) {
    io_capture_octets(NULL, true, (const uint8_t *)"x", 1);
    io_capture_event(NULL, true, IO_CAPTURE_FIN);
    ck_assert_ptr_null(io_capture_keys(NULL));
}
END_TEST

START_TEST(once_each) {
    for (int i = 0; i < 1000; i++)
        io_capture_event(of_client, true, IO_CAPTURE_CONNECT);
    for (int i = 0; i < 3; i++)
        io_capture_event(of_server, i & 1, IO_CAPTURE_FIN);
    io_capture_event(of_server, true, IO_CAPTURE_RST);
    io_capture_octets(of_server, false, (const uint8_t *)"late", 4);
    ck_assert_str_eq(told(of_server), "fin< fin> rst>");
    ck_assert_uint_eq(io_capture_cut(of_server, false), 4);
    struct io_capture_record r;
    const uint8_t *octets;
    size_t at = 0, n = 0;
    while (io_capture_next(of_client, &at, &r, &octets))
        n++;
    ck_assert_uint_eq(n, 64);
}
END_TEST

START_TEST(memory_runs_out) {
    join_recorded();
    put(&client, "first");
    UNTIL(has(&server, "first"));
    mem_fail_after(0);
    for (int i = 0; i < 100; i++)
        io_capture_octets(of_client, true, (const uint8_t *)"0123456789", 10);
    mem_fail_after(-1);
    ck_assert_uint_gt(io_capture_cut(of_client, true), 0);
    struct buf sent = joined(of_client, true);
    ck_assert_uint_eq(sent.len + io_capture_cut(of_client, true), 5 + 1000);
    buf_dispose(&sent);
    mem_fail_after(0);
    ck_assert_ptr_null(io_capture_new(100));
    mem_fail_after(-1);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("capture");
    tcase_add_checked_fixture(t, start, stop); /* around that of the streams */
    tcase_add_test(t, exchange);
    tcase_add_test(t, much);
    tcase_add_test(t, cut_off);
    tcase_add_test(t, limit);
    tcase_add_test(t, secure);
    tcase_add_test(t, reset_by_peer);
    tcase_add_test(t, closed_with_octets_unread);
    tcase_add_test(t, nothing_recorded);
    tcase_add_test(t, once_each);
    tcase_add_test(t, memory_runs_out);
    return run_streams("capture", t);
}
