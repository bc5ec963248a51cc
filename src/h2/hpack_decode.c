/* hpack_decode.c - field blocks to representations, RFC 7541 sections 3, 4.2 and 6. */
#include "h2/hpack.h"
#include "h2/hpack_internal.h"

#include <string.h>

#include "base/mem.h"

enum { SCRATCH_FIRST = 256 };

/* Where a Huffman-coded string is decoded to. */
struct scratch {
    uint8_t *octets;
    size_t cap;
};

struct hpack_decoder {
    struct hpack_table *table;
    size_t max_size; /* the most that a size update may ask for */
    size_t limit;
    bool demand_update;
    bool update_due;       /* the next block has to begin with an update ... */
    bool entries_lost;     /* the table held entries when the limit was lowered */
    size_t update_ceiling; /* ... to at most this */
    struct scratch name, value;
};

struct reader {
    struct hpack_decoder *decoder;
    const uint8_t *block;
    size_t len, pos;
    size_t start;   /* of the current representation */
    size_t decoded; /* octets, as the limit counts them */
    bool field_seen;
    struct hpack_error *error;
};

/* What is wrong by status; a rule that depends on the place is given where it is found. */
static const struct {
    const char *rule, *text;
} ERRORS[] = {
    [HPACK_OK] = {"", "no error"},
    [HPACK_INTEGER] = {"RFC7541-5.1", "integer past 2^32-1 or with too many continuation octets"},
    [HPACK_INDEX_ZERO] = {"RFC7541-6.1", "indexed field with index 0"},
    [HPACK_INDEX_RANGE] = {"RFC7541-2.3.3", "index beyond the end of the dynamic table"},
    [HPACK_HUFFMAN_EOS] = {"RFC7541-5.2", "Huffman-coded string with the EOS symbol"},
    [HPACK_HUFFMAN_LONG] = {"RFC7541-5.2", "Huffman padding longer than 7 bits"},
    [HPACK_HUFFMAN_BITS] = {"RFC7541-5.2", "Huffman padding that is not the start of EOS"},
    [HPACK_UPDATE_LATE] = {"RFC7541-4.2", "table size update after the first field"},
    [HPACK_UPDATE_LARGE] = {"RFC7541-6.3", "table size update above SETTINGS_HEADER_TABLE_SIZE"},
    [HPACK_UPDATE_MISSING] = {"RFC7541-4.2",
                              "no table size update to the reduced size at the start of the block"},
    [HPACK_UPDATE_MISSING_EMPTY] = {"RFC7541-4.2",
                                    "no table size update to the reduced size at the start of the "
                                    "block; the table was empty"},
    [HPACK_LIMIT] = {"RFC7541-7.4", "decoded fields larger than this decoder accepts"},
    [HPACK_NOMEM] = {"", "out of memory"},
    [HPACK_STOPPED] = {"", "stopped by the receiver of the fields"},
};

static enum hpack_status fail_at(struct reader *r, enum hpack_status status, size_t offset) {
    *r->error = (struct hpack_error){status, offset, ERRORS[status].rule, ERRORS[status].text};
    return status;
}

static enum hpack_status fail(struct reader *r, enum hpack_status status) {
    return fail_at(r, status, r->start);
}

static enum hpack_status update_missing(struct reader *r) {
    return fail(r, r->decoder->entries_lost ? HPACK_UPDATE_MISSING : HPACK_UPDATE_MISSING_EMPTY);
}

static enum hpack_status truncated(struct reader *r, const char *rule, const char *text) {
    *r->error = (struct hpack_error){HPACK_TRUNCATED, r->len, rule, text};
    return HPACK_TRUNCATED;
}

/* --- Integers and strings (section 5) --- */

static enum hpack_status read_long_integer(struct reader *r, unsigned prefix, uint64_t *value) {
    ssize_t n = hpack_integer_decode(r->block + r->pos, r->len - r->pos, prefix, value);
    if (n == 0)
        return truncated(r, "RFC7541-5.1", "the block ends inside an integer");
    if (n < 0)
        return fail_at(r, HPACK_INTEGER, r->pos);
    r->pos += (size_t)n;
    return HPACK_OK;
}

