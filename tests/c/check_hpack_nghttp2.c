/* check_hpack_nghttp2.c - HPACK against libnghttp2 on generated input: what one encodes the other
   decodes, with equal tables, over long sequences with changes of the table size; and both accept
   or refuse the same damaged blocks.

   One difference is allowed, RFC 7541 section 5.1 leaves such limits to the implementation: we take
   integers with six octets of continuation, libnghttp2 five. (It also refuses strings of more than
   65536 octets, which are not generated.) */
#include <nghttp2/nghttp2.h>

#include "guard.h"
#include "hpack_text.h"

enum { TABLE = 4096, FIELDS_MAX = 12, BLOCK_MAX = 8192, STRING_ROOM = 96 };

struct field {
    uint8_t name[STRING_ROOM], value[STRING_ROOM];
    size_t name_len, value_len;
    bool sensitive;
};

struct list {
    struct field fields[FIELDS_MAX];
    size_t count;
};

/* --- Generated lists --- */

static const char *const NAMES[] = {":method", ":path",      ":status",      "cookie",     "accept",
                                    "date",    "set-cookie", "content-type", "x-trace-id", "x"};
static const char *const VALUES[] = {"GET", "POST", "/", "200", "404", "", "text/html", "a=b"};

static size_t put(uint8_t *out, const char *text) {
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

/* Known names and values mostly, so that there is something to index; else any octets. */
static void make_field(uint64_t *seed, struct field *f) {
    f->sensitive = random_below(seed, 10) == 0;
    f->name_len = put(f->name, NAMES[random_below(seed, 10)]);
    if (random_below(seed, 4) == 0)
        f->name[f->name_len++] = (uint8_t)('0' + random_below(seed, 10));
    f->value_len = put(f->value, VALUES[random_below(seed, 8)]);
    if (random_below(seed, 3) != 0)
        return;
    bool binary = random_below(seed, 4) == 0;
    f->value_len = random_below(seed, STRING_ROOM);
    for (size_t i = 0; i < f->value_len; i++)
        f->value[i] = (uint8_t)(binary ? random_below(seed, 256) : '0' + random_below(seed, 60));
}

static void make_list(uint64_t *seed, struct list *list) {
    list->count = random_below(seed, FIELDS_MAX + 1);
    for (size_t i = 0; i < list->count; i++)
        make_field(seed, &list->fields[i]);
}

static void list_text(struct buf *text, const struct list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const struct field *f = &list->fields[i];
        text_field(text, f->name, f->name_len, f->value, f->value_len);
    }
}

/* --- Both decoders and both encoders, with their results as text --- */

static bool inflate(nghttp2_hd_inflater *inflater, const uint8_t *in, size_t len,
                    struct buf *text) {
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, in, len, 1);
        if (n < 0)
            return false;
        in += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            text_field(text, nv.name, nv.namelen, nv.value, nv.valuelen);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    return true;
}

static bool decode(struct hpack_decoder *d, const uint8_t *in, size_t len, struct buf *text) {
    struct hpack_error error;
    return hpack_decode(d, in, len, text_item, text, &error) == HPACK_OK;
}

static void deflate(nghttp2_hd_deflater *deflater, const struct list *list, struct buf *out) {
    nghttp2_nv lines[FIELDS_MAX];
    for (size_t i = 0; i < list->count; i++) {
        const struct field *f = &list->fields[i];
        uint8_t flags = f->sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
        lines[i] =
            (nghttp2_nv){(uint8_t *)f->name, (uint8_t *)f->value, f->name_len, f->value_len, flags};
    }
    uint8_t *room = buf_reserve(out, BLOCK_MAX);
    ssize_t n = nghttp2_hd_deflate_hd(deflater, room, BLOCK_MAX, lines, list->count);
    if (n < 0)
        ck_abort_msg("nghttp2 does not encode");
    out->len += (size_t)n;
}

static void encode(struct hpack_encoder *e, const struct list *list, struct buf *out) {
    for (size_t i = 0; i < list->count; i++) {
        const struct field *f = &list->fields[i];
        if (hpack_encode_field(e, f->name, f->name_len, f->value, f->value_len, f->sensitive,
                               out) != 0)
            ck_abort_msg("a field is not encoded");
    }
}

