/* tls.c - one TLS connection over memory: RFC 8446, RFC 5246. */
#include "io/tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "io/tls_alerts.h"
#include "io/tls_internal.h"

enum {
    RECORD_TYPE_MAX = 24, /* heartbeat */
    IN_MAX = 1024 * 1024,
    OUT_MAX = 80 * 1024 * 1024, /* the 64 MiB of a stream's queue, as records */
};

static const struct {
    int number;
    const char *name;
} alerts[] = {
#define ROW(number, name) {number, #name},
    TLS_ALERTS(ROW)
#undef ROW
};

const char *tls_alert_name(int alert) {
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].number == alert)
            return alerts[i].name;
    return NULL;
}

int tls_alert_number(const char *name) {
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (strcmp(alerts[i].name, name) == 0)
            return alerts[i].number;
    return -1;
}

/* --- what OpenSSL tells --- */

static void on_alert(struct tls_conn *t, bool received, int level, int alert) {
    bool tls13 = SSL_version(t->ssl) >= TLS1_3_VERSION;
    bool ends = level == SSL3_AL_FATAL || alert == SSL_AD_CLOSE_NOTIFY ||
                alert == SSL_AD_NO_RENEGOTIATION || (tls13 && alert != SSL_AD_USER_CANCELLED);
    if (ends && received)
        t->info.alert_received = alert;
    else if (ends)
        t->info.alert_sent = alert;
    else if (received)
        t->info.warning_received = alert;
}

static void on_info(const SSL *ssl, int where, int value) {
    struct tls_conn *t = SSL_get_app_data(ssl);
    if (where & SSL_CB_ALERT)
        on_alert(t, where & SSL_CB_READ, value >> 8, value & 0xff);
}

static void count_late_message(struct tls_conn *t, int type) {
    bool tls13 = SSL_version(t->ssl) >= TLS1_3_VERSION;
    if (type == SSL3_MT_HELLO_REQUEST || (type == SSL3_MT_CLIENT_HELLO && t->server))
        t->info.renegotiations++;
    else if (type == SSL3_MT_KEY_UPDATE && tls13)
        t->info.key_updates++;
    else if (type == SSL3_MT_CERTIFICATE_REQUEST && tls13)
        t->info.certificate_requests++;
    else if (type == SSL3_MT_FINISHED && !tls13)
        t->info.renegotiated++;
    t->info_is_old = t->info_is_old || type == SSL3_MT_FINISHED;
}

static void on_message(int sent, int version, int content_type, const void *octets, size_t n,
                       SSL *ssl, void *ctx) {
    struct tls_conn *t = ctx;
    (void)version;
    (void)ssl;
    if (sent || content_type != SSL3_RT_HANDSHAKE || n == 0)
        return;
    const uint8_t *message = octets;
    if (t->info.done)
        count_late_message(t, message[0]);
    else
        tls_hello_keep(t, message, n);
}

int tls_client_session_cb(SSL *ssl, SSL_SESSION *session) {
    struct tls_conn *t = SSL_get_app_data(ssl);
    SSL_SESSION_free(t->newest);
    t->newest = session;
    return 1; /* ours now */
}

/* --- life --- */

static bool is_address(const char *name) {
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static const char *set_verify_name(struct tls_conn *t, const struct tls_options *o) {
    const char *name = o->verify_name;
    if (!(t->verify_name = mem_alloc(strlen(name) + 1)))
        return "out of memory";
    memcpy(t->verify_name, name, strlen(name) + 1);
    if (!o->verify)
        return NULL;
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name)
                         : SSL_set1_host(t->ssl, name))
        return NULL;
    return "verify_name is not a name that a certificate can cover";
}

static const char *keep_list(struct tls_conn *t, const uint8_t *list, size_t n) {
    if (n == 0)
        return NULL;
    if (!tls_alpn_sound(list, n))
        return "alpn is no sound ProtocolNameList";
    t->alpn = mem_alloc(n);
    if (!t->alpn)
        return "out of memory";
    memcpy(t->alpn, list, n);
    t->alpn_len = n;
    return NULL;
}

/* OpenSSL takes a session of TLS 1.3 for spent once it was resumed; the caller may resume it again.
 */
