/* hpack.h - RFC 7541, with every representation visible when decoding and chosen when encoding. */
#ifndef H2_HPACK_H
#define H2_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* --- Huffman code (section 5.2, appendix B) --- */

size_t huffman_encoded_len(const uint8_t *in, size_t n);
int huffman_encode(const uint8_t *in, size_t n, struct buf *out); /* 0 or a BUF_ error */

enum huffman_error { HUFFMAN_OK, HUFFMAN_EOS, HUFFMAN_PADDING_LONG, HUFFMAN_PADDING_BITS };
/* Decode into out (room for n * 8 / 5 + 1 octets), octets written in *written. On an error *offset
   is the octet of `in` in which the EOS code or the padding begins. */
enum huffman_error huffman_decode(const uint8_t *in, size_t n, uint8_t *out, size_t *written,
                                  size_t *offset);

/* --- Tables (section 2.3) --- */

struct hpack_entry {
    const uint8_t *name; /* borrowed from the table */
    size_t name_len;
    const uint8_t *value;
    size_t value_len;
};

struct hpack_table; /* the dynamic table; indices below are those of the wire (1-61 static) */

struct hpack_table *hpack_table_new(size_t max_size); /* NULL when out of memory */
void hpack_table_free(struct hpack_table *t);
size_t hpack_table_size(const struct hpack_table *t); /* octets as section 4.1 counts */
size_t hpack_table_max(const struct hpack_table *t);
size_t hpack_table_count(const struct hpack_table *t);           /* dynamic entries */
void hpack_table_resize(struct hpack_table *t, size_t max_size); /* evicts (section 4.3) */
/* Insert, evicting first (section 4.4; an entry larger than the table empties it, and then pointers
   borrowed from the table stay valid until the next insertion). The name may be borrowed from the
   table itself. 0, or BUF_NOMEM (then the table is unchanged). */
int hpack_table_insert(struct hpack_table *t, const uint8_t *name, size_t name_len,
                       const uint8_t *value, size_t value_len);
bool hpack_table_get(const struct hpack_table *t, size_t index, struct hpack_entry *out);
/* Best index for a field: exact match in *exact (0: none), else a name match in *name_only. */
void hpack_table_find(const struct hpack_table *t, const uint8_t *name, size_t name_len,
                      const uint8_t *value, size_t value_len, size_t *exact, size_t *name_only);

/* --- Representations (section 6) --- */

enum hpack_kind {
    HPACK_INDEXED,     /* 6.1 */
    HPACK_INCREMENTAL, /* 6.2.1 */
    HPACK_WITHOUT,     /* 6.2.2 */
    HPACK_NEVER,       /* 6.2.3 */
    HPACK_SIZE_UPDATE, /* 6.3 */
};

struct hpack_item {
    enum hpack_kind kind;
    /* INDEXED: the index; literals: index of the name or 0; SIZE_UPDATE: the size */
    uint64_t index;
    bool name_huffman, value_huffman;
    const uint8_t *name; /* borrowed until the next item */
    size_t name_len;
    const uint8_t *value;
    size_t value_len;
    size_t offset, length; /* the octets of the field block that it took */
};

enum hpack_status {
    HPACK_OK = 0,
    HPACK_TRUNCATED,      /* the block ends inside a representation */
    HPACK_INTEGER,        /* integer past 2^32-1 or too many continuation octets (5.1) */
    HPACK_INDEX_ZERO,     /* 6.1 */
    HPACK_INDEX_RANGE,    /* 2.3.3 */
    HPACK_HUFFMAN_EOS,    /* 5.2 */
    HPACK_HUFFMAN_LONG,   /* 5.2: padding longer than 7 bits */
    HPACK_HUFFMAN_BITS,   /* 5.2: padding that is not the start of EOS */
    HPACK_UPDATE_LATE,    /* 4.2: size update after the first field */
    HPACK_UPDATE_LARGE,   /* 6.3: size update above the limit */
    HPACK_UPDATE_MISSING, /* 4.2: the limit was lowered, the block does not begin with an update */
    HPACK_UPDATE_MISSING_EMPTY, /* the same, but the table held nothing when the limit was lowered
                                 */
    HPACK_LIMIT,                /* the decoder's own bound on decoded octets */
    HPACK_NOMEM,
    HPACK_STOPPED, /* the callback returned non-zero */
};

