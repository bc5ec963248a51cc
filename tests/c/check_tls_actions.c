/* check_tls_actions.c - what is done to a handshake and after it: rewriting, early data, closing,
   renegotiation, new keys. */
#include "io/tls.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

/* --- the ClientHello rewritten --- */

/* Write another list length: the octets after "\0" of the list "\0\3\2h2". */
static int set_length(void *ctx, const uint8_t *record, size_t n, struct buf *out) {
    const uint8_t *list = memmem(record, n, "\0\3\2h2", 5);
    ck_assert_ptr_nonnull(list);
    ck_assert_int_eq(buf_append(out, record, n), 0);
    out->data[list + 1 - record] = *(uint8_t *)ctx;
    return 0;
}

static int put_length_back(void *ctx, const uint8_t *record, size_t n, struct buf *out) {
    const uint8_t *list = memmem(record, n, "\0\5\2h2", 5);
    ck_assert_ptr_nonnull(list);
    ck_assert_int_eq(buf_append(out, record, n), 0);
    out->data[list + 1 - record] = *(uint8_t *)ctx;
    return 0;
}

static int keep(void *ctx, const uint8_t *record, size_t n, struct buf *out) {
    ck_assert_int_eq(buf_append(out, record, n), 0);
    (*(int *)ctx)++;
    return 1;
}

START_TEST(rewriting) {
    const struct tls_options server = {ALPN("\2h2")};
    uint8_t length = 5; /* a list length that lies */
    struct tls_options client = {ALPN("\2h2"), .rewrite = set_length, .ctx = &length};
    struct tls_pair p = at_odds(&client, &server);
    ck_assert_int_eq(tls_conn_info(p.client)->alert_received, 50); /* decode_error */
    ck_assert_ptr_null(tls_conn_info(p.client)->server_hello);
    pair_free(&p);
    int calls = 0;
    client = (struct tls_options){.rewrite = keep, .ctx = &calls};
    p = joined(&client, &server);
    ck_assert_int_eq(calls, 1);
    pair_free(&p);
}
END_TEST

/* What the server answered can be seen, also where our TLS refuses it. */
START_TEST(answers) {
    const char *versions[] = {"1.2", "1.3"};
    const struct tls_options client = {ALPN("\2h2"), .max_version = versions[_i]};
    const struct tls_options other = {ALPN("\3foo"), .alpn_force = true};
    struct tls_pair p = at_odds(&client, &other);
    const struct tls_info *info = tls_conn_info(p.client);
    const uint8_t *octets = _i ? info->encrypted_extensions : info->server_hello;
    size_t n = _i ? info->encrypted_extensions_len : info->server_hello_len;
    ck_assert_ptr_nonnull(info->server_hello);
    ck_assert_ptr_nonnull(octets);
    ck_assert_ptr_nonnull(memmem(octets, n, "\0\20\0\6\0\4\3foo", 10));
    ck_assert(!info->hello_retried);
    pair_free(&p);
    const struct tls_options retry = {.groups = "P-384"}, none = {0};
    p = joined(&none, &retry);
    ck_assert(tls_conn_info(p.client)->hello_retried);
    ck_assert_ptr_nonnull(tls_conn_info(p.client)->server_hello);
    ck_assert_ptr_null(tls_conn_info(p.server)->server_hello);
    pair_free(&p);
}
END_TEST

/* The server's first flight: the client refuses what was made of it. */
START_TEST(rewriting_server) {
    uint8_t length = 5;
    const struct tls_options client = {ALPN("\2h2"), .max_version = "1.2"};
    const struct tls_options server = {ALPN("\2h2"), .rewrite = set_length, .ctx = &length};
    struct tls_pair p = at_odds(&client, &server);
    ck_assert_int_eq(tls_conn_info(p.server)->alert_received, 50);
    ck_assert_ptr_nonnull(tls_conn_info(p.client)->server_hello);
    pair_free(&p);
}
END_TEST

/* The server's first record: what was made of it on one side is undone on the other. */
START_TEST(taking) {
    uint8_t wrong = 5, right = 3;
    int calls = 0;
    const struct tls_options server = {ALPN("\2h2"), .rewrite = set_length, .ctx = &wrong};
    struct tls_options client = {ALPN("\2h2"), .max_version = "1.2", .take = put_length_back,
                                 .ctx = &right};
    struct tls_pair p = joined(&client, &server);
    ck_assert_uint_eq(tls_conn_info(p.client)->alpn_len, 2);
    pair_free(&p);
    client = (struct tls_options){.take = keep, .ctx = &calls};
    const struct tls_options plain = {0};
    p = joined(&client, &plain);
    ck_assert_int_eq(calls, 1);
    pair_free(&p);
}
END_TEST

