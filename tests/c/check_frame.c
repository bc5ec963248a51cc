/* check_frame.c - frames decoded (RFC 9113 sections 4 and 6): members, faults, round trips. */
#include "h2/frame.h"

#include "base/hex.h"
#include "guard.h"

#define F(name) H2_FAULT(name)
#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct row {
    const char *wire; /* in hex */
    uint64_t faults;
    struct h2_frame want; /* the members; of length, payload and the like nothing is said here */
    const char *body;     /* in hex; NULL: empty */
    const char *origin;   /* text */
};

/* Frames that the encoder gives back as they came. */
static const struct row good_rows[] = {
    {"000005 00 01 00000001 68656c6c6f", 0, {.flags = 1, .stream = 1}, "68656c6c6f", NULL},
    {"000000 00 00 7fffffff", 0, {.stream = 0x7fffffff}, NULL, NULL},
    {"000004 00 08 00000001 02 61 0000", 0, {.flags = 8, .stream = 1, .pad_length = 2}, "61", NULL},
    {"000003 00 08 00000001 02 0000", 0, {.flags = 8, .stream = 1, .pad_length = 2}, NULL, NULL},
    {"000001 00 08 00000001 00", 0, {.flags = 8, .stream = 1}, NULL, NULL},
    {"000001 00 00 80000001 61", F(RESERVED_BIT), {.stream = 1, .reserved = true}, "61", NULL},
    {"000001 00 00 00000000 61", F(STREAM_ZERO), {.stream = 0}, "61", NULL},
    {"000001 00 f6 00000001 61", F(UNDEFINED_FLAGS), {.flags = 0xf6, .stream = 1}, "61", NULL},
    {"000002 01 05 00000003 8286", 0, {.type = 1, .flags = 5, .stream = 3}, "8286", NULL},
    {"000006 01 24 00000003 80000001 ff 82",
     0,
     {.type = 1,
      .flags = 0x24,
      .stream = 3,
      .has_priority = true,
      .exclusive = true,
      .dependency = 1,
      .weight = 255},
     "82",
     NULL},
    {"000008 01 2c 00000003 01 00000003 00 82 00",
     F(SELF_DEPENDENCY),
     {.type = 1,
      .flags = 0x2c,
      .stream = 3,
      .pad_length = 1,
      .has_priority = true,
      .dependency = 3},
     "82",
     NULL},
    {"000001 01 40 00000000 82",
     F(STREAM_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 1, .flags = 0x40},
     "82",
     NULL},
    {"000005 02 00 00000005 00000003 0f",
     0,
     {.type = 2, .stream = 5, .has_priority = true, .dependency = 3, .weight = 15},
     NULL,
     NULL},
    {"000005 02 00 00000005 80000005 0f",
     F(SELF_DEPENDENCY),
     {.type = 2,
      .stream = 5,
      .has_priority = true,
      .exclusive = true,
      .dependency = 5,
      .weight = 15},
     NULL,
     NULL},
    {"000005 02 01 00000000 00000000 00",
     F(STREAM_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 2, .flags = 1, .has_priority = true},
     NULL,
     NULL},
    {"000004 03 00 00000005 00000008", 0, {.type = 3, .stream = 5, .error_code = 8}, NULL, NULL},
    {"000004 03 08 00000000 ffffffff",
     F(STREAM_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 3, .flags = 8, .error_code = 0xffffffff},
     NULL,
     NULL},
    {"000000 04 00 00000000", 0, {.type = 4}, NULL, NULL},
    {"000000 04 01 00000000", 0, {.type = 4, .flags = 1}, NULL, NULL},
    {"00000c 04 00 00000000 000100001000 00ffffffffff",
     0,
     {.type = 4},
     "000100001000 00ffffffffff",
     NULL},
    {"000006 04 00 00000000 000200000002", F(SETTING_VALUE), {.type = 4}, "000200000002", NULL},
    {"00000c 04 00 00000000 000300000000 000480000000",
     F(SETTING_VALUE),
     {.type = 4},
     "000300000000 000480000000",
     NULL},
    {"000006 04 00 00000000 000500003fff", F(SETTING_VALUE), {.type = 4}, "000500003fff", NULL},
    {"000005 04 00 00000000 0001000010", F(LENGTH), {.type = 4}, "0001000010", NULL},
    {"000006 04 01 00000000 000100001000",
     F(ACK_PAYLOAD),
     {.type = 4, .flags = 1},
     "000100001000",
     NULL},
    {"000001 04 03 00000001 00",
     F(ACK_PAYLOAD) | F(LENGTH) | F(STREAM_NONZERO) | F(UNDEFINED_FLAGS),
     {.type = 4, .flags = 3, .stream = 1},
     "00",
     NULL},
    {"000006 05 04 00000001 00000002 8286",
     0,
     {.type = 5, .flags = 4, .stream = 1, .other_stream = 2},
     "8286",
     NULL},
    {"000008 05 0c 00000001 02 7fffffff 82 0000",
     0,
     {.type = 5, .flags = 12, .stream = 1, .pad_length = 2, .other_stream = 0x7fffffff},
     "82",
     NULL},
    {"000004 05 21 00000000 00000000",
     F(STREAM_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 5, .flags = 0x21},
     NULL,
     NULL},
    {"000008 06 00 00000000 0102030405060708", 0, {.type = 6}, "0102030405060708", NULL},
    {"000008 06 ff 00000001 0102030405060708",
     F(STREAM_NONZERO) | F(UNDEFINED_FLAGS),
     {.type = 6, .flags = 0xff, .stream = 1},
     "0102030405060708",
     NULL},
    {"000008 07 00 00000000 00000003 00000001",
     0,
     {.type = 7, .last_stream = 3, .error_code = 1},
     NULL,
     NULL},
    {"00000a 07 00 00000003 7fffffff ffffffff 6869",
     F(STREAM_NONZERO),
     {.type = 7, .stream = 3, .last_stream = 0x7fffffff, .error_code = 0xffffffff},
     "6869",
     NULL},
    {"000004 08 00 00000000 7fffffff", 0, {.type = 8, .increment = 0x7fffffff}, NULL, NULL},
    {"000004 08 10 00000009 00000000",
     F(INCREMENT_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 8, .flags = 0x10, .stream = 9},
     NULL,
     NULL},
    {"000002 09 04 00000001 8286", 0, {.type = 9, .flags = 4, .stream = 1}, "8286", NULL},
    {"000002 09 08 00000000 0182",
     F(STREAM_ZERO) | F(UNDEFINED_FLAGS),
     {.type = 9, .flags = 8},
     "0182",
     NULL},
    {"000007 0a 00 00000000 0003 613a31 6869", 0, {.type = 10}, "6869", "a:1"},
    {"000004 0a 01 00000001 0000 6869",
     F(UNDEFINED_FLAGS),
     {.type = 10, .flags = 1, .stream = 1},
     "6869",
     NULL},
    {"00000a 0c 00 00000000 0003 613a31 0003 613a32",
     0,
     {.type = 12},
     "0003613a310003613a32",
     NULL},
    {"000000 0c 0f 00000002",
     F(STREAM_NONZERO) | F(UNDEFINED_FLAGS),
     {.type = 12, .flags = 15, .stream = 2},
     NULL,
     NULL},
    {"000003 0c 00 00000000 0002 61", F(LENGTH), {.type = 12}, "000261", NULL},
    {"000006 0c 00 00000000 0003 613a31 00", F(LENGTH), {.type = 12}, "0003613a3100", NULL},
    {"000007 10 00 00000000 00000001 753d31", 0, {.type = 16, .other_stream = 1}, "753d31", NULL},
    {"000004 10 80 00000001 00000000",
     F(STREAM_NONZERO) | F(UNDEFINED_FLAGS),
     {.type = 16, .flags = 0x80, .stream = 1},
     NULL,
     NULL},
    {"000002 0b ff 00000000 0102", 0, {.type = 11, .flags = 0xff}, "0102", NULL},
    {"000002 ff 08 80000009 0102",
     F(RESERVED_BIT),
     {.type = 255, .flags = 8, .stream = 9, .reserved = true},
     "0102",
     NULL},
};