static bool use_session(SSL *ssl, const struct tls_session *s) {
    SSL_SESSION *own = SSL_SESSION_dup(s->session);
    bool used = own && SSL_set_session(ssl, own);
    SSL_SESSION_free(own);
    return used;
}

static const char *set_client(struct tls_conn *t, const struct tls_options *o) {
    SSL_set_connect_state(t->ssl);
    if (o->alpn_len > 0 && (!tls_alpn_sound(o->alpn, o->alpn_len) ||
                            SSL_set_alpn_protos(t->ssl, o->alpn, (unsigned)o->alpn_len) != 0))
        return "alpn is no sound ProtocolNameList: a forged one has to go through rewrite";
    if (o->sni && !SSL_set_tlsext_host_name(t->ssl, o->sni))
        return "sni is not a name of 1 to 255 octets";
    if (o->session && !use_session(t->ssl, o->session))
        return "the session cannot be resumed";
    const char *error = keep_list(t, o->alpn_taken, o->alpn_taken_len);
    if (error)
        return error;
    return o->verify_name ? set_verify_name(t, o) : NULL;
}

static const char *set_server(struct tls_conn *t, const struct tls_options *o) {
    SSL_set_accept_state(t->ssl);
    t->select = o->select;
    t->alpn_force = o->alpn_force;
    return keep_list(t, o->alpn, o->alpn_len);
}

static const char *set_up(struct tls_conn *t, const struct tls_options *o, SSL_CTX *context) {
    BIO *bio = tls_bio_new(t);
    t->ssl = SSL_new(context);
    if (!bio || !t->ssl || !SSL_set_app_data(t->ssl, t)) {
        BIO_free(bio);
        return "out of memory";
    }
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_info_callback(t->ssl, on_info);
    SSL_set_msg_callback(t->ssl, on_message);
    SSL_set_msg_callback_arg(t->ssl, t);
    return t->server ? set_server(t, o) : set_client(t, o);
}

struct tls_conn *tls_conn_new(const struct tls_options *o, bool server, const char **error) {
    SSL_CTX *context = tls_context(o, server, error);
    struct tls_conn *t = context ? mem_alloc(sizeof *t) : NULL;
    if (!t) {
        if (context)
            *error = "out of memory";
        return NULL;
    }
    t->server = server;
    t->rewrite = o->rewrite;
    t->take = server ? NULL : o->take;
    t->info.covers = -1;
    t->early = o->early_data;
    t->verify = o->verify;
    t->ctx = o->ctx;
    t->keys = o->keys;
    if (t->keys)
        tls_keylog_use(context, true);
    t->info.alert_received = t->info.alert_sent = t->info.warning_received = -1;
    buf_init(&t->in, IN_MAX);
    buf_init(&t->out, OUT_MAX);
    buf_init(&t->early_in, IN_MAX);
    *error = set_up(t, o, context);
    ERR_clear_error();
    if (!*error)
        return t;
    tls_conn_free(t);
    return NULL;
}

void tls_conn_free(struct tls_conn *t) {
    if (!t)
        return;
    if (t->ssl) /* otherwise OpenSSL takes the session for broken and forgets it */
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    SSL_SESSION_free(t->newest);
    buf_dispose(&t->in);
    buf_dispose(&t->out);
    buf_dispose(&t->early_in);
    mem_free(t->alpn);
    mem_free(t->verify_name);
    mem_free(t->client_hello);
    mem_free(t->server_hello);
    mem_free(t->encrypted_extensions);
    mem_free(t);
}

const struct tls_info *tls_conn_info(const struct tls_conn *t) {
    return &t->info;
}

const char *tls_conn_error(const struct tls_conn *t) {
    return t->error;
}

/* --- results --- */

static void fill_alpn(struct tls_conn *t) {
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(t->ssl, &name, &len);
    t->info.alpn_len = len <= sizeof t->info.alpn ? len : 0;
    if (t->info.alpn_len > 0)
        memcpy(t->info.alpn, name, len);
}

static bool covers(X509 *cert, const char *name) {
    return (is_address(name)
                ? X509_check_ip_asc(cert, name, 0)
                : X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL)) == 1;
}

