/* check_stream.c - streams over real loopback sockets: connecting, both ends of life, backpressure.
 */
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

static void free_if(struct side *side, int where) {
    if (side->free_in == where)
        io_stream_free(side->s);
}

static void on_connect(void *ctx, int error, const char *text) {
    struct side *side = ctx;
    uv_stop(&loop);
    side->connected = error == 0;
    side->connect_error = error;
    snprintf(side->connect_text, sizeof side->connect_text, "%s", text);
    free_if(side, FREE_CONNECT);
}

static void on_secure(void *ctx) {
    struct side *side = ctx;
    uv_stop(&loop);
    side->secure = true;
    free_if(side, FREE_SECURE);
}

static void on_read(void *ctx, const uint8_t *octets, size_t n) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert(!side->ended);
    ck_assert_int_eq(buf_append(&side->got, octets, n), 0);
    if (side->pause_in_read)
        io_stream_pause(side->s, true);
    free_if(side, FREE_READ);
}

static void on_end(void *ctx, const struct io_end *end) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert(!side->ended); /* once */
    side->ended = true;
    side->end = *end;
    side->got_at_end = side->got.len;
    snprintf(side->end_text, sizeof side->end_text, "%s", end->text);
    free_if(side, FREE_END);
}

static void on_record(void *ctx, bool sent, const uint8_t *record, size_t n) {
    struct side *side = ctx;
    uv_stop(&loop);
    (void)record;
    side->records[sent]++;
    side->record_octets[sent] += n;
    free_if(side, FREE_RECORD);
}

static void on_drained(void *ctx) {
    struct side *side = ctx;
    uv_stop(&loop);
    ck_assert_uint_eq(io_stream_unsent(side->s), 0);
    side->drained = true;
    free_if(side, FREE_DRAINED);
}

