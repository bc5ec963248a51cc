/* check_stream_states.c - streams: every state with every event (RFC 9113 figure 2), identifiers,
   promises, concurrency, trailers, and what is forgotten. */
#include "conn_script.h"
#include "guard.h"

#define GET "< HEADERS 1 5 82\n"

static const struct script_row rows[] = {
    {"idle", H2_SERVER,
     "< DATA 1 0 00 ! idle-stream\n"
     "< RST_STREAM 1 0 00000000 ! idle-stream\n"
     "< WINDOW_UPDATE 1 0 00000001 ! idle-stream\n"
     "< PRIORITY 1 0 0000000000\n"
     "< 77 1 0 00\n"
     "< CONTINUATION 1 4 82 ! block-missing\n"
     "< DATA 2 0 00 ! idle-stream\n"
     "? 1 idle\n"
     "< HEADERS 1 4 82\n"
     "? 1 open"},
    {"open to closed, the client first", H2_SERVER,
     "< HEADERS 1 4 82\n"
     "< WINDOW_UPDATE 1 0 00000001\n"
     "> WINDOW_UPDATE 1 0 00000001\n"
     "< DATA 1 1 00\n"
     "? 1 half-closed (remote)\n"
     "< DATA 1 0 00 ! half-closed-stream\n"
     "< HEADERS 1 5 82 ! half-closed-stream\n"
     "< WINDOW_UPDATE 1 0 00000001\n"
     "> HEADERS 1 4 88\n"
     "> DATA 1 1 00\n"
     "? 1 closed\n"
     "< DATA 1 0 00 ! closed-stream\n"
     "< HEADERS 1 5 82 ! closed-stream\n"
     "< WINDOW_UPDATE 1 0 00000001 ! closed-stream\n"
     "< RST_STREAM 1 0 00000000 ! closed-stream\n"
     "< PRIORITY 1 0 0000000000\n"
     "< 77 1 0 00\n"
     "> DATA 1 0 00 ! closed-stream\n"
     "? 1 closed"},
    {"open to closed, the server first", H2_CLIENT,
     "> HEADERS 1 4 82\n"
     "< HEADERS 1 5 88\n"
     "? 1 half-closed (remote)\n"
     "< DATA 1 0 - ! half-closed-stream\n"
     "< RST_STREAM 1 0 00000000\n"
     "? 1 closed\n"
     "< DATA 1 0 - ! half-closed-stream,reset-stream-sent\n"
     "> DATA 1 0 00 ! reset-stream-received"},
    {"reset by the peer", H2_SERVER,
     "< HEADERS 1 4 82\n"
     "< RST_STREAM 1 0 00000008\n"
     "? 1 closed\n"
     "< DATA 1 0 - ! reset-stream-sent\n"
     "< HEADERS 1 5 82 ! reset-stream-sent\n"
     "< RST_STREAM 1 0 00000008 ! reset-stream-sent\n"
     "< WINDOW_UPDATE 1 0 00000001 ! reset-stream-sent\n"
     "> HEADERS 1 4 88 ! reset-stream-received\n"
     "> RST_STREAM 1 0 00000008 ! reset-stream-received\n"
     "> DATA 1 0 - ! reset-stream-sent,reset-stream-received\n"
     "< DATA 1 0 - ! reset-stream-sent,reset-stream-received"},
    {"reset by us", H2_SERVER,
     "< HEADERS 1 4 82\n"
     "> RST_STREAM 1 0 00000008\n"
     "< DATA 1 0 - ! reset-stream-received\n"
     "< WINDOW_UPDATE 1 0 00000001 ! reset-stream-received\n"
     "< HEADERS 1 5 82 ! reset-stream-received\n"
     "> DATA 1 0 - ! reset-stream-sent\n"
     "< RST_STREAM 1 0 00000008 ! reset-stream-received\n"
     "< DATA 1 0 - ! reset-stream-sent,reset-stream-received"},
    {"reset by us after the peer had ended it", H2_SERVER,
     GET "> RST_STREAM 1 0 00000008\n"
         "< DATA 1 0 - ! half-closed-stream,reset-stream-received\n"
         "< RST_STREAM 1 0 00000008 ! reset-stream-received"},
    {"identifiers of a client", H2_SERVER,
     "< HEADERS 2 5 82 ! stream-parity\n"
     "? 2 idle\n"
     "< HEADERS 5 5 82\n"
     "< HEADERS 3 5 82 ! skipped-stream\n"
     "< DATA 3 0 - ! skipped-stream\n"
     "< RST_STREAM 3 0 00000000 ! skipped-stream\n"
     "< WINDOW_UPDATE 3 0 00000001 ! skipped-stream\n"
     "< PRIORITY 3 0 0000000000\n"
     "? 3 closed\n"
     "< DATA 7 0 - ! idle-stream\n"
     "< HEADERS 2147483647 5 82"},
    {"a server opens nothing by HEADERS", H2_CLIENT,
     "< HEADERS 1 4 88 ! idle-stream,stream-parity\n"
     "< HEADERS 2 4 88 ! idle-stream\n"
     "> HEADERS 2 4 82 ! stream-parity\n"
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 5 88"},
    {"reserved", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< PUSH_PROMISE 1 4 0000000282\n"
     "? 2 reserved (remote)\n"
     "< DATA 2 0 - ! reserved-stream\n"
     "< WINDOW_UPDATE 2 0 00000001 ! reserved-stream\n"
     "> WINDOW_UPDATE 2 0 00000001\n"
     "> DATA 2 0 - ! reserved-stream\n"
     "> HEADERS 2 4 82 ! reserved-stream\n"
     "< PUSH_PROMISE 2 4 0000000482 ! reserved-stream,push-stream\n"
     "< HEADERS 2 4 88\n"
     "? 2 half-closed (local)\n"
     "> DATA 2 0 - ! half-closed-stream\n"
     "< DATA 2 1 -\n"
     "? 2 closed"},
    {"reserved by us", H2_SERVER,
     GET "> PUSH_PROMISE 1 4 0000000282\n"
         "? 2 reserved (local)\n"
         "< DATA 2 0 - ! reserved-stream\n"
         "< HEADERS 2 4 82 ! reserved-stream\n"
         "< WINDOW_UPDATE 2 0 00000001\n"
         "< PRIORITY 2 0 0000000000\n"
         "> WINDOW_UPDATE 2 0 00000001 ! reserved-stream\n"
         "> HEADERS 2 4 88\n"
         "? 2 half-closed (remote)\n"
         "> RST_STREAM 2 0 00000000\n"
         "? 2 closed"},
    {"promises", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< PUSH_PROMISE 1 4 0000000382 ! push-stream\n"
     "< PUSH_PROMISE 1 4 0000000082 ! push-stream\n"
     "< PUSH_PROMISE 1 4 0000000682\n"
     "< PUSH_PROMISE 1 4 0000000482 ! push-stream\n"
     "< PUSH_PROMISE 1 4 0000000682 ! push-stream\n"
     "< PUSH_PROMISE 3 4 0000000882 ! idle-stream\n"
     "< HEADERS 1 5 88\n"
     "< PUSH_PROMISE 1 4 0000000a82 ! closed-stream\n"
     "> PUSH_PROMISE 1 4 0000000c82 ! push-from-client\n"
     "< HEADERS 4 4 88 ! skipped-stream"},
    {"a promise on a stream that we reset reserves", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "> RST_STREAM 1 0 00000008\n"
     "< PUSH_PROMISE 1 4 0000000282 ! reset-stream-received\n"
     "? 2 reserved (remote)"},
    {"push disabled, once it is acknowledged", H2_CLIENT,
     "> SETTINGS 0 0 000200000000\n"
     "> HEADERS 1 5 82\n"
     "< PUSH_PROMISE 1 4 0000000282\n"
     "< SETTINGS 0 1 -\n"
     "< PUSH_PROMISE 1 4 0000000482 ! push-disabled"},
    {"trailers of a request", H2_SERVER,
     "< HEADERS 1 4 82\n"
     "< HEADERS 1 4 82 ! trailers-without-end-stream\n"
     "< HEADERS 1 5 82"},
    {"interim responses", H2_CLIENT,
     "> HEADERS 1 5 82\n"
     "< HEADERS 1 4 0803313030\n"
     "< HEADERS 1 4 0803313033\n"
     "< HEADERS 1 4 88\n"
     "< HEADERS 1 4 0803313030 ! trailers-without-end-stream\n"
     "< HEADERS 1 5 82"},
    {"concurrency", H2_SERVER,
     "> SETTINGS 0 0 000300000001\n"
     "< HEADERS 1 5 82\n"
     "< HEADERS 3 5 82\n"
     "< SETTINGS 0 1 -\n"
     "< HEADERS 5 5 82 ! concurrency\n"
     "> HEADERS 1 5 88\n"
     "> HEADERS 3 5 88\n"
     "> RST_STREAM 5 0 00000007\n"
     "< HEADERS 7 5 82\n"
     "< HEADERS 9 4 82 ! concurrency"},
    {"reserved streams do not count", H2_CLIENT,
     "> SETTINGS 0 0 000300000001\n"
     "< SETTINGS 0 1 -\n"
     "> HEADERS 1 4 82\n"
     "< PUSH_PROMISE 1 4 0000000282\n"
     "< PUSH_PROMISE 1 4 0000000482\n"
     "< HEADERS 2 4 88\n"
     "< HEADERS 4 4 88 ! concurrency"},
    {"void frames change nothing", H2_SERVER,
     "< HEADERS 0 5 82 ! stream-zero\n"
     "< DATA 0 0 00 ! stream-zero\n"
     "< HEADERS 1 4 82\n"
     "< RST_STREAM 1 0 000000 ! length\n"
     "< WINDOW_UPDATE 1 0 000000 ! length\n"
     "? 1 open"},
};

START_TEST(states) {
    script_run_row(&rows[_i]);
}
END_TEST

START_TEST(forgotten_streams_are_closed) {
    struct h2_conn *c = script_open(H2_SERVER, &(struct h2_limits){.streams = 3});
    script_run(c, "< HEADERS 1 4 82\n"
                  "< HEADERS 3 4 82\n"
                  "< RST_STREAM 3 0 00000008\n"
                  "< HEADERS 5 4 82\n"
                  "< HEADERS 7 4 82\n"
                  "? 1 open\n"
                  "< DATA 3 0 - ! closed-stream\n"
                  "< HEADERS 9 4 82\n"
                  "? 1 closed\n"
                  "W < 1 0\n"
                  "? 9 open");
    h2_conn_free(c);
}
END_TEST

START_TEST(forgotten_streams_are_not_counted) {
    struct h2_conn *c = script_open(H2_SERVER, &(struct h2_limits){.streams = 2});
    script_run(c, "> SETTINGS 0 0 000300000002\n"
                  "< SETTINGS 0 1 -\n"
                  "< HEADERS 1 4 82\n"
                  "< HEADERS 3 4 82\n"
                  "< HEADERS 5 4 82\n"
                  "< HEADERS 7 4 82");
    h2_conn_free(c);
}
END_TEST

START_TEST(many_streams) {
    struct h2_conn *c = script_open(H2_SERVER, NULL);
    char line[64];
    for (unsigned i = 1; i < 30000; i += 2) {
        snprintf(line, sizeof line, "< HEADERS %u 5 82", i);
        script_step_frame(c, line);
    }
    script_run(c, "? 29999 half-closed (remote)\n? 15001 half-closed (remote)\n? 1 closed");
    ck_assert_uint_eq(h2_conn_last_peer_stream(c), 29999);
    ck_assert_uint_eq(h2_conn_next_stream(c), 2);
    h2_conn_free(c);
}
END_TEST

START_TEST(next_stream) {
    struct h2_conn *c = script_open(H2_CLIENT, NULL);
    ck_assert_uint_eq(h2_conn_next_stream(c), 1);
    script_run(c, "> HEADERS 7 5 82");
    ck_assert_uint_eq(h2_conn_next_stream(c), 9);
    script_run(c, "> HEADERS 2147483647 5 82");
    ck_assert_uint_eq(h2_conn_next_stream(c), 0);
    ck_assert_uint_eq(h2_conn_last_peer_stream(c), 0);
    h2_conn_free(c);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("stream states");
    tcase_add_loop_test(tests, states, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tests, forgotten_streams_are_closed);
    tcase_add_test(tests, forgotten_streams_are_not_counted);
    tcase_add_test(tests, many_streams);
    tcase_add_test(tests, next_stream);
    return guard_run("stream_states", tests);
}
