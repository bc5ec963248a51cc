/* check_http1.c - HTTP/1.1 heads, kinds of body and the chunked coding (RFC 9112). */
#include "h2/http1.h"

#include <stdio.h>

#include "guard.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define REQUEST_LINE "GET / HTTP/1.1\r\n"
#define STATUS_LINE "HTTP/1.1 200 OK\r\n"

static bool is_text(struct http1_text t, const char *want) {
    return t.len == strlen(want) && memcmp(t.at, want, t.len) == 0;
}

/* --- heads as they should be --- */

static const struct {
    const char *head;
    bool request;
    struct http1_head want;
    const char *first, *second; /* method and target, or reason */
    const char *fields[6];      /* name, value, name, value ... */
} good_rows[] = {
    {REQUEST_LINE "\r\n", true, {.major = 1, .minor = 1}, "GET", "/", {NULL}},
    {"OPTIONS * HTTP/1.0\r\nHost:\r\n\r\n",
     true,
     {.major = 1, .field_count = 1},
     "OPTIONS",
     "*",
     {"Host", ""}},
    {"M!#$%&'*+-.^_`|~ http://a/?b=%20 HTTP/9.9\r\nA:  b\tc \t\r\nb:\x80\xff\r\nA: d:e\r\n\r\n",
     true,
     {.major = 9, .minor = 9, .field_count = 3},
     "M!#$%&'*+-.^_`|~",
     "http://a/?b=%20",
     {"A", "b\tc", "b", "\x80\xff", "A", "d:e"}},
    {"PRI * HTTP/2.0\r\n\r\n", true, {.major = 2}, "PRI", "*", {NULL}},
    {STATUS_LINE "\r\n", false, {.major = 1, .minor = 1, .status = 200}, "OK", NULL, {NULL}},
    {"HTTP/1.1 101 \r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
     false,
     {.major = 1, .minor = 1, .status = 101, .field_count = 2},
     "",
     NULL,
     {"Upgrade", "h2c", "Connection", "Upgrade"}},
    {"HTTP/1.0 999 \xe4 b\tc  \r\n\r\n",
     false,
     {.major = 1, .status = 999},
     "\xe4 b\tc  ",
     NULL,
     {NULL}},
};

struct good_head {
    bool request;
    size_t whole;
};

static void check_good_prefix(void *ctx, const uint8_t *in, size_t len) {
    const struct good_head *good = ctx;
    struct http1_head h;
    struct http1_error e;
    ssize_t n = http1_parse(in, len, good->request, &h, &e);
    ck_assert_msg(n == (len == good->whole ? (ssize_t)len : 0), "%s at %zu", e.text, e.offset);
}

static void check_fields(const struct http1_head *h, const char *const *want) {
    for (size_t i = 0; i < h->field_count; i++) {
        ck_assert(is_text(h->fields[i].name, want[2 * i]));
        ck_assert(is_text(h->fields[i].value, want[2 * i + 1]));
    }
}

START_TEST(test_good_head) {
    const struct http1_head *want = &good_rows[_i].want;
    const char *head = good_rows[_i].head;
    struct good_head good = {good_rows[_i].request, strlen(head)};
    guard_each_prefix(head, good.whole, check_good_prefix, &good);
    struct http1_head h;
    struct http1_error e;
    char more[256];
    snprintf(more, sizeof(more), "%s\r\nnot: a part", head);
    ck_assert_int_eq(http1_parse((const uint8_t *)more, strlen(more), good.request, &h, &e),
                     (ssize_t)good.whole);
    ck_assert_uint_eq(h.raw_len, good.whole);
    ck_assert_uint_eq(h.request, good.request);
    ck_assert_uint_eq(h.major, want->major);
    ck_assert_uint_eq(h.minor, want->minor);
    ck_assert_uint_eq(h.status, want->status);
    ck_assert_uint_eq(h.field_count, want->field_count);
    ck_assert(is_text(good.request ? h.method : h.reason, good_rows[_i].first));
    ck_assert(!good.request || is_text(h.target, good_rows[_i].second));
    check_fields(&h, good_rows[_i].fields);
}
END_TEST

/* --- heads that are wrong --- */

