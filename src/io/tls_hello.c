/* tls_hello.c - what the hellos hold: RFC 8446 sections 4.1 and 4.3.1. */
#include <string.h>

#include "base/mem.h"
#include "io/tls_internal.h"

enum {
    MESSAGE_HEADER = 4,
    EXTENSION_HEADER = 4,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    ENCRYPTED_EXTENSIONS = 8,
    RANDOM = MESSAGE_HEADER + 2, /* where it stands in both hellos */
    RANDOM_LEN = 32,
};

static size_t get16(const uint8_t *p) {
    return (size_t)p[0] << 8 | p[1];
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

/* --- keeping them --- */

/* The first of its kind stays: a peer that repeats itself gets no more memory. */
static void keep(uint8_t **copy, const uint8_t **shown, size_t *len, const uint8_t *message,
                 size_t n) {
    if (*copy)
        return;
    *copy = mem_alloc(n);
    if (!*copy)
        return;
    memcpy(*copy, message, n);
    *shown = *copy;
    *len = n;
}

/* RFC 8446 section 4.1.3: the random of a HelloRetryRequest. */
static bool is_retry(const uint8_t *hello, size_t n) {
    static const uint8_t retry[RANDOM_LEN] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                              0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                              0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                              0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return n >= RANDOM + RANDOM_LEN && memcmp(hello + RANDOM, retry, RANDOM_LEN) == 0;
}

void tls_hello_keep(struct tls_conn *t, const uint8_t *message, size_t n) {
    struct tls_info *info = &t->info;
    if (t->server && message[0] == CLIENT_HELLO)
        keep(&t->client_hello, &info->client_hello, &info->client_hello_len, message, n);
    else if (!t->server && message[0] == SERVER_HELLO && is_retry(message, n))
        info->hello_retried = true;
    else if (!t->server && message[0] == SERVER_HELLO)
        keep(&t->server_hello, &info->server_hello, &info->server_hello_len, message, n);
    else if (!t->server && message[0] == ENCRYPTED_EXTENSIONS)
        keep(&t->encrypted_extensions, &info->encrypted_extensions, &info->encrypted_extensions_len,
             message, n);
}
