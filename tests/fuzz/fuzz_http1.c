/* fuzz_http1.c - any octets as an HTTP/1.1 head and as a chunked body. The first octet tells how.
 */
#include "h2/http1.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void require(bool fact) {
    if (!fact)
        abort();
}

static void inside(struct http1_text t, const uint8_t *in, size_t len) {
    const char *start = (const char *)in;
    require(t.len <= len);
    require(t.len == 0 || (t.at >= start && t.at + t.len <= start + len));
}

static void append(struct buf *out, struct http1_text t, const char *after) {
    require(buf_append(out, t.at, t.len) == 0);
    require(buf_append(out, after, strlen(after)) == 0);
}

/* The head as a sender without odd white space writes it. */
static void write_head(struct buf *out, const struct http1_head *h, const uint8_t *in) {
    if (h->request) {
        append(out, h->method, " ");
        append(out, h->target, " ");
        append(out, (struct http1_text){h->target.at + h->target.len + 1, 8}, "\r\n");
    } else {
        append(out, (struct http1_text){(const char *)in, 13}, "");
        append(out, h->reason, "\r\n");
    }
    for (size_t i = 0; i < h->field_count; i++) {
        append(out, h->fields[i].name, ": ");
        append(out, h->fields[i].value, "\r\n");
    }
    require(buf_append(out, "\r\n", 2) == 0);
}

static bool same_text(struct http1_text a, struct http1_text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void check_round_trip(const struct http1_head *h, const uint8_t *in) {
    struct http1_head again;
    struct http1_error e;
    struct buf out;
    buf_init(&out, HTTP1_MAX_HEAD + 2 * HTTP1_MAX_FIELDS);
    write_head(&out, h, in);
    if (out.len <= HTTP1_MAX_HEAD) {
        require(http1_parse(out.data, out.len, h->request, &again, &e) == (ssize_t)out.len);
        require(same_text(h->method, again.method) && same_text(h->target, again.target));
        require(same_text(h->reason, again.reason) && h->status == again.status);
        require(h->major == again.major && h->minor == again.minor);
        require(h->field_count == again.field_count);
        for (size_t i = 0; i < h->field_count; i++)
            require(same_text(h->fields[i].name, again.fields[i].name) &&
                    same_text(h->fields[i].value, again.fields[i].value));
    }
    buf_dispose(&out);
}

static void check_uses(const struct http1_head *h) {
    uint64_t length;
    enum http1_body kind = http1_body_kind(h, false, &length);
    require(kind == HTTP1_BODY_LENGTH || length == 0);
    require(h->request || http1_body_kind(h, true, &length) == HTTP1_BODY_NONE);
    http1_has_token(h, "connection", "upgrade");
    for (size_t i = 0; i < h->field_count; i++)
        require(h->fields[i].name.len > 0);
}

static void fuzz_head(const uint8_t *in, size_t len, bool request) {
    struct http1_head h;
    struct http1_error e;
    ssize_t n = http1_parse(in, len, request, &h, &e);
    require(n >= -1 && n <= (ssize_t)len && n <= HTTP1_MAX_HEAD);
    if (n == -1)
        require(e.offset <= len && e.rule && e.text);
    if (n <= 0)
        return;
    require(h.raw_len == (size_t)n && memcmp(in + n - 4, "\r\n\r\n", 4) == 0);
    inside(h.method, in, (size_t)n);
    inside(h.target, in, (size_t)n);
    inside(h.reason, in, (size_t)n);
    for (size_t i = 0; i < h.field_count; i++) {
        inside(h.fields[i].name, in, (size_t)n);
        inside(h.fields[i].value, in, (size_t)n);
    }
    require(http1_parse(in, (size_t)n - 1, request, &h, &e) == 0);
    require(http1_parse(in, (size_t)n, request, &h, &e) == n);
    check_uses(&h);
    check_round_trip(&h, in);
}

static int collect(void *ctx, const uint8_t *data, size_t n) {
    return buf_append(ctx, data, n);
}

/* Pieces of the given size; octets consumed or -1. */
static ssize_t decode(const uint8_t *in, size_t len, size_t piece, bool *done,
                      struct buf *content) {
    struct http1_chunked c = {0};
    ssize_t n = 0;
    size_t at = 0;
    *done = false;
    while (at < len && !*done && n >= 0) {
        size_t size = piece < len - at ? piece : len - at;
        n = http1_chunked_decode(&c, in + at, size, done, collect, content);
        require(n <= (ssize_t)size && (n < 0 || *done || n == (ssize_t)size));
        require(c.overhead <= HTTP1_MAX_HEAD + 1);
        at += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? -1 : (ssize_t)at;
}

/* In one piece and in many: the same content and the same end. */
static void fuzz_chunked(const uint8_t *in, size_t len, size_t piece) {
    struct buf whole, parts;
    bool done, parts_done;
    buf_init(&whole, len);
    buf_init(&parts, len);
    ssize_t n = decode(in, len, len ? len : 1, &done, &whole);
    require(decode(in, len, piece, &parts_done, &parts) == n && parts_done == done);
    require(whole.len == parts.len);
    require(whole.len == 0 || memcmp(whole.data, parts.data, whole.len) == 0);
    buf_dispose(&whole);
    buf_dispose(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    if (data[0] & 1)
        fuzz_chunked(data + 1, size - 1, 1U + (data[0] >> 2));
    else
        fuzz_head(data + 1, size - 1, data[0] & 2);
    return 0;
}
