/* check_tls.c - what two TLS connections negotiate: every option; sessions. */
#include "io/tls.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls_pair.h"

static char directory[] = "/tmp/check_tls_XXXXXX";
static char cert_path[64], other_path[64], log_path[64];

/* --- versions, ciphers, groups --- */

START_TEST(each_version) {
    static const char *const rows[][2] = {
        {"1.0", "TLSv1"}, {"1.1", "TLSv1.1"}, {"1.2", "TLSv1.2"}, {"1.3", "TLSv1.3"}};
    const struct tls_options one = {.min_version = rows[_i][0], .max_version = rows[_i][0]};
    const struct tls_options all = {.min_version = "1.0"};
    const struct tls_options pairs[][2] = {{one, one}, {one, all}, {all, one}};
    for (int i = 0; i < 3; i++) {
        struct tls_pair p = joined(&pairs[i][0], &pairs[i][1]);
        ck_assert_str_eq(tls_conn_info(p.client)->version, rows[_i][1]);
        ck_assert_str_eq(tls_conn_info(p.server)->version, rows[_i][1]);
        pair_exchange(&p);
        pair_free(&p);
    }
}
END_TEST

START_TEST(version_mismatch) {
    const struct tls_options old = {.max_version = "1.1"}, new = {.min_version = "1.3"};
    struct tls_pair p = at_odds(&old, &new);
    ck_assert_int_eq(tls_conn_info(p.server)->alert_sent, 70);
    ck_assert_int_eq(tls_conn_info(p.client)->alert_received, 70);
    ck_assert_str_eq(tls_conn_error(p.client), "the peer sent alert protocol_version (70)");
    pair_free(&p);
}
END_TEST