/* Most integers fit into their prefix. */
static inline enum hpack_status read_integer(struct reader *r, unsigned prefix, uint64_t *value) {
    uint8_t mask = (uint8_t)(0xff >> (8 - prefix));
    if (r->pos < r->len && (r->block[r->pos] & mask) != mask) {
        *value = r->block[r->pos++] & mask;
        return HPACK_OK;
    }
    return read_long_integer(r, prefix, value);
}

static bool scratch_reserve(struct scratch *s, size_t n) {
    if (n <= s->cap)
        return true;
    size_t cap = s->cap ? s->cap : SCRATCH_FIRST;
    while (cap < n)
        cap *= 2;
    uint8_t *octets = mem_alloc(cap);
    if (!octets)
        return false;
    mem_free(s->octets);
    *s = (struct scratch){octets, cap};
    return true;
}

static enum hpack_status unhuffman(struct reader *r, size_t n, struct scratch *scratch,
                                   const uint8_t **out, size_t *out_len) {
    static const enum hpack_status status[] = {
        [HUFFMAN_EOS] = HPACK_HUFFMAN_EOS,
        [HUFFMAN_PADDING_LONG] = HPACK_HUFFMAN_LONG,
        [HUFFMAN_PADDING_BITS] = HPACK_HUFFMAN_BITS,
    };
    if (!scratch_reserve(scratch, n * 8 / 5 + 1))
        return fail(r, HPACK_NOMEM);
    size_t offset;
    enum huffman_error error =
        huffman_decode(r->block + r->pos, n, scratch->octets, out_len, &offset);
    if (error != HUFFMAN_OK)
        return fail_at(r, status[error], r->pos + offset);
    *out = scratch->octets;
    return HPACK_OK;
}

static enum hpack_status read_string(struct reader *r, struct scratch *scratch, bool *huffman,
                                     const uint8_t **out, size_t *out_len) {
    uint64_t n;
    *huffman = r->pos < r->len && r->block[r->pos] & 0x80;
    enum hpack_status status = read_integer(r, 7, &n);
    if (status != HPACK_OK)
        return status;
    if (n > r->len - r->pos)
        return truncated(r, "RFC7541-5.2", "the block ends inside a string literal");
    *out = r->block + r->pos;
    *out_len = (size_t)n;
    if (*huffman)
        status = unhuffman(r, (size_t)n, scratch, out, out_len);
    r->pos += (size_t)n;
    return status;
}

/* --- Representations (section 6) --- */

static enum hpack_status count_decoded(struct reader *r, const struct hpack_item *item) {
    r->decoded += item->name_len + item->value_len + HPACK_ENTRY_OVERHEAD;
    return r->decoded > r->decoder->limit ? fail(r, HPACK_LIMIT) : HPACK_OK;
}

static enum hpack_status read_indexed(struct reader *r, struct hpack_item *item) {
    struct hpack_entry e;
    enum hpack_status status = read_integer(r, 7, &item->index);
    if (status != HPACK_OK)
        return status;
    if (item->index == 0)
        return fail(r, HPACK_INDEX_ZERO);
    if (!hpack_table_get(r->decoder->table, item->index, &e))
        return fail(r, HPACK_INDEX_RANGE);
    item->name = e.name;
    item->name_len = e.name_len;
    item->value = e.value;
    item->value_len = e.value_len;
    return count_decoded(r, item);
}

static enum hpack_status read_name(struct reader *r, unsigned prefix, struct hpack_item *item) {
    struct hpack_entry e;
    enum hpack_status status = read_integer(r, prefix, &item->index);
    if (status != HPACK_OK)
        return status;
    if (item->index == 0)
        return read_string(r, &r->decoder->name, &item->name_huffman, &item->name, &item->name_len);
    if (!hpack_table_get(r->decoder->table, item->index, &e))
        return fail(r, HPACK_INDEX_RANGE);
    item->name = e.name;
    item->name_len = e.name_len;
    return HPACK_OK;
}

/* Insert the field and let the item borrow from the table, where the name is valid in any case:
   the entry that it came from may have been evicted. An entry too large for the table is not
   there afterwards, but then nothing has moved. */
static enum hpack_status insert(struct reader *r, struct hpack_item *item) {
    struct hpack_table *table = r->decoder->table;
    struct hpack_entry e;
    if (hpack_table_insert(table, item->name, item->name_len, item->value, item->value_len) != 0)
        return fail(r, HPACK_NOMEM);
    if (hpack_table_get(table, HPACK_STATIC_COUNT + 1, &e)) {
        item->name = e.name;
        item->value = e.value;
    }
    return HPACK_OK;
}

