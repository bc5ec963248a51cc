/* tls_context.c - options to SSL_CTX, kept per process: building one costs more than a handshake.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "base/mem.h"
#include "io/tls_internal.h"

enum {
    CONTEXTS_MAX = 32, /* the least recently used goes */
    KEY_MAX = 64 * 1024,
    SESSIONS_MAX = 256, /* that a server remembers for clients without tickets */
};

struct context {
    struct context *next;
    struct buf key; /* the options that made it */
    SSL_CTX *ssl_ctx;
};
static struct context *contexts; /* most recently used first */
static char error_text[TLS_TEXT_SIZE];

void tls_reason(char *text, size_t size, const char *what) {
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0                ? "out of memory"
                         : ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e))
                                               : ERR_reason_error_string(e);
    snprintf(text, size, "%s: %s", what, reason ? reason : "unknown error");
    ERR_clear_error();
}

static const char *fail(const char *what, const char *value) {
    char both[TLS_TEXT_SIZE / 2];
    snprintf(both, sizeof both, "%s%s%s", what, value ? " " : "", value ? value : "");
    tls_reason(error_text, sizeof error_text, both);
    return error_text;
}

/* --- the key --- */

static bool put_text(struct buf *key, const char *s) {
    return buf_append(key, s ? "+" : "-", 1) == 0 && (!s || buf_append(key, s, strlen(s) + 1) == 0);
}

/* A file is the same one only while nobody has written it again. */
static const char *put_file(struct buf *key, const char *name, const char *path) {
    struct stat st;
    if (path && stat(path, &st) != 0) {
        snprintf(error_text, sizeof error_text, "%s %s: %s", name, path, strerror(errno));
        return error_text;
    }
    const int64_t stamp[] = {path ? (int64_t)st.st_ino : 0, path ? st.st_size : 0,
                             path ? st.st_mtim.tv_sec : 0, path ? st.st_mtim.tv_nsec : 0};
    return put_text(key, path) && buf_append(key, stamp, sizeof stamp) == 0 ? NULL
                                                                            : "out of memory";
}

static const char *make_key(struct buf *key, const struct tls_options *o, bool server) {
    const bool flags[] = {server,
                          o->verify,
                          server && o->tickets,
                          o->refuse_renegotiation,
                          !server && o->post_handshake_auth,
                          server && o->early_data};
    const char *texts[] = {o->min_version,  o->max_version, o->ciphers,
                           o->ciphersuites, o->groups,      o->own_name};
    if (buf_append(key, flags, sizeof flags) != 0)
        return "out of memory";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!put_text(key, texts[i]))
            return "the TLS options are too long";
    const char *error = put_file(key, "cert_file", o->cert_file);
    if (!error)
        error = put_file(key, "key_file", o->key_file);
    return error ? error : put_file(key, "ca_file", o->ca_file);
}

/* --- the options --- */

static int version_number(const char *s) {
    static const struct {
        const char *name;
        int number;
    } versions[] = {{"1.0", TLS1_VERSION},
                    {"1.1", TLS1_1_VERSION},
                    {"1.2", TLS1_2_VERSION},
                    {"1.3", TLS1_3_VERSION}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strcmp(s, versions[i].name) == 0)
            return versions[i].number;
    return -1;
}

static const char *set_versions(SSL_CTX *c, const struct tls_options *o) {
    int max = o->max_version ? version_number(o->max_version) : TLS1_3_VERSION;
    int min = o->min_version         ? version_number(o->min_version)
              : max < TLS1_2_VERSION ? max
                                     : TLS1_2_VERSION;
    if (min < 0 || max < 0)
        return "a TLS version is one of 1.0, 1.1, 1.2, 1.3";
    if (min > max)
        return "min_version is above max_version";
    /* OpenSSL has nothing for TLS 1.0 and 1.1 on a higher level, since they sign with SHA-1. */
    if (min < TLS1_2_VERSION || o->ciphers)
        SSL_CTX_set_security_level(c, 0);
    if (!SSL_CTX_set_min_proto_version(c, min) || !SSL_CTX_set_max_proto_version(c, max))
        return fail("TLS versions", NULL);
    return NULL;
}

/* OpenSSL's three, that which all must have (RFC 8446 section 9.1) and whose hash costs least
 * first. */
static const char default_suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static const char *set_algorithms(SSL_CTX *c, const struct tls_options *o) {
    const char *suites = o->ciphersuites ? o->ciphersuites : default_suites;
    if (o->ciphers && !SSL_CTX_set_cipher_list(c, o->ciphers))
        return fail("ciphers", o->ciphers);
    if (!SSL_CTX_set_ciphersuites(c, suites))
        return fail("ciphersuites", suites);
    if (o->groups && !SSL_CTX_set1_groups_list(c, o->groups))
        return fail("groups", o->groups);
    return NULL;
}

/* An encrypted key is an error: OpenSSL would ask at the terminal. */
static int no_password(char *out, int size, int writing, void *unused) {
    (void)out;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}