static void on_closed(void *ctx) {
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

static void on_accept(void *ctx, struct io_stream *s) {
    (void)ctx;
    uv_stop(&loop);
    server.s = s;
    server.connected = true;
    io_stream_set_handler(s, &handler, &server);
}

static void on_listener_closed(void *ctx) {
    uv_stop(&loop);
    *(bool *)ctx = true;
}

/* The loop runs until this is so; the test's own timeout ends what never comes. Every callback
   stops the loop, so that it does not wait for more. */
#define UNTIL(condition)                                                                           \
    while (!(condition))                                                                           \
    ck_assert_msg(uv_run(&loop, UV_RUN_DEFAULT) || (condition), "the loop ended: " #condition)

static void set_up(void) {
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
static void tear_down(void) {
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

static void start_connecting(const struct io_target *target) {
    client.s = io_stream_new(&loop, &handler, &client);
    ck_assert_ptr_nonnull(client.s);
    io_stream_connect(client.s, target);
    ck_assert(!client.connected && client.connect_error == 0); /* never from within */
}

static void join(void) {
    const struct io_target target = {.host = "127.0.0.1", .port = io_listener_port(listener)};
    start_connecting(&target);
    UNTIL(client.connected && server.connected);
}

static void start_tls(struct side *side, const struct tls_options *options) {
    const char *error = "";
    int status = io_stream_start_tls(side->s, options, side == &server, NULL, 0, &error);
    ck_assert_msg(status == 0, "%s", error);
}

static void join_tls(void) {
    const struct tls_options none = {0};
    join();
    start_tls(&client, &none);
    start_tls(&server, &none);
    UNTIL(client.secure && server.secure);
}

static void put(struct side *side, const char *text) {
    ck_assert_int_eq(io_stream_write(side->s, (const uint8_t *)text, strlen(text)), 0);
}

static bool has(const struct side *side, const char *text) {
    return side->got.len == strlen(text) && memcmp(side->got.data, text, side->got.len) == 0;
}

/* --- connecting --- */

START_TEST(exchange) {
    char text[64], expected[64];
    join();
    put(&client, "ping");
    UNTIL(has(&server, "ping"));
    put(&server, "pong");
    UNTIL(has(&client, "pong"));
    io_stream_peer(client.s, text, sizeof text);
    snprintf(expected, sizeof expected, "127.0.0.1:%d", io_listener_port(listener));
    ck_assert_str_eq(text, expected);
    io_stream_local(client.s, text, sizeof text);
    io_stream_peer(server.s, expected, sizeof expected);
    ck_assert_str_eq(text, expected);
    ck_assert(!client.drained); /* nothing was queued */
}
END_TEST

START_TEST(name) {
    const struct io_target target = {.host = "localhost", .port = io_listener_port(listener)};
    start_connecting(&target);
    UNTIL(client.connected && server.connected); /* also where ::1 comes first and refuses */
}
END_TEST

START_TEST(source_address) {
    const struct io_target target = {
        .host = "127.0.0.1", .port = io_listener_port(listener), .source = "127.0.0.2"};
    char text[64];
    start_connecting(&target);
    UNTIL(client.connected);
    io_stream_local(client.s, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "127.0.0.2:", 10), 0);
}
END_TEST

START_TEST(ipv6) {
    int error;
    struct io_listener *l = io_listen(&loop, "[::1]", 0, NULL, on_accept, NULL, &error);
    if (!l) /* the machine has none */
        return;
    const struct io_target target = {.host = "::1", .port = io_listener_port(l)};
    char text[64], expected[64];
    start_connecting(&target);
    UNTIL(client.connected && server.connected);
    io_stream_peer(client.s, text, sizeof text);
    snprintf(expected, sizeof expected, "[::1]:%d", target.port);
    ck_assert_str_eq(text, expected);
    io_listener_free(l, NULL, NULL);
}
END_TEST

/* A port that nobody listens on, since its listener is gone. */
static int free_port(void) {
    int port = io_listener_port(listener);
    bool closed = false;
    io_listener_free(listener, on_listener_closed, &closed);
    UNTIL(closed);
    listener_closed = true;
    listener = NULL;
    return port;
}

START_TEST(refused) {
    const struct io_target target = {.host = "127.0.0.1", .port = free_port()};
    char expected[128];
    start_connecting(&target);
    UNTIL(client.connect_error);
    ck_assert_int_eq(client.connect_error, UV_ECONNREFUSED);
    snprintf(expected, sizeof expected, "127.0.0.1:%d: connection refused", target.port);
    ck_assert_str_eq(client.connect_text, expected);
    ck_assert_int_eq(io_stream_write(client.s, (const uint8_t *)"x", 1), UV_ENOTCONN);
}
END_TEST

static const struct {
    struct io_target target;
    int error;
} wrong_targets[] = {
    {{.host = "127.0.0.1", .port = 65536}, UV_EINVAL},
    {{.host = "127.0.0.1", .port = -1}, UV_EINVAL},
    {{.host = "127.0.0.1", .port = 1, .source = "nowhere"}, UV_EINVAL},
    {{.host = "127.0.0.1", .port = 1, .source = "::1"}, UV_EAFNOSUPPORT},
    {{.host = "127.0.0.1", .port = 1, .source = "192.0.2.1"}, UV_EADDRNOTAVAIL},
    {{.host = "host..invalid", .port = 1}, UV_EAI_NONAME},
    {{.unix_path = "/nonexistent/socket"}, UV_ENOENT},
};

START_TEST(wrong_target) {
    start_connecting(&wrong_targets[_i].target);
    UNTIL(client.connect_error);
    if (wrong_targets[_i].error != UV_EAI_NONAME) /* resolvers differ */
        ck_assert_int_eq(client.connect_error, wrong_targets[_i].error);
}
END_TEST

START_TEST(path_too_long) {
    char path[300];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    const struct io_target target = {.unix_path = path};
    int error = 0;
    start_connecting(&target);
    UNTIL(client.connect_error);
    ck_assert_int_eq(client.connect_error, UV_ENAMETOOLONG);
    ck_assert_ptr_null(io_listen(&loop, NULL, 0, path, on_accept, NULL, &error));
    ck_assert_int_eq(error, UV_ENAMETOOLONG);
}
END_TEST

START_TEST(port_in_use) {
    int error = 0;
    ck_assert_ptr_null(
        io_listen(&loop, "127.0.0.1", io_listener_port(listener), NULL, on_accept, NULL, &error));
    ck_assert_int_eq(error, UV_EADDRINUSE);
    ck_assert_ptr_null(io_listen(&loop, "127.0.0.1", 70000, NULL, on_accept, NULL, &error));
    ck_assert_int_eq(error, UV_EINVAL);
}
END_TEST

START_TEST(unix_socket) {
    char directory[] = "/tmp/check_stream_XXXXXX", path[64], text[64], expected[80];
    int error;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    struct io_listener *l = io_listen(&loop, NULL, 0, path, on_accept, NULL, &error);
    ck_assert_ptr_nonnull(l);
    const struct io_target target = {.unix_path = path};
    start_connecting(&target);
    UNTIL(client.connected && server.connected);
    put(&client, "ping");
    UNTIL(has(&server, "ping"));
    io_stream_peer(client.s, text, sizeof text);
    snprintf(expected, sizeof expected, "unix:%s", path);
    ck_assert_str_eq(text, expected);
    io_stream_shutdown(server.s, false);
    UNTIL(client.ended);
    ck_assert_int_eq(client.end.how, IO_END_FIN);
    io_stream_reset(client.s);
    UNTIL(server.ended);
    bool closed = false;
    io_listener_free(l, on_listener_closed, &closed);
    UNTIL(closed);
    ck_assert_int_eq(rmdir(directory), 0); /* the socket is gone */
}
END_TEST

/* --- how it ended --- */

START_TEST(half_close) {
    join();
    put(&client, "request");
    io_stream_shutdown(client.s, false);
    ck_assert_int_eq(io_stream_write(client.s, (const uint8_t *)"x", 1), UV_EPIPE);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_FIN);
    ck_assert_uint_eq(server.got_at_end, 7);
    put(&server, "answer");
    UNTIL(has(&client, "answer"));
    io_stream_free(server.s);
    UNTIL(client.ended);
    ck_assert_int_eq(client.end.how, IO_END_FIN);
}
END_TEST

/* Written and reset at once: what arrived before the RST is still handed over. */
START_TEST(reset_after_data) {
    join();
    put(&client, "last words");
    io_stream_reset(client.s);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_RST);
    ck_assert_str_eq(io_end_name(server.end.how), "rst");
    ck_assert_uint_eq(server.got_at_end, 10);
    ck_assert_int_eq(io_stream_write(client.s, (const uint8_t *)"x", 1), UV_ENOTCONN);
}
END_TEST

/* The write that meets the RST takes the error away from the read: it is an RST all the same. */
START_TEST(reset_seen_by_write) {
    join();
    put(&client, "last words");
    io_stream_reset(client.s);
    int error = 0;
    while (error == 0) /* loopback: it is there at the first or second write */
        error = io_stream_write(server.s, (const uint8_t *)"x", 1);
    ck_assert_int_eq(error, UV_ECONNRESET);
    ck_assert_int_eq(io_stream_write(server.s, (const uint8_t *)"x", 1), UV_ECONNRESET);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_RST);
    ck_assert_uint_eq(server.got_at_end, 10);
}
END_TEST

