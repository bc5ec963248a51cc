/* check_huffman.c - unit tests of the Huffman code, RFC 7541 section 5.2. */
#include "guard.h"
#include "hpack_text.h"

enum { MAX = 4096 };

/* From RFC 7541 appendix C.4 and C.6, and codes of every length class. */
static const struct {
    const char *text, *hex;
} STRINGS[] = {
    {"", ""},
    {"www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"},
    {"no-cache", "a8eb10649cbf"},
    {"custom-key", "25a849e95ba97d7f"},
    {"custom-value", "25a849e95bb8e8b4bf"},
    {"302", "6402"},
    {"307", "640eff"},
    {"private", "aec3771a4b"},
    {"Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"},
    {"https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"},
    {"gzip", "9bd9ab"},
    {"a", "1f"},
    {"&", "f8"},
    {"\\", "fffe1f"},
    {"\n", "fffffff3"},
    {"\x16", "fffffffb"},
};

START_TEST(strings) {
    uint8_t coded[64], decoded[128];
    size_t n = unhex(STRINGS[_i].hex, coded);
    const uint8_t *text = (const uint8_t *)STRINGS[_i].text;
    size_t len = strlen(STRINGS[_i].text), written, offset;
    ck_assert_uint_eq(huffman_encoded_len(text, len), n);
    struct buf out;
    buf_init(&out, MAX);
    ck_assert_int_eq(huffman_encode(text, len, &out), 0);
    ck_assert_uint_eq(out.len, n);
    if (n > 0)
        ck_assert_mem_eq(out.data, coded, n);
    ck_assert_int_eq(huffman_decode(coded, n, decoded, &written, &offset), HUFFMAN_OK);
    ck_assert_uint_eq(written, len);
    ck_assert_mem_eq(decoded, text, len);
    buf_dispose(&out);
}
END_TEST

static const struct {
    const char *hex;
    enum huffman_error error;
    size_t offset, written;
} BAD[] = {
    {"ff", HUFFMAN_PADDING_LONG, 0, 0},
    {"ffff", HUFFMAN_PADDING_LONG, 0, 0},
    {"ffffff", HUFFMAN_PADDING_LONG, 0, 0},
    {"1fff", HUFFMAN_PADDING_LONG, 0, 1}, /* 'a', then 11 ones */
    {"f8ff", HUFFMAN_PADDING_LONG, 1, 1}, /* '&' fills its octet */
    {"1e", HUFFMAN_PADDING_BITS, 0, 1},   /* 'a', then 110 */
    {"18", HUFFMAN_PADDING_BITS, 0, 1},   /* 'a', then 000 */
    {"f1e3c2e5f23a6ba0ab90f4fe", HUFFMAN_PADDING_BITS, 11, 15},
    {"fffffff0", HUFFMAN_PADDING_BITS, 3, 1}, /* LF takes 30 bits */
    {"fe", HUFFMAN_PADDING_BITS, 0, 0},       /* the start of a code of 10 bits */
    {"fffe", HUFFMAN_PADDING_BITS, 0, 0},
    {"ffffff00", HUFFMAN_PADDING_BITS, 3, 1}, /* octet 23 takes 28 bits */
    {"ffffffff", HUFFMAN_EOS, 0, 0},
    {"fffffffc", HUFFMAN_EOS, 0, 0},
    {"1fffffffff", HUFFMAN_EOS, 0, 1}, /* begins in the octet of the 'a' */
    {"f8ffffffffffffffff", HUFFMAN_EOS, 1, 1},
    {"f1e3c2e5f23a6ba0ab90f4ffffffff", HUFFMAN_EOS, 11, 15},
};

START_TEST(errors) {
    uint8_t coded[64], decoded[128];
    size_t n = unhex(BAD[_i].hex, coded), written, offset = 0;
    enum huffman_error error = huffman_decode(coded, n, decoded, &written, &offset);
    ck_assert_int_eq(error, BAD[_i].error);
    ck_assert_uint_eq(offset, BAD[_i].offset);
    ck_assert_uint_eq(written, BAD[_i].written);
}
END_TEST

/* Generated strings of all octets: encoded and decoded again with input and output ending at pages
   that must not be touched; every cut either decodes to a prefix of the text or is bad padding. */
START_TEST(round_trips) {
    uint64_t seed = 7541;
    struct guard in, out;
    guard_init(&in, MAX);
    guard_init(&out, MAX * 8 / 5 + 1);
    for (int round = 0; round < 2000; round++) {
        uint8_t text[200];
        size_t len = random_below(&seed, sizeof text), written, offset;
        for (size_t i = 0; i < len; i++)
            text[i] =
                (uint8_t)(round % 2 ? random_next(&seed) >> 40 : 'a' + random_next(&seed) % 26);
        struct buf coded;
        buf_init(&coded, MAX);
        ck_assert_int_eq(huffman_encode(text, len, &coded), 0);
        for (size_t cut = coded.len; cut + 8 >= coded.len && cut <= coded.len; cut--) {
            const uint8_t *at = guard_put(&in, coded.data, cut);
            uint8_t *room = guard_room(&out, cut * 8 / 5 + 1);
            enum huffman_error error = huffman_decode(at, cut, room, &written, &offset);
            ck_assert(error != HUFFMAN_EOS && written <= len);
            ck_assert_mem_eq(room, text, written);
            if (cut == coded.len)
                ck_assert(error == HUFFMAN_OK && written == len);
        }
        buf_dispose(&coded);
    }
    guard_dispose(&in);
    guard_dispose(&out);
}
END_TEST

START_TEST(buffer_errors) {
    struct buf out;
    buf_init(&out, 2);
    const uint8_t *text = (const uint8_t *)"private";
    ck_assert_int_eq(huffman_encode(text, 7, &out), BUF_FULL);
    out.max = 100;
    mem_fail_after(0);
    ck_assert_int_eq(huffman_encode(text, 7, &out), BUF_NOMEM);
    mem_fail_after(-1);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(huffman_encode(text, 7, &out), 0);
    ck_assert_uint_eq(out.len, 5);
    buf_dispose(&out);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("huffman");
    tcase_add_loop_test(tests, strings, 0, sizeof STRINGS / sizeof *STRINGS);
    tcase_add_loop_test(tests, errors, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(tests, round_trips);
    tcase_add_test(tests, buffer_errors);
    return guard_run("huffman", tests);
}
