/* conn_script.h - conversations as text, for the tests of the connection. One line is one step:

     < TYPE STREAM FLAGS PAYLOAD [! FAULTS]   a frame arrives (> for one that we send); flags and
                                              payload in hexadecimal, *N for N zero octets, - for
   none; FAULTS are its slugs in the order of the table, a comma between them; no ! means no faults
     ? STREAM STATE                           the state of the stream
     W < STREAM OCTETS                        what this side may still send
     S < NAME ANNOUNCED IN_FORCE              a setting of this side
     R TYPE STREAM FLAGS PAYLOAD              the next automatic reply; R - for no more
     A SET                                    which replies are automatic */
#ifndef TESTS_CONN_SCRIPT_H
#define TESTS_CONN_SCRIPT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "h2/conn.h"

struct script_row {
    const char *name;
    enum h2_role role;
    const char *script;
};

static inline int script_type(const char *name) {
#define X(type_name, type, section)                                                                \
    if (strcmp(name, #type_name) == 0)                                                             \
        return type;
    H2_FRAME_TYPES(X)
#undef X
    return (int)strtol(name, NULL, 16);
}

static inline uint16_t script_setting(const char *name) {
#define X(setting_name, id, initial, low, high, section)                                           \
    if (strcmp(name, #setting_name) == 0)                                                          \
        return id;
    H2_SETTINGS(X)
#undef X
    return (uint16_t)strtol(name, NULL, 16);
}

/* "TYPE STREAM FLAGS PAYLOAD" to the octets of the frame. */
static inline void script_frame(const char *text, struct buf *out) {
    char type[32], payload[256];
    unsigned stream, flags;
    ck_assert_msg(sscanf(text, "%31s %u %x %255s", type, &stream, &flags, payload) == 4, "%s",
                  text);
    size_t zeros = payload[0] == '*' ? strtoul(payload + 1, NULL, 10) : 0;
    uint8_t octets[128];
    ssize_t n = 0;
    if (payload[0] != '*' && payload[0] != '-')
        n = hex_decode(payload, strlen(payload), octets);
    ck_assert_msg(n >= 0, "%s", text);
    struct h2_frame head = {.length = (uint32_t)(zeros + (size_t)n),
                            .type = (uint8_t)script_type(type),
                            .flags = (uint8_t)flags,
                            .stream = stream};
    ck_assert_int_eq(h2_frame_head_encode(&head, out), 0);
    ck_assert_int_eq(buf_append(out, octets, (size_t)n), 0);
    for (size_t i = 0; i < zeros; i++)
        ck_assert_int_eq(buf_append(out, "", 1), 0);
}

static inline const char *script_faults(uint64_t faults) {
    static char text[1024];
    text[0] = 0;
    for (int i = 0; i < H2_FAULT_COUNT; i++)
        if (faults >> i & 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] ? "," : "",
                     h2_fault_slug((enum h2_fault_index)i));
    return text;
}

static inline const struct h2_event *script_last(const struct h2_conn *c) {
    size_t dropped;
    const struct h2_event *e = h2_conn_transcript(c, &dropped);
    while (e && e->next_in_transcript)
        e = e->next_in_transcript;
    return e;
}

static inline void script_step_frame(struct h2_conn *c, const char *line) {
    struct buf octets;
    buf_init(&octets, 1 << 25);
    script_frame(line + 2, &octets);
    ck_assert_int_eq((line[0] == '<' ? h2_conn_recv : h2_conn_sent)(c, octets.data, octets.len, 1),
                     0);
    buf_dispose(&octets);
    const char *wanted = strstr(line, " ! ");
    const struct h2_event *e = script_last(c);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strcmp(script_faults(e->frame.faults), wanted ? wanted + 3 : "") == 0,
                  "%s\n  has: %s", line, script_faults(e->frame.faults));
}

static inline void script_step_reply(struct h2_conn *c, const char *line) {
    struct buf *replies = h2_conn_replies(c);
    if (line[2] == '-') {
        ck_assert_msg(replies->len == 0, "%s: %zu octets", line, replies->len);
        return;
    }
    struct buf wanted;
    buf_init(&wanted, 1 << 20);
    script_frame(line + 2, &wanted);
    ck_assert_msg(replies->len >= wanted.len, "%s: %zu octets", line, replies->len);
    ck_assert_msg(memcmp(replies->data, wanted.data, wanted.len) == 0, "%s", line);
    buf_drop(replies, wanted.len);
    buf_dispose(&wanted);
}

static inline void script_step_question(struct h2_conn *c, const char *line) {
    char side, name[32];
    unsigned stream, announced, in_force;
    long long window;
    int at = 0;
    if (sscanf(line, "? %u %n", &stream, &at) == 1) {
        const char *state = h2_stream_state_name(h2_conn_stream_state(c, stream));
        ck_assert_msg(strcmp(state, line + at) == 0, "%s\n  is: %s", line, state);
    } else if (sscanf(line, "W %c %u %lld", &side, &stream, &window) == 3) {
        long long is = h2_conn_window(c, side == '<' ? H2_RECEIVED : H2_SENT, stream);
        ck_assert_msg(is == window, "%s\n  is: %lld", line, is);
    } else if (sscanf(line, "S %c %31s %u %u", &side, name, &announced, &in_force) == 4) {
        enum h2_dir by = side == '<' ? H2_RECEIVED : H2_SENT;
        uint32_t a = h2_conn_setting(c, by, script_setting(name), true);
        uint32_t f = h2_conn_setting(c, by, script_setting(name), false);
        ck_assert_msg(a == announced && f == in_force, "%s\n  is: %u %u", line, a, f);
    } else {
        ck_abort_msg("not a step: %s", line);
    }
}

static inline void script_step(struct h2_conn *c, const char *line) {
    if (line[0] == '<' || line[0] == '>')
        script_step_frame(c, line);
    else if (line[0] == 'R')
        script_step_reply(c, line);
    else if (line[0] == 'A')
        h2_conn_set_auto(c, (unsigned)strtoul(line + 2, NULL, 10));
    else
        script_step_question(c, line);
}

/* Every line of the script, in order. */
static inline void script_run(struct h2_conn *c, const char *script) {
    while (*script) {
        char line[512];
        size_t n = strcspn(script, "\n");
        ck_assert_uint_lt(n, sizeof line);
        memcpy(line, script, n);
        line[n] = 0;
        script_step(c, line);
        script += n + (script[n] == '\n');
    }
}

/* Both sides have sent SETTINGS and acknowledged those of the other; no preface is expected. */
static inline struct h2_conn *script_open(enum h2_role role, const struct h2_limits *limits) {
    struct h2_conn *c = h2_conn_new(role, limits);
    ck_assert_ptr_nonnull(c);
    h2_conn_start(c, false);
    script_run(c, "> SETTINGS 0 0 -\n< SETTINGS 0 0 -\n> SETTINGS 0 1 -\n< SETTINGS 0 1 -");
    buf_clear(h2_conn_replies(c));
    return c;
}

static inline void script_run_row(const struct script_row *row) {
    struct h2_conn *c = script_open(row->role, NULL);
    script_run(c, row->script);
    h2_conn_free(c);
}

#endif
