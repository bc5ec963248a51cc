/* tls_hello.c - looking into a ClientHello and changing one: RFC 8446 section 4.1.2. */
#include <string.h>

#include "io/tls_internal.h"

enum {
    RECORD_HEADER = 5,
    MESSAGE_HEADER = 4,
    EXTENSION_HEADER = 4,
    RECORD_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    PRE_SHARED_KEY = 41,
    RECORD_MAX = 65535,
};

static size_t get16(const uint8_t *p) {
    return (size_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t n) {
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
}

bool tls_alpn_sound(const uint8_t *list, size_t n) {
    size_t at = 0;
    while (at < n && list[at] > 0 && at + list[at] < n)
        at += 1u + list[at];
    return n > 0 && n <= 65535 && at == n;
}

/* Step over a vector whose length takes `width` octets; past n when it does not fit. */
static size_t skip_vector(const uint8_t *p, size_t n, size_t at, size_t width) {
    if (at > n || n - at < width)
        return n + 1;
    size_t len = width == 1 ? p[at] : get16(p + at);
    return len <= n - at - width ? at + width + len : n + 1;
}

/* Where the length of the extensions stands; n when the message ends before it, past n when wrong.
 */
static size_t find_extensions(const uint8_t *hello, size_t n) {
    if (n < MESSAGE_HEADER || hello[0] != CLIENT_HELLO ||
        ((size_t)hello[1] << 16 | get16(hello + 2)) != n - MESSAGE_HEADER)
        return n + 1;
    size_t at = MESSAGE_HEADER + 2 + 32; /* legacy_version, random */
    at = skip_vector(hello, n, at, 1);   /* legacy_session_id */
    at = skip_vector(hello, n, at, 2);   /* cipher_suites */
    at = skip_vector(hello, n, at, 1);   /* legacy_compression_methods */
    if (at < n && skip_vector(hello, n, at, 2) != n)
        return n + 1;
    return at;
}

/* The header of the extension of this type, or end. `at` is behind the length of them all. */
static size_t find_extension(const uint8_t *hello, size_t at, size_t end, unsigned type) {
    while (end - at >= EXTENSION_HEADER && get16(hello + at) != type) {
        size_t next = skip_vector(hello, end, at + 2, 2);
        if (next > end)
            return end;
        at = next;
    }
    if (end - at < EXTENSION_HEADER || skip_vector(hello, end, at + 2, 2) > end)
        return end;
    return at;
}

const uint8_t *tls_hello_extension(const uint8_t *hello, size_t n, unsigned type, size_t *len) {
    size_t at = find_extensions(hello, n);
    *len = 0;
    if (at >= n)
        return NULL;
    at = find_extension(hello, at + 2, n, type);
    if (at == n)
        return NULL;
    *len = get16(hello + at + 2);
    return hello + at + EXTENSION_HEADER;
}

/* An extension takes the place of `old_len` octets at `at` (both within the message). */
struct change {
    size_t start; /* of the extensions: behind their length */
    size_t at, old_len;
    uint8_t header[EXTENSION_HEADER];
    size_t header_len;
    const uint8_t *octets;
    size_t len;
};

static int plan(struct change *c, const uint8_t *hello, size_t n, unsigned type) {
    size_t extensions = find_extensions(hello, n);
    if (extensions > n || type > 65535 || c->len > 65535)
        return -1;
    c->start = extensions == n ? n : extensions + 2;
    c->at = find_extension(hello, c->start, n, type);
    if (c->at < n)
        c->old_len = EXTENSION_HEADER + get16(hello + c->at + 2);
    else
        c->at = find_extension(hello, c->start, n, PRE_SHARED_KEY);
    if (c->octets) {
        c->header_len = EXTENSION_HEADER;
        put16(c->header, type);
        put16(c->header + 2, c->len);
    }
    return 0;
}

static int append_changed(const struct change *c, const uint8_t *record, size_t n,
                          struct buf *out) {
    const uint8_t *hello = record + RECORD_HEADER;
    size_t hello_len = n - RECORD_HEADER;
    size_t extensions = hello_len - c->start - c->old_len + c->header_len + c->len;
    size_t had_length = c->start == hello_len ? 0 : 2; /* a message may end without extensions */
    size_t fixed = c->start - had_length;
    size_t total = fixed + 2 + extensions;
    if (total > RECORD_MAX || extensions > 65535)
        return -1;
    uint8_t *start = buf_reserve(out, RECORD_HEADER + total);
    if (!start)
        return BUF_NOMEM;
    uint8_t *p = start;
    memcpy(p, record, RECORD_HEADER + fixed);
    put16(p + 3, total);
    p[RECORD_HEADER + 1] = 0;
    put16(p + RECORD_HEADER + 2, total - MESSAGE_HEADER);
    p += RECORD_HEADER + fixed;
    put16(p, extensions);
    p += 2;
    const struct {
        const uint8_t *octets;
        size_t len;
    } parts[] = {{hello + c->start, c->at - c->start},
                 {c->header, c->header_len},
                 {c->octets, c->len},
                 {hello + c->at + c->old_len, hello_len - c->at - c->old_len}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len > 0)
            memcpy(p, parts[i].octets, parts[i].len);
        p += parts[i].len;
    }
    out->len += (size_t)(p - start);
    return 0;
}

int tls_hello_set_extension(const uint8_t *record, size_t n, unsigned type, const uint8_t *octets,
                            size_t len, struct buf *out) {
    struct change c = {.octets = octets, .len = octets ? len : 0};
    if (n < RECORD_HEADER || record[0] != RECORD_HANDSHAKE ||
        get16(record + 3) != n - RECORD_HEADER)
        return -1;
    if (plan(&c, record + RECORD_HEADER, n - RECORD_HEADER, type) != 0)
        return -1;
    return append_changed(&c, record, n, out);
}