static void same_text(struct buf *a, struct buf *b) {
    if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
        ck_abort_msg("lists differ:\n%s----\n%s", text_end(a), text_end(b));
}

/* The decoder's table, compared entry by entry with that of nghttp2's inflater. */
static void same_tables(const struct hpack_table *t, nghttp2_hd_inflater *inflater) {
    struct buf ours, theirs;
    buf_init(&ours, TEXT_MAX);
    buf_init(&theirs, TEXT_MAX);
    text_table(&ours, t);
    size_t count = nghttp2_hd_inflate_get_num_table_entries(inflater);
    for (size_t i = 62; i <= count; i++) {
        const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(inflater, i);
        text_field(&theirs, nv->name, nv->namelen, nv->value, nv->valuelen);
    }
    same_text(&ours, &theirs);
    buf_dispose(&ours);
    buf_dispose(&theirs);
}

/* --- Sequences --- */

struct both {
    struct hpack_decoder *decoder;
    nghttp2_hd_inflater *inflater;
    struct hpack_encoder *encoder;
    nghttp2_hd_deflater *deflater;
    struct buf block, want, ours, theirs;
};

static void both_init(struct both *b) {
    b->decoder = hpack_decoder_new(TABLE, TEXT_MAX);
    b->encoder = hpack_encoder_new(TABLE);
    if (!b->decoder || !b->encoder || nghttp2_hd_inflate_new(&b->inflater) != 0 ||
        nghttp2_hd_deflate_new(&b->deflater, TABLE) != 0)
        ck_abort_msg("out of memory");
    buf_init(&b->block, TEXT_MAX);
    buf_init(&b->want, TEXT_MAX);
    buf_init(&b->ours, TEXT_MAX);
    buf_init(&b->theirs, TEXT_MAX);
}

static void both_dispose(struct both *b) {
    hpack_decoder_free(b->decoder);
    hpack_encoder_free(b->encoder);
    nghttp2_hd_inflate_del(b->inflater);
    nghttp2_hd_deflate_del(b->deflater);
    buf_dispose(&b->block);
    buf_dispose(&b->want);
    buf_dispose(&b->ours);
    buf_dispose(&b->theirs);
}

static void next_list(struct both *b, uint64_t *seed, struct list *list) {
    b->block.len = b->want.len = b->ours.len = b->theirs.len = 0;
    make_list(seed, list);
    list_text(&b->want, list);
}

/* Both decoders take the block, whoever made it, and then have the same table. */
static void both_accept(struct both *b) {
    if (!decode(b->decoder, b->block.data, b->block.len, &b->ours))
        ck_abort_msg("we do not decode the block");
    if (!inflate(b->inflater, b->block.data, b->block.len, &b->theirs))
        ck_abort_msg("nghttp2 does not decode the block");
    same_text(&b->ours, &b->want);
    same_text(&b->theirs, &b->want);
    same_tables(hpack_decoder_table(b->decoder), b->inflater);
}

static void change_size(struct both *b, size_t size) {
    hpack_decoder_set_max(b->decoder, size);
    hpack_encoder_set_max(b->encoder, size);
    nghttp2_hd_inflate_change_table_size(b->inflater, size);
    nghttp2_hd_deflate_change_table_size(b->deflater, size);
}

/* Up to three changes between two blocks, at times to 0. An empty block could not begin with the
   update that is due then. */
static bool change_sizes(struct both *b, uint64_t *seed) {
    if (random_below(seed, 8) != 0)
        return false;
    for (size_t n = 1 + random_below(seed, 3); n > 0; n--)
        change_size(b, random_below(seed, 4) == 0 ? 0 : random_below(seed, 6000));
    return true;
}

static void run_sequence(uint64_t seed, bool ours) {
    struct both b;
    struct list list;
    both_init(&b);
    for (int i = 0; i < 5000; i++) {
        bool changed = change_sizes(&b, &seed);
        do
            next_list(&b, &seed, &list);
        while (changed && list.count == 0);
        if (ours)
            encode(b.encoder, &list, &b.block);
        else
            deflate(b.deflater, &list, &b.block);
        both_accept(&b);
    }
    both_dispose(&b);
}

START_TEST(ours_to_both) {
    run_sequence(20150515 + (uint64_t)_i, true);
}
END_TEST

START_TEST(theirs_to_both) {
    run_sequence(20220606 + (uint64_t)_i, false);
}
END_TEST