/* Frames of which something is lost: octets that no member stands for, members that are not there.
 */
static const struct row lossy_rows[] = {
    {"000000 00 08 00000001", F(LENGTH), {.flags = 8, .stream = 1}, NULL, NULL},
    {"000002 00 08 00000001 02 00",
     F(PADDING_LENGTH),
     {.flags = 8, .stream = 1, .pad_length = 2},
     NULL,
     NULL},
    {"000001 00 08 00000001 01",
     F(PADDING_LENGTH),
     {.flags = 8, .stream = 1, .pad_length = 1},
     NULL,
     NULL},
    {"000004 00 08 00000001 04 aaaaaa",
     F(PADDING_LENGTH),
     {.flags = 8, .stream = 1, .pad_length = 4},
     NULL,
     NULL},
    {"000004 00 08 00000001 02 61 0001",
     F(PADDING_OCTETS),
     {.flags = 8, .stream = 1, .pad_length = 2},
     "61",
     NULL},
    {"000000 01 08 00000001", F(LENGTH), {.type = 1, .flags = 8, .stream = 1}, NULL, NULL},
    {"000004 01 20 00000001 00000003",
     F(LENGTH),
     {.type = 1, .flags = 0x20, .stream = 1},
     NULL,
     NULL},
    {"000005 01 28 00000001 01 00000003",
     F(LENGTH),
     {.type = 1, .flags = 0x28, .stream = 1, .pad_length = 1},
     NULL,
     NULL},
    {"000006 01 28 00000001 01 00000003 07",
     F(PADDING_LENGTH),
     {.type = 1,
      .flags = 0x28,
      .stream = 1,
      .pad_length = 1,
      .has_priority = true,
      .dependency = 3,
      .weight = 7},
     NULL,
     NULL},
    {"000004 02 00 00000005 00000005", F(LENGTH), {.type = 2, .stream = 5}, NULL, NULL},
    {"000006 02 00 00000005 00000003 0f 00",
     F(LENGTH),
     {.type = 2, .stream = 5, .has_priority = true, .dependency = 3, .weight = 15},
     NULL,
     NULL},
    {"000003 03 00 00000005 000001", F(LENGTH), {.type = 3, .stream = 5}, NULL, NULL},
    {"000005 03 00 00000005 0000000800",
     F(LENGTH),
     {.type = 3, .stream = 5, .error_code = 8},
     NULL,
     NULL},
    {"000003 05 00 00000001 000002", F(LENGTH), {.type = 5, .stream = 1}, NULL, NULL},
    {"000004 05 08 00000001 00 000002",
     F(LENGTH),
     {.type = 5, .flags = 8, .stream = 1},
     NULL,
     NULL},
    {"000004 05 08 00000001 04 aaaaaa",
     F(LENGTH) | F(PADDING_LENGTH),
     {.type = 5, .flags = 8, .stream = 1, .pad_length = 4},
     NULL,
     NULL},
    {"000005 05 04 00000001 80000002 82",
     F(RESERVED_PAYLOAD),
     {.type = 5, .flags = 4, .stream = 1, .other_stream = 2},
     "82",
     NULL},
    {"000007 06 00 00000000 01020304050607", F(LENGTH), {.type = 6}, NULL, NULL},
    {"000009 06 00 00000000 010203040506070809", F(LENGTH), {.type = 6}, "0102030405060708", NULL},
    {"000000 06 00 00000000", F(LENGTH), {.type = 6}, NULL, NULL},
    {"000007 07 00 00000000 00000003 000001", F(LENGTH), {.type = 7, .last_stream = 3}, NULL, NULL},
    {"000003 07 00 00000000 000003", F(LENGTH), {.type = 7}, NULL, NULL},
    {"000008 07 00 00000000 80000003 00000001",
     F(RESERVED_PAYLOAD),
     {.type = 7, .last_stream = 3, .error_code = 1},
     NULL,
     NULL},
    {"000003 08 00 00000000 000001", F(LENGTH), {.type = 8}, NULL, NULL},
    {"000005 08 00 00000000 0000000100", F(LENGTH), {.type = 8, .increment = 1}, NULL, NULL},
    {"000004 08 00 00000000 80000001",
     F(RESERVED_PAYLOAD),
     {.type = 8, .increment = 1},
     NULL,
     NULL},
    {"000004 08 00 00000000 80000000",
     F(RESERVED_PAYLOAD) | F(INCREMENT_ZERO),
     {.type = 8},
     NULL,
     NULL},
    {"000001 0a 00 00000000 00", F(LENGTH), {.type = 10}, NULL, NULL},
    {"000004 0a 00 00000000 0003 6162", F(LENGTH), {.type = 10}, NULL, NULL},
    {"000003 10 00 00000000 000001", F(LENGTH), {.type = 16}, NULL, NULL},
    {"000005 10 00 00000000 80000001 75",
     F(RESERVED_PAYLOAD),
     {.type = 16, .other_stream = 1},
     "75",
     NULL},
};