/* A FIN, then an RST in answer to what we write: the peer ended by FIN. */
START_TEST(fin_then_reset) {
    join();
    put(&client, "bye");
    io_stream_free(client.s);
    int error = 0;
    UNTIL(client.closed);
    while (error == 0)
        error = io_stream_write(server.s, (const uint8_t *)"x", 1);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_FIN);
    ck_assert_uint_eq(server.got_at_end, 3);
}
END_TEST

START_TEST(paused_end) {
    join();
    io_stream_pause(server.s, true);
    put(&client, "data");
    io_stream_shutdown(client.s, false);
    put(&server, "x");
    UNTIL(client.got.len == 1);
    ck_assert(!server.ended && server.got.len == 0);
    io_stream_pause(server.s, false);
    UNTIL(server.ended);
    ck_assert_uint_eq(server.got_at_end, 4);
}
END_TEST

/* --- TLS --- */

START_TEST(secure_exchange) {
    const struct tls_options none = {0};
    join();
    start_tls(&client, &none);
    put(&client, "early"); /* waits for the handshake */
    ck_assert(!client.secure && client.records[1] == 0);
    start_tls(&server, &none);
    UNTIL(has(&server, "early"));
    UNTIL(client.drained);
    put(&server, "answer");
    UNTIL(has(&client, "answer"));
    ck_assert_int_eq(client.records[0], server.records[1]);
    ck_assert_int_eq(client.records[1], server.records[0]);
    ck_assert_uint_eq(client.record_octets[0], server.record_octets[1]);
    ck_assert_str_eq(io_stream_tls(client.s)->version, "TLSv1.3");
    const char *error = NULL;
    ck_assert_int_eq(io_stream_start_tls(client.s, &none, false, NULL, 0, &error), -1);
    ck_assert_str_eq(error, "TLS was started already");
}
END_TEST