/* It comes octet by octet, and is taken when it is whole. */
START_TEST(taking_in_pieces) {
    int calls = 0;
    const char *error;
    const struct tls_options client = {.take = keep, .ctx = &calls}, server = {0};
    struct tls_pair p;
    ck_assert(pair_new(&p, &client, &server, &error));
    tls_conn_handshake(p.client);
    pair_carry(p.client, p.server);
    tls_conn_handshake(p.server);
    struct buf flight;
    buf_init(&flight, 1 << 20);
    ck_assert_int_eq(tls_conn_output(p.server, &flight), 0);
    size_t whole = 5 + ((size_t)flight.data[3] << 8 | flight.data[4]);
    for (size_t i = 0; i < flight.len; i++) {
        ck_assert_int_eq(calls, i >= whole);
        ck_assert_int_eq(tls_conn_feed(p.client, flight.data + i, 1), 0);
        p.client_status = tls_conn_handshake(p.client);
    }
    ck_assert_int_eq(p.client_status, TLS_OK);
    buf_dispose(&flight);
    pair_free(&p);
}
END_TEST

/* --- early data --- */

static struct tls_session *early_session(struct tls_options *client,
                                         const struct tls_options *server) {
    struct tls_pair p = joined(client, server);
    pair_settle(&p); /* the tickets */
    struct tls_session *session = tls_conn_session(p.client);
    ck_assert_ptr_nonnull(session);
    pair_free(&p);
    return session;
}

START_TEST(early_data) {
    const bool taken = _i == 0;
    const struct tls_options server = {ALPN("\2h2"), .tickets = true, .early_data = true};
    const struct tls_options other = {ALPN("\2h2"), .tickets = true, .groups = "P-256"};
    struct tls_options client = {ALPN("\2h2"), .early_data = true};
    const char *error;
    struct tls_pair p;
    client.session = early_session(&client, &server);
    ck_assert(pair_new(&p, &client, taken ? &server : &other, &error));
    ck_assert_uint_eq(tls_conn_send_early(p.client, (const uint8_t *)"early", 5), 5);
    ck_assert_uint_eq(tls_conn_send_early(p.client, (const uint8_t *)"twice", 5), 0);
    ck_assert(pair_shake(&p));
    ck_assert_str_eq(tls_conn_info(p.client)->early_data, taken ? "accepted" : "rejected");
    ck_assert_int_eq(tls_conn_write(p.client, (const uint8_t *)" late", 5), TLS_OK);
    pair_settle(&p);
    ck_assert_uint_eq(p.at_server.len, taken ? 10 : 5);
    ck_assert_mem_eq(p.at_server.data, taken ? "early late" : " late", p.at_server.len);
    tls_session_free(client.session);
    pair_free(&p);
}
END_TEST

/* A session that allows none, or no session. */
START_TEST(early_data_not_allowed) {
    const struct tls_options server = {.tickets = true};
    struct tls_options client = {.early_data = true};
    struct tls_session *session = _i ? early_session(&client, &server) : NULL;
    const char *error;
    struct tls_pair p;
    client.session = session;
    ck_assert(pair_new(&p, &client, &server, &error));
    ck_assert_uint_eq(tls_conn_send_early(p.client, (const uint8_t *)"early", 5), 0);
    ck_assert(pair_shake(&p));
    ck_assert_ptr_null(tls_conn_info(p.client)->early_data);
    tls_session_free(session);
    pair_free(&p);
}
END_TEST

/* --- closing and alerts --- */

START_TEST(close_notify) {
    const struct tls_options none = {0};
    struct tls_pair p = joined(&none, &none);
    ck_assert_int_eq(tls_conn_write(p.client, (const uint8_t *)"last", 4), TLS_OK);
    ck_assert_int_eq(tls_conn_close_notify(p.client), TLS_OK);
    ck_assert_int_eq(tls_conn_close_notify(p.client), TLS_OK);
    ck_assert_int_eq(tls_conn_write(p.client, (const uint8_t *)"more", 4), TLS_FAILED);
    ck_assert_int_eq(tls_conn_write(p.server, (const uint8_t *)"answer", 6), TLS_OK);
    pair_settle(&p);
    ck_assert_int_eq(p.server_status, TLS_CLOSED);
    ck_assert_uint_eq(p.at_server.len, 4);
    ck_assert_uint_eq(p.at_client.len, 6); /* half-closed: the other direction still works */
    ck_assert_int_eq(tls_conn_info(p.server)->alert_received, 0);
    ck_assert_int_eq(tls_conn_info(p.client)->alert_sent, 0);
    pair_free(&p);
}
END_TEST

START_TEST(alert_names) {
    ck_assert_str_eq(tls_alert_name(0), "close_notify");
    ck_assert_str_eq(tls_alert_name(120), "no_application_protocol");
    ck_assert_ptr_null(tls_alert_name(255));
    ck_assert_ptr_null(tls_alert_name(-1));
    ck_assert_int_eq(tls_alert_number("illegal_parameter"), 47);
    ck_assert_int_eq(tls_alert_number("nothing"), -1);
}
END_TEST

