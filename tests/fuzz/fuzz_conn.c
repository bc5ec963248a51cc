/* fuzz_conn.c - any octets in both directions of a connection, and its transcript: no crash,
   bounded memory, numbers that add up, and the same events however the octets were split. The input
   is an octet of options, then steps: an octet that says what, one with a length, and octets. A
   step is raw octets or a frame with a payload, in one direction. */
#include "h2/conn.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME = 256, BLOCK = 512, QUEUE = 8192, TRANSCRIPT = 16384, STREAMS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool fact) {
    if (!fact)
        abort();
}

static uint64_t hash(uint64_t state, uint64_t value) {
    return (state ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t hash_octets(uint64_t state, const uint8_t *octets, size_t n) {
    for (size_t i = 0; i < n; i++)
        state = hash(state, octets[i]);
    return state;
}

static uint64_t hash_event(uint64_t state, const struct h2_event *e) {
    if (e->kind != H2_EVENT_OCTETS) {
        state = hash(state, e->kind);
        state = hash(state, e->frame.faults);
        state = hash(state, e->field_error.status);
    }
    for (size_t i = 0; i < e->field_count; i++) {
        state = hash_octets(state, e->fields[i].name, e->fields[i].name_len);
        state = hash_octets(state, e->fields[i].value, e->fields[i].value_len);
    }
    return hash_octets(hash_octets(state, e->octets, e->octets_len), e->block, e->block_len);
}

/* Options, role and limits of a connection; it may have been upgraded. */
static struct h2_conn *open_conn(uint8_t options) {
    static const uint8_t settings[] = {0, 4, 0, 0, 0, 9, 0, 1, 0, 0, 1, 0};
    struct h2_limits limits = {FRAME, BLOCK, QUEUE, TRANSCRIPT, STREAMS};
    struct h2_conn *c = h2_conn_new(options & 1 ? H2_SERVER : H2_CLIENT, &limits);
    require(c != NULL);
    if (!(options & 8))
        h2_conn_start(c, options & 2);
    if (options & 4)
        require(h2_conn_upgraded(c, settings, sizeof settings) == 0);
    h2_conn_set_auto(c, options >> 4);
    return c;
}

/* What one step puts on the wire. Streams stay few, so that they meet. */
static size_t step_octets(uint8_t what, const uint8_t *in, size_t n, uint8_t *out) {
    if (what & 2) {
        memcpy(out, in, n);
        return n;
    }
    uint8_t flags = n > 0 ? in[0] : 0, stream = what >> 6;
    size_t rest = n > 0 ? n - 1 : 0;
    const uint8_t head[H2_FRAME_HEAD_LEN] = {0, 0, (uint8_t)rest, what >> 2 & 15, flags, 0,
                                             0, 0, stream};
    memcpy(out, head, sizeof head);
    if (rest > 0)
        memcpy(out + sizeof head, in + 1, rest);
    return sizeof head + rest;
}

static void feed(struct h2_conn *c, bool sent, const uint8_t *octets, size_t n, size_t piece) {
    int (*fn)(struct h2_conn *, const uint8_t *, size_t, uint64_t) =
        sent ? h2_conn_sent : h2_conn_recv;
    for (size_t i = 0; i < n; i += piece)
        require(fn(c, octets + i, n - i < piece ? n - i : piece, 1) == 0);
}

static uint64_t take_events(struct h2_conn *c, uint64_t state) {
    for (struct h2_event *e = h2_conn_next(c); e; e = h2_conn_next(c)) {
        require(e->dir == H2_RECEIVED && e->refs >= 1);
        state = hash_event(state, e);
        h2_event_unref(e);
    }
    require(!h2_conn_full(c));
    return state;
}

/* Replies leave at once. */
static uint64_t send_replies(struct h2_conn *c, uint64_t state, size_t piece) {
    struct buf *replies = h2_conn_replies(c);
    state = hash_octets(state, replies->data, replies->len);
    feed(c, true, replies->data, replies->len, piece);
    buf_clear(replies);
    return state;
}

static void check_transcript(const struct h2_conn *c) {
    size_t dropped, octets = 0, newest = 0;
    uint64_t count = 0, last = 0;
    for (const struct h2_event *e = h2_conn_transcript(c, &dropped); e; e = e->next_in_transcript) {
        require(e->seq > last);
        last = e->seq;
        octets += e->size;
        newest = e->size;
        count++;
    }
    require(count + dropped == last);
    require(octets <= TRANSCRIPT + newest);
}

static uint64_t answers(const struct h2_conn *c) {
    uint64_t state = hash(h2_conn_next_stream(c), h2_conn_last_peer_stream(c));
    for (uint32_t stream = 0; stream < 6; stream++) {
        state = hash(state, h2_conn_stream_state(c, stream));
        state = hash(state, (uint64_t)h2_conn_window(c, H2_SENT, stream));
        state = hash(state, (uint64_t)h2_conn_window(c, H2_RECEIVED, stream));
    }
    for (uint16_t id = 0; id < 12; id++)
        state = hash(state, h2_conn_setting(c, H2_RECEIVED, id, id & 1));
    return state;
}

static uint64_t play(const uint8_t *data, size_t size, size_t piece) {
    uint64_t state = 0;
    struct h2_conn *c = open_conn(data[0]);
    for (size_t at = 1; size - at >= 2;) {
        uint8_t octets[H2_FRAME_HEAD_LEN + UINT8_MAX];
        uint8_t what = data[at];
        size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        size_t len = step_octets(what, data + at + 2, n, octets);
        feed(c, what & 1, octets, len, piece);
        state = send_replies(c, take_events(c, state), piece);
        at += 2 + n;
    }
    check_transcript(c);
    state = hash(state, answers(c));
    h2_conn_free(c);
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    require(play(data, size, SIZE_MAX / 2) == play(data, size, 1));
    return 0;
}
