/* tls_server.c - what a server decides while it reads the ClientHello: RFC 7301 section 3.2. */
#include <string.h>

#include "io/tls_internal.h"

/* The name of the first entry of type host_name (RFC 6066 section 3). */
static void take_sni(struct tls_conn *t, SSL *ssl) {
    const unsigned char *p;
    size_t n;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) || n < 5 || p[2] != 0)
        return;
    size_t len = (size_t)p[3] << 8 | p[4];
    if (len > n - 5 || len >= sizeof t->sni)
        return;
    memcpy(t->sni, p + 5, len);
    t->sni[len] = 0;
    t->info.sni = t->sni;
}

static int keep_name(struct tls_conn *t, const uint8_t *entry) {
    memcpy(t->alpn_name, entry + 1, entry[0]);
    return entry[0];
}

/* Our first name that is offered too. */
static int choose_from_list(struct tls_conn *t, const uint8_t *offered, size_t n) {
    if (t->alpn_force)
        return keep_name(t, t->alpn);
    for (size_t i = 0; i < t->alpn_len; i += 1u + t->alpn[i])
        for (size_t k = 0; k < n; k += 1u + offered[k])
            if (memcmp(t->alpn + i, offered + k, 1u + t->alpn[i]) == 0)
                return keep_name(t, t->alpn + i);
    return -1;
}

/* 0, or the alert to send. */
static int choose(struct tls_conn *t, const uint8_t *offered, size_t n) {
    int len = 0;
    if (t->select)
        len = t->select(t->ctx, offered, n, t->alpn_name);
    else if (t->alpn_len > 0)
        len = choose_from_list(t, offered, n);
    t->alpn_chosen = true;
    if (len >= 0 && len <= 255) {
        t->alpn_name_len = (size_t)len;
        return 0;
    }
    int alert = len == -1 ? SSL_AD_NO_APPLICATION_PROTOCOL : -2 - len;
    return alert > 0 && alert <= 255 ? alert : SSL_AD_INTERNAL_ERROR;
}

/* Here and not in OpenSSL's own callback for ALPN, because only here any alert can be sent. A list
   that is not well-formed is left to OpenSSL, which answers it by decode_error. */
int tls_server_hello_cb(SSL *ssl, int *alert, void *unused) {
    (void)unused;
    struct tls_conn *t = SSL_get_app_data(ssl);
    const unsigned char *p;
    size_t n;
    take_sni(t, ssl);
    if (t->alpn_chosen ||
        !SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &p, &n))
        return SSL_CLIENT_HELLO_SUCCESS;
    if (n < 2 || ((size_t)p[0] << 8 | p[1]) != n - 2 || !tls_alpn_sound(p + 2, n - 2))
        return SSL_CLIENT_HELLO_SUCCESS;
    int refusal = choose(t, p + 2, n - 2);
    if (refusal == 0)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = refusal;
    return SSL_CLIENT_HELLO_ERROR;
}

int tls_server_alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                       const unsigned char *in, unsigned int inlen, void *unused) {
    (void)in;
    (void)inlen;
    (void)unused;
    struct tls_conn *t = SSL_get_app_data(ssl);
    if (t->alpn_name_len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    *out = t->alpn_name;
    *outlen = (unsigned char)t->alpn_name_len;
    return SSL_TLSEXT_ERR_OK;
}

/* Take any certificate; SSL_get_verify_result tells what was wrong with it. */
int tls_server_verify_cb(int ok, X509_STORE_CTX *store) {
    (void)ok;
    (void)store;
    return 1;
}