struct hpack_error {
    enum hpack_status status;
    size_t offset;    /* octet of the block, see below */
    const char *rule; /* "RFC7541-5.2" ..., "" where no rule was broken (NOMEM, STOPPED) */
    const char *text; /* one line for people */
};

/* The offset is that of the octet in which begins what is wrong: an integer (INTEGER), EOS or the
   padding (HUFFMAN_), else the representation. For TRUNCATED it is the end of the block.

   After an error the table holds what the representations before it made of it. Neither the wrong
   one nor those behind it took effect (that of STOPPED did), so that the peer's table may differ
   from now on: later blocks decode, but what their dynamic indices stand for is not certain.
   UPDATE_MISSING comes before anything took effect: the same block can be decoded again after
   hpack_decoder_demand_update(d, false). */

struct hpack_decoder;

/* max_size: the table size that our SETTINGS allow; limit: decoded octets of one block (names,
   values, 32 for each field) beyond which decoding ends with HPACK_LIMIT. NULL: out of memory. */
struct hpack_decoder *hpack_decoder_new(size_t max_size, size_t limit);
void hpack_decoder_free(struct hpack_decoder *d);
const struct hpack_table *hpack_decoder_table(const struct hpack_decoder *d);
/* Our SETTINGS_HEADER_TABLE_SIZE took effect (was acknowledged). After a reduction below the
   current maximum of the table the next block has to begin with a size update to at most the
   smallest size since the last block (section 4.2). */
void hpack_decoder_set_max(struct hpack_decoder *d, size_t max_size);
/* Do not report HPACK_UPDATE_MISSING; default is to report. The table is shrunk in any case. */
void hpack_decoder_demand_update(struct hpack_decoder *d, bool demand);

/* Hand every representation of a complete block to fn, updating the table. HPACK_OK or the error,
   with details in *error. */
enum hpack_status hpack_decode(struct hpack_decoder *d, const uint8_t *block, size_t len,
                               int (*fn)(void *ctx, const struct hpack_item *item), void *ctx,
                               struct hpack_error *error);

struct hpack_encoder;

enum hpack_huffman { HPACK_HUFFMAN_AUTO, HPACK_HUFFMAN_ON, HPACK_HUFFMAN_OFF };

struct hpack_encoder *hpack_encoder_new(size_t max_size);
void hpack_encoder_free(struct hpack_encoder *e);
const struct hpack_table *hpack_encoder_table(const struct hpack_encoder *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE. The table follows it down (up to 4096 on the way up), and
   the next hpack_encode_field first emits the size updates that section 4.2 asks for. */
void hpack_encoder_set_max(struct hpack_encoder *e, size_t max_size);
/* Emit those updates now, if any are due: for a block that begins with hpack_encode_item, which
   never adds anything of its own. (An explicit size update also stands for those due.) */
int hpack_encode_updates(struct hpack_encoder *e, struct buf *out);

/* The encoder's own choice: indexed if it can be, else a literal with incremental indexing (without
   indexing if it exceeds the table, never indexing if `sensitive`), name by index if it can be,
   Huffman where shorter. 0 or a BUF_ error, then neither `out` nor the table have the field. */
int hpack_encode_field(struct hpack_encoder *e, const uint8_t *name, size_t name_len,
                       const uint8_t *value, size_t value_len, bool sensitive, struct buf *out);
/* Exactly this representation, right or wrong: kind, index as given (a literal with index 0 has a
   literal name), Huffman per string. The table follows as the peer's would: size updates
   resize, incremental literals insert; an index out of range inserts nothing. On a BUF_ error
   neither `out` nor the table have changed. */
int hpack_encode_item(struct hpack_encoder *e, const struct hpack_item *item,
                      enum hpack_huffman name, enum hpack_huffman value, struct buf *out);

/* Section 5.1. prefix: 1 to 8 bits; first: the bits above the prefix. */
int hpack_integer_encode(uint64_t value, unsigned prefix, uint8_t first, struct buf *out);
/* Octets consumed, 0 if truncated, -1 if past 2^32-1 or more than 6 continuation octets. */
ssize_t hpack_integer_decode(const uint8_t *in, size_t len, unsigned prefix, uint64_t *value);

#endif
