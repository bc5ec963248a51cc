/* check_conn.c - a connection as a whole: preface, split octets, field blocks, two that talk to
   each other, and memory that runs out. */
#include "conn_script.h"
#include "guard.h"

/* What an event says, in one line. */
static void describe(const struct h2_event *e, struct buf *out) {
    char line[2048], octets[33] = "";
    size_t n = e->octets_len < 16 ? e->octets_len : 16;
    hex_encode(e->octets, n, octets);
    octets[2 * n] = 0;
    int len = snprintf(line, sizeof line, "%d %zu %s type %u stream %u flags %x faults %s", e->kind,
                       e->octets_len, octets, e->frame.type, e->frame.stream, e->frame.flags,
                       script_faults(e->frame.faults));
    ck_assert_int_eq(buf_append(out, line, (size_t)len), 0);
    for (size_t i = 0; i < e->field_count; i++) {
        const struct h2_field *f = &e->fields[i];
        len = snprintf(line, sizeof line, " [%.*s|%.*s]", (int)f->name_len, (const char *)f->name,
                       (int)f->value_len, (const char *)f->value);
        ck_assert_int_eq(buf_append(out, line, (size_t)len), 0);
    }
    ck_assert_int_eq(buf_append(out, "\n", 1), 0);
}

/* All unread events; octets outside HTTP/2 as if they had come one by one. */
static void describe_queue(struct h2_conn *c, struct buf *out) {
    for (struct h2_event *e = h2_conn_next(c); e; e = h2_conn_next(c)) {
        if (e->kind != H2_EVENT_OCTETS)
            describe(e, out);
        for (size_t i = 0; e->kind == H2_EVENT_OCTETS && i < e->octets_len; i++)
            ck_assert_int_eq(buf_append(out, e->octets + i, 1), 0);
        h2_event_unref(e);
    }
}

static void append_script(struct buf *out, const char *script) {
    for (; *script; script += strcspn(script, "\n") + 1)
        script_frame(script, out);
}

/* A client's side with field blocks in pieces, padding, errors and an oversized frame. */
static void conversation(struct buf *out) {
    buf_init(out, 1 << 20);
    ck_assert_int_eq(buf_append(out, H2_PREFACE, H2_PREFACE_LEN), 0);
    append_script(out, "SETTINGS 0 0 000400000064\n"
                       "HEADERS 1 0 8286\n"
                       "CONTINUATION 1 0 -\n"
                       "CONTINUATION 1 4 4001610162\n"
                       "DATA 1 8 0100000000\n"
                       "77 5 ff *300\n"
                       "HEADERS 3 5 be\n"
                       "PING 0 0 0102030405060708\n"
                       "HEADERS 5 5 ff00\n"
                       "GOAWAY 0 0 0000000000000000616263\n");
}

static struct h2_conn *small_server(void) {
    struct h2_conn *c = h2_conn_new(H2_SERVER, &(struct h2_limits){.frame = 200});
    ck_assert_ptr_nonnull(c);
    h2_conn_start(c, true);
    return c;
}

static void feed_split(const struct buf *in, size_t at, size_t step, struct buf *out) {
    struct h2_conn *c = small_server();
    buf_init(out, 1 << 20);
    ck_assert_int_eq(h2_conn_recv(c, in->data, at, 1), 0);
    for (size_t i = at; i < in->len; i += step) {
        size_t n = in->len - i < step ? in->len - i : step;
        ck_assert_int_eq(h2_conn_recv(c, in->data + i, n, 1), 0);
    }
    describe_queue(c, out);
    ck_assert_int_eq(buf_append(out, h2_conn_replies(c)->data, h2_conn_replies(c)->len), 0);
    h2_conn_free(c);
}

static void check_same(const struct buf *in, size_t at, size_t step, const struct buf *wanted) {
    struct buf out;
    feed_split(in, at, step, &out);
    ck_assert_msg(out.len == wanted->len && memcmp(out.data, wanted->data, out.len) == 0,
                  "split at %zu, then %zu: %.*s", at, step, (int)out.len, (const char *)out.data);
    buf_dispose(&out);
}

