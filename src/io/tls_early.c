/* tls_early.c - early data, sent and taken: RFC 8446 sections 2.3 and 4.2.10. */
#include <string.h>

#include <openssl/err.h>

#include "io/tls_internal.h"

enum { EARLY_MAX = 16 * 1024 }; /* one record, and what OpenSSL takes unless told otherwise */

uint32_t tls_early_limit(void) {
    return EARLY_MAX;
}

size_t tls_conn_send_early(struct tls_conn *t, const uint8_t *octets, size_t n) {
    const SSL_SESSION *session = SSL_get0_session(t->ssl);
    size_t most = session ? SSL_SESSION_get_max_early_data(session) : 0;
    bool begun = t->busy || t->flight_sent || t->early_sent > 0;
    if (t->server || !t->early || begun || most == 0 || n == 0)
        return 0;
    most = most < EARLY_MAX ? most : EARLY_MAX;
    t->busy = true;
    if (SSL_write_early_data(t->ssl, octets, n < most ? n : most, &t->early_sent) != 1)
        t->early_sent = 0; /* the handshake tells why */
    t->busy = false;
    return t->early_sent;
}

int tls_early_take(struct tls_conn *t) {
    uint8_t octets[EARLY_MAX];
    while (t->server && t->early && !t->early_done) {
        size_t n = 0;
        int status = SSL_read_early_data(t->ssl, octets, sizeof octets, &n);
        if (status == SSL_READ_EARLY_DATA_ERROR || buf_append(&t->early_in, octets, n) != 0)
            return -1;
        t->early_done = status == SSL_READ_EARLY_DATA_FINISH;
    }
    return 1;
}

size_t tls_early_read(struct tls_conn *t, uint8_t *out, size_t n) {
    n = n < t->early_in.len ? n : t->early_in.len;
    if (n > 0) {
        memcpy(out, t->early_in.data, n);
        buf_drop(&t->early_in, n);
    }
    return n;
}
