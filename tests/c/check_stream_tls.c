/* check_stream_tls.c - streams with TLS on top, and large writes with and without it. */
#include "stream_pair.h"

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

int main(void) {
    TCase *t = tcase_create("loopback");
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
    return run_streams("stream_tls", t);
}
