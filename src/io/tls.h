/* tls.h - TLS over memory BIOs: octets in, octets out, records visible, everything steerable. */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Select an ALPN name as server. offered: the ProtocolNameList without its own length. Return the
   length of the name written to out (1 to 255), 0 for no extension in the answer, -1 for the
   no_application_protocol alert, -2 - alert for another alert. Called from within the handshake,
   once, and only when the client offers a well-formed list (a malformed one gets decode_error). */
typedef int (*tls_select_fn)(void *ctx, const uint8_t *offered, size_t n, uint8_t out[255]);
/* Rewrite our first flight (client: the record of the ClientHello; server: everything up to where
   it waits for the client, or an alert): append what is to be sent instead to out. Return non-zero
   to send the original. */
typedef int (*tls_rewrite_fn)(void *ctx, const uint8_t *record, size_t n, struct buf *out);

struct tls_options {
    /* both roles */
    const uint8_t *alpn; /* wire format: length octet and name, in order; client: offer, server: the
                            names it selects from, in its order of preference. A client list that is
                            not well-formed has to be forged by rewrite */
    size_t alpn_len;     /* 0: no extension (client), never answer it (server) */
    const char *min_version, *max_version; /* "1.0" to "1.3", NULL: 1.2 (or max_version) to 1.3 */
    const char *ciphers; /* OpenSSL cipher list for TLS 1.2 and lower, NULL: default. A list or a
                            version below 1.2 lowers OpenSSL's security level to 0 */
    const char *ciphersuites;         /* TLS 1.3, NULL: AES-128-GCM, AES-256-GCM, ChaCha20 */
    const char *groups;               /* "P-256:X25519", NULL: default */
    const char *cert_file, *key_file; /* PEM; server without: self-signed, made once per process */
    const char *ca_file;
    bool verify; /* client: verify chain and name; server: ask for a client certificate, go on
                    without one and with any, tell in verify_error */
    bool refuse_renegotiation; /* answer it by no_renegotiation; otherwise take part */
    void *ctx;                 /* for the callbacks */
    tls_rewrite_fn rewrite;
    bool early_data;  /* client: tls_conn_send_early may be used; server: take early data, up to
                         16 KiB; it is read like what comes after the handshake */
    struct buf *keys; /* NULL, or where the lines of a key log go: it outlives the connection */
    /* client */
    tls_rewrite_fn take;         /* the server's first record: what OpenSSL reads instead of it */
    const char *sni;             /* NULL: no server_name extension */
    const char *verify_name;     /* the name or address that the certificate must cover; without
                                    verify: covers tells whether it does */
    struct tls_session *session; /* resume it, or NULL */
    bool post_handshake_auth;    /* offer it, so that a server may ask for a certificate later */
    const uint8_t *alpn_taken; /* instead of alpn, once the ClientHello has left: the names that the
                                  answer may have, so that one that was not offered is taken too */
    size_t alpn_taken_len;
    /* server */
    const char *own_name; /* without cert_file: for this name, made anew; NULL: localhost */
    tls_select_fn select;
    bool alpn_force; /* select the first name of alpn whether that name was offered or not (a client
                        without the extension gets none: OpenSSL cannot answer it unasked) */
    bool tickets;    /* allow resumption */
};

struct tls_info { /* what was negotiated; strings owned by the connection */
    bool done;
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS_AES_128_GCM_SHA256": the name of the IANA registry */
    const char *group;
    uint8_t alpn[255]; /* as selected by the server */
    size_t alpn_len;   /* 0: none */
    bool resumed;
    const char *early_data;   /* NULL: none was sent, "accepted" or "rejected" */
    const char *sni;          /* server: the name that the client asked for */
    const char *verify_error; /* NULL when verified (or not asked) */
    const char *peer_subject; /* one line, or NULL */
    int covers;               /* whether the peer's certificate is for verify_name; -1: not asked */
    const uint8_t *client_hello; /* server: the first ClientHello as it came (handshake message) */
    size_t client_hello_len;
    /* client: the same of what answered it, also where our TLS refused it */
    const uint8_t *server_hello; /* not a HelloRetryRequest */
    size_t server_hello_len;
    const uint8_t *encrypted_extensions; /* TLS 1.3 */
    size_t encrypted_extensions_len;
    bool hello_retried; /* HelloRetryRequest came: the second ClientHello is never rewritten */
    /* The last alert that ended something (fatal, close_notify, no_renegotiation), -1: none. */
    int alert_received, alert_sent;
    int warning_received; /* the last other alert, -1: none */
    /* What the peer sent after the handshake. */
    unsigned renegotiations; /* HelloRequest or another ClientHello */
    unsigned renegotiated;   /* handshakes after the first that the peer finished (TLS 1.2) */
    unsigned key_updates;
    unsigned certificate_requests;
};

