/* check_hpack.c - HPACK (RFC 7541): every error with its octet and rule, prefixes, size updates,
   bounds and failing allocations. */
#include "guard.h"
#include "hpack_text.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define LIMIT 4096

static int ignore(void *ctx, const struct hpack_item *item) {
    (void)ctx;
    (void)item;
    return 0;
}

/* --- Errors --- */

static const struct {
    const char *hex; /* decoded with a table of 4096 that holds "aaa: bbb" at 62 */
    enum hpack_status status;
    size_t offset;
    const char *rule;
} BAD[] = {
    {"82ff", HPACK_TRUNCATED, 2, "RFC7541-5.1"},
    {"827f", HPACK_TRUNCATED, 2, "RFC7541-5.1"},
    {"8240", HPACK_TRUNCATED, 2, "RFC7541-5.1"}, /* no name */
    {"824003", HPACK_TRUNCATED, 3, "RFC7541-5.2"},
    {"8240036161", HPACK_TRUNCATED, 5, "RFC7541-5.2"},
    {"824003616161", HPACK_TRUNCATED, 6, "RFC7541-5.1"}, /* no value */
    {"8240036161610262", HPACK_TRUNCATED, 8, "RFC7541-5.2"},
    {"82047fffffff07", HPACK_TRUNCATED, 7, "RFC7541-5.2"}, /* a string of 2^31 octets */
    {"3f", HPACK_TRUNCATED, 1, "RFC7541-5.1"},
    {"82ff80808080808000", HPACK_INTEGER, 1, "RFC7541-5.1"},
    {"82ffffffffff0f", HPACK_INTEGER, 1, "RFC7541-5.1"}, /* 2^32-1 + 127 */
    {"82ffffffffffffffffffff01", HPACK_INTEGER, 1, "RFC7541-5.1"},
    {"82047fffffffffff0f", HPACK_INTEGER, 2, "RFC7541-5.1"},
    {"8240007fffffffffff7f", HPACK_INTEGER, 3, "RFC7541-5.1"},
    {"820fffffffffff7f00", HPACK_INTEGER, 1, "RFC7541-5.1"},
    {"3fffffffffff7f", HPACK_INTEGER, 0, "RFC7541-5.1"},
    {"8280", HPACK_INDEX_ZERO, 1, "RFC7541-6.1"},
    {"82bf", HPACK_INDEX_RANGE, 1, "RFC7541-2.3.3"},
    {"827f000100", HPACK_INDEX_RANGE, 1, "RFC7541-2.3.3"},
    {"820f300100", HPACK_INDEX_RANGE, 1, "RFC7541-2.3.3"},
    {"821f300100", HPACK_INDEX_RANGE, 1, "RFC7541-2.3.3"},
    {"82ff80ffffff0f", HPACK_INDEX_RANGE, 1, "RFC7541-2.3.3"},
    {"820484ffffffff", HPACK_HUFFMAN_EOS, 3, "RFC7541-5.2"},
    {"8200861fffffffff0000", HPACK_HUFFMAN_EOS, 3, "RFC7541-5.2"},
    {"8204811f0482f8ff", HPACK_HUFFMAN_LONG, 7, "RFC7541-5.2"},
    {"82400161811e", HPACK_HUFFMAN_BITS, 5, "RFC7541-5.2"},
    {"8220", HPACK_UPDATE_LATE, 1, "RFC7541-4.2"},
    {"208220", HPACK_UPDATE_LATE, 2, "RFC7541-4.2"},
    {"3fe21f", HPACK_UPDATE_LARGE, 0, "RFC7541-6.3"}, /* 4097 */
    {"203fffffff0f", HPACK_UPDATE_LARGE, 1, "RFC7541-6.3"},
    {"3fe11f203fe21f", HPACK_UPDATE_LARGE, 4, "RFC7541-6.3"},
};

static struct hpack_decoder *decoder_with_entry(void) {
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    uint8_t wire[16];
    struct hpack_error error;
    size_t n = unhex("4003616161 03626262", wire);
    ck_assert_int_eq(hpack_decode(d, wire, n, ignore, NULL, &error), HPACK_OK);
    ck_assert_uint_eq(hpack_table_count(hpack_decoder_table(d)), 1);
    return d;
}

START_TEST(errors) {
    uint8_t wire[32];
    size_t n = unhex(BAD[_i].hex, wire);
    struct guard g;
    guard_init(&g, n);
    struct hpack_decoder *d = decoder_with_entry();
    struct hpack_error error;
    enum hpack_status status = hpack_decode(d, guard_put(&g, wire, n), n, ignore, NULL, &error);
    ck_assert_int_eq(status, BAD[_i].status);
    ck_assert_int_eq(error.status, status);
    ck_assert_uint_eq(error.offset, BAD[_i].offset);
    ck_assert_str_eq(error.rule, BAD[_i].rule);
    ck_assert(error.text[0] != '\0');
    hpack_decoder_free(d);
    guard_dispose(&g);
}
END_TEST