START_TEST(ends_by_close_notify) {
    join_tls();
    put(&client, "data");
    io_stream_shutdown(client.s, false);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_CLOSE_NOTIFY);
    ck_assert_uint_eq(server.got_at_end, 4);
    put(&server, "answer");
    io_stream_close_notify(server.s);
    UNTIL(client.ended); /* on_end asserts that the FIN is not told too */
    ck_assert_int_eq(client.end.how, IO_END_CLOSE_NOTIFY);
    ck_assert_uint_eq(client.got_at_end, 6);
}
END_TEST

START_TEST(ends_without_notify) {
    join_tls();
    put(&client, "data");
    io_stream_shutdown(client.s, true);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_FIN);
    ck_assert_uint_eq(server.got_at_end, 4);
    put(&server, "data");
    io_stream_reset(server.s);
    UNTIL(client.ended);
    ck_assert_int_eq(client.end.how, IO_END_RST);
    ck_assert_uint_eq(client.got_at_end, 4);
}
END_TEST

START_TEST(ends_by_alert) {
    const struct tls_options ours = {.alpn = (const uint8_t *)"\2h2", .alpn_len = 3};
    const struct tls_options theirs = {.alpn = (const uint8_t *)"\3foo", .alpn_len = 4};
    join();
    start_tls(&client, &ours);
    start_tls(&server, &theirs);
    UNTIL(client.ended && server.ended);
    ck_assert_int_eq(client.end.how, IO_END_ALERT);
    ck_assert_int_eq(client.end.alert, 120);
    ck_assert_str_eq(client.end.alert_name, "no_application_protocol");
    ck_assert_str_eq(client.end_text, "the peer sent alert no_application_protocol (120)");
    ck_assert_int_eq(server.end.how, IO_END_TLS_ERROR);
    ck_assert_int_eq(server.end.alert, 120);
}
END_TEST

START_TEST(ends_in_handshake) {
    const struct tls_options none = {0};
    join();
    start_tls(&client, &none);
    put(&server, _i == 0 ? "HTTP/1.1 400 Bad Request\r\n\r\n" : "");
    io_stream_shutdown(server.s, false);
    UNTIL(client.ended);
    ck_assert_int_eq(client.end.how, _i == 0 ? IO_END_TLS_ERROR : IO_END_FIN);
    ck_assert_str_eq(client.end_text,
                     _i == 0 ? "the peer does not speak TLS"
                             : "the peer closed the connection within the TLS handshake");
}
END_TEST

