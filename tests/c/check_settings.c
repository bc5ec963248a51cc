/* check_settings.c - settings and their acknowledgement, windows, header table sizes, replies. */
#include "conn_script.h"
#include "guard.h"

static const struct script_row rows[] = {
    {"acknowledged in order", H2_CLIENT,
     "S > MAX_FRAME_SIZE 16384 16384\n"
     "> SETTINGS 0 0 000500010000\n"
     "> SETTINGS 0 0 000500005000000500006000\n"
     "S > MAX_FRAME_SIZE 24576 16384\n"
     "< SETTINGS 0 1 -\n"
     "S > MAX_FRAME_SIZE 24576 65536\n"
     "< SETTINGS 0 1 -\n"
     "S > MAX_FRAME_SIZE 24576 24576\n"
     "< SETTINGS 0 1 - ! settings-ack-unasked\n"
     "> SETTINGS 0 1 - ! settings-ack-unasked"},
    {"unknown settings", H2_CLIENT,
     "> SETTINGS 0 0 0abc00000005\n"
     "S > 0abc 0 0"},
    {"void settings", H2_CLIENT,
     "< SETTINGS 1 0 000400000000 ! stream-nonzero\n"
     "< SETTINGS 0 0 0004000000 ! length\n"
     "S < INITIAL_WINDOW_SIZE 65535 65535\n"
     "> SETTINGS 0 0 -\n"
     "< SETTINGS 0 1 00 ! length,ack-payload\n"
     "< SETTINGS 0 1 -"},
    {"frame size", H2_CLIENT,
     "< 77 0 0 *16385 ! frame-size\n"
     "> SETTINGS 0 0 000500004001\n"
     "< 77 0 0 *16385\n"
     "< 77 0 0 *16386 ! frame-size\n"
     "> SETTINGS 0 0 000500004000\n"
     "< SETTINGS 0 1 -\n"
     "< 77 0 0 *16385\n"
     "< SETTINGS 0 1 -\n"
     "< 77 0 0 *16385 ! frame-size\n"
     "> 77 0 0 *16385 ! frame-size"},
    {"windows", H2_CLIENT,
     "> HEADERS 1 4 82\n"
     "> DATA 1 0 *1000\n"
     "W > 0 64535\n"
     "W > 1 64535\n"
     "W > 3 65535\n"
     "< WINDOW_UPDATE 0 0 00000100\n"
     "< WINDOW_UPDATE 1 0 00000001\n"
     "W > 0 64791\n"
     "W > 1 64536\n"
     "> DATA 1 8 02000000\n"
     "W > 1 64532"},
    {"initial window of the peer, at once", H2_CLIENT,
     "> HEADERS 1 4 82\n"
     "> DATA 1 0 *1000\n"
     "< SETTINGS 0 0 000400000064\n"
     "W > 1 -900\n"
     "> SETTINGS 0 1 -\n"
     "W > 1 -900\n"
     "> DATA 1 0 *1 ! window-stream\n"
     "> DATA 1 0 -\n"
     "< WINDOW_UPDATE 1 0 00000400\n"
     "W > 1 123\n"
     "> DATA 1 0 *123\n"
     "W > 0 64411"},
    {"our initial window, when acknowledged", H2_SERVER,
     "> SETTINGS 0 0 000400000002\n"
     "< HEADERS 1 4 82\n"
     "W < 1 65535\n"
     "< DATA 1 0 *3\n"
     "< SETTINGS 0 1 -\n"
     "W < 1 -1\n"
     "< DATA 1 0 *1 ! window-stream\n"
     "W < 1 -2"},
    {"a raise is granted before it is acknowledged", H2_SERVER,
     "> SETTINGS 0 0 000400000002\n"
     "< SETTINGS 0 1 -\n"
     "> SETTINGS 0 0 000400000005\n"
     "< HEADERS 1 4 82\n"
     "< DATA 1 0 *5\n"
     "< DATA 1 0 *1 ! window-stream"},
    {"connection window", H2_SERVER,
     "A 0\n"
     "> SETTINGS 0 0 00040fffffff000500ffffff\n"
     "< SETTINGS 0 1 -\n"
     "< HEADERS 1 4 82\n"
     "< DATA 1 0 *65535\n"
     "< DATA 1 0 *1 ! window-connection\n"
     "W < 0 -1\n"
     "< DATA 3 0 *4 ! idle-stream,window-connection\n"
     "W < 0 -5\n"
     "< RST_STREAM 1 0 00000000\n"
     "< DATA 1 0 *1 ! reset-stream-sent,window-connection\n"
     "W < 0 -6\n"
     "R -"},
    {"overflow", H2_CLIENT,
     "< WINDOW_UPDATE 0 0 7fff0000\n"
     "W > 0 2147483647\n"
     "< WINDOW_UPDATE 0 0 00000001 ! window-overflow\n"
     "> HEADERS 1 4 82\n"
     "< WINDOW_UPDATE 1 0 7fff0000\n"
     "< WINDOW_UPDATE 1 0 00000001 ! window-overflow\n"
     "< SETTINGS 0 0 00040000ffff\n"
     "< SETTINGS 0 0 0004000100000004000000ff ! settings-overflow\n"
     "< WINDOW_UPDATE 1 0 00000000 ! increment-zero\n"
     "> WINDOW_UPDATE 1 0 7fffffff ! window-overflow"},
    {"values out of range are taken as they are", H2_CLIENT,
     "< SETTINGS 0 0 000480000000 ! setting-value\n"
     "S < INITIAL_WINDOW_SIZE 2147483648 65535"},
    {"replies", H2_SERVER,
     "< SETTINGS 0 0 -\n"
     "R SETTINGS 0 1 -\n"
     "< PING 0 0 0102030405060708\n"
     "R PING 0 1 0102030405060708\n"
     "< PING 0 1 0102030405060708 ! ping-ack-unasked\n"
     "< HEADERS 1 4 82\n"
     "< DATA 1 8 0100\n"
     "R WINDOW_UPDATE 0 0 00000002\n"
     "R WINDOW_UPDATE 1 0 00000002\n"
     "< DATA 1 0 -\n"
     "< DATA 1 1 *16\n"
     "R WINDOW_UPDATE 0 0 00000010\n"
     "< DATA 1 1 *16 ! half-closed-stream\n"
     "R WINDOW_UPDATE 0 0 00000010\n"
     "< SETTINGS 0 0 00 ! length\n"
     "< PING 0 0 00 ! length\n"
     "< PING 1 0 0102030405060708 ! stream-nonzero\n"
     "R -\n"
     "A 2\n"
     "< SETTINGS 0 0 -\n"
     "< DATA 1 0 00 ! half-closed-stream\n"
     "< PING 0 0 0102030405060708\n"
     "R PING 0 1 0102030405060708\n"
     "R -"},
    {"PING", H2_CLIENT,
     "> PING 0 0 0000000000000001\n"
     "> PING 0 0 0000000000000002\n"
     "< PING 0 1 0000000000000002\n"
     "< PING 0 1 0000000000000002 ! ping-ack-unasked\n"
     "< PING 0 1 0000000000000001\n"
     "< PING 0 0 0000000000000001\n"
     "> PING 0 1 0000000000000003 ! ping-ack-unasked\n"
     "> PING 0 1 0000000000000001"},
    {"GOAWAY", H2_CLIENT,
     "< GOAWAY 0 0 7fffffff00000000\n"
     "< GOAWAY 0 0 0000000300000000\n"
     "< GOAWAY 0 0 0000000300000000\n"
     "< GOAWAY 0 0 0000000500000000 ! goaway-rising\n"
     "> GOAWAY 0 0 0000000700000000"},
    {"a lowered header table has to be signaled", H2_CLIENT,
     "> SETTINGS 0 0 000100000000\n"
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 88\n"
     "< SETTINGS 0 1 -\n"
     "< HEADERS 1 5 40016100 ! update-missing-empty\n"},
    {"a lowered header table with an entry in it has to be signaled", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 5 8840016100\n"
     "> SETTINGS 0 0 000100000000\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 3 5 82\n"
     "< HEADERS 3 4 88 ! update-missing\n"
     "< HEADERS 3 5 40016100\n"},
    {"an entry from before a reduction is gone, signaled or not", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 5 8840016100\n"
     "> SETTINGS 0 0 000100000000\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 3 5 82\n"
     "< HEADERS 3 4 88be ! compression,update-missing\n"},
    {"a lowered header table that is signaled", H2_CLIENT,
     "> SETTINGS 0 0 000100000000\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 2088"},
    {"lowered and raised again", H2_CLIENT,
     "> SETTINGS 0 0 000100000000000100001000\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 203fe11f88"},
    {"lowered and raised again, but not signaled", H2_CLIENT,
     "> SETTINGS 0 0 000100000000000100001000\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 88 ! update-missing-empty"},
    {"a raised header table may be used before it is acknowledged", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 3fe23f88 ! compression\n"
     "> SETTINGS 0 0 000100010000\n"
     "< HEADERS 1 4 3fe23f88"},
};