static enum hpack_status read_literal(struct reader *r, unsigned prefix, struct hpack_item *item) {
    enum hpack_status status = read_name(r, prefix, item);
    if (status == HPACK_OK)
        status = read_string(r, &r->decoder->value, &item->value_huffman, &item->value,
                             &item->value_len);
    if (status == HPACK_OK)
        status = count_decoded(r, item);
    if (status == HPACK_OK && item->kind == HPACK_INCREMENTAL)
        status = insert(r, item);
    return status;
}

static enum hpack_status read_size_update(struct reader *r, struct hpack_item *item) {
    struct hpack_decoder *d = r->decoder;
    enum hpack_status status = read_integer(r, 5, &item->index);
    if (status != HPACK_OK)
        return status;
    if (r->field_seen)
        return fail(r, HPACK_UPDATE_LATE);
    if (item->index > d->max_size)
        return fail(r, HPACK_UPDATE_LARGE);
    if (d->update_due && d->demand_update && item->index > d->update_ceiling)
        return update_missing(r);
    d->update_due = d->entries_lost = false;
    hpack_table_resize(d->table, (size_t)item->index);
    return HPACK_OK;
}

static enum hpack_status read_item(struct reader *r, struct hpack_item *item) {
    uint8_t first = r->block[r->pos];
    if ((first & 0xe0) == 0x20) {
        item->kind = HPACK_SIZE_UPDATE;
        return read_size_update(r, item);
    }
    if (r->decoder->update_due && r->decoder->demand_update)
        return update_missing(r);
    r->decoder->update_due = r->decoder->entries_lost = false;
    r->field_seen = true;
    if (first & 0x80) {
        item->kind = HPACK_INDEXED;
        return read_indexed(r, item);
    }
    if (first & 0x40) {
        item->kind = HPACK_INCREMENTAL;
        return read_literal(r, 6, item);
    }
    item->kind = first & 0x10 ? HPACK_NEVER : HPACK_WITHOUT;
    return read_literal(r, 4, item);
}

enum hpack_status hpack_decode(struct hpack_decoder *d, const uint8_t *block, size_t len,
                               int (*fn)(void *ctx, const struct hpack_item *item), void *ctx,
                               struct hpack_error *error) {
    struct reader r = {.decoder = d, .block = block, .len = len, .error = error};
    if (len == 0 && d->update_due && d->demand_update)
        return update_missing(&r);
    while (r.pos < len) {
        struct hpack_item item = {.offset = r.pos};
        r.start = r.pos;
        enum hpack_status status = read_item(&r, &item);
        if (status != HPACK_OK)
            return status;
        item.length = r.pos - r.start;
        if (fn(ctx, &item) != 0)
            return fail(&r, HPACK_STOPPED);
    }
    return fail_at(&r, HPACK_OK, len);
}

/* --- The decoder --- */

struct hpack_decoder *hpack_decoder_new(size_t max_size, size_t limit) {
    struct hpack_decoder *d = mem_alloc(sizeof *d);
    if (!d)
        return NULL;
    *d = (struct hpack_decoder){.max_size = max_size, .limit = limit, .demand_update = true};
    d->table = hpack_table_new(max_size);
    if (!d->table) {
        mem_free(d);
        return NULL;
    }
    return d;
}

void hpack_decoder_free(struct hpack_decoder *d) {
    if (!d)
        return;
    hpack_table_free(d->table);
    mem_free(d->name.octets);
    mem_free(d->value.octets);
    mem_free(d);
}

const struct hpack_table *hpack_decoder_table(const struct hpack_decoder *d) {
    return d->table;
}

void hpack_decoder_set_max(struct hpack_decoder *d, size_t max_size) {
    d->max_size = max_size;
    if (max_size >= hpack_table_max(d->table))
        return; /* the peer may go on with what it uses (a raise need not be signaled) */
    d->entries_lost = d->entries_lost || hpack_table_count(d->table) > 0;
    hpack_table_resize(d->table, max_size);
    d->update_due = true;
    d->update_ceiling = max_size;
}

void hpack_decoder_demand_update(struct hpack_decoder *d, bool demand) {
    d->demand_update = demand;
}
