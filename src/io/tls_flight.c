/* tls_flight.c - first flights that are changed on their way: ours out, the server's first record
 * in. */
#include "io/tls_internal.h"

enum { RECORD_HEADER = 5, CHANGED_MAX = 64 * 1024 };

void tls_flight_rewrite(struct tls_conn *t) {
    struct buf changed;
    buf_init(&changed, t->out.max);
    t->flight_sent = true;
    if (!t->server && t->alpn_len > 0) /* OpenSSL compares the answer with this list */
        SSL_set_alpn_protos(t->ssl, t->alpn, (unsigned)t->alpn_len);
    if (t->rewrite && t->rewrite(t->ctx, t->out.data, t->out.len, &changed) == 0) {
        struct buf original = t->out;
        t->out = changed;
        changed = original;
    }
    buf_dispose(&changed);
}

/* The changed record, and what came behind the original. */
static void replace(struct tls_conn *t, struct buf *changed, size_t record) {
    size_t behind = t->in_pos + record;
    if (buf_append(changed, t->in.data + behind, t->in.len - behind) != 0)
        return;
    changed->max = t->in.max;
    struct buf original = t->in;
    t->in = *changed;
    t->in_pos = 0;
    *changed = original;
}

bool tls_flight_take(struct tls_conn *t) {
    const uint8_t *record = t->in.data + t->in_pos;
    size_t n = t->in.len - t->in_pos;
    if (!t->take || n == 0)
        return true;
    size_t whole = n < RECORD_HEADER ? n + 1 : RECORD_HEADER + ((size_t)record[3] << 8 | record[4]);
    if (n < whole)
        return false;
    struct buf changed;
    buf_init(&changed, CHANGED_MAX + t->in.max);
    if (t->take(t->ctx, record, whole, &changed) == 0)
        replace(t, &changed, whole);
    t->take = NULL; /* once */
    buf_dispose(&changed);
    return true;
}
