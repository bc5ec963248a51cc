/* check_http1_chunked.c - the chunked coding (RFC 9112 section 7.1), in one piece and in many. */
#include "h2/http1.h"

#include <stdio.h>

#include "base/buf.h"
#include "guard.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

static int collect(void *ctx, const uint8_t *data, size_t n) {
    return buf_append(ctx, data, n);
}

static const struct {
    const char *coded, *content;
} good_rows[] = {
    {"0\r\n\r\n", ""},
    {"000\r\n\r\n", ""},
    {"5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"1\r\na\r\n0A\r\n0\r\n\r\n23456\r\nb\r\nbbbbbbbbbbb\r\n0\r\n\r\n",
     "a0\r\n\r\n23456bbbbbbbbbbb"},
    {"2;a\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
    {"2 \t; a = b;c;d=\"e;\\\"\\\\\x80\";f\r\nab\r\n0;x=\"\"\r\n\r\n", "ab"},
    {"0\r\na: b\r\n\r\n", ""},
    {"1\r\na\r\n0\r\nA-b:\r\nc:\t\xe4 d \r\n\r\n", "a"},
};

static const char *const bad_rows[] = {
    "\r\n",
    "x\r\n",
    "-1\r\n",
    " 1\r\n",
    "0x1\r\n",
    "1\n",
    "1\r\r\n",
    "1 \r\n",
    "1 2\r\n",
    "1;\r\n",
    "1;=a\r\n",
    "1;a=\r\n",
    "1;a \r\n",
    "1;a=b \r\n",
    "1;a=b c\r\n",
    "1;a=\"b\"c\r\n",
    "1;a=\"b\r\n",
    "1;a=\"b\\\r\n",
    "1;a=\"\x01\"\r\n",
    "1,a\r\n",
    "1;a=(\r\n",
    "10000000000000000\r\n",
    "1\r\nab",
    "1\r\na\n",
    "1\r\na\rb",
    "1\r\na\r\n\r\n",
    "0\r\n\n",
    "0\r\n\rx",
    "0\r\n a: b\r\n",
    "0\r\n: b\r\n",
    "0\r\na\r\n",
    "0\r\na : b\r\n",
    "0\r\na: \x01\r\n",
    "0\r\na: b\n",
    "0\r\na: b\r\r\n",
    "0\r\na: b\r\n c\r\n",
};

/* Feed pieces of the given size, each at a guard page. Octets consumed, or -1. */
static ssize_t feed(const char *coded, size_t len, size_t piece, bool *done, struct buf *content) {
    struct http1_chunked c = {0};
    struct guard g;
    size_t at = 0;
    ssize_t n = 0;
    guard_init(&g, piece);
    *done = false;
    while (at < len && !*done && n >= 0) {
        size_t size = piece < len - at ? piece : len - at;
        n = http1_chunked_decode(&c, guard_put(&g, coded + at, size), size, done, collect, content);
        ck_assert(n < 0 || *done || (size_t)n == size);
        at += n > 0 ? (size_t)n : 0;
    }
    ck_assert(n >= 0 || http1_chunked_decode(&c, (const uint8_t *)"0", 1, done, NULL, NULL) == -1);
    guard_dispose(&g);
    return n < 0 ? -1 : (ssize_t)at;
}

START_TEST(test_good) {
    const char *coded = good_rows[_i].coded, *content = good_rows[_i].content;
    size_t len = strlen(coded);
    char more[128];
    snprintf(more, sizeof(more), "%s0\r\n\r\n", coded);
    for (size_t piece = 1; piece <= len + 5; piece++) {
        struct buf out;
        bool done;
        buf_init(&out, 100);
        ck_assert_int_eq(feed(more, len + 5, piece, &done, &out), (ssize_t)len);
        ck_assert(done);
        ck_assert_uint_eq(out.len, strlen(content));
        ck_assert(out.len == 0 || memcmp(out.data, content, out.len) == 0);
        buf_dispose(&out);
    }
}
END_TEST

START_TEST(test_good_prefix) {
    const char *coded = good_rows[_i].coded;
    for (size_t len = 0; len < strlen(coded); len++) {
        struct buf out;
        bool done;
        buf_init(&out, 100);
        ck_assert_int_eq(feed(coded, len, len ? len : 1, &done, &out), (ssize_t)len);
        ck_assert(!done);
        buf_dispose(&out);
    }
}
END_TEST

START_TEST(test_bad) {
    size_t len = strlen(bad_rows[_i]);
    for (size_t piece = 1; piece <= len; piece++) {
        struct buf out;
        bool done;
        buf_init(&out, 100);
        ck_assert_int_eq(feed(bad_rows[_i], len, piece, &done, &out), -1);
        ck_assert(!done);
        buf_dispose(&out);
    }
}
END_TEST

START_TEST(test_largest_chunk) {
    struct http1_chunked c = {0};
    bool done;
    const char *coded = "fffffffffffffffF\r\nabc";
    ck_assert_int_eq(http1_chunked_decode(&c, (const uint8_t *)coded, 21, &done, NULL, NULL), 21);
    ck_assert(!done);
    ck_assert_uint_eq(c.left, UINT64_MAX - 3);
}
END_TEST

/* What is not content is bounded: leading zeros, extensions, trailers. */
static const struct {
    const char *start, *more;
} endless_rows[] = {{"", "0"}, {"1;a", "a"}, {"1;a=\"", "b"}, {"1", " "}, {"0\r\n", "a: b\r\n"}};

START_TEST(test_endless) {
    struct http1_chunked c = {0};
    const char *start = endless_rows[_i].start, *more = endless_rows[_i].more;
    bool done;
    ssize_t n = http1_chunked_decode(&c, (const uint8_t *)start, strlen(start), &done, NULL, NULL);
    size_t fed = 0;
    for (; n >= 0 && fed <= HTTP1_MAX_HEAD; fed += strlen(more))
        n = http1_chunked_decode(&c, (const uint8_t *)more, strlen(more), &done, NULL, NULL);
    ck_assert_int_eq(n, -1);
    ck_assert_uint_gt(fed, HTTP1_MAX_HEAD - 10);
}
END_TEST

/* But many chunks are not too much, however much their lines are together. */
START_TEST(test_many_chunks) {
    struct http1_chunked c = {0};
    bool done;
    for (int i = 0; i < HTTP1_MAX_HEAD; i++)
        ck_assert_int_eq(
            http1_chunked_decode(&c, (const uint8_t *)"1\r\na\r\n", 6, &done, NULL, NULL), 6);
    ck_assert_int_eq(http1_chunked_decode(&c, (const uint8_t *)"0\r\n\r\n", 5, &done, NULL, NULL),
                     5);
    ck_assert(done);
    ck_assert_int_eq(http1_chunked_decode(&c, (const uint8_t *)"x", 1, &done, NULL, NULL), 0);
    ck_assert(done);
}
END_TEST

/* A consumer that has no room ends it. */
START_TEST(test_stopped) {
    struct http1_chunked c = {0};
    struct buf out;
    bool done;
    buf_init(&out, 4);
    const uint8_t *coded = (const uint8_t *)"5\r\nhello\r\n0\r\n\r\n";
    ck_assert_int_eq(http1_chunked_decode(&c, coded, 15, &done, collect, &out), -1);
    ck_assert(!done);
    buf_dispose(&out);
}
END_TEST

static bool attempt_decode(void *ctx) {
    (void)ctx;
    struct buf out;
    bool done;
    buf_init(&out, 200);
    ssize_t n = feed("5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n", 22, 3, &done, &out);
    buf_dispose(&out);
    return n == 22 && done;
}

START_TEST(test_allocation_failures) {
    ck_assert_int_gt(guard_each_allocation(attempt_decode, NULL), 0);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("http1_chunked");
    tcase_add_loop_test(tests, test_good, 0, ROWS(good_rows));
    tcase_add_loop_test(tests, test_good_prefix, 0, ROWS(good_rows));
    tcase_add_loop_test(tests, test_bad, 0, ROWS(bad_rows));
    tcase_add_test(tests, test_largest_chunk);
    tcase_add_loop_test(tests, test_endless, 0, ROWS(endless_rows));
    tcase_add_test(tests, test_many_chunks);
    tcase_add_test(tests, test_stopped);
    tcase_add_test(tests, test_allocation_failures);
    return guard_run("http1_chunked", tests);
}