START_TEST(settings) {
    script_run_row(&rows[_i]);
}
END_TEST

START_TEST(first_frames) {
    static const struct script_row first[] = {
        {"ping", H2_CLIENT, "< PING 0 0 0000000000000000 ! first-frame\n< SETTINGS 0 0 -"},
        {"ack", H2_CLIENT, "< SETTINGS 0 1 - ! first-frame,settings-ack-unasked"},
        {"ours", H2_CLIENT, "> HEADERS 1 5 82 ! first-frame\n> PING 0 0 0000000000000000"},
        {"sound", H2_CLIENT, "< SETTINGS 0 0 -\n> SETTINGS 0 0 -\n< PING 0 0 0000000000000000"},
    };
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct h2_conn *c = h2_conn_new(first[i].role, NULL);
        h2_conn_start(c, false);
        script_run(c, first[i].script);
        h2_conn_free(c);
    }
}
END_TEST

/* More of them than are remembered one by one: the last acknowledgement brings the last value. */
START_TEST(many_unacknowledged) {
    struct h2_conn *c = script_open(H2_CLIENT, NULL);
    char line[64];
    for (unsigned i = 1; i <= 1000; i++) {
        snprintf(line, sizeof line, "> SETTINGS 0 0 0003%08x", i);
        script_step(c, line);
    }
    ck_assert_uint_eq(h2_conn_settings_unacknowledged(c, H2_SENT), 1000);
    for (unsigned i = 1; i < 1000; i++)
        script_step(c, "< SETTINGS 0 1 -");
    script_run(c, "S > MAX_CONCURRENT_STREAMS 1000 255\n"
                  "< SETTINGS 0 1 -\n"
                  "S > MAX_CONCURRENT_STREAMS 1000 1000\n"
                  "< SETTINGS 0 1 - ! settings-ack-unasked");
    h2_conn_free(c);
}
END_TEST

