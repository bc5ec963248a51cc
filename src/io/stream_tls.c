/* stream_tls.c - TLS on a stream: records in and out, plaintext to the handler. */
#include <string.h>

#include "io/stream_internal.h"

enum { RECORD_HEADER = 5, FIRST_TYPE = 20, LAST_TYPE = 24, PLAINTEXT_MAX = 16 * 1024 };

static uint8_t plaintext[PLAINTEXT_MAX]; /* one callback at a time, as read_buffer */

/* --- records, for on_record: RFC 8446 section 5.1 --- */

/* The length with its header; 0: these octets begin no record. At least the header is there. */
static size_t record_length(const uint8_t *p) {
    if (p[0] < FIRST_TYPE || p[0] > LAST_TYPE || p[1] != 3)
        return 0;
    return RECORD_HEADER + ((size_t)p[3] << 8 | p[4]);
}

static void tell(struct io_stream *s, bool sent, const uint8_t *octets, size_t n) {
    if (s->handler.on_record && n > 0)
        s->handler.on_record(s->ctx, sent, octets, n);
}

/* Hand over the records that begin in these octets and are complete; octets used. */
static size_t tell_whole(struct io_stream *s, struct io_records *r, bool sent,
                         const uint8_t *octets, size_t n) {
    size_t at = 0;
    while (n - at >= RECORD_HEADER && !r->lost) {
        size_t len = record_length(octets + at);
        r->lost = len == 0;
        if (len == 0 || len > n - at)
            break;
        tell(s, sent, octets + at, len);
        at += len;
    }
    return at;
}

/* Complete the record that began before; octets used. */
static size_t tell_part(struct io_stream *s, struct io_records *r, bool sent, const uint8_t *octets,
                        size_t n) {
    struct buf *part = &r->part;
    size_t used = part->len < RECORD_HEADER ? RECORD_HEADER - part->len : 0;
    used = used < n ? used : n;
    r->lost = buf_append(part, octets, used) != 0;
    size_t len = part->len < RECORD_HEADER ? RECORD_HEADER : record_length(part->data);
    if (len > part->len) {
        size_t more = len - part->len < n - used ? len - part->len : n - used;
        r->lost = r->lost || buf_append(part, octets + used, more) != 0;
        used += more;
    }
    r->lost = r->lost || len == 0;
    if (r->lost || part->len == len) {
        tell(s, sent, part->data, part->len);
        buf_clear(part);
    }
    return used;
}

static void tell_records(struct io_stream *s, struct io_records *r, bool sent,
                         const uint8_t *octets, size_t n) {
    while (n > 0 && r->part.len > 0) {
        size_t used = tell_part(s, r, sent, octets, n);
        octets += used;
        n -= used;
    }
    size_t whole = tell_whole(s, r, sent, octets, n);
    if (!r->lost && whole < n)
        r->lost = buf_append(&r->part, octets + whole, n - whole) != 0;
    if (r->lost)
        tell(s, sent, octets + whole, n - whole);
}

void io_stream_tls_sent(struct io_stream *s, const uint8_t *octets, size_t n) {
    struct io_records r = {0};
    if (!s->handler.on_record)
        return;
    size_t whole = tell_whole(s, &r, true, octets, n); /* OpenSSL writes whole ones, rewrite any */
    tell(s, true, octets + whole, n - whole);
}

void io_stream_tls_received(struct io_stream *s, const uint8_t *octets, size_t n) {
    if (s->handler.on_record)
        tell_records(s, &s->received, false, octets, n);
    if (!s->freed && s->connected && tls_conn_feed(s->tls, octets, n) != 0) {
        const struct io_end end = {.how = IO_END_ERROR, .alert = -1, .text = "out of memory"};
        io_stream_end(s, &end);
    }
}

/* --- TLS --- */

static void end_of_tls(struct io_stream *s, enum tls_status status) {
    const struct tls_info *info = tls_conn_info(s->tls);
    struct io_end end = {
        .how = IO_END_CLOSE_NOTIFY, .alert = -1, .text = "the peer sent close_notify"};
    if (status == TLS_FAILED) {
        end.how = info->alert_received > 0 ? IO_END_ALERT : IO_END_TLS_ERROR;
        end.alert = info->alert_received > 0 ? info->alert_received : info->alert_sent;
        end.alert_name = tls_alert_name(end.alert);
        end.text = tls_conn_error(s->tls);
    }
    io_stream_end(s, &end);
}