static const char *set_certificate(SSL_CTX *c, const struct tls_options *o, bool server) {
    if (!o->cert_file) {
        if (server && tls_cert_use_own(c, o->own_name) != 0)
            return fail("self-signed certificate", NULL);
        return NULL;
    }
    const char *key = o->key_file ? o->key_file : o->cert_file;
    SSL_CTX_set_default_passwd_cb(c, no_password);
    if (SSL_CTX_use_certificate_chain_file(c, o->cert_file) != 1)
        return fail("cert_file", o->cert_file);
    if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
        return fail("key_file", key);
    return NULL;
}

static const char *set_trust(SSL_CTX *c, const struct tls_options *o, bool server) {
    if (o->verify)
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER, server ? tls_server_verify_cb : NULL);
    if (o->ca_file && SSL_CTX_load_verify_file(c, o->ca_file) != 1)
        return fail("ca_file", o->ca_file);
    if (o->verify && !o->ca_file && SSL_CTX_set_default_verify_paths(c) != 1)
        return fail("the system's CA certificates", NULL);
    return NULL;
}

static const char *set_resumption(SSL_CTX *c, bool tickets) {
    static const unsigned char context_id[] = "h2probe";
    SSL_CTX_set_session_id_context(c, context_id, sizeof context_id - 1);
    SSL_CTX_sess_set_cache_size(c, SESSIONS_MAX);
    if (tickets)
        return NULL;
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_num_tickets(c, 0) ? NULL : fail("tickets", NULL);
}

static const char *set_server(SSL_CTX *c, const struct tls_options *o) {
    SSL_CTX_set_client_hello_cb(c, tls_server_hello_cb, NULL);
    SSL_CTX_set_alpn_select_cb(c, tls_server_alpn_cb, NULL);
    SSL_CTX_set_dh_auto(c, 1);
    if (!o->refuse_renegotiation)
        SSL_CTX_set_options(c, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    if (o->early_data && !SSL_CTX_set_max_early_data(c, tls_early_limit()))
        return fail("early data", NULL);
    return set_resumption(c, o->tickets);
}

static void set_client(SSL_CTX *c, const struct tls_options *o) {
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c, tls_client_session_cb);
    SSL_CTX_set_post_handshake_auth(c, o->post_handshake_auth);
}

static const char *configure(SSL_CTX *c, const struct tls_options *o, bool server) {
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (o->refuse_renegotiation)
        SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION);
    tls_keylog_use(c, false);
    const char *error = set_versions(c, o);
    if (!error)
        error = set_algorithms(c, o);
    if (!error)
        error = set_certificate(c, o, server);
    if (!error)
        error = set_trust(c, o, server);
    if (!error && server)
        error = set_server(c, o);
    if (!error && !server)
        set_client(c, o);
    return error;
}

/* --- the cache --- */

static void context_free(struct context *c) {
    SSL_CTX_free(c->ssl_ctx);
    buf_dispose(&c->key);
    mem_free(c);
}

static struct context *find(const struct buf *key) {
    for (struct context **at = &contexts; *at; at = &(*at)->next) {
        struct context *c = *at;
        if (c->key.len != key->len || memcmp(c->key.data, key->data, key->len) != 0)
            continue;
        *at = c->next; /* to the front */
        c->next = contexts;
        contexts = c;
        return c;
    }
    return NULL;
}

static void drop_oldest(void) {
    struct context **at = &contexts;
    for (int i = 0; *at && i < CONTEXTS_MAX; i++)
        at = &(*at)->next;
    if (*at) {
        context_free(*at);
        *at = NULL;
    }
}

/* key becomes the context's own when this succeeds. */
static struct context *make(const struct tls_options *o, bool server, struct buf *key,
                            const char **error) {
    struct context *c = mem_alloc(sizeof *c);
    SSL_CTX *ssl_ctx = c ? SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()) : NULL;
    *error = ssl_ctx ? configure(ssl_ctx, o, server) : "out of memory";
    if (*error) {
        SSL_CTX_free(ssl_ctx);
        mem_free(c);
        return NULL;
    }
    *c = (struct context){.next = contexts, .key = *key, .ssl_ctx = ssl_ctx};
    buf_init(key, KEY_MAX);
    contexts = c;
    drop_oldest();
    return c;
}

SSL_CTX *tls_context(const struct tls_options *o, bool server, const char **error) {
    struct buf key;
    buf_init(&key, KEY_MAX);
    ERR_clear_error();
    *error = make_key(&key, o, server);
    struct context *c = *error ? NULL : find(&key);
    if (!c && !*error)
        c = make(o, server, &key, error);
    buf_dispose(&key);
    return c ? c->ssl_ctx : NULL;
}

void tls_context_cleanup(void) {
    while (contexts) {
        struct context *c = contexts;
        contexts = c->next;
        context_free(c);
    }
}