START_TEST(tls_ahead) {
    const struct tls_options none = {0};
    const char *error = NULL;
    join();
    put(&client, "STARTTLS");
    start_tls(&client, &none);
    UNTIL(server.got.len > 8); /* the ClientHello came in the clear's buffer */
    ck_assert_int_eq(
        io_stream_start_tls(server.s, &none, true, server.got.data + 8, server.got.len - 8, &error),
        0);
    UNTIL(client.secure && server.secure);
}
END_TEST

START_TEST(tls_actions) {
    const char *error = NULL;
    join_tls();
    ck_assert_int_eq(io_stream_key_update(client.s, true, &error), 0);
    UNTIL(io_stream_tls(server.s)->key_updates == 1);
    ck_assert_int_eq(io_stream_renegotiate(client.s, &error), -1);
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(io_stream_request_certificate(server.s, &error), -1);
    put(&client, "on");
    UNTIL(has(&server, "on"));
}
END_TEST

/* TLS 1.2: what is written within a renegotiation waits for it. */
START_TEST(tls_renegotiation) {
    const struct tls_options old = {.max_version = "1.2"};
    const char *error = NULL;
    join();
    start_tls(&client, &old);
    start_tls(&server, &old);
    UNTIL(client.secure && server.secure);
    ck_assert_int_eq(io_stream_renegotiate(client.s, &error), 0);
    put(&client, "later");
    put(&server, "between");
    UNTIL(has(&server, "later") && has(&client, "between"));
}
END_TEST

START_TEST(raw_within_tls) {
    join_tls();
    ck_assert_int_eq(io_stream_write_raw(client.s, (const uint8_t *)"\x17\3\3\0\1x", 6), 0);
    UNTIL(server.ended && client.ended);
    ck_assert_int_eq(server.end.how, IO_END_TLS_ERROR);
    ck_assert_int_eq(client.end.how, IO_END_ALERT);
    ck_assert_int_eq(client.end.alert, server.end.alert);
}
END_TEST

/* --- large writes --- */

static void send_much(size_t n) {
    uint8_t *octets = malloc(n);
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)(i * 7 >> 3);
    io_stream_pause(server.s, true);
    ck_assert_int_eq(io_stream_write(client.s, octets, n), 0);
    ck_assert_uint_gt(io_stream_unsent(client.s), 0);
    ck_assert_int_eq(io_stream_write(client.s, octets, 64 * MEBI), UV_ENOBUFS);
    io_stream_pause(server.s, false);
    io_stream_shutdown(client.s, false);
    UNTIL(server.ended && client.drained);
    ck_assert_uint_eq(server.got.len, n);
    ck_assert_mem_eq(server.got.data, octets, n);
    free(octets);
}

START_TEST(much_in_the_clear) {
    join();
    send_much(32 * MEBI);
    ck_assert_int_eq(server.end.how, IO_END_FIN);
}
END_TEST

START_TEST(much_in_tls) {
    join_tls();
    send_much(16 * MEBI);
    ck_assert_int_eq(server.end.how, IO_END_CLOSE_NOTIFY);
}
END_TEST

/* Paused in on_read, what is decrypted already waits too, and so does the end. */
START_TEST(paused_in_tls) {
    join_tls();
    server.pause_in_read = true;
    put(&client, "one");
    put(&client, "two");
    io_stream_shutdown(client.s, false);
    UNTIL(has(&server, "one"));
    ck_assert(!server.ended);
    io_stream_pause(server.s, false);
    UNTIL(has(&server, "onetwo"));
    ck_assert(!server.ended);
    io_stream_pause(server.s, false);
    UNTIL(server.ended);
    ck_assert_int_eq(server.end.how, IO_END_CLOSE_NOTIFY);
}
END_TEST

START_TEST(reset_with_queue) {
    uint8_t *octets = calloc(1, 32 * MEBI);
    join();
    io_stream_pause(server.s, true);
    ck_assert_int_eq(io_stream_write(client.s, octets, 32 * MEBI), 0);
    io_stream_reset(server.s);
    UNTIL(client.ended && client.drained);
    ck_assert_int_eq(client.end.how, IO_END_RST);
    ck_assert_uint_eq(io_stream_unsent(client.s), 0);
    free(octets);
}
END_TEST

