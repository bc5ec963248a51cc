/* hpack_int.c - integers with a prefix, RFC 7541 section 5.1. */
#include "h2/hpack.h"
#include "h2/hpack_internal.h"

/* 2^32-1 in the smallest prefix takes 5 octets; one more may be wasted on leading zeros. */
enum { CONTINUATION_MAX = 6 };

size_t hpack_long_integer_len(uint64_t value, uint8_t mask) {
    size_t len = 2;
    for (value -= mask; value >= 128; value >>= 7)
        len++;
    return len;
}

uint8_t *hpack_long_integer_write(uint8_t *out, uint64_t value, uint8_t mask, uint8_t first) {
    *out++ = first | mask;
    for (value -= mask; value >= 128; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

int hpack_integer_encode(uint64_t value, unsigned prefix, uint8_t first, struct buf *out) {
    size_t need = hpack_integer_len(value, prefix);
    uint8_t *room = buf_reserve(out, need);
    if (!room)
        return hpack_reserve_error(out, need);
    hpack_integer_write(room, value, prefix, first);
    out->len += need;
    return 0;
}

ssize_t hpack_integer_decode(const uint8_t *in, size_t len, unsigned prefix, uint64_t *value) {
    uint8_t mask = hpack_prefix_mask(prefix);
    if (len == 0)
        return 0;
    uint64_t result = in[0] & mask;
    if (result < mask) {
        *value = result;
        return 1;
    }
    for (size_t i = 1; i <= CONTINUATION_MAX; i++) {
        if (i == len)
            return 0;
        result += (uint64_t)(in[i] & 0x7f) << (7 * (i - 1));
        if (result > UINT32_MAX)
            return -1;
        if (!(in[i] & 0x80)) {
            *value = result;
            return (ssize_t)i + 1;
        }
    }
    return -1;
}
