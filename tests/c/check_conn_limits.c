/* check_conn_limits.c - what a connection keeps, and how much of it: queue, replies, transcript. */
#include "conn_script.h"
#include "guard.h"

#include <malloc.h>

START_TEST(replies_that_nobody_takes) {
    enum { PINGS = 70000, LENGTH = 17 };
    struct h2_conn *c = script_open(H2_CLIENT, NULL);
    for (int i = 0; i < PINGS; i++)
        ck_assert_int_eq(h2_conn_recv(c, (const uint8_t *)"\0\0\x8\6\0\0\0\0\0abcdefgh", LENGTH, 1),
                         0);
    ck_assert_uint_le(h2_conn_replies(c)->len, 1 << 20);
    ck_assert_uint_eq(h2_conn_replies(c)->len, (1 << 20) / LENGTH * LENGTH);
    h2_conn_free(c);
}
END_TEST

START_TEST(queue_limit) {
    struct h2_conn *c = script_open(H2_CLIENT, &(struct h2_limits){.queue = 4096});
    for (int i = 0; i < 5; i++)
        script_step(c, "< 77 0 0 *1000");
    ck_assert(h2_conn_full(c));
    for (struct h2_event *e = h2_conn_next(c); e; e = h2_conn_next(c))
        h2_event_unref(e);
    ck_assert(!h2_conn_full(c));
    h2_conn_free(c);
}
END_TEST

START_TEST(events_outlive_the_connection) {
    struct h2_conn *c = script_open(H2_SERVER, NULL);
    struct h2_event *e;
    script_step(c, "< HEADERS 1 5 82");
    while ((e = h2_conn_next(c)) && e->frame.type != H2_HEADERS)
        h2_event_unref(e);
    h2_conn_free(c);
    ck_assert_uint_eq(e->field_count, 1);
    ck_assert_mem_eq(e->fields[0].name, ":method", 7);
    ck_assert_uint_eq(e->frame.body_len, 1);
    h2_event_unref(e);
}
END_TEST

START_TEST(transcript_keeps_the_ends) {
    static const size_t limits[] = {1, 10000, 300 * 1024};
    enum { NOTES = 3000 };
    static const char text[200];
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct h2_conn *c = h2_conn_new(H2_CLIENT, &(struct h2_limits){.transcript = limits[i]});
        for (int n = 0; n < NOTES; n++)
            ck_assert_int_eq(h2_conn_note(c, H2_EVENT_NOTE, H2_RECEIVED, text, sizeof text, 1), 0);
        ck_assert_ptr_null(h2_conn_next(c));
        size_t dropped, octets = 0, count = 0, holes = 0;
        uint64_t seq = 0;
        const struct h2_event *e = h2_conn_transcript(c, &dropped);
        for (; e; e = e->next_in_transcript) {
            holes += e->seq != seq + 1;
            seq = e->seq;
            octets += e->size;
            count++;
        }
        ck_assert_uint_eq(seq, NOTES);
        ck_assert_uint_eq(count + dropped, NOTES);
        ck_assert_uint_eq(holes, 1);
        ck_assert_uint_le(octets, limits[i] > 1 ? limits[i] : 1000);
        h2_conn_free(c);
    }
}
END_TEST

static void note(struct h2_conn *c, size_t n) {
    static const uint8_t text[50000];
    ck_assert_int_eq(h2_conn_note(c, H2_EVENT_NOTE, H2_SENT, text, n, 1), 0);
}

/* What came after an event that is too large for the first part is not of the first part. */
START_TEST(transcript_with_a_large_event) {
    struct h2_conn *c = h2_conn_new(H2_CLIENT, &(struct h2_limits){.transcript = 100000});
    note(c, 45000);
    note(c, 10000);
    for (int i = 0; i < 1000; i++)
        note(c, 100);
    size_t dropped;
    const struct h2_event *first = h2_conn_transcript(c, &dropped);
    ck_assert_uint_eq(first->seq, 1);
    ck_assert_uint_eq(first->next_in_transcript->seq, 2 + dropped);
    h2_conn_free(c);
}
END_TEST

START_TEST(dropped_events_are_not_linked) {
    struct h2_conn *c = script_open(H2_SERVER, &(struct h2_limits){.transcript = 1});
    script_step(c, "< 77 0 0 -");
    struct h2_event *e;
    while ((e = h2_conn_next(c)) && e->frame.type != 0x77)
        h2_event_unref(e);
    script_step(c, "< 77 0 0 -");
    ck_assert_uint_eq(e->refs, 1);
    ck_assert_ptr_null(e->next_in_transcript);
    h2_event_unref(e);
    h2_conn_free(c);
}
END_TEST

START_TEST(idle_connections_are_small) {
    enum { COUNT = 100, MOST = 8192 };
    struct h2_conn *c[COUNT];
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < COUNT; i++) {
        c[i] = h2_conn_new(H2_CLIENT, NULL);
        h2_conn_start(c[i], true);
    }
    ck_assert_uint_lt((mallinfo2().uordblks - before) / COUNT, MOST);
    for (int i = 0; i < COUNT; i++)
        h2_conn_free(c[i]);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("conn_limits");
    tcase_add_test(tests, replies_that_nobody_takes);
    tcase_add_test(tests, queue_limit);
    tcase_add_test(tests, events_outlive_the_connection);
    tcase_add_test(tests, transcript_keeps_the_ends);
    tcase_add_test(tests, transcript_with_a_large_event);
    tcase_add_test(tests, dropped_events_are_not_linked);
    tcase_add_test(tests, idle_connections_are_small);
    return guard_run("conn_limits", tests);
}
