/* tls_internal.h - what the files of TLS share; nobody else includes it. */
#ifndef IO_TLS_INTERNAL_H
#define IO_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "io/tls.h"

enum { TLS_TEXT_SIZE = 512 };

struct tls_session {
    SSL_SESSION *session; /* owned, a copy: the connection's own may become not resumable */
};

struct tls_conn {
    SSL *ssl; /* owned; its BIO reads from in and writes to out */
    bool server;
    bool verify;
    bool busy;              /* within OpenSSL: a callback must not enter it again */
    bool failed;            /* for good; error keeps the first reason */
    bool flight_sent;       /* our first one */
    bool early, early_done; /* wanted; server: all of it was taken */
    size_t early_sent;
    struct buf early_in; /* server: taken, not read yet */
    bool info_is_old;    /* a handshake completed since info was filled */
    bool not_tls;        /* the first octet received begins no record */
    bool fed;            /* any octet was received */
    struct buf in;
    size_t in_pos; /* octets of in that OpenSSL has taken */
    struct buf out;
    struct buf *keys; /* borrowed; NULL: no key log of its own */

    void *ctx;
    tls_rewrite_fn rewrite, take;
    tls_select_fn select;
    bool alpn_force;
    char *verify_name; /* owned, or NULL */
    uint8_t *alpn;     /* a copy of the list: server: to select from; client: alpn_taken */
    size_t alpn_len;
    bool alpn_chosen; /* server: what follows is decided */
    uint8_t alpn_name[255];
    size_t alpn_name_len; /* 0: no answer */

    SSL_SESSION *newest; /* client: the newest session received, owned */
    struct tls_info info;
    uint8_t *client_hello, *server_hello, *encrypted_extensions; /* owned; info points there */
    char sni[256];
    char subject[256];
    char error[TLS_TEXT_SIZE];
};

/* tls_bio.c: a BIO over in and out. NULL: out of memory. */
BIO *tls_bio_new(struct tls_conn *t);

/* tls_context.c: the context for these options, borrowed from a cache; a new connection has to take
   it before the next call. NULL with *error. */
SSL_CTX *tls_context(const struct tls_options *o, bool server, const char **error);
void tls_context_cleanup(void);
/* "what: the reason that OpenSSL gives" into text. */
void tls_reason(char *text, size_t size, const char *what);

/* tls_flight.c: let rewrite change our first flight; let take change the server's first record:
   false while that is not whole. */
void tls_flight_rewrite(struct tls_conn *t);
bool tls_flight_take(struct tls_conn *t);

/* tls_cert.c: give the context our own EC certificate, and an RSA one to connections that need it;
   with a name an EC one for that name. 0, or -1 with OpenSSL's error queue telling. */
int tls_cert_use_own(SSL_CTX *context, const char *name);
void tls_cert_cleanup(void);

/* tls_early.c: the most that is taken; server: take what has come, 1 or OpenSSL's -1; read it. */
uint32_t tls_early_limit(void);
int tls_early_take(struct tls_conn *t);
size_t tls_early_read(struct tls_conn *t, uint8_t *out, size_t n);

/* tls_keylog.c: connections of this context log their secrets to SSLKEYLOGFILE, where that is set,
   and (`kept`) those that have keys there. */
void tls_keylog_use(SSL_CTX *context, bool kept);

/* tls_server.c: callbacks of a server's context. */
int tls_server_hello_cb(SSL *ssl, int *alert, void *unused);
int tls_server_alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                       const unsigned char *in, unsigned int inlen, void *unused);
int tls_server_verify_cb(int ok, X509_STORE_CTX *store);

/* tls.c: callback of a client's context. */
int tls_client_session_cb(SSL *ssl, SSL_SESSION *session);

/* tls_hello.c: keep what came for info. */
void tls_hello_keep(struct tls_conn *t, const uint8_t *message, size_t n);
/* whether this is a sound ProtocolNameList without its own length (RFC 7301
 * section 3.1). */
bool tls_alpn_sound(const uint8_t *list, size_t n);

#endif
