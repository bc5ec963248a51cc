/* check_frame_encode.c - frames encoded as told, settings, and the names of the tables (RFC 9113).
 */
#include "h2/frame.h"

#include "base/hex.h"
#include "guard.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

static size_t from_hex(const char *hex, uint8_t *out) {
    ssize_t n = hex_decode(hex, strlen(hex), out);
    ck_assert_int_ge(n, 0);
    return (size_t)n;
}

static const struct {
    struct h2_frame frame;
    const char *payload;
} encode_rows[] = {
    {{.type = H2_WINDOW_UPDATE, .increment = 0x80000001}, "80000001"},
    {{.type = H2_GOAWAY, .last_stream = 0xffffffff, .error_code = 1}, "ffffffff00000001"},
    {{.type = H2_PUSH_PROMISE, .other_stream = 0x80000002}, "80000002"},
    {{.type = H2_PRIORITY, .exclusive = true, .dependency = 1, .weight = 2}, "8000000102"},
    {{.type = H2_HEADERS, .has_priority = true, .dependency = 1}, "0000000100"},
    {{.type = H2_HEADERS, .flags = H2_FLAG_PRIORITY, .dependency = 1}, ""},
    {{.type = H2_DATA, .pad_length = 3}, ""},
    {{.type = H2_DATA, .flags = H2_FLAG_PADDED, .pad_length = 3}, "03000000"},
    {{.type = H2_CONTINUATION, .flags = H2_FLAG_PADDED, .pad_length = 3}, ""},
    {{.type = H2_PRIORITY_UPDATE, .other_stream = 5}, "00000005"},
    {{.type = H2_PING}, ""},
    {{.type = 0x42, .pad_length = 3, .increment = 4}, ""},
};

START_TEST(test_encode) {
    uint8_t payload[64];
    size_t len = from_hex(encode_rows[_i].payload, payload);
    struct buf out;
    buf_init(&out, 64);
    ck_assert_int_eq(h2_frame_payload_encode(&encode_rows[_i].frame, &out), 0);
    ck_assert_uint_eq(out.len, len);
    ck_assert(len == 0 || memcmp(out.data, payload, len) == 0);
    buf_dispose(&out);
}
END_TEST

START_TEST(test_head_encode) {
    struct h2_frame f = {.length = 0xfe123456, .type = 0x99, .flags = 0xab, .stream = 0x80000005};
    struct buf out;
    buf_init(&out, 18);
    ck_assert_int_eq(h2_frame_head_encode(&f, &out), 0);
    ck_assert_mem_eq(out.data, "\x12\x34\x56\x99\xab\x80\0\0\5", 9);
    f.stream = 5;
    f.reserved = true;
    ck_assert_int_eq(h2_frame_head_encode(&f, &out), 0);
    ck_assert_mem_eq(out.data + 9, out.data, 9);
    ck_assert_int_eq(h2_frame_head_encode(&f, &out), BUF_FULL);
    ck_assert_uint_eq(out.len, 18);
    buf_dispose(&out);
}
END_TEST

static const struct h2_frame large = {
    .type = H2_ALTSVC,
    .origin = (const uint8_t *)"https://a",
    .origin_len = 9,
    .body = (const uint8_t[300]){1},
    .body_len = 300,
};

/* The payload is all there or not at all, wherever it stops to fit. */
START_TEST(test_encode_full) {
    struct h2_frame data = large;
    data.type = H2_DATA;
    data.flags = H2_FLAG_PADDED;
    data.pad_length = 255;
    const size_t sizes[] = {2 + 9 + 300, 1 + 300 + 255};
    for (int kind = 0; kind < 2; kind++)
        for (size_t max = 1; max <= 1 + sizes[kind]; max++) {
            struct buf out;
            buf_init(&out, max);
            ck_assert_int_eq(buf_append(&out, "x", 1), 0);
            bool fits = max == 1 + sizes[kind];
            int status = h2_frame_payload_encode(kind ? &data : &large, &out);
            ck_assert_int_eq(status, fits ? 0 : BUF_FULL);
            ck_assert_uint_eq(out.len, fits ? max : 1);
            buf_dispose(&out);
        }
}
END_TEST

static bool attempt_encode(void *ctx) {
    struct buf out;
    (void)ctx;
    buf_init(&out, 4096);
    int status = h2_frame_head_encode(&large, &out);
    size_t before = out.len;
    if (status == 0)
        status = h2_frame_payload_encode(&large, &out);
    ck_assert(status == 0 || (status == BUF_NOMEM && out.len == before));
    buf_dispose(&out);
    return status == 0;
}

START_TEST(test_encode_allocation_failures) {
    ck_assert_int_gt(guard_each_allocation(attempt_encode, NULL), 1);
}
END_TEST

/* --- settings --- */

