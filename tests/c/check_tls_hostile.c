/* check_tls_hostile.c - TLS against what does not keep the rules: cut, changed and made-up octets.
 */
#include "io/tls.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tls_pair.h"

static uint32_t seed = 1;

static uint32_t random_number(void) { /* xorshift: the same in every run */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static const struct tls_options client_options = {
    .alpn = (const uint8_t *)"\2h2\10http/1.1", .alpn_len = 12, .sni = "example.test"};
static const struct tls_options server_options = {.alpn = (const uint8_t *)"\2h2", .alpn_len = 3};

/* What this side sends first, as octets of their own. */
static struct buf first_flight(struct tls_conn *t) {
    struct buf out;
    buf_init(&out, 1 << 20);
    tls_conn_handshake(t);
    ck_assert_int_eq(tls_conn_output(t, &out), 0);
    ck_assert_uint_gt(out.len, 0);
    return out;
}

static struct tls_conn *new_conn(bool server) {
    const char *error = "";
    struct tls_conn *t = tls_conn_new(server ? &server_options : &client_options, server, &error);
    ck_assert_msg(t, "%s", error);
    return t;
}

static struct buf client_hello(void) {
    struct tls_conn *t = new_conn(false);
    struct buf record = first_flight(t);
    tls_conn_free(t);
    return record;
}

/* --- the ClientHello as octets --- */

START_TEST(hello_cut) {
    struct buf record = client_hello();
    for (size_t cut = 5; cut < record.len; cut++) {
        uint8_t *octets = malloc(cut); /* so that ASan sees one octet too many */
        size_t len;
        memcpy(octets, record.data, cut);
        ck_assert_ptr_null(tls_hello_extension(octets + 5, cut - 5, 16, &len));
        free(octets);
    }
    buf_dispose(&record);
}
END_TEST

START_TEST(hello_mutated) {
    struct buf record = client_hello();
    for (int i = 0; i < 20000; i++) {
        uint8_t *octets = malloc(record.len);
        memcpy(octets, record.data, record.len);
        for (uint32_t k = random_number() % 3; k < 3; k++)
            octets[random_number() % record.len] = (uint8_t)random_number();
        size_t len;
        const uint8_t *found =
            tls_hello_extension(octets + 5, record.len - 5, random_number() % 60, &len);
        if (found)
            ck_assert(found >= octets && found + len <= octets + record.len);
        free(octets);
    }
    buf_dispose(&record);
}
END_TEST

static size_t extension_of(const struct buf *record, unsigned type, const uint8_t **octets) {
    size_t n;
    *octets = tls_hello_extension(record->data + 5, record->len - 5, type, &n);
    return n;
}

START_TEST(hello_extensions) {
    struct buf record = client_hello();
    const uint8_t *octets;
    ck_assert_uint_eq(extension_of(&record, 16, &octets), 14);
    ck_assert_uint_eq(extension_of(&record, 0, &octets), 17);
    extension_of(&record, 0xfafa, &octets);
    ck_assert_ptr_null(octets);
    buf_dispose(&record);
}
END_TEST

/* A ClientHello of TLS 1.2 may have no extensions at all. */
START_TEST(hello_without_extensions) {
    uint8_t record[5 + 4 + 2 + 32 + 1 + 4 + 2] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3};
    record[5 + 4 + 34 + 2] = 2;
    record[5 + 4 + 34 + 5] = 1;
    size_t n;
    ck_assert_ptr_null(tls_hello_extension(record + 5, sizeof record - 5, 16, &n));
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* --- connections --- */

static void drive(struct tls_conn *t, const uint8_t *octets, size_t n) {
    uint8_t out[1000];
    size_t got;
    struct buf answer;
    buf_init(&answer, 1 << 24);
    if (tls_conn_feed(t, octets, n) == 0 && tls_conn_handshake(t) == TLS_OK)
        while (tls_conn_read(t, out, sizeof out, &got) == TLS_OK)
            continue;
    (void)tls_conn_output(t, &answer);
    (void)tls_conn_error(t);
    buf_dispose(&answer);
}

/* Octet by octet a handshake completes as well. */
START_TEST(octet_by_octet) {
    struct tls_pair p;
    const char *error;
    ck_assert(pair_new(&p, &client_options, &server_options, &error));
    struct buf flight = first_flight(p.client);
    for (size_t i = 0; i < flight.len; i++) {
        ck_assert_int_eq(tls_conn_handshake(p.server), TLS_WANT);
        ck_assert_int_eq(tls_conn_feed(p.server, flight.data + i, 1), 0);
    }
    buf_dispose(&flight);
    ck_assert(pair_shake(&p));
    pair_free(&p);
}
END_TEST

START_TEST(server_mutated) {
    struct buf record = client_hello();
    for (int i = 0; i < 1500; i++) {
        struct tls_conn *t = new_conn(true);
        uint8_t *octets = malloc(record.len);
        size_t n = i < 500 ? random_number() % record.len : record.len;
        memcpy(octets, record.data, n);
        for (uint32_t k = random_number() % 4; k < 4 && n > 0; k++)
            octets[random_number() % n] = (uint8_t)random_number();
        drive(t, octets, n);
        free(octets);
        tls_conn_free(t);
    }
    buf_dispose(&record);
}
END_TEST

/* The server's flight, changed, into the client; and application data, changed, into both. */
START_TEST(client_mutated) {
    for (int i = 0; i < 300; i++) {
        struct tls_pair p;
        const char *error;
        struct tls_options client = client_options;
        client.max_version = i % 2 ? "1.2" : "1.3";
        ck_assert(pair_new(&p, &client, &server_options, &error));
        tls_conn_handshake(p.client);
        pair_carry(p.client, p.server);
        struct buf flight = first_flight(p.server);
        for (uint32_t k = random_number() % 4; k < 4; k++)
            flight.data[random_number() % flight.len] = (uint8_t)random_number();
        drive(p.client, flight.data, flight.len);
        buf_dispose(&flight);
        pair_free(&p);
    }
}
END_TEST

START_TEST(data_mutated) {
    for (int i = 0; i < 100; i++) {
        struct tls_pair p;
        struct buf records;
        const char *error;
        buf_init(&records, 1 << 20);
        ck_assert(pair_new(&p, &client_options, &server_options, &error));
        ck_assert(pair_shake(&p));
        ck_assert_int_eq(tls_conn_write(p.client, (const uint8_t *)"some data", 9), TLS_OK);
        ck_assert_int_eq(tls_conn_output(p.client, &records), 0);
        records.data[random_number() % records.len] ^= (uint8_t)(1 + random_number() % 255);
        drive(p.server, records.data, records.len);
        buf_dispose(&records);
        pair_free(&p);
    }
}
END_TEST

/* What is never read does not grow without end. */
START_TEST(feed_is_bounded) {
    struct tls_conn *t = new_conn(true);
    uint8_t octets[1 << 14] = {0};
    int status = 0;
    for (int i = 0; i < 100 && status == 0; i++)
        status = tls_conn_feed(t, octets, sizeof octets);
    ck_assert_int_eq(status, BUF_FULL);
    tls_conn_free(t);
}
END_TEST

/* Every i-th allocation of ours fails: nothing but a clean failure. */
START_TEST(allocation_failures) {
    bool completed = false;
    for (long i = 0; !completed; i++) {
        struct tls_pair p;
        const char *error = NULL;
        ck_assert_int_lt(i, 1000);
        if (_i == 0)
            tls_cleanup(); /* contexts are made again each time */
        mem_fail_after(i);
        if (!pair_new(&p, &client_options, &server_options, &error)) {
            mem_fail_after(-1);
            ck_assert_ptr_nonnull(error);
            continue;
        }
        bool shaken = true;
        for (int round = 0; round < 4; round++) {
            tls_conn_handshake(p.client);
            (void)pair_carry(p.client, p.server);
            tls_conn_handshake(p.server);
            (void)pair_carry(p.server, p.client);
        }
        shaken = tls_conn_info(p.client)->done && tls_conn_info(p.server)->done;
        struct tls_session *session = tls_conn_session(p.client);
        completed = shaken && i > 40;
        mem_fail_after(-1);
        tls_session_free(session);
        pair_free(&p);
    }
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("tls_hostile");
    TCase *t = tcase_create("octets");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, hello_cut);
    tcase_add_test(t, hello_mutated);
    tcase_add_test(t, hello_extensions);
    tcase_add_test(t, hello_without_extensions);
    tcase_add_test(t, octet_by_octet);
    tcase_add_test(t, server_mutated);
    tcase_add_test(t, client_mutated);
    tcase_add_test(t, data_mutated);
    tcase_add_test(t, feed_is_bounded);
    tcase_add_loop_test(t, allocation_failures, 0, 2);
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