START_TEST(not_tls) {
    const struct tls_options none = {0};
    const char *error;
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    for (int server = 0; server < 2; server++) {
        struct tls_conn *t = tls_conn_new(&none, server, &error);
        tls_conn_handshake(t);
        ck_assert_int_eq(tls_conn_feed(t, (const uint8_t *)answer, sizeof answer - 1), 0);
        ck_assert_int_eq(tls_conn_handshake(t), TLS_FAILED);
        ck_assert_str_eq(tls_conn_error(t), "the peer does not speak TLS");
        tls_conn_free(t);
    }
}
END_TEST

/* --- actions --- */

START_TEST(renegotiation) {
    const struct tls_options client = {.max_version = "1.2"}, server = {0};
    struct tls_pair p = joined(&client, &server);
    struct tls_conn *who = _i == 0 ? p.client : p.server;
    ck_assert_int_eq(tls_conn_renegotiate(who), TLS_OK);
    pair_settle(&p);
    ck_assert_uint_gt(tls_conn_info(p.server)->renegotiations, 0); /* the ClientHello */
    ck_assert_uint_eq(tls_conn_info(p.client)->renegotiations, _i == 0 ? 0 : 1);
    pair_exchange(&p);
    pair_free(&p);
}
END_TEST

START_TEST(renegotiation_refused) {
    const struct tls_options client = {.max_version = "1.2", .refuse_renegotiation = _i == 1};
    const struct tls_options server = {.refuse_renegotiation = true};
    struct tls_pair p = joined(&client, &server);
    if (_i == 0) {
        ck_assert_int_eq(tls_conn_renegotiate(p.client), TLS_OK);
        pair_settle(&p);
        ck_assert_int_eq(p.client_status, TLS_FAILED);
        ck_assert_int_eq(tls_conn_info(p.client)->alert_received, 100);
        ck_assert_uint_eq(tls_conn_info(p.server)->renegotiations, 1);
    } else {
        ck_assert_int_eq(tls_conn_renegotiate(p.client), TLS_FAILED);
        pair_exchange(&p);
    }
    pair_free(&p);
}
END_TEST

START_TEST(key_update) {
    const struct tls_options none = {0}, old = {.max_version = "1.2"};
    struct tls_pair p = joined(&none, &none);
    ck_assert_int_eq(tls_conn_key_update(p.client, true), TLS_OK);
    pair_exchange(&p);
    ck_assert_uint_eq(tls_conn_info(p.server)->key_updates, 1);
    pair_exchange(&p); /* the answer leaves with the next write */
    ck_assert_uint_eq(tls_conn_info(p.client)->key_updates, 1);
    ck_assert_int_eq(tls_conn_renegotiate(p.client), TLS_FAILED);
    pair_exchange(&p);
    pair_free(&p);
    p = joined(&old, &none);
    ck_assert_int_eq(tls_conn_key_update(p.client, true), TLS_FAILED);
    pair_exchange(&p);
    pair_free(&p);
}
END_TEST

START_TEST(too_early) {
    const struct tls_options none = {0};
    const char *error;
    struct tls_conn *t = tls_conn_new(&none, false, &error);
    ck_assert_int_eq(tls_conn_write(t, (const uint8_t *)"x", 1), TLS_WANT);
    ck_assert_int_eq(tls_conn_close_notify(t), TLS_FAILED);
    ck_assert_int_eq(tls_conn_renegotiate(t), TLS_FAILED);
    ck_assert_int_eq(tls_conn_key_update(t, false), TLS_FAILED);
    ck_assert_int_eq(tls_conn_request_certificate(t), TLS_FAILED);
    ck_assert_ptr_null(tls_conn_session(t));
    tls_conn_free(t);
    tls_conn_free(NULL);
    tls_session_free(NULL);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("tls_actions");
    TCase *t = tcase_create("actions");
    tcase_add_test(t, rewriting);
    tcase_add_loop_test(t, answers, 0, 2);
    tcase_add_test(t, rewriting_server);
    tcase_add_test(t, taking);
    tcase_add_test(t, taking_in_pieces);
    tcase_add_loop_test(t, early_data, 0, 2);
    tcase_add_loop_test(t, early_data_not_allowed, 0, 2);
    tcase_add_test(t, close_notify);
    tcase_add_test(t, alert_names);
    tcase_add_test(t, not_tls);
    tcase_add_loop_test(t, renegotiation, 0, 2);
    tcase_add_loop_test(t, renegotiation_refused, 0, 2);
    tcase_add_test(t, key_update);
    tcase_add_test(t, too_early);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tls_cleanup();
    return failed == 0 ? 0 : 1;
}