static void check_splits(struct buf *in) {
    struct buf wanted;
    feed_split(in, in->len, 1, &wanted);
    for (size_t at = 0; at < in->len; at++)
        check_same(in, at, in->len, &wanted);
    for (size_t step = 1; step < 40; step++)
        check_same(in, 0, step, &wanted);
    buf_dispose(&wanted);
    buf_dispose(in);
}

START_TEST(every_split) {
    struct buf in;
    conversation(&in);
    check_splits(&in);
}
END_TEST

START_TEST(every_split_after_a_bad_preface) {
    struct buf in;
    conversation(&in);
    in.data[15] = '1';
    check_splits(&in);
}
END_TEST

START_TEST(what_the_conversation_says) {
    static const char wanted[] =
        "1 24 505249202a20485454502f322e300d0a type 0 stream 0 flags 0 faults \n"
        "0 6 000400000064 type 4 stream 0 flags 0 faults \n"
        "0 2 8286 type 1 stream 1 flags 0 faults \n"
        "0 0  type 9 stream 1 flags 0 faults \n"
        "0 5 4001610162 type 9 stream 1 flags 4 faults  [:method|GET] [:scheme|http] [a|b]\n"
        "0 5 0100000000 type 0 stream 1 flags 8 faults \n"
        "0 200 00000000000000000000000000000000 type 119 stream 5 flags ff faults oversized\n"
        "0 1 be type 1 stream 3 flags 5 faults  [a|b]\n"
        "0 8 0102030405060708 type 6 stream 0 flags 0 faults \n"
        "0 2 ff00 type 1 stream 5 flags 5 faults compression\n"
        "0 11 0000000000000000616263 type 7 stream 0 flags 0 faults \n";
    struct buf in, out;
    conversation(&in);
    struct h2_conn *c = small_server();
    buf_init(&out, 1 << 20);
    ck_assert_int_eq(h2_conn_recv(c, in.data, in.len, 1), 0);
    describe_queue(c, &out);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)out.data, wanted);
    buf_dispose(&out);
    buf_dispose(&in);
    h2_conn_free(c);
}
END_TEST

/* --- before and around the preface --- */

static void recv_text(struct h2_conn *c, const char *text) {
    ck_assert_int_eq(h2_conn_recv(c, (const uint8_t *)text, strlen(text), 7), 0);
}

static void expect_next(struct h2_conn *c, enum h2_event_kind kind, const char *octets) {
    struct h2_event *e = h2_conn_next(c);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, kind);
    ck_assert_int_eq(e->dir, H2_RECEIVED);
    ck_assert_uint_eq(e->time, 7);
    ck_assert_uint_eq(e->octets_len, strlen(octets));
    ck_assert_mem_eq(e->octets, octets, e->octets_len);
    h2_event_unref(e);
}

