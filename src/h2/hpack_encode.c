/* hpack_encode.c - fields and representations to field blocks, RFC 7541 sections 4.2 and 6. */
#include "h2/hpack.h"
#include "h2/hpack_internal.h"

#include <string.h>

#include "base/mem.h"

/* What an encoder uses without being told to: the initial SETTINGS_HEADER_TABLE_SIZE. */
enum { TABLE_SIZE_DEFAULT = 4096 };

struct hpack_encoder {
    struct hpack_table *table; /* of the smallest size while updates are due */
    bool update_due;
    bool reduced;      /* to that size, which has not been signaled yet */
    size_t final_size; /* of the table when the updates are out */
};

/* The first octet of each kind and the prefix of its integer. */
static const struct {
    uint8_t first;
    uint8_t prefix;
} KINDS[] = {
    [HPACK_INDEXED] = {0x80, 7}, [HPACK_INCREMENTAL] = {0x40, 6}, [HPACK_WITHOUT] = {0x00, 4},
    [HPACK_NEVER] = {0x10, 4},   [HPACK_SIZE_UPDATE] = {0x20, 5},
};

/* --- Strings (section 5.2) --- */

struct string {
    const uint8_t *octets;
    size_t len;
    bool huffman;
    size_t coded_len; /* without the length in front */
};

static struct string string_of(const uint8_t *octets, size_t len, enum hpack_huffman mode) {
    struct string s = {octets, len, false, len};
    if (mode == HPACK_HUFFMAN_OFF)
        return s;
    size_t coded_len = huffman_encoded_len(octets, len);
    if (mode == HPACK_HUFFMAN_ON || coded_len < len) {
        s.huffman = true;
        s.coded_len = coded_len;
    }
    return s;
}

static size_t string_len(const struct string *s) {
    return hpack_integer_len(s->coded_len, 7) + s->coded_len;
}

static uint8_t *string_write(uint8_t *out, const struct string *s) {
    out = hpack_integer_write(out, s->coded_len, 7, s->huffman ? 0x80 : 0);
    if (s->huffman)
        return huffman_write(out, s->octets, s->len);
    if (s->len > 0)
        memcpy(out, s->octets, s->len);
    return out + s->len;
}

/* --- Representations (section 6) --- */

static int write_index(enum hpack_kind kind, uint64_t index, struct buf *out) {
    return hpack_integer_encode(index, KINDS[kind].prefix, KINDS[kind].first, out);
}

/* A literal without its effect on the table. It is written behind the end of `out`: the caller
   adds *len, when all else has succeeded too. */
static int write_literal(enum hpack_kind kind, uint64_t index, const struct string *name,
                         const struct string *value, struct buf *out, size_t *len) {
    *len = hpack_integer_len(index, KINDS[kind].prefix) + string_len(value);
    if (index == 0)
        *len += string_len(name);
    uint8_t *room = buf_reserve(out, *len);
    if (!room)
        return hpack_reserve_error(out, *len);
    room = hpack_integer_write(room, index, KINDS[kind].prefix, KINDS[kind].first);
    if (index == 0)
        room = string_write(room, name);
    string_write(room, value);
    return 0;
}

static int encode_size_update(struct hpack_encoder *e, uint64_t size, struct buf *out) {
    int status = write_index(HPACK_SIZE_UPDATE, size, out);
    if (status == 0) {
        e->update_due = e->reduced = false;
        hpack_table_resize(e->table, size);
    }
    return status;
}

/* A literal that puts `insert` (or nothing) into the table. The octets are written before the table
   changes: the name may be borrowed from it. */
static int encode_literal(struct hpack_encoder *e, const struct hpack_item *item,
                          enum hpack_huffman name_mode, enum hpack_huffman value_mode,
                          const struct hpack_content *insert, struct buf *out) {
    struct string name = {0};
    if (item->index == 0)
        name = string_of(item->name, item->name_len, name_mode);
    struct string value = string_of(item->value, item->value_len, value_mode);
    size_t len;
    int status = write_literal(item->kind, item->index, &name, &value, out, &len);
    if (status == 0 && insert)
        status = hpack_content_insert(e->table, insert);
    if (status == 0)
        out->len += len;
    return status;
}