/* --- free --- */

START_TEST(free_within) {
    const struct tls_options none = {0};
    client.free_in = _i;
    const struct io_target target = {.host = "127.0.0.1", .port = io_listener_port(listener)};
    start_connecting(&target);
    if (_i != FREE_CONNECT) {
        UNTIL(client.connected && server.connected);
        start_tls(&client, &none);
        start_tls(&server, &none);
    }
    if (_i == FREE_READ || _i == FREE_END || _i == FREE_DRAINED) {
        put(&client, "early");
        put(&server, "data");
        io_stream_shutdown(server.s, false);
    }
    UNTIL(client.closed);
    client.free_in = FREE_NEVER;
}
END_TEST

START_TEST(free_early) {
    const struct io_target targets[] = {{.host = "127.0.0.1", .port = io_listener_port(listener)},
                                        {.host = "localhost", .port = 1},
                                        {.unix_path = "/nonexistent"}};
    client.s = io_stream_new(&loop, &handler, &client);
    if (_i < 3)
        io_stream_connect(client.s, &targets[_i]);
    io_stream_free(client.s);
    UNTIL(client.closed);
    ck_assert(!client.connected && client.connect_error == 0);
}
END_TEST

START_TEST(allocation_failures) {
    const struct io_target target = {.host = "127.0.0.1", .port = io_listener_port(listener)};
    const struct tls_options none = {0};
    const char *error = NULL;
    mem_fail_after(_i);
    client.s = io_stream_new(&loop, &handler, &client);
    if (!client.s)
        return;
    io_stream_connect(client.s, &target);
    UNTIL(client.connected || client.connect_error);
    if (client.connect_error || io_stream_start_tls(client.s, &none, false, NULL, 0, &error) != 0)
        return;
    if (server.s)
        (void)io_stream_start_tls(server.s, &none, true, NULL, 0, &error);
    (void)io_stream_write(client.s, (const uint8_t *)"x", 1);
    io_stream_shutdown(client.s, false);
    if (server.s)
        io_stream_shutdown(server.s, false);
    UNTIL(client.ended); /* well or not, but it ends */
}
END_TEST

/* --- */

static Suite *suite(void) {
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("loopback");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 5);
    tcase_add_test(t, exchange);
    tcase_add_test(t, name);
    tcase_add_test(t, source_address);
    tcase_add_test(t, ipv6);
    tcase_add_test(t, refused);
    tcase_add_loop_test(t, wrong_target, 0, sizeof wrong_targets / sizeof *wrong_targets);
    tcase_add_test(t, path_too_long);
    tcase_add_test(t, port_in_use);
    tcase_add_test(t, unix_socket);
    tcase_add_test(t, half_close);
    tcase_add_test(t, reset_after_data);
    tcase_add_test(t, reset_seen_by_write);
    tcase_add_test(t, fin_then_reset);
    tcase_add_test(t, paused_end);
    tcase_add_test(t, secure_exchange);
    tcase_add_test(t, ends_by_close_notify);
    tcase_add_test(t, ends_without_notify);
    tcase_add_test(t, ends_by_alert);
    tcase_add_loop_test(t, ends_in_handshake, 0, 2);
    tcase_add_test(t, tls_ahead);
    tcase_add_test(t, tls_actions);
    tcase_add_test(t, tls_renegotiation);
    tcase_add_test(t, raw_within_tls);
    tcase_add_test(t, much_in_the_clear);
    tcase_add_test(t, much_in_tls);
    tcase_add_test(t, paused_in_tls);
    tcase_add_test(t, reset_with_queue);
    tcase_add_loop_test(t, free_within, FREE_CONNECT, FREE_DRAINED + 1);
    tcase_add_loop_test(t, free_early, 0, 4);
    tcase_add_loop_test(t, allocation_failures, 0, 30);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tls_cleanup();
    return failed == 0 ? 0 : 1;
}