START_TEST(prefaces) {
    static const struct {
        const char *in;
        enum h2_event_kind kind;
        const char *octets, *rest;
    } cases[] = {
        {H2_PREFACE, H2_EVENT_PREFACE, H2_PREFACE, NULL},
        {"GET / HTTP/1.1\r\n\r\n", H2_EVENT_BAD_PREFACE, "G", "ET / HTTP/1.1\r\n\r\n"},
        {"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", H2_EVENT_BAD_PREFACE, "PRI * HTTP/2.1",
         "\r\n\r\nSM\r\n\r\n"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", H2_EVENT_BAD_PREFACE,
         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct h2_conn *c = h2_conn_new(H2_SERVER, NULL);
        h2_conn_start(c, true);
        recv_text(c, cases[i].in);
        expect_next(c, cases[i].kind, cases[i].octets);
        if (cases[i].rest)
            expect_next(c, H2_EVENT_OCTETS, cases[i].rest);
        ck_assert_ptr_null(h2_conn_next(c));
        h2_conn_free(c);
    }
}
END_TEST

START_TEST(our_own_preface) {
    struct h2_conn *c = h2_conn_new(H2_CLIENT, NULL);
    size_t dropped;
    h2_conn_start(c, true);
    ck_assert_int_eq(h2_conn_sent(c, (const uint8_t *)H2_PREFACE, H2_PREFACE_LEN, 1), 0);
    script_run(c, "> PING 0 0 0102030405060708 ! first-frame\n< SETTINGS 0 0 -");
    ck_assert_int_eq(h2_conn_transcript(c, &dropped)->kind, H2_EVENT_PREFACE);
    struct h2_event *e = h2_conn_next(c);
    ck_assert_int_eq(e->frame.type, H2_SETTINGS);
    h2_event_unref(e);
    ck_assert_ptr_null(h2_conn_next(c));
    h2_conn_free(c);
}
END_TEST

START_TEST(octets_before_http2) {
    struct h2_conn *c = h2_conn_new(H2_SERVER, NULL);
    recv_text(c, "HTTP/1.1");
    ck_assert(!h2_conn_started(c));
    expect_next(c, H2_EVENT_OCTETS, "HTTP/1.1");
    h2_conn_start(c, false);
    h2_conn_start(c, true);
    ck_assert(h2_conn_started(c));
    script_run(c, "< SETTINGS 0 0 -");
    h2_conn_free(c);
}
END_TEST

/* --- field blocks --- */

static void expect_block(const struct h2_conn *c, size_t fields, uint32_t stream, uint8_t type,
                         bool end_stream) {
    const struct h2_event *e = script_last(c);
    ck_assert(e->has_fields);
    ck_assert_uint_eq(e->field_count, fields);
    ck_assert_uint_eq(e->block_stream, stream);
    ck_assert_uint_eq(e->block_type, type);
    ck_assert_int_eq(e->block_end_stream, end_stream);
}

START_TEST(interrupted_block) {
    struct h2_conn *c = script_open(H2_SERVER, NULL);
    script_run(c, "< HEADERS 1 1 82\n"
                  "< PING 0 0 0102030405060708 ! block-interrupted\n"
                  "< DATA 1 0 - ! block-interrupted,half-closed-stream\n"
                  "< CONTINUATION 3 4 82 ! block-interrupted");
    ck_assert(!script_last(c)->has_fields);
    script_run(c, "< HEADERS 3 4 84 ! block-interrupted");
    expect_block(c, 1, 3, H2_HEADERS, false);
    script_run(c, "< CONTINUATION 1 4 86");
    expect_block(c, 2, 1, H2_HEADERS, true);
    h2_conn_free(c);
}
END_TEST

START_TEST(block_goes_on) {
    struct h2_conn *c = script_open(H2_SERVER, NULL);
    script_run(c, "< HEADERS 1 1 82\n"
                  "< PING 0 0 0102030405060708 ! block-interrupted\n"
                  "< CONTINUATION 1 0 4001\n"
                  "< CONTINUATION 1 4 610162");
    expect_block(c, 2, 1, H2_HEADERS, true);
    ck_assert_uint_eq(script_last(c)->block_len, 6);
    script_run(c, "> PUSH_PROMISE 1 4 0000000282");
    expect_block(c, 1, 1, H2_PUSH_PROMISE, false);
    script_run(c, "< HEADERS 3 0 82\n"
                  "< HEADERS 5 0 84 ! block-interrupted\n"
                  "< CONTINUATION 3 4 84 ! block-interrupted\n"
                  "< CONTINUATION 5 4 86\n"
                  "< CONTINUATION 5 4 86 ! block-missing");
    h2_conn_free(c);
}
END_TEST

static void expect_limit(struct h2_conn *c, const char *line) {
    script_step(c, line);
    ck_assert(script_last(c)->has_fields);
    ck_assert_int_eq(script_last(c)->field_error.status, HPACK_LIMIT);
    ck_assert_ptr_nonnull(script_last(c)->field_error.text);
}

START_TEST(block_limits) {
    static const char *const first[] = {
        "< HEADERS 1 5 *101 ! block-size",     /* octets */
        "< HEADERS 1 5 82828282 ! block-size", /* decoded octets */
        "< HEADERS 1 1 *60\n< CONTINUATION 1 0 *60 ! block-size\n< CONTINUATION 1 4 82",
    };
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct h2_conn *c = script_open(H2_SERVER, &(struct h2_limits){.block = 100});
        script_run(c, first[i]);
        ck_assert_int_eq(script_last(c)->field_error.status, HPACK_LIMIT);
        ck_assert_uint_eq(script_last(c)->block_len, i == 1 ? 4 : 0);
        expect_limit(c, "< HEADERS 3 5 82");
        expect_limit(c, "< HEADERS 5 5 *101");
        script_run(c, "> HEADERS 1 5 88");
        expect_block(c, 1, 1, H2_HEADERS, true);
        h2_conn_free(c);
    }
}
END_TEST