static const struct {
    const char *hex;
    uint64_t value;
    ssize_t taken;
} LONG_INTEGERS[] = {
    {"1f8000", 31, 3},            /* needlessly long */
    {"1f80808080 8000", 31, 7},   /* six continuation octets */
    {"1f8080808080 8000", 0, -1}, /* seven */
    {"1fe0ffffff0f", UINT32_MAX, 6},
    {"1fe1ffffff0f", 0, -1},
    {"1fe0ffffff8f00", UINT32_MAX, 7},
    {"1fffffffffff", 0, -1}, /* too large, whatever follows */
    {"1f808080808080", 0, -1},
    {"1f8080808080", 0, 0},
};

START_TEST(long_integers) {
    uint8_t wire[16];
    size_t n = unhex(LONG_INTEGERS[_i].hex, wire);
    uint64_t value = 0;
    ck_assert_int_eq(hpack_integer_decode(wire, n, 5, &value), LONG_INTEGERS[_i].taken);
    ck_assert_uint_eq(value, LONG_INTEGERS[_i].value);
}
END_TEST

/* --- Every prefix of a block with every representation --- */

static const char WHOLE[] = "203fe11f" /* size updates */
                            "82"
                            "400361616103626262"
                            "00811f811f"
                            "1f2f0378797a"
                            "be"
                            "4182f8f8"
                            "0f300161";

struct prefixes {
    size_t ends[16]; /* where a representation ends */
    size_t count;
};

static int note_end(void *ctx, const struct hpack_item *item) {
    struct prefixes *p = ctx;
    p->ends[p->count++] = item->offset + item->length;
    return 0;
}

static void try_prefix(void *ctx, const uint8_t *in, size_t len) {
    const struct prefixes *whole = ctx;
    struct prefixes part = {.count = 0};
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    struct hpack_error error;
    enum hpack_status status = hpack_decode(d, in, len, note_end, &part, &error);
    bool at_end = len == 0 || (part.count > 0 && part.ends[part.count - 1] == len);
    ck_assert_int_eq(status, at_end ? HPACK_OK : HPACK_TRUNCATED);
    ck_assert_uint_eq(error.offset, len);
    ck_assert(memcmp(part.ends, whole->ends, part.count * sizeof *part.ends) == 0);
    ck_assert(part.count == whole->count || whole->ends[part.count] > len);
    hpack_decoder_free(d);
}

START_TEST(prefixes) {
    uint8_t wire[64];
    size_t n = unhex(WHOLE, wire);
    struct prefixes whole = {.count = 0};
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    struct hpack_error error;
    ck_assert_int_eq(hpack_decode(d, wire, n, note_end, &whole, &error), HPACK_OK);
    ck_assert_uint_eq(whole.count, 9);
    hpack_decoder_free(d);
    guard_each_prefix(wire, n, try_prefix, &whole);
}
END_TEST

/* --- The representation is visible --- */

struct seen {
    struct hpack_item items[8];
    size_t count;
};

static int note_item(void *ctx, const struct hpack_item *item) {
    struct seen *seen = ctx;
    seen->items[seen->count++] = *item;
    return 0;
}

START_TEST(representations) {
    static const struct hpack_item want[] = {
        {.kind = HPACK_SIZE_UPDATE, .index = 0, .offset = 0, .length = 1},
        {.kind = HPACK_SIZE_UPDATE, .index = 4096, .offset = 1, .length = 3},
        {.kind = HPACK_INDEXED, .index = 2, .offset = 4, .length = 1},
        {.kind = HPACK_INCREMENTAL, .offset = 5, .length = 9},
        {HPACK_WITHOUT, 0, true, true, NULL, 1, NULL, 1, 14, 5},
        {.kind = HPACK_NEVER, .index = 62, .offset = 19, .length = 6},
        {.kind = HPACK_INDEXED, .index = 62, .offset = 25, .length = 1},
        {.kind = HPACK_INCREMENTAL, .index = 1, .value_huffman = true, .offset = 26, .length = 4},
    };
    uint8_t wire[64];
    size_t n = unhex(WHOLE, wire);
    struct seen seen = {.count = 0};
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    struct hpack_error error;
    ck_assert_int_eq(hpack_decode(d, wire, n - 4, note_item, &seen, &error), HPACK_OK);
    ck_assert_uint_eq(seen.count, ROWS(want));
    for (size_t i = 0; i < seen.count; i++) {
        ck_assert_int_eq(seen.items[i].kind, want[i].kind);
        ck_assert_uint_eq(seen.items[i].index, want[i].index);
        ck_assert_uint_eq(seen.items[i].offset, want[i].offset);
        ck_assert_uint_eq(seen.items[i].length, want[i].length);
        ck_assert_int_eq(seen.items[i].name_huffman, want[i].name_huffman);
        ck_assert_int_eq(seen.items[i].value_huffman, want[i].value_huffman);
    }
    hpack_decoder_free(d);
}
END_TEST

