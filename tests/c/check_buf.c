/* check_buf.c - the octet buffer and the allocator below it. */
#include "base/buf.h"

#include "guard.h"

START_TEST(test_starts_empty) {
    struct buf b;
    buf_init(&b, 10);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.max, 10);
    buf_dispose(&b);
    buf_dispose(&b);
}
END_TEST

static const struct {
    size_t max, first, second;
    int status;
    size_t len;
} append_rows[] = {
    {0, 0, 0, 0, 0},
    {0, 0, 1, BUF_FULL, 0},
    {1, 0, 1, 0, 1},
    {10, 4, 6, 0, 10},
    {10, 4, 7, BUF_FULL, 4},
    {10, 10, 0, 0, 10},
    {10, 10, 1, BUF_FULL, 10},
    {1000, 63, 1, 0, 64},
    {1000, 64, 1, 0, 65},
    {1000, 65, 935, 0, 1000},
    {1000, 65, 936, BUF_FULL, 65},
    {100, 50, SIZE_MAX, BUF_FULL, 50},
    {SIZE_MAX, 50, SIZE_MAX, BUF_FULL, 50},
};

START_TEST(test_append) {
    static const uint8_t octets[1000] = {1, 2, 3};
    struct buf b;
    buf_init(&b, append_rows[_i].max);
    ck_assert_int_eq(buf_append(&b, octets, append_rows[_i].first), 0);
    ck_assert_int_eq(buf_append(&b, octets, append_rows[_i].second), append_rows[_i].status);
    ck_assert_uint_eq(b.len, append_rows[_i].len);
    ck_assert_uint_le(b.cap, b.max);
    buf_dispose(&b);
}
END_TEST

START_TEST(test_content_survives_growth) {
    struct buf b;
    buf_init(&b, 5000);
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t octet = (uint8_t)(i * 7);
        ck_assert_int_eq(buf_append(&b, &octet, 1), 0);
    }
    for (unsigned i = 0; i < 5000; i++)
        ck_assert_uint_eq(b.data[i], (uint8_t)(i * 7));
    ck_assert_uint_eq(b.cap, 5000);
    buf_dispose(&b);
}
END_TEST

START_TEST(test_reserve) {
    struct buf b;
    buf_init(&b, 100);
    uint8_t *at = buf_reserve(&b, 3);
    ck_assert_ptr_nonnull(at);
    memcpy(at, "abc", 3);
    ck_assert_uint_eq(b.len, 0);
    b.len += 3;
    at = buf_reserve(&b, 97);
    ck_assert_ptr_eq(at, b.data + 3);
    ck_assert_ptr_null(buf_reserve(&b, 98));
    ck_assert_mem_eq(b.data, "abc", 3);
    buf_dispose(&b);
}
END_TEST

START_TEST(test_reserve_nothing) {
    struct buf b;
    buf_init(&b, 0);
    ck_assert_ptr_nonnull(buf_reserve(&b, 0));
    ck_assert_ptr_null(buf_reserve(&b, 1));
    buf_dispose(&b);
}
END_TEST

START_TEST(test_drop) {
    struct buf b;
    buf_init(&b, 100);
    buf_drop(&b, 0);
    ck_assert_int_eq(buf_append(&b, "abcdef", 6), 0);
    buf_drop(&b, 0);
    buf_drop(&b, 2);
    ck_assert_uint_eq(b.len, 4);
    ck_assert_mem_eq(b.data, "cdef", 4);
    buf_drop(&b, 4);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buf_append(&b, "x", 1), 0);
    ck_assert_mem_eq(b.data, "x", 1);
    buf_dispose(&b);
}
END_TEST

START_TEST(test_clear) {
    struct buf b;
    buf_init(&b, 100);
    ck_assert_int_eq(buf_append(&b, "abcdef", 6), 0);
    buf_clear(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert_uint_eq(b.max, 100);
    ck_assert_int_eq(buf_append(&b, "x", 1), 0);
    buf_dispose(&b);
}
END_TEST

/* Append 300 times 10 octets; what was there before a failure has to stay. */
static bool attempt_appends(void *ctx) {
    struct buf b;
    (void)ctx;
    buf_init(&b, 3000);
    int status = 0;
    size_t appended = 0;
    while (appended < 3000 && (status = buf_append(&b, "0123456789", 10)) == 0)
        appended += 10;
    ck_assert(status == 0 || status == BUF_NOMEM);
    ck_assert_uint_eq(b.len, appended);
    for (size_t i = 0; i < b.len; i++)
        ck_assert_uint_eq(b.data[i], '0' + i % 10);
    buf_dispose(&b);
    return status == 0;
}

START_TEST(test_allocation_failures) {
    ck_assert_int_gt(guard_each_allocation(attempt_appends, NULL), 1);
}
END_TEST

START_TEST(test_allocator) {
    uint8_t *p = mem_alloc(100);
    ck_assert_ptr_nonnull(p);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(p[i], 0);
    p[99] = 7;
    mem_fail_after(1);
    uint8_t *larger = mem_realloc(p, 200);
    ck_assert_ptr_nonnull(larger);
    ck_assert_uint_eq(larger[99], 7);
    ck_assert_ptr_null(mem_realloc(larger, 400));
    ck_assert_ptr_null(mem_alloc(1));
    ck_assert_uint_eq(larger[99], 7);
    mem_fail_after(-1);
    mem_free(larger);
    mem_free(NULL);
    void *nothing = mem_alloc(0);
    ck_assert_ptr_nonnull(nothing);
    mem_free(nothing);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("buf");
    tcase_add_test(tests, test_starts_empty);
    tcase_add_loop_test(tests, test_append, 0, sizeof(append_rows) / sizeof(append_rows[0]));
    tcase_add_test(tests, test_content_survives_growth);
    tcase_add_test(tests, test_reserve);
    tcase_add_test(tests, test_reserve_nothing);
    tcase_add_test(tests, test_drop);
    tcase_add_test(tests, test_clear);
    tcase_add_test(tests, test_allocation_failures);
    tcase_add_test(tests, test_allocator);
    return guard_run("buf", tests);
}