static const struct {
    const char *head;
    size_t len; /* 0: up to the NUL */
    bool request;
    size_t offset;
    const char *rule;
} bad_rows[] = {
    {"\r\n" REQUEST_LINE "\r\n", 0, true, 0, "RFC9112-2.2"},
    {"\nGET", 0, true, 0, "RFC9112-2.2"},
    {"GET / HTTP/1.1\nHost: a\n\n", 0, true, 14, "RFC9112-2.2"},
    {REQUEST_LINE "Host: a\n", 0, true, 23, "RFC9112-2.2"},
    {REQUEST_LINE "\n", 0, true, 16, "RFC9112-2.2"},
    {REQUEST_LINE "a: b\rc: d\r\n", 0, true, 20, "RFC9112-2.2"},
    {REQUEST_LINE "a: b\r\r\n", 0, true, 20, "RFC9112-2.2"},
    {REQUEST_LINE " a: b\r\n", 0, true, 16, "RFC9112-2.2"},
    {REQUEST_LINE "a: b\r\n\tc\r\n", 0, true, 22, "RFC9112-5.2"},
    {REQUEST_LINE "a: b\r\n \r\n", 0, true, 22, "RFC9112-5.2"},
    {REQUEST_LINE "a : b\r\n", 0, true, 17, "RFC9112-5.1"},
    {REQUEST_LINE "a\t: b\r\n", 0, true, 17, "RFC9112-5.1"},
    {REQUEST_LINE "a b: c\r\n", 0, true, 17, "RFC9112-5.1"},
    {REQUEST_LINE ": b\r\n", 0, true, 16, "RFC9112-5"},
    {REQUEST_LINE "a\r\n", 0, true, 17, "RFC9112-5"},
    {REQUEST_LINE "a\xe4: b\r\n", 0, true, 17, "RFC9112-5"},
    {REQUEST_LINE "a(: b\r\n", 0, true, 17, "RFC9112-5"},
    {REQUEST_LINE "a: b\0c\r\n", 24, true, 20, "RFC9110-5.5"},
    {REQUEST_LINE "a: b\x7f", 0, true, 20, "RFC9110-5.5"},
    {REQUEST_LINE "a: b\x01", 0, true, 20, "RFC9110-5.5"},
    {"GET\r\n", 0, true, 3, "RFC9112-3.1"},
    {" / HTTP/1.1\r\n", 0, true, 0, "RFC9112-3.1"},
    {"G(T", 0, true, 1, "RFC9112-3.1"},
    {"GET /\r\n", 0, true, 5, "RFC9112-3.2"},
    {"GET  / HTTP/1.1\r\n", 0, true, 4, "RFC9112-3.2"},
    {"GET /\t HTTP/1.1\r\n", 0, true, 5, "RFC9112-3.2"},
    {"GET /\xe4 HTTP/1.1\r\n", 0, true, 5, "RFC9112-3.2"},
    {"GET /  HTTP/1.1\r\n", 0, true, 6, "RFC9112-2.3"},
    {"GET / b HTTP/1.1\r\n", 0, true, 6, "RFC9112-2.3"},
    {"GET / http/1.1\r\n", 0, true, 6, "RFC9112-2.3"},
    {"GET / HTTP/11\r\n", 0, true, 6, "RFC9112-2.3"},
    {"GET / HTTP/x.1\r\n", 0, true, 6, "RFC9112-2.3"},
    {"GET / HTTP/1.1 \r\n", 0, true, 14, "RFC9112-3"},
    {"GET / HTTP/1.10\r\n", 0, true, 14, "RFC9112-3"},
    {"\x16\x03\x01\x02", 0, true, 0, "RFC9110-5.5"},
    {"\0\0\x12\x04", 4, false, 0, "RFC9110-5.5"},
    {"SSH-2.0", 0, false, 0, "RFC9112-4"},
    {"HTTQ", 0, false, 3, "RFC9112-4"},
    {"http/1.1 200 OK\r\n", 0, false, 0, "RFC9112-2.3"},
    {"HTTP/1.1\r\n", 0, false, 8, "RFC9112-4"},
    {"HTTP/1.1\t200 OK\r\n", 0, false, 8, "RFC9112-4"},
    {"HTTP/1.1  200 OK\r\n", 0, false, 9, "RFC9112-4"},
    {"HTTP/1.1 20\r\n", 0, false, 11, "RFC9112-4"},
    {"HTTP/1.1 2x0 OK\r\n", 0, false, 10, "RFC9112-4"},
    {"HTTP/1.1 200\r\n", 0, false, 12, "RFC9112-4"},
    {"HTTP/1.1 2000 OK\r\n", 0, false, 12, "RFC9112-4"},
    {"HTTP/1.1 200 a\x7f\r\n", 0, false, 14, "RFC9110-5.5"},
};

static void check_bad_prefix(void *ctx, const uint8_t *in, size_t len) {
    struct http1_head h;
    struct http1_error e;
    ssize_t n = http1_parse(in, len, *(const bool *)ctx, &h, &e);
    ck_assert(n == 0 || (n == -1 && e.offset <= len && e.rule && e.text));
}