struct tls_conn;
struct tls_session; /* a session that can be resumed, independent of its connection */

/* Nothing of the options but ctx is needed after the call. NULL with *error (static text or one
 * valid until the next call). */
struct tls_conn *tls_conn_new(const struct tls_options *options, bool server, const char **error);
void tls_conn_free(struct tls_conn *t);
const struct tls_info *tls_conn_info(const struct tls_conn *t);
const char *tls_alert_name(int alert);  /* "close_notify", ..., NULL when unknown */
int tls_alert_number(const char *name); /* -1 when unknown */
/* The one-line reason of the last failure. */
const char *tls_conn_error(const struct tls_conn *t);

enum tls_status {
    TLS_OK,
    TLS_WANT,   /* more records from the peer are needed first */
    TLS_CLOSED, /* close_notify came */
    TLS_FAILED, /* tls_conn_error tells; an alert may wait in tls_conn_output */
};
/* Records received from the transport, copied. 0, BUF_FULL (1 MiB wait to be read) or BUF_NOMEM. */
int tls_conn_feed(struct tls_conn *t, const uint8_t *octets, size_t n);
/* Client, before the handshake begins: send the ClientHello and as much of these octets as early
   data as the session to be resumed allows; 0: none. They have to be sent again if they are
   rejected. */
size_t tls_conn_send_early(struct tls_conn *t, const uint8_t *octets, size_t n);
/* Go on with the handshake; records to be sent are appended to out by tls_conn_output. */
enum tls_status tls_conn_handshake(struct tls_conn *t);
/* Read plaintext: up to n octets, *got of them. */
enum tls_status tls_conn_read(struct tls_conn *t, uint8_t *out, size_t n, size_t *got);
/* All or nothing: after TLS_WANT (within a handshake or one of the callbacks) nothing was taken. */
enum tls_status tls_conn_write(struct tls_conn *t, const uint8_t *octets, size_t n);
/* Records that wait to be sent are appended to out. 0, BUF_FULL or BUF_NOMEM (they go on waiting).
 */
int tls_conn_output(struct tls_conn *t, struct buf *out);
/* The rest of these only queue; TLS_FAILED says that it cannot be done, and harms nothing. */
enum tls_status tls_conn_close_notify(struct tls_conn *t);
enum tls_status tls_conn_renegotiate(struct tls_conn *t);              /* TLS 1.2 and lower */
enum tls_status tls_conn_key_update(struct tls_conn *t, bool request); /* TLS 1.3 */
enum tls_status tls_conn_request_certificate(struct tls_conn *t);      /* server, TLS 1.3 */

struct tls_session *
tls_conn_session(struct tls_conn *t); /* newest ticket or id; caller frees; NULL */
void tls_session_free(struct tls_session *s);

/* --- looking into a ClientHello --- */

/* The content of an extension of a ClientHello (handshake message with its header), NULL where the
   message has none or is not well-formed up to there. */
const uint8_t *tls_hello_extension(const uint8_t *hello, size_t n, unsigned type, size_t *len);
/* Give back what is kept per process: contexts and the self-signed certificates. For a tidy exit.
 */
void tls_cleanup(void);

/* The certificates of a server that is given none, in PEM: what its clients have to trust. 0,
   BUF_FULL, BUF_NOMEM, or -3 where they cannot be made. */
int tls_own_certificates(struct buf *pem);
/* One of them, and behind it its private key, for a server in another process; the same results. */
int tls_own_identity(struct buf *pem, size_t *cert_len);

/* SSLKEYLOGFILE is honoured when set. */

#endif