static void fill_peer(struct tls_conn *t) {
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    long result = SSL_get_verify_result(t->ssl);
    t->info.peer_subject = NULL;
    if (cert) /* what is not printable comes escaped */
        t->info.peer_subject =
            X509_NAME_oneline(X509_get_subject_name(cert), t->subject, sizeof t->subject);
    t->info.covers = cert && t->verify_name ? covers(cert, t->verify_name) : -1;
    if (!t->verify)
        return;
    t->info.verify_error = !cert                 ? "no certificate"
                           : result != X509_V_OK ? X509_verify_cert_error_string(result)
                                                 : NULL;
}

static const char *early_data_status(SSL *ssl) {
    int status = SSL_get_early_data_status(ssl);
    return status == SSL_EARLY_DATA_NOT_SENT   ? NULL
           : status == SSL_EARLY_DATA_ACCEPTED ? "accepted"
                                               : "rejected";
}

static void fill_info(struct tls_conn *t) {
    long group = SSL_get_negotiated_group(t->ssl);
    t->info.version = SSL_get_version(t->ssl);
    t->info.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(t->ssl));
    t->info.group = group > 0 ? SSL_group_to_name(t->ssl, (int)group) : NULL;
    t->info.resumed = SSL_session_reused(t->ssl);
    t->info.early_data = early_data_status(t->ssl);
    t->info.done = true;
    t->info_is_old = false;
    fill_alpn(t);
    fill_peer(t);
}

static void explain(struct tls_conn *t) {
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
    const char *alert = tls_alert_name(t->info.alert_received);
    if (t->info.alert_received > 0)
        snprintf(t->error, sizeof t->error, "the peer sent alert %s (%d)",
                 alert ? alert : "unknown", t->info.alert_received);
    else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        snprintf(t->error, sizeof t->error, "the certificate does not verify: %s",
                 X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)));
    else if (reason == SSL_R_CALLBACK_FAILED)
        snprintf(t->error, sizeof t->error, "no ALPN name selected");
    else if (t->not_tls && !t->info.done)
        snprintf(t->error, sizeof t->error, "the peer does not speak TLS");
    else
        tls_reason(t->error, sizeof t->error, "TLS");
    ERR_clear_error();
}

static void enter(struct tls_conn *t) {
    ERR_clear_error();
    t->busy = true;
}