/* What a literal with incremental indexing puts into the peer's table. */
static bool inserted_by(const struct hpack_encoder *e, const struct hpack_item *item,
                        struct hpack_content *content) {
    struct hpack_entry named = {.name = item->name, .name_len = item->name_len};
    if (item->kind != HPACK_INCREMENTAL)
        return false;
    if (item->index != 0 && !hpack_table_get(e->table, item->index, &named))
        return false;
    *content = hpack_content_of(named.name, named.name_len, item->value, item->value_len);
    return true;
}

int hpack_encode_item(struct hpack_encoder *e, const struct hpack_item *item,
                      enum hpack_huffman name, enum hpack_huffman value, struct buf *out) {
    if (item->kind == HPACK_INDEXED)
        return write_index(HPACK_INDEXED, item->index, out);
    if (item->kind == HPACK_SIZE_UPDATE)
        return encode_size_update(e, item->index, out);
    struct hpack_content content;
    bool insert = inserted_by(e, item, &content);
    return encode_literal(e, item, name, value, insert ? &content : NULL, out);
}

int hpack_encode_updates(struct hpack_encoder *e, struct buf *out) {
    if (!e->update_due)
        return 0;
    size_t smallest = hpack_table_max(e->table);
    bool both = e->reduced && smallest < e->final_size;
    size_t need = hpack_integer_len(e->final_size, 5);
    if (both)
        need += hpack_integer_len(smallest, 5);
    if (!buf_reserve(out, need))
        return hpack_reserve_error(out, need);
    int status = both ? encode_size_update(e, smallest, out) : 0;
    return status == 0 ? encode_size_update(e, e->final_size, out) : status;
}

int hpack_encode_field(struct hpack_encoder *e, const uint8_t *name, size_t name_len,
                       const uint8_t *value, size_t value_len, bool sensitive, struct buf *out) {
    int status = hpack_encode_updates(e, out);
    if (status != 0)
        return status;
    struct hpack_content content = hpack_content_of(name, name_len, value, value_len);
    size_t exact, name_only;
    hpack_content_find(e->table, &content, &exact, &name_only);
    if (exact != 0 && !sensitive)
        return write_index(HPACK_INDEXED, exact, out);
    /* Inserting a field that exceeds the table would only empty it (section 4.4). */
    bool fits = name_len + value_len + HPACK_ENTRY_OVERHEAD <= hpack_table_max(e->table);
    bool insert = fits && !sensitive;
    struct hpack_item item = {
        .kind = sensitive ? HPACK_NEVER
                : insert  ? HPACK_INCREMENTAL
                          : HPACK_WITHOUT,
        .index = exact != 0 ? exact : name_only,
        .name = name,
        .name_len = name_len,
        .value = value,
        .value_len = value_len,
    };
    return encode_literal(e, &item, HPACK_HUFFMAN_AUTO, HPACK_HUFFMAN_AUTO,
                          insert ? &content : NULL, out);
}

/* --- The encoder --- */

struct hpack_encoder *hpack_encoder_new(size_t max_size) {
    struct hpack_encoder *e = mem_alloc(sizeof *e);
    if (!e)
        return NULL;
    e->table = hpack_table_new(max_size);
    if (!e->table) {
        mem_free(e);
        return NULL;
    }
    return e;
}

void hpack_encoder_free(struct hpack_encoder *e) {
    if (!e)
        return;
    hpack_table_free(e->table);
    mem_free(e);
}

const struct hpack_table *hpack_encoder_table(const struct hpack_encoder *e) {
    return e->table;
}

void hpack_encoder_set_max(struct hpack_encoder *e, size_t max_size) {
    size_t size = e->update_due ? e->final_size : hpack_table_max(e->table);
    size_t wanted = size < TABLE_SIZE_DEFAULT ? TABLE_SIZE_DEFAULT : size;
    size_t final_size = max_size < wanted ? max_size : wanted;
    if (final_size == size)
        return;
    if (final_size < hpack_table_max(e->table)) {
        hpack_table_resize(e->table, final_size);
        e->reduced = true;
    }
    e->final_size = final_size;
    e->update_due = true;
}