static size_t from_hex(const char *hex, uint8_t *out) {
    ssize_t n = hex_decode(hex, strlen(hex), out);
    ck_assert_int_ge(n, 0);
    return (size_t)n;
}

static void check_head(const struct h2_frame *f, const struct h2_frame *want) {
    ck_assert_uint_eq(f->type, want->type);
    ck_assert_uint_eq(f->flags, want->flags);
    ck_assert_uint_eq(f->reserved, want->reserved);
    ck_assert_uint_eq(f->stream, want->stream);
}

static void check_members(const struct h2_frame *f, const struct h2_frame *want) {
    ck_assert_uint_eq(f->pad_length, want->pad_length);
    ck_assert_uint_eq(f->has_priority, want->has_priority);
    ck_assert_uint_eq(f->exclusive, want->exclusive);
    ck_assert_uint_eq(f->dependency, want->dependency);
    ck_assert_uint_eq(f->weight, want->weight);
    ck_assert_uint_eq(f->error_code, want->error_code);
    ck_assert_uint_eq(f->last_stream, want->last_stream);
    ck_assert_uint_eq(f->increment, want->increment);
    ck_assert_uint_eq(f->other_stream, want->other_stream);
}

static void check_row(const struct h2_frame *f, const struct row *row) {
    uint8_t body[64];
    size_t body_len = from_hex(row->body ? row->body : "", body);
    ck_assert_msg(f->faults == row->faults, "faults %#llx", (unsigned long long)f->faults);
    check_head(f, &row->want);
    check_members(f, &row->want);
    ck_assert_uint_eq(f->body_len, body_len);
    ck_assert(body_len == 0 || memcmp(f->body, body, body_len) == 0);
    ck_assert_uint_eq(f->origin_len, row->origin ? strlen(row->origin) : 0);
    ck_assert(!row->origin || memcmp(f->origin, row->origin, f->origin_len) == 0);
}