START_TEST(test_bad_head) {
    const uint8_t *head = (const uint8_t *)bad_rows[_i].head;
    size_t len = bad_rows[_i].len ? bad_rows[_i].len : strlen(bad_rows[_i].head);
    bool request = bad_rows[_i].request;
    guard_each_prefix(head, len, check_bad_prefix, &request);
    struct http1_head h;
    struct http1_error e;
    ck_assert_int_eq(http1_parse(head, len, request, &h, &e), -1);
    ck_assert_str_eq(e.rule, bad_rows[_i].rule);
    ck_assert_uint_eq(e.offset, bad_rows[_i].offset);
}
END_TEST

/* A head of exactly n octets, and how much of it is given. */
static ssize_t parse_sized(size_t n, size_t given) {
    static uint8_t head[HTTP1_MAX_HEAD + 10];
    struct http1_head h;
    struct http1_error e;
    memset(head, 'a', sizeof(head));
    memcpy(head, REQUEST_LINE "a:", 18);
    memcpy(head + n - 4, "\r\n\r\n", 4);
    ssize_t status = http1_parse(head, given, true, &h, &e);
    ck_assert(status >= 0 || strcmp(e.rule, "RFC9110-5.4") == 0);
    return status;
}

START_TEST(test_head_limit) {
    ck_assert_int_eq(parse_sized(HTTP1_MAX_HEAD, HTTP1_MAX_HEAD), HTTP1_MAX_HEAD);
    ck_assert_int_eq(parse_sized(HTTP1_MAX_HEAD, HTTP1_MAX_HEAD - 1), 0);
    for (size_t over = 1; over < 5; over++)
        ck_assert_int_eq(parse_sized(HTTP1_MAX_HEAD + over, HTTP1_MAX_HEAD + over), -1);
    ck_assert_int_eq(parse_sized(HTTP1_MAX_HEAD + 5, HTTP1_MAX_HEAD), -1);
}
END_TEST

START_TEST(test_field_limit) {
    char head[2048] = REQUEST_LINE;
    struct http1_head h;
    struct http1_error e;
    for (int i = 0; i < HTTP1_MAX_FIELDS; i++)
        strcat(head, "a: b\r\n");
    size_t n = strlen(head);
    strcat(head, "\r\n");
    ck_assert_int_eq(http1_parse((uint8_t *)head, n + 2, true, &h, &e), (ssize_t)n + 2);
    ck_assert_uint_eq(h.field_count, HTTP1_MAX_FIELDS);
    strcpy(head + n, "c: d\r\n\r\n");
    ck_assert_int_eq(http1_parse((uint8_t *)head, n + 8, true, &h, &e), -1);
    ck_assert_uint_eq(e.offset, n);
}
END_TEST

/* --- fields by name --- */

static struct http1_head parse(const char *head) {
    struct http1_head h;
    struct http1_error e;
    ssize_t n =
        http1_parse((const uint8_t *)head, strlen(head), strncmp(head, "HTTP", 4) != 0, &h, &e);
    ck_assert_int_eq(n, (ssize_t)strlen(head));
    return h;
}

START_TEST(test_find) {
    struct http1_head h = parse(REQUEST_LINE "A: 1\r\nb: 2\r\na: 3\r\n\r\n");
    ck_assert(is_text(http1_field_find(&h, "a", 0)->value, "1"));
    ck_assert(is_text(http1_field_find(&h, "A", 1)->value, "3"));
    ck_assert_ptr_null(http1_field_find(&h, "a", 2));
    ck_assert_ptr_null(http1_field_find(&h, "", 0));
    ck_assert_ptr_null(http1_field_find(&h, "ab", 0));
}
END_TEST

static const struct {
    const char *fields;
    bool found;
} token_rows[] = {
    {"Upgrade: h2c\r\n", true},
    {"upgrade: H2C\r\n", true},
    {"Upgrade: websocket ,\th2c\t, x\r\n", true},
    {"Upgrade: a\r\nUpgrade: ,,h2c\r\n", true},
    {"Upgrade: h2\r\n", false},
    {"Upgrade: h2c/1\r\n", false},
    {"Upgrade: h2c d\r\n", false},
    {"Upgrade: \"a, h2c\"\r\n", false},
    {"Upgrade: \"a\\\", h2c\r\n", false},
    {"Upgrade:\r\n", false},
    {"X: h2c\r\n", false},
    {"", false},
};

