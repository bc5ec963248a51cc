/* hpack_internal.h - what the files of HPACK share: writers into room that the caller measured. */
#ifndef H2_HPACK_INTERNAL_H
#define H2_HPACK_INTERNAL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "h2/hpack.h"

#define HPACK_STATIC_COUNT 61   /* appendix A */
#define HPACK_ENTRY_OVERHEAD 32 /* section 4.1 */

/* A field with what it is looked up by, so that looking up and then inserting hashes it once. */
enum hpack_chain { HPACK_BY_NAME, HPACK_BY_FIELD, HPACK_CHAINS };

struct hpack_content {
    struct hpack_entry entry; /* borrowed */
    uint32_t hash[HPACK_CHAINS];
};

struct hpack_content hpack_content_of(const uint8_t *name, size_t name_len, const uint8_t *value,
                                      size_t value_len);
/* As hpack_table_find and hpack_table_insert. */
void hpack_content_find(const struct hpack_table *t, const struct hpack_content *c, size_t *exact,
                        size_t *name_only);
int hpack_content_insert(struct hpack_table *t, const struct hpack_content *content);

/* An integer that does not fit into its prefix, whose mask this is. */
size_t hpack_long_integer_len(uint64_t value, uint8_t mask);
uint8_t *hpack_long_integer_write(uint8_t *out, uint64_t value, uint8_t mask, uint8_t first);

static inline uint8_t hpack_prefix_mask(unsigned prefix) {
    assert(prefix >= 1 && prefix <= 8);
    return (uint8_t)(0xff >> (8 - prefix));
}

/* Octets of an integer with this prefix (most take one), and writing one: past its last octet. */
static inline size_t hpack_integer_len(uint64_t value, unsigned prefix) {
    uint8_t mask = hpack_prefix_mask(prefix);
    return value < mask ? 1 : hpack_long_integer_len(value, mask);
}

static inline uint8_t *hpack_integer_write(uint8_t *out, uint64_t value, unsigned prefix,
                                           uint8_t first) {
    uint8_t mask = hpack_prefix_mask(prefix);
    first = (uint8_t)(first & ~mask);
    if (value >= mask)
        return hpack_long_integer_write(out, value, mask, first);
    *out = (uint8_t)(first | value);
    return out + 1;
}

/* Write huffman_encoded_len(in, n) octets: past the last one. */
uint8_t *huffman_write(uint8_t *out, const uint8_t *in, size_t n);

/* Why buf_reserve(b, n) returned NULL. */
static inline int hpack_reserve_error(const struct buf *b, size_t n) {
    return n > b->max - b->len ? BUF_FULL : BUF_NOMEM;
}

#endif