static const struct {
    struct tls_options client;
    const char *cipher, *group;
} algorithms[] = {
    {{.max_version = "1.2", .ciphers = "ECDHE-RSA-AES128-GCM-SHA256", .groups = "P-256"},
     "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
     "secp256r1"},
    {{.max_version = "1.2", .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
     "x25519"},
    {{.max_version = "1.2", .ciphers = "AES128-SHA"}, "TLS_RSA_WITH_AES_128_CBC_SHA", NULL},
    {{.max_version = "1.2", .ciphers = "DHE-RSA-AES128-SHA256"},
     "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
     NULL},
    {{.min_version = "1.3", .ciphersuites = "TLS_CHACHA20_POLY1305_SHA256", .groups = "P-384"},
     "TLS_CHACHA20_POLY1305_SHA256",
     "secp384r1"},
    {{.max_version = "1.2", .groups = "X25519", .ciphers = "ECDHE"}, /* no P-256: RSA */
     "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
     "x25519"},
};

START_TEST(ciphers_and_groups) {
    const struct tls_options server = {.ciphers = "ALL"};
    struct tls_pair p = joined(&algorithms[_i].client, &server);
    ck_assert_str_eq(tls_conn_info(p.client)->cipher, algorithms[_i].cipher);
    ck_assert_str_eq(tls_conn_info(p.server)->cipher, algorithms[_i].cipher);
    if (algorithms[_i].group)
        ck_assert_str_eq(tls_conn_info(p.client)->group, algorithms[_i].group);
    pair_exchange(&p);
    pair_free(&p);
}
END_TEST

static const struct tls_options unusable[] = {
    {.min_version = "1.4"},
    {.max_version = "TLS"},
    {.min_version = "1.3", .max_version = "1.2"},
    {.ciphers = "NO-SUCH"},
    {.ciphersuites = "NO-SUCH"},
    {.groups = "NO-SUCH"},
    {.cert_file = "/nonexistent"},
    {.ca_file = "/nonexistent"},
    {.ca_file = "/dev/null"},
    {.cert_file = "/dev/null"},
    {.key_file = "/nonexistent"},
    {ALPN("\2h2\0")},
    {ALPN("\3h2")},
    {ALPN("\0")},
};

START_TEST(unusable_options) {
    for (int server = 0; server < 2; server++) {
        const char *error = NULL;
        ck_assert_ptr_null(tls_conn_new(&unusable[_i], server, &error));
        ck_assert_ptr_nonnull(error);
        ck_assert_uint_gt(strlen(error), 10);
    }
}
END_TEST

/* --- ALPN --- */

static const struct {
    struct tls_options client, server;
    const char *selected;
    int alert;
} alpn_rows[] = {
    {{ALPN("\2h2\10http/1.1")}, {ALPN("\2h2\10http/1.1")}, "h2", -1},
    {{ALPN("\2h2\10http/1.1")}, {ALPN("\10http/1.1\2h2")}, "http/1.1", -1},
    {{ALPN("\10http/1.1")}, {ALPN("\2h2\10http/1.1")}, "http/1.1", -1},
    {{ALPN("\1\xff\2h2")}, {ALPN("\1\xff")}, "\xff", -1},
    {{ALPN("\3h2c")}, {ALPN("\2h2")}, NULL, 120},
    {{ALPN("\10http/1.1")}, {ALPN("\2h2"), .alpn_force = true}, NULL, 50},
    {{ALPN("\2h2")}, {.alpn_len = 0}, "", -1},
    {{.alpn_len = 0}, {ALPN("\2h2")}, "", -1},
    {{.alpn_len = 0}, {ALPN("\2h2"), .alpn_force = true}, "", -1},
};

static void check_alpn(const struct tls_options *client, const struct tls_options *server,
                       const char *selected, int alert) {
    struct tls_pair p = alert < 0 ? joined(client, server) : at_odds(client, server);
    const struct tls_info *c = tls_conn_info(p.client), *s = tls_conn_info(p.server);
    if (alert == 120)
        ck_assert_int_eq(c->alert_received, alert);
    else /* OpenSSL as client does not take a name that it did not offer */
        ck_assert_int_eq(s->alert_received, alert);
    if (alert < 0) {
        ck_assert_uint_eq(c->alpn_len, strlen(selected));
        ck_assert_mem_eq(c->alpn, selected, c->alpn_len);
        ck_assert_uint_eq(s->alpn_len, c->alpn_len);
    }
    pair_free(&p);
}

START_TEST(alpn_lists) {
    struct tls_options client = alpn_rows[_i].client;
    check_alpn(&client, &alpn_rows[_i].server, alpn_rows[_i].selected, alpn_rows[_i].alert);
    client.max_version = "1.2";
    check_alpn(&client, &alpn_rows[_i].server, alpn_rows[_i].selected, alpn_rows[_i].alert);
}
END_TEST

struct selection {
    int answer;
    const char *name;
    int calls;
};

static int select_name(void *ctx, const uint8_t *offered, size_t n, uint8_t out[255]) {
    struct selection *s = ctx;
    ck_assert_uint_eq(n, 12);
    ck_assert_mem_eq(offered, "\2h2\10http/1.1", n);
    memset(out, 'x', 255);
    if (s->name)
        memcpy(out, s->name, strlen(s->name));
    s->calls++;
    return s->answer;
}

START_TEST(alpn_by_callback) {
    static const struct {
        struct selection selection;
        int alert;   /* that the client receives */
        int refusal; /* that the client sends: it takes no name that it did not offer */
    } rows[] = {{{2, "h2", 0}, -1, -1},       {{8, "http/1.1", 0}, -1, -1},
                {{3, "foo", 0}, -1, 50},      {{255, NULL, 0}, -1, 50},
                {{0, NULL, 0}, -1, -1},       {{-1, NULL, 0}, 120, -1},
                {{-2 - 47, NULL, 0}, 47, -1}, {{-2 - 300, NULL, 0}, 80, -1}};
    struct selection s = rows[_i].selection;
    const struct tls_options client = {ALPN("\2h2\10http/1.1")};
    const struct tls_options server = {.select = select_name, .ctx = &s, .groups = "P-384"};
    bool agree = rows[_i].alert < 0 && rows[_i].refusal < 0;
    struct tls_pair p = agree ? joined(&client, &server) : at_odds(&client, &server);
    ck_assert_int_eq(tls_conn_info(p.client)->alert_received, rows[_i].alert);
    ck_assert_int_eq(tls_conn_info(p.client)->alert_sent, rows[_i].refusal);
    if (agree)
        ck_assert_uint_eq(tls_conn_info(p.client)->alpn_len, (size_t)s.answer);
    ck_assert_int_eq(s.calls, 1); /* also with HelloRetryRequest */
    pair_free(&p);
}
END_TEST

/* --- names and certificates --- */

START_TEST(sni_and_hello) {
    const struct tls_options client = {.sni = "example.test", ALPN("\2h2")}, server = {0};
    struct tls_pair p = joined(&client, &server);
    const struct tls_info *info = tls_conn_info(p.server);
    ck_assert_str_eq(info->sni, "example.test");
    size_t n;
    const uint8_t *alpn = tls_hello_extension(info->client_hello, info->client_hello_len, 16, &n);
    ck_assert_uint_eq(n, 5);
    ck_assert_mem_eq(alpn, "\0\3\2h2", n);
    ck_assert_ptr_null(tls_hello_extension(info->client_hello, info->client_hello_len, 999, &n));
    ck_assert_str_eq(tls_conn_info(p.client)->peer_subject, "/CN=localhost");
    ck_assert_ptr_null(tls_conn_info(p.client)->verify_error);
    pair_free(&p);
    p = joined(&server, &server);
    ck_assert_ptr_null(tls_conn_info(p.server)->sni);
    pair_free(&p);
}
END_TEST

/* A certificate of another name, and whether it is for the one that counts; without verification
 * too. */
START_TEST(other_name) {
    static const struct {
        const char *own, *wanted;
        int covers;
    } rows[] = {
        {"example.test", "example.test", 1},
        {"example.test", "localhost", 0},
        {"example.test", NULL, -1},
        {"*.example.test", "a.example.test", 1},
        {"*.example.test", "example.test", 0},
        {NULL, "localhost", 1},
        {NULL, "127.0.0.1", 1},
        {NULL, "127.0.0.2", 0},
    };
    const struct tls_options server = {.own_name = rows[_i].own};
    const struct tls_options client = {.verify_name = rows[_i].wanted};
    struct tls_pair p = joined(&client, &server);
    const struct tls_info *info = tls_conn_info(p.client);
    ck_assert_int_eq(info->covers, rows[_i].covers);
    ck_assert_ptr_null(info->verify_error);
    ck_assert_ptr_nonnull(strstr(info->peer_subject, rows[_i].own ? rows[_i].own : "localhost"));
    ck_assert_int_eq(tls_conn_info(p.server)->covers, -1);
    pair_free(&p);
}
END_TEST

START_TEST(verification) {
    static const struct {
        const char *name;
        bool trusted;
        const char *error;
    } rows[] = {
        {"localhost", true, NULL},
        {"127.0.0.1", true, NULL},
        {"::1", true, NULL},
        {NULL, true, NULL},
        {"example.test", true, "hostname mismatch"},
        {"127.0.0.2", true, "IP address mismatch"},
        {"localhost", false, "self-signed certificate"},
    };
    const struct tls_options server = {.cert_file = cert_path};
    const struct tls_options client = {.verify = true,
                                       .verify_name = rows[_i].name,
                                       .ca_file = rows[_i].trusted ? cert_path : other_path};
    struct tls_pair p = rows[_i].error ? at_odds(&client, &server) : joined(&client, &server);
    const struct tls_info *info = tls_conn_info(p.client);
    if (rows[_i].error) {
        ck_assert_str_eq(info->verify_error, rows[_i].error);
        ck_assert_ptr_nonnull(strstr(tls_conn_error(p.client), rows[_i].error));
        ck_assert_int_gt(tls_conn_info(p.server)->alert_received, 0);
    } else {
        ck_assert_ptr_null(info->verify_error);
    }
    pair_free(&p);
}
END_TEST

START_TEST(client_certificate) {
    const char *versions[] = {"1.2", "1.3"};
    const struct tls_options server = {.verify = true, .ca_file = cert_path};
    struct tls_options client = {.max_version = versions[_i], .cert_file = cert_path};
    struct tls_pair p = joined(&client, &server);
    ck_assert_str_eq(tls_conn_info(p.server)->peer_subject, "/CN=localhost");
    ck_assert_ptr_null(tls_conn_info(p.server)->verify_error);
    pair_free(&p);
    client.cert_file = other_path;
    p = joined(&client, &server);
    ck_assert_str_eq(tls_conn_info(p.server)->verify_error, "self-signed certificate");
    pair_free(&p);
    client.cert_file = NULL;
    p = joined(&client, &server);
    ck_assert_str_eq(tls_conn_info(p.server)->verify_error, "no certificate");
    pair_free(&p);
}
END_TEST

START_TEST(certificate_later) {
    const struct tls_options client = {.post_handshake_auth = true, .cert_file = cert_path};
    const struct tls_options plain = {0};
    struct tls_pair p = joined(&client, &plain);
    ck_assert_ptr_null(tls_conn_info(p.server)->peer_subject);
    ck_assert_int_eq(tls_conn_request_certificate(p.server), TLS_OK);
    pair_exchange(&p);
    ck_assert_uint_eq(tls_conn_info(p.client)->certificate_requests, 1);
    ck_assert_str_eq(tls_conn_info(p.server)->peer_subject, "/CN=localhost");
    pair_free(&p);
    p = joined(&plain, &plain); /* a client that does not offer it cannot be asked */
    ck_assert_int_eq(tls_conn_request_certificate(p.server), TLS_FAILED);
    pair_exchange(&p);
    pair_free(&p);
}
END_TEST

/* --- resumption --- */

START_TEST(resumption) {
    const char *versions[] = {"1.2", "1.3"};
    struct tls_options client = {.max_version = versions[_i]}, server = {.tickets = true};
    struct tls_pair p = joined(&client, &server);
    pair_exchange(&p);
    ck_assert(!tls_conn_info(p.client)->resumed);
    client.session = tls_conn_session(p.client);
    ck_assert_ptr_nonnull(client.session);
    pair_free(&p);
    p = joined(&client, &server);
    ck_assert(tls_conn_info(p.client)->resumed);
    ck_assert(tls_conn_info(p.server)->resumed);
    pair_exchange(&p);
    pair_free(&p);
    server.tickets = false; /* another context: the ticket is not known there */
    p = joined(&client, &server);
    ck_assert(!tls_conn_info(p.client)->resumed);
    pair_exchange(&p);
    ck_assert_ptr_null(tls_conn_session(p.client));
    pair_free(&p);
    tls_session_free(client.session);
}
END_TEST

START_TEST(keylog) {
    const struct tls_options none = {0};
    struct tls_pair p = joined(&none, &none);
    struct stat st;
    ck_assert_int_eq(stat(log_path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_gt(st.st_size, 100);
    off_t before = st.st_size;
    pair_free(&p);
    p = joined(&none, &none);
    pair_free(&p);
    ck_assert_int_eq(stat(log_path, &st), 0);
    ck_assert_int_gt(st.st_size, before);
}
END_TEST

/* More sets of options than are kept, and a file that changes. */
START_TEST(contexts) {
    const struct tls_options server = {0};
    char list[128];
    for (int i = 0; i < 100; i++) {
        snprintf(list, sizeof list, "AES128-SHA:ECDHE%.*s", i % 50,
                 "::::::::::::::::::::::::::::::::::::::::::::::::::");
        const struct tls_options client = {.ciphers = list};
        struct tls_pair p = joined(&client, &server);
        pair_free(&p);
    }
}
END_TEST

START_TEST(large_data) {
    const struct tls_options none = {0};
    struct tls_pair p = joined(&none, &none);
    size_t n = 700 * 1000;
    uint8_t *octets = malloc(n);
    memset(octets, 7, n);
    ck_assert_int_eq(tls_conn_write(p.client, octets, n), TLS_OK);
    pair_settle(&p);
    ck_assert_uint_eq(p.at_server.len, n);
    ck_assert_mem_eq(p.at_server.data, octets, n);
    free(octets);
    pair_free(&p);
}
END_TEST

/* --- set-up --- */

/* A self-signed certificate and its key in one file. */
static void write_certificate(const char *path) {
    FILE *f = fopen(path, "w");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_EXTENSION *san =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    X509_add_ext(cert, san, -1);
    X509_EXTENSION_free(san);
    X509_sign(cert, key, EVP_sha256());
    PEM_write_X509(f, cert);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
    fclose(f);
}

static void set_up(void) {
    if (!mkdtemp(directory))
        abort();
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", directory);
    snprintf(other_path, sizeof other_path, "%s/other.pem", directory);
    snprintf(log_path, sizeof log_path, "%s/keys.log", directory);
    write_certificate(cert_path);
    write_certificate(other_path);
    setenv("SSLKEYLOGFILE", log_path, 1);
}

static void tear_down(void) {
    tls_cleanup();
    unlink(cert_path);
    unlink(other_path);
    unlink(log_path);
    rmdir(directory);
}

static Suite *suite(void) {
    Suite *s = suite_create("tls");
    TCase *t = tcase_create("negotiation");
    tcase_add_loop_test(t, each_version, 0, 4);
    tcase_add_test(t, version_mismatch);
    tcase_add_loop_test(t, ciphers_and_groups, 0, sizeof algorithms / sizeof *algorithms);
    tcase_add_loop_test(t, unusable_options, 0, sizeof unusable / sizeof *unusable);
    tcase_add_loop_test(t, alpn_lists, 0, sizeof alpn_rows / sizeof *alpn_rows);
    tcase_add_loop_test(t, alpn_by_callback, 0, 8);
    tcase_add_test(t, sni_and_hello);
    tcase_add_loop_test(t, verification, 0, 7);
    tcase_add_loop_test(t, other_name, 0, 8);
    tcase_add_loop_test(t, client_certificate, 0, 2);
    tcase_add_test(t, certificate_later);
    tcase_add_loop_test(t, resumption, 0, 2);
    tcase_add_test(t, keylog);
    tcase_add_test(t, contexts);
    tcase_add_test(t, large_data);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    set_up();
    SRunner *runner = srunner_create(suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tear_down();
    return failed == 0 ? 0 : 1;
}