/* What was written before the handshake began goes as early data where it may, and again after the
   handshake where it was not taken. */
static void shake_hands(struct io_stream *s) {
    s->early += tls_conn_send_early(s->tls, s->plain.data, s->plain.len);
    enum tls_status status = tls_conn_handshake(s->tls);
    const char *early = tls_conn_info(s->tls)->early_data;
    s->secure = status == TLS_OK;
    if (s->secure && early && strcmp(early, "accepted") == 0)
        buf_drop(&s->plain, s->early);
    io_stream_flush(s);
    if (status == TLS_FAILED || status == TLS_CLOSED)
        end_of_tls(s, status);
    else if (s->secure && s->handler.on_secure)
        s->handler.on_secure(s->ctx);
}

/* One record; false when there is no more for now. */
static bool read_record(struct io_stream *s) {
    size_t n;
    enum tls_status status = tls_conn_read(s->tls, plaintext, sizeof plaintext, &n);
    io_stream_flush(s); /* answers to KeyUpdate, alerts ... */
    if (status == TLS_FAILED || status == TLS_CLOSED)
        end_of_tls(s, status);
    else if (status == TLS_OK && s->handler.on_read)
        s->handler.on_read(s->ctx, plaintext, n);
    return status == TLS_OK;
}

void io_stream_tls_go_on(struct io_stream *s) {
    if (s->freed || s->ended || !s->connected)
        return;
    if (!s->secure)
        shake_hands(s);
    else if (s->paused)
        io_stream_flush(s); /* KeyUpdate leaves without reading, too */
    while (s->secure && !s->paused && !s->ended && !s->freed && s->connected)
        if (!read_record(s))
            break;
}

int io_stream_start_tls(struct io_stream *s, const struct tls_options *options, bool server,
                        const uint8_t *ahead, size_t ahead_len, const char **error) {
    *error = !s->connected ? "the stream is not connected"
             : s->tls      ? "TLS was started already"
             : s->ended    ? "the peer closed the connection"
                           : NULL;
    if (*error)
        return -1;
    struct tls_options kept = *options;
    kept.keys = io_capture_keys(s->capture);
    s->tls = tls_conn_new(&kept, server, error);
    if (!s->tls)
        return -1;
    if (ahead_len > 0)
        io_stream_tls_received(s, ahead, ahead_len);
    io_stream_next_turn(s);
    return 0;
}

const struct tls_info *io_stream_tls(const struct io_stream *s) {
    return s->tls ? tls_conn_info(s->tls) : NULL;
}

struct tls_conn *io_stream_tls_conn(struct io_stream *s) {
    return s->tls;
}

/* --- actions --- */

static int send_action(struct io_stream *s, enum tls_status status, const char **error) {
    if (status != TLS_OK) {
        *error = tls_conn_error(s->tls);
        return -1;
    }
    io_stream_flush(s);
    return 0;
}

static bool has_tls(const struct io_stream *s, const char **error) {
    if (!s->tls)
        *error = "the stream has no TLS";
    return s->tls;
}

int io_stream_renegotiate(struct io_stream *s, const char **error) {
    return has_tls(s, error) ? send_action(s, tls_conn_renegotiate(s->tls), error) : -1;
}

/* In one write with what is sent next, so that the peer meets both at once; or in the next turn. */
int io_stream_key_update(struct io_stream *s, bool request, const char **error) {
    if (!has_tls(s, error))
        return -1;
    if (tls_conn_key_update(s->tls, request) != TLS_OK) {
        *error = tls_conn_error(s->tls);
        return -1;
    }
    io_stream_next_turn(s);
    return 0;
}

int io_stream_request_certificate(struct io_stream *s, const char **error) {
    return has_tls(s, error) ? send_action(s, tls_conn_request_certificate(s->tls), error) : -1;
}