/* --- Damaged blocks --- */

static void damage(uint64_t *seed, struct buf *block) {
    for (size_t n = 1 + random_below(seed, 3); n > 0 && block->len > 0; n--) {
        size_t at = random_below(seed, block->len);
        switch (random_below(seed, 5)) {
        case 0:
            block->data[at] ^= (uint8_t)(1u << random_below(seed, 8));
            break;
        case 1:
            block->data[at] = (uint8_t)random_next(seed);
            break;
        case 2:
            block->data[at] = random_below(seed, 2) ? 0xff : 0x80;
            break;
        case 3: /* take one away */
            memmove(block->data + at, block->data + at + 1, block->len - at - 1);
            block->len--;
            break;
        default:
            block->len = at;
        }
    }
}

static int encode_again(void *ctx, const struct hpack_item *item) {
    struct both *b = ctx;
    return hpack_encode_item(b->encoder, item,
                             item->name_huffman ? HPACK_HUFFMAN_ON : HPACK_HUFFMAN_OFF,
                             item->value_huffman ? HPACK_HUFFMAN_ON : HPACK_HUFFMAN_OFF, &b->want);
}

/* We alone accepted. Then with its integers as short as they can be nghttp2 takes it as well. */
static void check_long_integers(const struct both *damaged, const struct both *fresh) {
    struct both b;
    struct hpack_error error;
    both_init(&b);
    ck_assert(decode(b.decoder, fresh->block.data, fresh->block.len, &b.ours));
    ck_assert(inflate(b.inflater, fresh->block.data, fresh->block.len, &b.ours));
    ck_assert_int_eq(
        hpack_decode(b.decoder, damaged->block.data, damaged->block.len, encode_again, &b, &error),
        HPACK_OK);
    ck_assert_uint_le(b.want.len + 5, damaged->block.len);
    ck_assert(inflate(b.inflater, b.want.data, b.want.len, &b.theirs));
    both_dispose(&b);
}

START_TEST(damaged) {
    uint64_t seed = 7541 + (uint64_t)_i;
    size_t accepted = 0, refused = 0;
    for (int i = 0; i < 4000; i++) {
        struct both b, first;
        struct list list;
        both_init(&b);
        both_init(&first);
        next_list(&b, &seed, &list);
        encode(b.encoder, &list, &b.block);
        text_add(&first.block, b.block.data, b.block.len);
        both_accept(&b);
        next_list(&b, &seed, &list);
        encode(b.encoder, &list, &b.block);
        damage(&seed, &b.block);
        bool we = decode(b.decoder, b.block.data, b.block.len, &b.ours);
        bool they = inflate(b.inflater, b.block.data, b.block.len, &b.theirs);
        if (we && !they)
            check_long_integers(&b, &first);
        else if (we != they)
            ck_abort_msg("round %d: nghttp2 accepts, we do not", i);
        if (we && they) {
            same_text(&b.ours, &b.theirs);
            same_tables(hpack_decoder_table(b.decoder), b.inflater);
        }
        accepted += we;
        refused += !we;
        both_dispose(&b);
        both_dispose(&first);
    }
    ck_assert_uint_gt(accepted, 500);
    ck_assert_uint_gt(refused, 500);
}
END_TEST

/* The allowed difference: a size update to 31 in six and in seven octets. */
START_TEST(long_integers) {
    static const char *const hex[] = {"3f8080808000", "3f808080808000"};
    struct both b, first;
    both_init(&b);
    both_init(&first);
    uint8_t wire[16];
    text_add(&b.block, wire, unhex(hex[_i], wire));
    ck_assert(decode(b.decoder, b.block.data, b.block.len, &b.ours));
    bool they = inflate(b.inflater, b.block.data, b.block.len, &b.theirs);
    ck_assert_int_eq(they, _i == 0);
    if (!they)
        check_long_integers(&b, &first);
    both_dispose(&b);
    both_dispose(&first);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("hpack_nghttp2");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, ours_to_both, 0, 4);
    tcase_add_loop_test(tests, theirs_to_both, 0, 4);
    tcase_add_loop_test(tests, damaged, 0, 5);
    tcase_add_loop_test(tests, long_integers, 0, 2);
    return guard_run("hpack_nghttp2", tests);
}
