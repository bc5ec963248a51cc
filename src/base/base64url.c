/* base64url.c - the URL-safe base64 of RFC 4648 section 5, without padding (HTTP2-Settings). */
#include "base/base64url.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const uint8_t *in, size_t n, char *out) {
    uint32_t bits = 0;
    unsigned count = 0; /* bits that wait to be written, fewer than 6 between the octets */
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (count += 8; count >= 6; count -= 6)
            *out++ = alphabet[bits >> (count - 6) & 0x3f];
    }
    if (count)
        *out = alphabet[bits << (6 - count) & 0x3f];
}

static int character_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

ssize_t base64url_decode(const char *in, size_t n, uint8_t *out) {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
        int value = character_value(in[i]);
        if (value < 0)
            return -1 - (ssize_t)i;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[written++] = (uint8_t)(bits >> count);
        }
    }
    /* 6 bits left: one character that makes no octet. Others: bits that stand for nothing. */
    if (count == 6 || bits & ((1U << count) - 1))
        return -(ssize_t)n;
    return (ssize_t)written;
}