/* More PINGs than are remembered: each may still be acknowledged once. */
START_TEST(many_pings) {
    struct h2_conn *c = script_open(H2_CLIENT, NULL);
    char line[64];
    for (int way = 0; way < 2; way++)
        for (unsigned i = 0; i < 3000; i++) {
            snprintf(line, sizeof line, "%c PING 0 %d %016x", way ? '<' : '>', way, i);
            script_step(c, line);
        }
    script_step(c, "< PING 0 1 0000000000000001 ! ping-ack-unasked");
    h2_conn_free(c);
}
END_TEST

START_TEST(encoder_follows_the_peer) {
    struct h2_conn *c = script_open(H2_CLIENT, NULL);
    struct buf block;
    buf_init(&block, 1024);
    script_run(c, "< SETTINGS 0 0 000100000000000100000100");
    const uint8_t *method = (const uint8_t *)":method", *get = (const uint8_t *)"GET";
    ck_assert_int_eq(hpack_encode_field(h2_conn_encoder(c), method, 7, get, 3, false, &block), 0);
    ck_assert_uint_eq(block.len, 5);
    ck_assert_mem_eq(block.data, "\x20\x3f\xe1\x01\x82", 5);
    buf_dispose(&block);
    h2_conn_free(c);
}
END_TEST

START_TEST(upgraded) {
    static const uint8_t payload[] = {0, 4, 0, 0, 0, 9, 0, 1, 0, 0, 1, 0};
    for (int role = H2_CLIENT; role <= H2_SERVER; role++) {
        struct h2_conn *c = h2_conn_new((enum h2_role)role, NULL);
        h2_conn_start(c, false);
        ck_assert_int_eq(h2_conn_upgraded(c, payload, sizeof payload), 0);
        ck_assert_int_eq(h2_conn_upgraded(c, payload, sizeof payload), 0);
        script_run(c, role == H2_CLIENT ? "? 1 half-closed (local)\n"
                                          "S > INITIAL_WINDOW_SIZE 9 9\n"
                                          "W < 1 9\n"
                                          "< SETTINGS 0 0 -\n"
                                          "< HEADERS 1 4 3fe10188\n"
                                          "< DATA 1 1 *10 ! window-stream"
                                        : "? 1 half-closed (remote)\n"
                                          "S < INITIAL_WINDOW_SIZE 9 9\n"
                                          "W > 1 9\n"
                                          "< SETTINGS 0 0 -\n"
                                          "< HEADERS 1 5 82 ! half-closed-stream");
        ck_assert_uint_eq(h2_conn_settings_unacknowledged(c, H2_SENT), 0);
        ck_assert_uint_eq(h2_conn_next_stream(c), role == H2_CLIENT ? 3 : 2);
        h2_conn_free(c);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("settings");
    tcase_add_loop_test(tests, settings, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tests, first_frames);
    tcase_add_test(tests, many_unacknowledged);
    tcase_add_test(tests, many_pings);
    tcase_add_test(tests, encoder_follows_the_peer);
    tcase_add_test(tests, upgraded);
    return guard_run("settings", tests);
}