static enum tls_status leave(struct tls_conn *t, int result) {
    t->busy = false;
    if (result > 0)
        return TLS_OK;
    int error = SSL_get_error(t->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return TLS_WANT;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_CLOSED;
    if (t->verify)
        t->info.verify_error = SSL_get_verify_result(t->ssl) == X509_V_OK
                                   ? t->info.verify_error
                                   : X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
    explain(t);
    return TLS_FAILED;
}

static enum tls_status refuse(struct tls_conn *t, const char *why) {
    snprintf(t->error, sizeof t->error, "%s", why);
    return TLS_FAILED;
}

/* --- octets in and out --- */

int tls_conn_feed(struct tls_conn *t, const uint8_t *octets, size_t n) {
    if (n > 0 && !t->fed) {
        t->fed = true;
        t->not_tls = octets[0] < SSL3_RT_CHANGE_CIPHER_SPEC || octets[0] > RECORD_TYPE_MAX;
    }
    if (t->in_pos > 0) {
        buf_drop(&t->in, t->in_pos);
        t->in_pos = 0;
    }
    return buf_append(&t->in, octets, n);
}

enum tls_status tls_conn_handshake(struct tls_conn *t) {
    if (t->busy)
        return TLS_WANT;
    if (t->info.done || t->failed)
        return t->info.done ? TLS_OK : TLS_FAILED;
    enter(t);
    if (!tls_flight_take(t)) {
        t->busy = false;
        return TLS_WANT;
    }
    int result = tls_early_take(t);
    if (result > 0)
        result = SSL_do_handshake(t->ssl);
    if (!t->flight_sent && t->out.len > 0)
        tls_flight_rewrite(t);
    enum tls_status status = leave(t, result);
    if (status == TLS_OK)
        fill_info(t);
    t->failed = status == TLS_FAILED;
    return status;
}

enum tls_status tls_conn_read(struct tls_conn *t, uint8_t *out, size_t n, size_t *got) {
    *got = 0;
    if (t->busy || t->failed)
        return t->busy ? TLS_WANT : TLS_FAILED;
    if ((*got = tls_early_read(t, out, n)) > 0)
        return TLS_OK;
    enter(t);
    int result = SSL_read_ex(t->ssl, out, n, got);
    if (t->info_is_old && t->info.done && SSL_is_init_finished(t->ssl)) /* renegotiated */
        fill_info(t);
    enum tls_status status = leave(t, result);
    t->failed = status == TLS_FAILED;
    return status;
}

enum tls_status tls_conn_write(struct tls_conn *t, const uint8_t *octets, size_t n) {
    size_t written;
    if (t->busy || !t->info.done)
        return TLS_WANT;
    if (n == 0)
        return TLS_OK;
    enter(t);
    return leave(t, SSL_write_ex(t->ssl, octets, n, &written));
}

int tls_conn_output(struct tls_conn *t, struct buf *out) {
    if (t->busy) /* the ClientHello may still be rewritten */
        return 0;
    if (out->len == 0 && !out->data && t->out.cap <= out->max) { /* hand over instead of copying */
        size_t max = out->max;
        *out = t->out;
        out->max = max;
        buf_init(&t->out, OUT_MAX);
        return 0;
    }
    int error = buf_append(out, t->out.data, t->out.len);
    if (error == 0)
        buf_clear(&t->out);
    return error;
}

/* --- actions --- */

static const char not_yet[] = "the handshake is not complete";

static bool ready(const struct tls_conn *t) {
    return !t->busy && t->info.done;
}

enum tls_status tls_conn_close_notify(struct tls_conn *t) {
    if (!ready(t) || SSL_in_init(t->ssl))
        return refuse(t, not_yet);
    if (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN)
        return TLS_OK;
    enter(t);
    int result = SSL_shutdown(t->ssl);
    return leave(t, result < 0 ? result : 1);
}

/* Send what the state machine wants to send; that it then waits for the peer is no failure. */
static enum tls_status start(struct tls_conn *t, int allowed) {
    if (allowed != 1)
        return leave(t, allowed);
    enum tls_status status = leave(t, SSL_do_handshake(t->ssl));
    return status == TLS_WANT ? TLS_OK : status;
}

enum tls_status tls_conn_renegotiate(struct tls_conn *t) {
    if (!ready(t))
        return refuse(t, not_yet);
    enter(t);
    return start(t, SSL_renegotiate(t->ssl));
}

enum tls_status tls_conn_key_update(struct tls_conn *t, bool request) {
    if (!ready(t))
        return refuse(t, not_yet);
    enter(t);
    return start(t, SSL_key_update(t->ssl, request ? SSL_KEY_UPDATE_REQUESTED
                                                   : SSL_KEY_UPDATE_NOT_REQUESTED));
}

enum tls_status tls_conn_request_certificate(struct tls_conn *t) {
    if (!ready(t))
        return refuse(t, not_yet);
    enter(t);
    SSL_set_verify(t->ssl, SSL_VERIFY_PEER, tls_server_verify_cb);
    t->verify = true;
    return start(t, SSL_verify_client_post_handshake(t->ssl));
}

/* --- sessions --- */

struct tls_session *tls_conn_session(struct tls_conn *t) {
    SSL_SESSION *session = t->newest ? t->newest : SSL_get0_session(t->ssl);
    if (t->server || !session || !SSL_SESSION_is_resumable(session))
        return NULL;
    struct tls_session *s = mem_alloc(sizeof *s);
    if (s)
        s->session = SSL_SESSION_dup(session);
    if (s && !s->session) {
        mem_free(s);
        s = NULL;
    }
    return s;
}

void tls_session_free(struct tls_session *s) {
    if (!s)
        return;
    SSL_SESSION_free(s->session);
    mem_free(s);
}

void tls_cleanup(void) {
    tls_context_cleanup();
    tls_cert_cleanup();
}