/* Size updates take no room among decoded octets, but their number is bounded too. */
START_TEST(many_size_updates) {
    struct h2_conn *c = script_open(H2_SERVER, &(struct h2_limits){.block = 4096});
    uint8_t octets[H2_FRAME_HEAD_LEN + 2000];
    memset(octets, 0x20, sizeof octets);
    memcpy(octets, "\0\x07\xd0\1\5\0\0\0\1", H2_FRAME_HEAD_LEN);
    ck_assert_int_eq(h2_conn_recv(c, octets, sizeof octets, 1), 0);
    ck_assert_int_eq(script_last(c)->field_error.status, HPACK_LIMIT);
    ck_assert_uint_lt(script_last(c)->field_count, 200);
    h2_conn_free(c);
}
END_TEST

START_TEST(compression_error) {
    struct h2_conn *c = script_open(H2_SERVER, NULL);
    script_run(c, "< HEADERS 1 5 82ff00 ! compression");
    const struct h2_event *e = script_last(c);
    ck_assert_uint_eq(e->field_count, 1);
    ck_assert_int_eq(e->field_error.status, HPACK_INDEX_RANGE);
    ck_assert_uint_eq(e->field_error.offset, 1);
    ck_assert_str_eq(e->field_error.rule, "RFC7541-2.3.3");
    h2_conn_free(c);
}
END_TEST

/* --- two connections that talk to each other --- */

static void transmit(struct h2_conn *from, struct h2_conn *to, const void *octets, size_t n) {
    ck_assert_int_eq(h2_conn_sent(from, octets, n, 1), 0);
    ck_assert_int_eq(h2_conn_recv(to, octets, n, 1), 0);
}

static void transmit_script(struct h2_conn *from, struct h2_conn *to, const char *script) {
    struct buf octets;
    buf_init(&octets, 1 << 20);
    append_script(&octets, script);
    transmit(from, to, octets.data, octets.len);
    buf_dispose(&octets);
}

/* The replies of both, until there are no more. */
static void pump(struct h2_conn *a, struct h2_conn *b) {
    while (h2_conn_replies(a)->len + h2_conn_replies(b)->len > 0) {
        transmit(a, b, h2_conn_replies(a)->data, h2_conn_replies(a)->len);
        buf_clear(h2_conn_replies(a));
        struct h2_conn *other = a;
        a = b;
        b = other;
    }
}

static void transmit_fields(struct h2_conn *from, struct h2_conn *to, uint32_t stream,
                            uint8_t flags) {
    struct buf out;
    buf_init(&out, 1 << 16);
    const uint8_t *name = (const uint8_t *)"x-field", *value = (const uint8_t *)"some value";
    ck_assert_int_eq(buf_append(&out, "123456789", H2_FRAME_HEAD_LEN), 0);
    ck_assert_int_eq(hpack_encode_field(h2_conn_encoder(from), name, 7, value, 10, false, &out), 0);
    struct buf head;
    buf_init(&head, H2_FRAME_HEAD_LEN);
    struct h2_frame f = {.length = (uint32_t)(out.len - H2_FRAME_HEAD_LEN),
                         .type = H2_HEADERS,
                         .flags = flags,
                         .stream = stream};
    ck_assert_int_eq(h2_frame_head_encode(&f, &head), 0);
    memcpy(out.data, head.data, head.len);
    transmit(from, to, out.data, out.len);
    buf_dispose(&head);
    buf_dispose(&out);
}

static void expect_sound(const struct h2_conn *c) {
    size_t dropped;
    for (const struct h2_event *e = h2_conn_transcript(c, &dropped); e; e = e->next_in_transcript)
        ck_assert_msg(e->frame.faults == 0 && e->kind != H2_EVENT_BAD_PREFACE, "event %d: %s",
                      (int)e->seq, script_faults(e->frame.faults));
    ck_assert_uint_eq(dropped, 0);
}

static void expect_agreement(const struct h2_conn *a, const struct h2_conn *b) {
    for (uint32_t stream = 0; stream < 8; stream++)
        ck_assert_int_eq(h2_conn_window(a, H2_SENT, stream),
                         h2_conn_window(b, H2_RECEIVED, stream));
    ck_assert_uint_eq(hpack_table_size(h2_conn_table(a, H2_SENT)),
                      hpack_table_size(h2_conn_table(b, H2_RECEIVED)));
    for (uint16_t id = 1; id < 10; id++)
        ck_assert_uint_eq(h2_conn_setting(a, H2_SENT, id, false),
                          h2_conn_setting(b, H2_RECEIVED, id, false));
}

