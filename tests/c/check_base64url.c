/* check_base64url.c - base64url (RFC 4648 section 5, without padding) and hexadecimal. */
#include "base/base64url.h"

#include "base/hex.h"
#include "guard.h"

typedef ssize_t (*decode_fn)(const char *in, size_t n, uint8_t *out);

/* Decode with the input and the output each up to a guard page. */
static ssize_t decode_guarded(decode_fn decode, const char *in, size_t n, size_t room,
                              uint8_t *out) {
    struct guard from, to;
    guard_init(&from, n);
    guard_init(&to, room);
    uint8_t *at = guard_room(&to, room);
    ssize_t written = decode((const char *)guard_put(&from, in, n), n, at);
    if (written > 0)
        memcpy(out, at, (size_t)written);
    guard_dispose(&from);
    guard_dispose(&to);
    return written;
}

/* RFC 4648 section 10, without the padding, and characters of the URL-safe alphabet. */
static const struct {
    const char *octets;
    size_t len;
    const char *text;
} base64url_rows[] = {
    {"", 0, ""},
    {"f", 1, "Zg"},
    {"fo", 2, "Zm8"},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy"},
    {"\xfb\xff\xbf", 3, "-_-_"},
    {"\0", 1, "AA"},
    {"\xff", 1, "_w"},
    {"\0\3\0\0\0\x64", 6, "AAMAAABk"},
};

START_TEST(test_base64url_row) {
    char text[64];
    uint8_t octets[64];
    size_t len = base64url_rows[_i].len, text_len = strlen(base64url_rows[_i].text);
    ck_assert_uint_eq(BASE64URL_LEN(len), text_len);
    base64url_encode((const uint8_t *)base64url_rows[_i].octets, len, text);
    ck_assert_mem_eq(text, base64url_rows[_i].text, text_len);
    ssize_t n = decode_guarded(base64url_decode, base64url_rows[_i].text, text_len,
                               text_len * 3 / 4, octets);
    ck_assert_int_eq(n, (ssize_t)len);
    ck_assert_mem_eq(octets, base64url_rows[_i].octets, len);
}
END_TEST

static const struct {
    const char *text;
    int offset;
} base64url_bad[] = {
    {"Z", 0},      {"Zm9vY", 4},  {"Zg==", 2}, {"Zm8=", 3},    {"Zm9+", 3},  {"Zm9/", 3},
    {" Zm9v", 0},  {"Zm9v\n", 4}, {"Zh", 1},   {"Zm9", 2},     {"Zm-9 ", 4}, {"Zm\x80v", 2},
    {"Zm9vYh", 5}, {"_x", 1},     {"=", 0},    {"Zm9vYmF", 6},
};

START_TEST(test_base64url_bad) {
    uint8_t octets[64];
    size_t n = strlen(base64url_bad[_i].text);
    ssize_t status = decode_guarded(base64url_decode, base64url_bad[_i].text, n, n * 3 / 4, octets);
    ck_assert_int_eq(status, -1 - base64url_bad[_i].offset);
}
END_TEST

START_TEST(test_base64url_round_trip) {
    uint8_t octets[200], back[200];
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(i * 151 + 13);
    struct guard g;
    guard_init(&g, BASE64URL_LEN(sizeof(octets)));
    for (size_t n = 0; n <= sizeof(octets); n++) {
        char *text = (char *)guard_room(&g, BASE64URL_LEN(n));
        base64url_encode(octets, n, text);
        ck_assert_int_eq(base64url_decode(text, BASE64URL_LEN(n), back), (ssize_t)n);
        ck_assert_mem_eq(back, octets, n);
    }
    guard_dispose(&g);
}
END_TEST

/* Every text of two characters either decodes to what encodes to it, or is an error. */
START_TEST(test_base64url_is_canonical) {
    int good = 0;
    for (int i = 0; i < 65536; i++) {
        char text[2] = {(char)(i >> 8), (char)i}, again[2];
        uint8_t octet;
        if (base64url_decode(text, 2, &octet) < 0)
            continue;
        base64url_encode(&octet, 1, again);
        ck_assert_mem_eq(again, text, 2);
        good++;
    }
    ck_assert_int_eq(good, 256);
}
END_TEST

static const struct {
    const char *text;
    int status; /* octets, or -1 - offset */
    const char *octets;
} hex_rows[] = {
    {"", 0, ""},
    {"00", 1, "\0"},
    {"0aFf", 2, "\x0a\xff"},
    {" 0\ta \r\nF f ", 2, "\x0a\xff"},
    {"0", -2, ""},
    {"0 ", -3, ""},
    {"000", -4, ""},
    {"0g", -2, ""},
    {"0x00", -2, ""},
    {"00\x80", -3, ""},
    {":00", -1, ""},
    {"  ", 0, ""},
};

START_TEST(test_hex_row) {
    uint8_t octets[16];
    size_t n = strlen(hex_rows[_i].text);
    ssize_t status = decode_guarded(hex_decode, hex_rows[_i].text, n, n / 2, octets);
    ck_assert_int_eq(status, hex_rows[_i].status);
    if (status > 0)
        ck_assert_mem_eq(octets, hex_rows[_i].octets, (size_t)status);
}
END_TEST

START_TEST(test_hex_round_trip) {
    uint8_t octets[256], back[256];
    for (int i = 0; i < 256; i++)
        octets[i] = (uint8_t)i;
    struct guard g;
    guard_init(&g, 512);
    char *text = (char *)guard_room(&g, 512);
    hex_encode(octets, 256, text);
    ck_assert_mem_eq(text, "000102030405060708090a0b0c0d0e0f", 32);
    ck_assert_int_eq(hex_decode(text, 512, back), 256);
    ck_assert_mem_eq(back, octets, 256);
    guard_dispose(&g);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("base64url");
    tcase_add_loop_test(tests, test_base64url_row, 0,
                        sizeof(base64url_rows) / sizeof(base64url_rows[0]));
    tcase_add_loop_test(tests, test_base64url_bad, 0,
                        sizeof(base64url_bad) / sizeof(base64url_bad[0]));
    tcase_add_test(tests, test_base64url_round_trip);
    tcase_add_test(tests, test_base64url_is_canonical);
    tcase_add_loop_test(tests, test_hex_row, 0, sizeof(hex_rows) / sizeof(hex_rows[0]));
    tcase_add_test(tests, test_hex_round_trip);
    return guard_run("base64url", tests);
}
