/* check_stream.c - streams over real loopback sockets: connecting, how they end, being freed. */
#include "io/names.h"
#include "stream_pair.h"

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
    ck_assert_int_eq(io_name_find("localhost", target.port)->addresses[0].ss_family,
                     AF_INET); /* not again */
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

int main(void) {
    TCase *t = tcase_create("loopback");
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
    tcase_add_loop_test(t, free_within, FREE_CONNECT, FREE_DRAINED + 1);
    tcase_add_loop_test(t, free_early, 0, 4);
    tcase_add_loop_test(t, allocation_failures, 0, 30);
    return run_streams("stream", t);
}
