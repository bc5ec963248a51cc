/* tls.h - TLS over memory BIOs: octets in, octets out, records visible, everything steerable. */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Select an ALPN name as server. offered: the ProtocolNameList without its own length. Return the
   length of the name written to out (1 to 255), 0 for no extension in the answer, -1 for the
   no_application_protocol alert, -2 - alert for another alert. Called from within the handshake. */
typedef int (*tls_select_fn)(void *ctx, const uint8_t *offered, size_t n, uint8_t out[255]);
/* Rewrite the first record of our ClientHello: append what is to be sent instead to out.
   Return non-zero to send the original. */
typedef int (*tls_rewrite_fn)(void *ctx, const uint8_t *record, size_t n, struct buf *out);

struct tls_options {
    /* both roles */
    const uint8_t *alpn; /* wire format: length octet and name, in order; client: offer, server: the
                            names it selects from, in its order of preference */
    size_t alpn_len;     /* 0: no extension (client), never answer it (server) */
    const char *min_version, *max_version; /* "1.0" to "1.3", NULL: 1.2 to 1.3 */
    const char *ciphers;      /* OpenSSL cipher list for TLS 1.2 and lower, NULL: default */
    const char *ciphersuites; /* TLS 1.3, NULL: default */
    const char *groups;       /* "P-256:X25519", NULL: default */
    const char *cert_file, *key_file; /* PEM; server without: self-signed, made once per process */
    const char *ca_file;
    bool verify;    /* client: verify chain and name; server: ask for a client certificate */
    void *ctx;      /* for the callbacks */
    /* client */
    const char *sni;         /* NULL: no server_name extension */
    const char *verify_name; /* the name or address that the certificate must cover */
    struct tls_session *session; /* resume it, or NULL */
    tls_rewrite_fn rewrite;
    /* server */
    tls_select_fn select;
    bool alpn_force; /* select the first name of alpn whether offered or not */
    bool tickets;    /* allow resumption */
};

struct tls_info { /* what was negotiated; strings owned by the connection */
    bool done;
    const char *version; /* "TLSv1.3" */
    const char *cipher;
    const char *group;
    uint8_t alpn[255]; /* as selected by the server */
    size_t alpn_len;   /* 0: none */
    bool resumed;
    const char *sni;            /* server: the name that the client asked for */
    const char *verify_error;   /* NULL when verified (or not asked) */
    const char *peer_subject;   /* one line, or NULL */
    const uint8_t *client_hello;/* server: the first ClientHello as it came (handshake message) */
    size_t client_hello_len;
    int alert_received, alert_sent; /* fatal alerts and close_notify; -1: none */
};

struct tls_conn;
struct tls_session; /* a session that can be resumed, independent of its connection */

/* NULL with *error (static text or one valid until the next call). */
struct tls_conn *tls_conn_new(const struct tls_options *options, bool server, const char **error);
void tls_conn_free(struct tls_conn *t);
const struct tls_info *tls_conn_info(const struct tls_conn *t);
const char *tls_alert_name(int alert); /* "close_notify", ..., NULL when unknown */
/* The one-line reason of the last failure. */
const char *tls_conn_error(const struct tls_conn *t);

enum tls_status { TLS_OK, TLS_WANT, TLS_CLOSED /* close_notify */, TLS_FAILED };
/* Records received from the transport. */
int tls_conn_feed(struct tls_conn *t, const uint8_t *octets, size_t n);
/* Go on with the handshake; records to be sent are appended to out by tls_conn_output. */
enum tls_status tls_conn_handshake(struct tls_conn *t);
/* Read plaintext: up to n octets, *got of them. */
enum tls_status tls_conn_read(struct tls_conn *t, uint8_t *out, size_t n, size_t *got);
enum tls_status tls_conn_write(struct tls_conn *t, const uint8_t *octets, size_t n);
/* Records that wait to be sent. */
int tls_conn_output(struct tls_conn *t, struct buf *out);
enum tls_status tls_conn_close_notify(struct tls_conn *t);
enum tls_status tls_conn_renegotiate(struct tls_conn *t);             /* TLS 1.2 and lower */
enum tls_status tls_conn_key_update(struct tls_conn *t, bool request);/* TLS 1.3 */
enum tls_status tls_conn_request_certificate(struct tls_conn *t);     /* server, TLS 1.3 */

struct tls_session *tls_conn_session(struct tls_conn *t); /* newest ticket or id; caller frees; NULL */
void tls_session_free(struct tls_session *s);

/* SSLKEYLOGFILE is honoured when set. */

#endif