/* --- Bounds of the decoder --- */

static int stop_at_second(void *ctx, const struct hpack_item *item) {
    (void)item;
    return ++*(int *)ctx == 2;
}

START_TEST(stopped) {
    uint8_t wire[] = {0x82, 0x84, 0x86};
    int count = 0;
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    struct hpack_error error;
    ck_assert_int_eq(hpack_decode(d, wire, 3, stop_at_second, &count, &error), HPACK_STOPPED);
    ck_assert_uint_eq(error.offset, 1);
    ck_assert_str_eq(error.rule, "");
    hpack_decoder_free(d);
}
END_TEST

/* ":method: GET" counts 42: two of them fit into 84, and the bound is for each block anew. */
START_TEST(limit) {
    uint8_t wire[] = {0x82, 0x82, 0x82};
    struct hpack_decoder *d = hpack_decoder_new(4096, 84);
    struct hpack_error error;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(hpack_decode(d, wire, 2, ignore, NULL, &error), HPACK_OK);
    ck_assert_int_eq(hpack_decode(d, wire, 3, ignore, NULL, &error), HPACK_LIMIT);
    ck_assert_uint_eq(error.offset, 2);
    ck_assert_str_eq(error.rule, "RFC7541-7.4");
    hpack_decoder_free(d);
}
END_TEST

/* A literal beyond the limit does not reach the table. */
START_TEST(limit_before_insert) {
    uint8_t wire[32];
    size_t n = unhex("4003616161 03626262", wire);
    struct hpack_decoder *d = hpack_decoder_new(4096, 37);
    struct hpack_error error;
    ck_assert_int_eq(hpack_decode(d, wire, n, ignore, NULL, &error), HPACK_LIMIT);
    ck_assert_uint_eq(hpack_table_count(hpack_decoder_table(d)), 0);
    hpack_decoder_free(d);
}
END_TEST

/* --- Failing allocations --- */

static bool decode_attempt(void *ctx) {
    (void)ctx;
    uint8_t wire[64];
    size_t n = unhex(WHOLE, wire);
    struct hpack_error error;
    struct hpack_decoder *d = hpack_decoder_new(4096, LIMIT);
    if (!d)
        return false;
    enum hpack_status status = hpack_decode(d, wire, n, ignore, NULL, &error);
    ck_assert(status == HPACK_OK || status == HPACK_NOMEM);
    if (status == HPACK_NOMEM) {
        ck_assert(error.offset == 5 || error.offset == 14); /* the table, Huffman */
        ck_assert_str_eq(error.rule, "");
    }
    hpack_decoder_free(d);
    return status == HPACK_OK;
}

/* Enough fields for the table to grow; a failure leaves neither octets nor an entry. */
static bool encode_attempt(void *ctx) {
    (void)ctx;
    struct hpack_encoder *e = hpack_encoder_new(4096);
    if (!e)
        return false;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    int status = 0;
    for (unsigned i = 0; i < 40 && status == 0; i++) {
        uint8_t name[20];
        memset(name, (int)('a' + i % 26), sizeof name);
        size_t len = out.len, count = hpack_table_count(hpack_encoder_table(e));
        status = hpack_encode_field(e, name, sizeof name, name, i % 20, false, &out);
        ck_assert(status == 0 || status == BUF_NOMEM);
        ck_assert(status == 0 || out.len == len);
        ck_assert_uint_eq(hpack_table_count(hpack_encoder_table(e)), count + (status == 0));
    }
    buf_dispose(&out);
    hpack_encoder_free(e);
    return status == 0;
}

START_TEST(allocations) {
    ck_assert_int_ge(guard_each_allocation(decode_attempt, NULL), 6);
    ck_assert_int_ge(guard_each_allocation(encode_attempt, NULL), 6);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("hpack");
    tcase_add_loop_test(tests, errors, 0, ROWS(BAD));
    tcase_add_loop_test(tests, long_integers, 0, ROWS(LONG_INTEGERS));
    tcase_add_test(tests, prefixes);
    tcase_add_test(tests, representations);
    tcase_add_test(tests, stopped);
    tcase_add_test(tests, limit);
    tcase_add_test(tests, limit_before_insert);
    tcase_add_test(tests, allocations);
    return guard_run("hpack", tests);
}