START_TEST(test_has_token) {
    char head[256];
    snprintf(head, sizeof(head), "%s%s\r\n", REQUEST_LINE, token_rows[_i].fields);
    struct http1_head h = parse(head);
    ck_assert_uint_eq(http1_has_token(&h, "Upgrade", "h2c"), token_rows[_i].found);
}
END_TEST

/* --- kinds of body --- */

#define NONE HTTP1_BODY_NONE
#define LENGTH HTTP1_BODY_LENGTH
#define CHUNKED HTTP1_BODY_CHUNKED
#define CLOSE HTTP1_BODY_CLOSE
#define INVALID HTTP1_BODY_INVALID
#define TE "Transfer-Encoding: "
#define CL "Content-Length: "

static const struct {
    const char *start, *fields;
    bool head_request;
    enum http1_body kind;
    uint64_t length;
} body_rows[] = {
    {REQUEST_LINE, "", false, NONE, 0},
    {REQUEST_LINE, CL "5\r\n", false, LENGTH, 5},
    {REQUEST_LINE, CL "0\r\n", false, LENGTH, 0},
    {REQUEST_LINE, CL "005\r\n", false, LENGTH, 5},
    {REQUEST_LINE, CL "5, 5\r\ncontent-length: 05\r\n", false, LENGTH, 5},
    {REQUEST_LINE, CL "18446744073709551615\r\n", false, LENGTH, UINT64_MAX},
    {REQUEST_LINE, CL "18446744073709551616\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "99999999999999999999999\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "5, 6\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "5,\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "5\r\n" CL "6\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "-5\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "+5\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "0x5\r\n", false, INVALID, 0},
    {REQUEST_LINE, CL "5 5\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "chunked\r\n", false, CHUNKED, 0},
    {REQUEST_LINE, TE "gzip;q=\"a,b\", Chunked\r\n", false, CHUNKED, 0},
    {REQUEST_LINE, TE "gzip\r\n" TE ",chunked,\r\n", false, CHUNKED, 0},
    {REQUEST_LINE, TE "chunked, gzip\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "gzip\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "chunked, chunked\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "chunked;a=b\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "chunked d\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "\r\n", false, INVALID, 0},
    {REQUEST_LINE, TE "chunked\r\n" CL "5\r\n", false, INVALID, 0},
    {"GET / HTTP/1.0\r\n", TE "chunked\r\n", false, INVALID, 0},
    {STATUS_LINE, "", false, CLOSE, 0},
    {STATUS_LINE, CL "5\r\n", false, LENGTH, 5},
    {STATUS_LINE, CL "5\r\n", true, NONE, 0},
    {STATUS_LINE, CL "5, 6\r\n", false, INVALID, 0},
    {STATUS_LINE, TE "chunked\r\n", false, CHUNKED, 0},
    {STATUS_LINE, TE "chunked\r\n", true, NONE, 0},
    {STATUS_LINE, TE "gzip\r\n", false, CLOSE, 0},
    {STATUS_LINE, TE "chunked, gzip\r\n", false, CLOSE, 0},
    {STATUS_LINE, TE "chunked\r\n" CL "5\r\n", false, INVALID, 0},
    {"HTTP/1.0 200 OK\r\n", TE "chunked\r\n", false, INVALID, 0},
    {"HTTP/1.1 101 \r\n", CL "5\r\n", false, NONE, 0},
    {"HTTP/1.1 204 \r\n", TE "chunked\r\n", false, NONE, 0},
    {"HTTP/1.1 304 \r\n", CL "5\r\n", false, NONE, 0},
    {"HTTP/1.1 205 \r\n", CL "5\r\n", false, LENGTH, 5},
};

START_TEST(test_body_kind) {
    char head[256];
    uint64_t length = 99;
    snprintf(head, sizeof(head), "%s%s\r\n", body_rows[_i].start, body_rows[_i].fields);
    struct http1_head h = parse(head);
    ck_assert_int_eq(http1_body_kind(&h, body_rows[_i].head_request, &length), body_rows[_i].kind);
    if (body_rows[_i].kind == LENGTH)
        ck_assert_uint_eq(length, body_rows[_i].length);
    else
        ck_assert_uint_eq(length, 0);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("http1");
    tcase_add_loop_test(tests, test_good_head, 0, ROWS(good_rows));
    tcase_add_loop_test(tests, test_bad_head, 0, ROWS(bad_rows));
    tcase_add_test(tests, test_head_limit);
    tcase_add_test(tests, test_field_limit);
    tcase_add_test(tests, test_find);
    tcase_add_loop_test(tests, test_has_token, 0, ROWS(token_rows));
    tcase_add_loop_test(tests, test_body_kind, 0, ROWS(body_rows));
    return guard_run("http1", tests);
}