START_TEST(test_setting_pairs) {
    struct buf out;
    struct h2_setting_pair pair;
    buf_init(&out, 12);
    ck_assert_int_eq(h2_setting_append(&out, (struct h2_setting_pair){0x0102, 0x03040506}), 0);
    ck_assert_int_eq(h2_setting_append(&out, (struct h2_setting_pair){0xffff, 0xffffffff}), 0);
    ck_assert_int_eq(h2_setting_append(&out, (struct h2_setting_pair){1, 1}), BUF_FULL);
    ck_assert_mem_eq(out.data, "\1\2\3\4\5\6\xff\xff\xff\xff\xff\xff", 12);
    ck_assert(h2_setting_get(out.data, 11, 0, &pair));
    ck_assert_uint_eq(pair.id, 0x0102);
    ck_assert_uint_eq(pair.value, 0x03040506);
    ck_assert(!h2_setting_get(out.data, 11, 1, &pair));
    ck_assert(h2_setting_get(out.data, 12, 1, &pair));
    ck_assert_uint_eq(pair.id, 0xffff);
    ck_assert(!h2_setting_get(out.data, 12, 2, &pair));
    ck_assert(!h2_setting_get(out.data, 12, SIZE_MAX, &pair));
    ck_assert(!h2_setting_get(NULL, 0, 0, &pair));
    buf_dispose(&out);
}
END_TEST

static const struct {
    struct h2_setting_pair pair;
    bool valid;
} setting_rows[] = {
    {{1, 0xffffffff}, true},  {{2, 0}, true},         {{2, 1}, true},
    {{2, 2}, false},          {{3, 0}, true},         {{4, 0x7fffffff}, true},
    {{4, 0x80000000}, false}, {{5, 16383}, false},    {{5, 16384}, true},
    {{5, 16777215}, true},    {{5, 16777216}, false}, {{6, 0}, true},
    {{8, 1}, true},           {{8, 2}, false},        {{9, 2}, false},
    {{7, 0xffffffff}, true},  {{0, 5}, true},         {{0xffff, 0xffffffff}, true},
};

START_TEST(test_setting_valid) {
    ck_assert_uint_eq(h2_setting_valid(setting_rows[_i].pair), setting_rows[_i].valid);
}
END_TEST

/* --- names --- */

START_TEST(test_names) {
    ck_assert_str_eq(h2_frame_type_name(0), "DATA");
    ck_assert_str_eq(h2_frame_type_name(9), "CONTINUATION");
    ck_assert_str_eq(h2_frame_type_name(16), "PRIORITY_UPDATE");
    ck_assert_ptr_null(h2_frame_type_name(11));
    ck_assert_ptr_null(h2_frame_type_name(255));
    ck_assert_str_eq(h2_error_name(0), "NO_ERROR");
    ck_assert_str_eq(h2_error_name(13), "HTTP_1_1_REQUIRED");
    ck_assert_ptr_null(h2_error_name(14));
    ck_assert_ptr_null(h2_error_name(UINT32_MAX));
    ck_assert_str_eq(h2_setting_name(9), "NO_RFC7540_PRIORITIES");
    ck_assert_ptr_null(h2_setting_name(0));
    ck_assert_ptr_null(h2_setting_name(7));
    ck_assert_ptr_null(h2_setting_name(UINT16_MAX));
    ck_assert_str_eq(h2_fault_slug(H2_FAULT_LENGTH), "length");
    for (int i = 0; i < H2_FAULT_COUNT; i++) {
        ck_assert_ptr_nonnull(h2_fault_text((enum h2_fault_index)i));
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(h2_fault_slug((enum h2_fault_index)i),
                             h2_fault_slug((enum h2_fault_index)j));
    }
    ck_assert_ptr_null(h2_fault_slug(H2_FAULT_COUNT));
    ck_assert_ptr_null(h2_fault_text(H2_FAULT_COUNT));
}
END_TEST

START_TEST(test_defined_flags) {
    const uint8_t flags[] = {0x09, 0x2d, 0, 0, 0x01, 0x0c, 0x01, 0, 0, 0x04};
    for (int type = 0; type < 256; type++)
        ck_assert_uint_eq(h2_frame_defined_flags((uint8_t)type), type < 10 ? flags[type] : 0);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("frame_encode");
    tcase_add_loop_test(tests, test_encode, 0, ROWS(encode_rows));
    tcase_add_test(tests, test_head_encode);
    tcase_add_test(tests, test_encode_full);
    tcase_add_test(tests, test_encode_allocation_failures);
    tcase_add_test(tests, test_setting_pairs);
    tcase_add_loop_test(tests, test_setting_valid, 0, ROWS(setting_rows));
    tcase_add_test(tests, test_names);
    tcase_add_test(tests, test_defined_flags);
    return guard_run("frame_encode", tests);
}
