/* huffman.c - the Huffman code of string literals, RFC 7541 section 5.2 and appendix B. */
#include "h2/hpack.h"
#include "h2/hpack_internal.h"
#include "h2/huffman_table.h"

#include <string.h>

size_t huffman_encoded_len(const uint8_t *in, size_t n) {
    size_t bits = 0;
    for (; n >= 4; in += 4, n -= 4)
        bits += HUFFMAN_CODES[in[0]].bits + HUFFMAN_CODES[in[1]].bits + HUFFMAN_CODES[in[2]].bits +
                HUFFMAN_CODES[in[3]].bits;
    for (; n > 0; in++, n--)
        bits += HUFFMAN_CODES[*in].bits;
    return (bits + 7) / 8;
}

static void store32(uint8_t *out, uint32_t v) {
    uint8_t octets[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    memcpy(out, octets, sizeof octets);
}

/* Bits that still have to be written: the last `count` of `bits`. */
struct pending {
    uint64_t bits;
    unsigned count;
};

static inline struct pending join(struct pending a, struct pending b) {
    return (struct pending){a.bits << b.count | b.bits, a.count + b.count};
}

static inline struct pending code_of(uint8_t octet) {
    return (struct pending){HUFFMAN_CODES[octet].code, HUFFMAN_CODES[octet].bits};
}

/* Write the first 32 bits, if there are as many. */
static inline uint8_t *flush(uint8_t *out, struct pending *p) {
    if (p->count < 32)
        return out;
    p->count -= 32;
    store32(out, (uint32_t)(p->bits >> p->count));
    return out + 4;
}

uint8_t *huffman_write(uint8_t *out, const uint8_t *in, size_t n) {
    struct pending p = {0, 0};
    for (; n >= 4; in += 4, n -= 4) { /* two pairs side by side, which the processor likes */
        struct pending first = join(code_of(in[0]), code_of(in[1]));
        struct pending second = join(code_of(in[2]), code_of(in[3]));
        if (first.count + second.count > 32)
            break;
        p = join(p, join(first, second));
        out = flush(out, &p);
    }
    for (; n > 0; in++, n--) {
        p = join(p, code_of(*in));
        out = flush(out, &p);
    }
    for (; p.count >= 8; p.count -= 8)
        *out++ = (uint8_t)(p.bits >> (p.count - 8));
    if (p.count > 0)
        *out++ = (uint8_t)(p.bits << (8 - p.count) | 0xffu >> p.count); /* EOS starts with ones */
    return out;
}

int huffman_encode(const uint8_t *in, size_t n, struct buf *out) {
    size_t need = huffman_encoded_len(in, n);
    if (need == 0)
        return 0;
    uint8_t *room = buf_reserve(out, need);
    if (!room)
        return hpack_reserve_error(out, need);
    huffman_write(room, in, n);
    out->len += need;
    return 0;
}

/* The next bits of the input, left-aligned; what is behind the end of the input reads as zeros. */
struct window {
    uint64_t bits;
    unsigned have;
    const uint8_t *next, *end;
};

static uint64_t load64(const uint8_t *in) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) /* compilers make this one load and a swap */
        v = v << 8 | in[i];
    return v;
}

/* At least 56 bits, if there are as many. */
static inline void refill(struct window *w) {
    if (w->end - w->next >= 8) {
        w->bits |= load64(w->next) >> w->have;
        w->next += (63 - w->have) / 8;
        w->have |= 56;
        return;
    }
    while (w->have <= 56 && w->next < w->end) {
        w->bits |= (uint64_t)*w->next++ << (56 - w->have);
        w->have += 8;
    }
}

/* One code of any length, from its first 32 bits. */
static uint16_t read_symbol(uint32_t bits, unsigned *len) {
    const struct huffman_length *row = HUFFMAN_LENGTHS;
    while (bits > row->last)
        row++;
    *len = row->bits;
    return HUFFMAN_SYMBOLS[row->position + (bits >> (32 - row->bits)) - row->first];
}

/* What is left does not hold a whole code: padding, at most 7 bits, all ones. */
static enum huffman_error check_padding(const struct window *w) {
    if (w->have == 0)
        return HUFFMAN_OK;
    if (~w->bits >> (64 - w->have) != 0)
        return HUFFMAN_PADDING_BITS;
    return w->have > 7 ? HUFFMAN_PADDING_LONG : HUFFMAN_OK;
}

/* The lookup gives up to two symbols at once. Both are stored, also where only one counts: that
   is the spare octet which the caller's room ends with. */
static uint8_t *decode_pairs(struct window *w, uint8_t *out) {
    for (;;) {
        refill(w);
        const struct huffman_pair *pair = &HUFFMAN_PAIRS[w->bits >> (64 - HUFFMAN_LOOKUP_BITS)];
        if (pair->count == 0 || pair->bits > w->have)
            return out;
        memcpy(out, pair->symbol, 2);
        out += pair->count;
        w->bits <<= pair->bits;
        w->have -= pair->bits;
    }
}

enum huffman_error huffman_decode(const uint8_t *in, size_t n, uint8_t *out, size_t *written,
                                  size_t *offset) {
    struct window w = {.next = in, .end = in + n};
    uint8_t *start = out;
    enum huffman_error error = HUFFMAN_OK;
    for (;;) {
        out = decode_pairs(&w, out);
        unsigned len;
        uint16_t symbol = read_symbol((uint32_t)(w.bits >> 32), &len);
        if (len > w.have) {
            error = check_padding(&w);
            break;
        }
        if (symbol == HUFFMAN_EOS_SYMBOL) {
            error = HUFFMAN_EOS;
            break;
        }
        *out++ = (uint8_t)symbol;
        w.bits <<= len;
        w.have -= len;
    }
    *written = (size_t)(out - start);
    if (error != HUFFMAN_OK)
        *offset = ((size_t)(w.next - in) * 8 - w.have) / 8;
    return error;
}