/* With fewer octets kept than announced nothing may be read beyond them, and no fault be invented.
 */
static void check_shorter(const struct h2_frame *whole) {
    struct guard g;
    guard_init(&g, whole->payload_len);
    for (size_t kept = 0; kept < whole->payload_len; kept++) {
        struct h2_frame f = *whole;
        f.payload = guard_put(&g, whole->payload, kept);
        f.payload_len = kept;
        f.faults = F(OVERSIZED);
        h2_frame_parse(&f);
        ck_assert_uint_eq(f.faults & ~whole->faults, F(OVERSIZED));
        ck_assert_uint_le(f.body_len + f.origin_len, kept);
        check_head(&f, whole);
    }
    guard_dispose(&g);
}

static void check_incomplete(void *ctx, const uint8_t *in, size_t len) {
    struct h2_frame f;
    size_t whole = *(const size_t *)ctx;
    ck_assert_uint_eq(h2_frame_decode(in, len, &f), len == whole ? whole : 0);
}

static void check_decode(const struct row *row, const uint8_t *in, size_t len, struct h2_frame *f) {
    guard_each_prefix(in, len, check_incomplete, &len);
    memset(f, 0xff, sizeof *f); /* nothing of what was there before may stay */
    ck_assert_uint_eq(h2_frame_decode(in, len, f), len);
    ck_assert_uint_eq(f->length, len - H2_FRAME_HEAD_LEN);
    ck_assert_ptr_eq(f->payload, in + H2_FRAME_HEAD_LEN);
    ck_assert_uint_eq(f->payload_len, f->length);
    check_row(f, row);
    h2_frame_parse(f);
    check_row(f, row);
    check_shorter(f);
}

START_TEST(test_good) {
    uint8_t wire[64];
    size_t len = from_hex(good_rows[_i].wire, wire);
    struct h2_frame f;
    check_decode(&good_rows[_i], wire, len, &f);
    struct buf out;
    buf_init(&out, len);
    ck_assert_int_eq(h2_frame_head_encode(&f, &out), 0);
    ck_assert_int_eq(h2_frame_payload_encode(&f, &out), 0);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, wire, len);
    buf_dispose(&out);
}
END_TEST

START_TEST(test_lossy) {
    uint8_t wire[64];
    size_t len = from_hex(lossy_rows[_i].wire, wire);
    struct h2_frame f;
    check_decode(&lossy_rows[_i], wire, len, &f);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("frame");
    tcase_add_loop_test(tests, test_good, 0, ROWS(good_rows));
    tcase_add_loop_test(tests, test_lossy, 0, ROWS(lossy_rows));
    return guard_run("frame", tests);
}
