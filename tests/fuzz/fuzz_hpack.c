/* fuzz_hpack.c - any block decodes or fails in order; what it decoded to, encoded again verbatim,
   decodes to the same list and the same table (RFC 7541).
   The input is a series of blocks, each with the table size that is announced before it (in units
   of 64 octets) and its length in front. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "h2/hpack.h"

enum { LIMIT = 1 << 16, ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct hpack_decoder *decoder;
    struct hpack_encoder *encoder; /* of what this side decodes; NULL: nothing is encoded */
    struct buf again;
    struct buf list;
    size_t octets;
};

static void demand(bool holds) {
    if (!holds)
        abort();
}

/* The item without its place, which needlessly long integers change. */
static void note(struct buf *list, const struct hpack_item *item) {
    uint64_t head[] = {item->kind,          item->index,    item->name_huffman,
                       item->value_huffman, item->name_len, item->value_len};
    demand(buf_append(list, head, sizeof head) == 0);
    demand(buf_append(list, item->name, item->name_len) == 0);
    demand(buf_append(list, item->value, item->value_len) == 0);
}

static int take(void *ctx, const struct hpack_item *item) {
    struct side *s = ctx;
    demand(item->offset == s->octets && item->length > 0);
    s->octets += item->length;
    note(&s->list, item);
    if (s->encoder)
        demand(hpack_encode_item(
                   s->encoder, item, item->name_huffman ? HPACK_HUFFMAN_ON : HPACK_HUFFMAN_OFF,
                   item->value_huffman ? HPACK_HUFFMAN_ON : HPACK_HUFFMAN_OFF, &s->again) == 0);
    return 0;
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void same_tables(const struct hpack_table *a, const struct hpack_table *b) {
    struct hpack_entry x, y;
    demand(hpack_table_count(a) == hpack_table_count(b));
    demand(hpack_table_size(a) == hpack_table_size(b) && hpack_table_size(a) <= hpack_table_max(a));
    for (size_t i = 62; hpack_table_get(a, i, &x); i++) {
        demand(hpack_table_get(b, i, &y));
        demand(same(x.name, x.name_len, y.name, y.name_len));
        demand(same(x.value, x.value_len, y.value, y.value_len));
    }
}

/* False: the block is in error, and the connection would end. */
static bool run_block(struct side *first, struct side *second, const uint8_t *in, size_t len) {
    struct hpack_error error;
    first->list.len = second->list.len = first->again.len = 0;
    first->octets = second->octets = 0;
    enum hpack_status status = hpack_decode(first->decoder, in, len, take, first, &error);
    demand(status == error.status && error.offset <= len && error.rule && error.text);
    if (status != HPACK_OK)
        return false;
    demand(first->octets == len && first->again.len <= len);
    status =
        hpack_decode(second->decoder, first->again.data, first->again.len, take, second, &error);
    demand(status == HPACK_OK);
    demand(same(first->list.data, first->list.len, second->list.data, second->list.len));
    same_tables(hpack_decoder_table(first->decoder), hpack_decoder_table(second->decoder));
    same_tables(hpack_decoder_table(first->decoder), hpack_encoder_table(first->encoder));
    return true;
}

static void side_init(struct side *s, bool encodes) {
    *s = (struct side){.decoder = hpack_decoder_new(4096, LIMIT)};
    if (encodes)
        s->encoder = hpack_encoder_new(4096);
    demand(s->decoder && (s->encoder || !encodes));
    buf_init(&s->again, ROOM);
    buf_init(&s->list, ROOM);
}

static void side_dispose(struct side *s) {
    hpack_decoder_free(s->decoder);
    hpack_encoder_free(s->encoder);
    buf_dispose(&s->again);
    buf_dispose(&s->list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct side first, second;
    side_init(&first, true);
    side_init(&second, false);
    while (size >= 2) {
        size_t max = data[0] * 64u, len = data[1] < size - 2 ? data[1] : size - 2;
        hpack_decoder_set_max(first.decoder, max);
        hpack_decoder_set_max(second.decoder, max);
        if (!run_block(&first, &second, data + 2, len))
            break;
        data += 2 + len;
        size -= 2 + len;
    }
    side_dispose(&first);
    side_dispose(&second);
    return 0;
}
