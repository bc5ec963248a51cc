/* hex.c - octets to hexadecimal digits and back. */
#include "base/hex.h"

void hex_encode(const uint8_t *in, size_t n, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 0x0f];
    }
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

ssize_t hex_decode(const char *in, size_t n, uint8_t *out) {
    size_t digits = 0;
    int high = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_blank(in[i]))
            continue;
        int value = digit_value(in[i]);
        if (value < 0)
            return -1 - (ssize_t)i;
        if (digits % 2)
            out[digits / 2] = (uint8_t)(high << 4 | value);
        high = value;
        digits++;
    }
    return digits % 2 ? -1 - (ssize_t)n : (ssize_t)(digits / 2);
}
