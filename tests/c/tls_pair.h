/* tls_pair.h - two TLS connections joined in memory, for the tests of TLS. */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include <check.h>

#include "io/tls.h"

#define ALPN(s) .alpn = (const uint8_t *)(s), .alpn_len = sizeof(s) - 1

struct tls_pair {
    struct tls_conn *client, *server;
    enum tls_status client_status, server_status; /* of what was called last */
    struct buf at_client, at_server;              /* plaintext that arrived there */
};

/* False, with *error, where one cannot be made. */
static inline bool pair_new(struct tls_pair *p, const struct tls_options *client,
                            const struct tls_options *server, const char **error) {
    p->client_status = p->server_status = TLS_WANT;
    buf_init(&p->at_client, 1 << 24);
    buf_init(&p->at_server, 1 << 24);
    p->client = tls_conn_new(client, false, error);
    p->server = p->client ? tls_conn_new(server, true, error) : NULL;
    if (p->server)
        return true;
    tls_conn_free(p->client);
    return false;
}

static inline void pair_free(struct tls_pair *p) {
    tls_conn_free(p->client);
    tls_conn_free(p->server);
    buf_dispose(&p->at_client);
    buf_dispose(&p->at_server);
}

/* Carry what waits to the other side; false when nothing waited. */
static inline bool pair_carry(struct tls_conn *from, struct tls_conn *to) {
    struct buf records;
    buf_init(&records, 1 << 27);
    if (tls_conn_output(from, &records) != 0)
        return false;
    bool any = records.len > 0;
    for (size_t at = 0; at < records.len;) { /* no more at once than a connection takes */
        size_t n = records.len - at < 1 << 19 ? records.len - at : 1 << 19;
        any = tls_conn_feed(to, records.data + at, n) == 0 && any;
        at += n;
    }
    buf_dispose(&records);
    return any;
}

/* Shake hands until nothing moves. True: both sides are done. */
static inline bool pair_shake(struct tls_pair *p) {
    bool moves = true;
    while (moves) {
        p->client_status = tls_conn_handshake(p->client);
        moves = pair_carry(p->client, p->server);
        p->server_status = tls_conn_handshake(p->server);
        moves = pair_carry(p->server, p->client) || moves;
    }
    return p->client_status == TLS_OK && p->server_status == TLS_OK;
}

static inline enum tls_status pair_read(struct tls_conn *t, struct buf *to) {
    uint8_t octets[16384];
    size_t n;
    enum tls_status status;
    while ((status = tls_conn_read(t, octets, sizeof octets, &n)) == TLS_OK)
        ck_assert_int_eq(buf_append(to, octets, n), 0);
    return status;
}

/* Carry and read on both sides until nothing moves. */
static inline void pair_settle(struct tls_pair *p) {
    bool moves = true;
    while (moves) {
        moves = pair_carry(p->client, p->server);
        p->server_status = pair_read(p->server, &p->at_server);
        moves = pair_carry(p->server, p->client) || moves;
        p->client_status = pair_read(p->client, &p->at_client);
    }
}

/* A pair that shook hands; ck_assert when it did not. */
static inline struct tls_pair joined(const struct tls_options *client,
                                     const struct tls_options *server) {
    struct tls_pair p;
    const char *error = "";
    ck_assert_msg(pair_new(&p, client, server, &error), "%s", error);
    ck_assert_msg(pair_shake(&p), "client: %s, server: %s", tls_conn_error(p.client),
                  tls_conn_error(p.server));
    return p;
}

/* A pair that did not come to terms. */
static inline struct tls_pair at_odds(const struct tls_options *client,
                                      const struct tls_options *server) {
    struct tls_pair p;
    const char *error = "";
    ck_assert_msg(pair_new(&p, client, server, &error), "%s", error);
    ck_assert(!pair_shake(&p));
    return p;
}

static inline void pair_exchange(struct tls_pair *p) {
    p->at_client.len = p->at_server.len = 0;
    ck_assert_int_eq(tls_conn_write(p->client, (const uint8_t *)"ping", 4), TLS_OK);
    ck_assert_int_eq(tls_conn_write(p->server, (const uint8_t *)"pong", 4), TLS_OK);
    pair_settle(p);
    ck_assert_mem_eq(p->at_server.data, "ping", 4);
    ck_assert_mem_eq(p->at_client.data, "pong", 4);
}

#endif