START_TEST(two_talk) {
    struct h2_conn *client = h2_conn_new(H2_CLIENT, NULL), *server = h2_conn_new(H2_SERVER, NULL);
    h2_conn_start(client, true);
    h2_conn_start(server, true);
    transmit(client, server, H2_PREFACE, H2_PREFACE_LEN);
    transmit_script(client, server, "SETTINGS 0 0 000400001000000100000100\n");
    transmit_script(server, client, "SETTINGS 0 0 000400002000000100000080\n");
    pump(client, server);
    for (uint32_t stream = 1; stream < 6; stream += 2) {
        transmit_fields(client, server, stream, H2_FLAG_END_HEADERS);
        char line[64];
        snprintf(line, sizeof line, "DATA %u 1 *%u\n", stream, 1000 + stream);
        transmit_script(client, server, line);
        transmit_fields(server, client, stream, H2_FLAG_END_HEADERS);
        snprintf(line, sizeof line, "DATA %u 0 *%u\n", stream, 2000 + stream);
        transmit_script(server, client, line);
        transmit_script(server, client, "PING 0 0 0102030405060708\n");
        pump(client, server);
    }
    transmit_script(server, client, "DATA 1 1 -\nRST_STREAM 3 0 00000000\n");
    expect_sound(client);
    expect_sound(server);
    expect_agreement(client, server);
    expect_agreement(server, client);
    ck_assert_int_eq(h2_conn_stream_state(client, 1), H2_CLOSED);
    ck_assert_int_eq(h2_conn_stream_state(client, 5), H2_HALF_CLOSED_LOCAL);
    ck_assert_int_eq(h2_conn_stream_state(server, 5), H2_HALF_CLOSED_REMOTE);
    ck_assert_int_eq(h2_conn_window(client, H2_SENT, 0), 65535);
    h2_conn_free(client);
    h2_conn_free(server);
}
END_TEST

/* --- memory that runs out --- */

static bool talk_without_memory(void *ctx) {
    const struct buf *in = ctx;
    struct h2_conn *c = h2_conn_new(H2_SERVER, &(struct h2_limits){.frame = 200});
    if (!c)
        return false;
    h2_conn_start(c, true);
    bool ok = h2_conn_upgraded(c, (const uint8_t *)"\0\1\0\0\0\0", 6) == 0;
    for (size_t i = 0; ok && i < in->len; i += 50) {
        size_t n = in->len - i < 50 ? in->len - i : 50;
        ok = h2_conn_recv(c, in->data + i, n, 1) == 0;
    }
    ok = ok && h2_conn_sent(c, (const uint8_t *)"\0\0\0\4\0\0\0\0\0", 9, 1) == 0;
    ok = ok && h2_conn_sent(c, (const uint8_t *)"\0\0\x8\6\0\0\0\0\0abcdefgh", 17, 1) == 0;
    ok = ok && h2_conn_note(c, H2_EVENT_NOTE, H2_SENT, "note", 4, 1) == 0;
    h2_conn_free(c);
    return ok;
}

START_TEST(every_allocation_fails) {
    struct buf in;
    conversation(&in);
    ck_assert_int_gt(guard_each_allocation(talk_without_memory, &in), 30);
    buf_dispose(&in);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("conn");
    tcase_add_test(tests, every_split);
    tcase_add_test(tests, every_split_after_a_bad_preface);
    tcase_add_test(tests, what_the_conversation_says);
    tcase_add_test(tests, prefaces);
    tcase_add_test(tests, our_own_preface);
    tcase_add_test(tests, octets_before_http2);
    tcase_add_test(tests, interrupted_block);
    tcase_add_test(tests, block_goes_on);
    tcase_add_test(tests, block_limits);
    tcase_add_test(tests, many_size_updates);
    tcase_add_test(tests, compression_error);
    tcase_add_test(tests, two_talk);
    tcase_add_test(tests, every_allocation_fails);
    return guard_run("conn", tests);
}
