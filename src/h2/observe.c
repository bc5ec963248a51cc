/* observe.c - what a frame does to the connection, and what is wrong with it there (RFC 9113
   sections 5 and 6). The same for both directions. */
#include "h2/conn_impl.h"

#include <string.h>

#include "base/mem.h"

enum { PINGS_MAX = 1024, PINGS_FIRST = 8 };

static struct direction *sender(struct h2_conn *c, const struct h2_event *e) {
    return &c->dirs[e->dir];
}

static struct direction *receiver(struct h2_conn *c, const struct h2_event *e) {
    return &c->dirs[h2_other(e->dir)];
}

static int apply(struct h2_conn *c, struct h2_event *e, uint32_t stream, enum stream_event event) {
    return h2_streams_apply(&c->streams, stream, e->dir, event, &e->frame.faults);
}

static int apply_end(struct h2_conn *c, struct h2_event *e) {
    if (!(e->frame.flags & H2_FLAG_END_STREAM))
        return 0;
    return apply(c, e, e->frame.stream, STREAM_END);
}

/* --- streams --- */

static int observe_data(struct h2_conn *c, struct h2_event *e) {
    uint64_t before = e->frame.faults;
    if (before & H2_FAULTS_VOID) {
        h2_flow_data(c, e, false);
        return 0;
    }
    int status = apply(c, e, e->frame.stream, STREAM_DATA);
    bool permitted = e->frame.faults == before;
    h2_flow_data(c, e, permitted);
    return status == 0 && permitted ? apply_end(c, e) : status;
}

/* Section 5.1.1: HEADERS opens streams of the client; the server's begin with PUSH_PROMISE. */
static uint64_t opening_faults(const struct h2_conn *c, const struct h2_event *e) {
    bool client = e->dir == h2_client_dir(c);
    bool client_stream = e->frame.stream & 1;
    return (client ? 0 : H2_FAULT(IDLE_STREAM)) |
           (client == client_stream ? 0 : H2_FAULT(STREAM_PARITY));
}

static void check_concurrency(struct h2_conn *c, struct h2_event *e) {
    uint32_t limit = h2_settings_most(&receiver(c, e)->settings, SLOT_MAX_CONCURRENT_STREAMS);
    if (c->streams.active[e->frame.stream & 1] > limit)
        e->frame.faults |= H2_FAULT(CONCURRENCY);
}

static void check_trailers(struct h2_conn *c, struct h2_event *e) {
    const struct h2_stream *s = h2_streams_find(&c->streams, e->frame.stream);
    if (s && s->final_head[e->dir] && !(e->frame.flags & H2_FLAG_END_STREAM))
        e->frame.faults |= H2_FAULT(TRAILERS_OPEN);
}

static int observe_headers(struct h2_conn *c, struct h2_event *e) {
    enum stream_phase phase = h2_streams_phase(&c->streams, e->frame.stream);
    uint64_t before = e->frame.faults;
    if (before & H2_FAULTS_VOID)
        return 0;
    if (phase == PHASE_IDLE)
        e->frame.faults |= opening_faults(c, e);
    if (e->frame.faults != before)
        return 0;
    if (apply(c, e, e->frame.stream, STREAM_HEADERS) != 0)
        return BUF_NOMEM;
    if (e->frame.faults != before)
        return 0;
    if (phase < PHASE_OPEN)
        check_concurrency(c, e);
    check_trailers(c, e);
    return apply_end(c, e);
}

static int observe_rst_stream(struct h2_conn *c, struct h2_event *e) {
    if (e->frame.faults & H2_FAULTS_VOID)
        return 0;
    return apply(c, e, e->frame.stream, STREAM_RST);
}

static int observe_window_update(struct h2_conn *c, struct h2_event *e) {
    if (e->frame.faults & H2_FAULTS_VOID)
        return 0;
    int status = e->frame.stream ? apply(c, e, e->frame.stream, STREAM_WINDOW) : 0;
    h2_flow_window_update(c, e);
    return status;
}

static int observe_push_promise(struct h2_conn *c, struct h2_event *e) {
    const struct h2_frame *f = &e->frame;
    if (f->faults & H2_FAULTS_VOID)
        return 0;
    if (e->dir == h2_client_dir(c)) {
        e->frame.faults |= H2_FAULT(PUSH_FROM_CLIENT);
        return 0;
    }
    if (h2_settings_most(&receiver(c, e)->settings, SLOT_ENABLE_PUSH) == 0)
        e->frame.faults |= H2_FAULT(PUSH_DISABLED);
    if (f->stream % 2 == 0 || f->other_stream % 2 || f->other_stream == 0)
        e->frame.faults |= H2_FAULT(PUSH_STREAM);
    if (apply(c, e, f->stream, STREAM_DATA) != 0)
        return BUF_NOMEM;
    if (f->other_stream % 2 || f->other_stream == 0)
        return 0;
    return apply(c, e, f->other_stream, STREAM_PROMISED);
}

/* --- SETTINGS --- */

/* The decoder of what the other side sends accepts the most generous value from now on. */
static void raise_table(struct direction *by, struct direction *other) {
    hpack_decoder_set_max(other->decoder, h2_settings_most(&by->settings, SLOT_HEADER_TABLE_SIZE));
}

static void follow_table(struct h2_conn *c, const struct settings_frame *frame) {
    hpack_encoder_set_max(c->encoder, frame->lowest_table);
    hpack_encoder_set_max(c->encoder, frame->value[SLOT_HEADER_TABLE_SIZE]);
}

static int announce(struct h2_conn *c, struct h2_event *e) {
    struct settings_frame frame;
    h2_settings_read(e->frame.payload, e->frame.payload_len, &frame);
    if (h2_settings_announce(&sender(c, e)->settings, &frame) != 0)
        return BUF_NOMEM;
    if (frame.given[SLOT_INITIAL_WINDOW_SIZE] &&
        h2_flow_overflows(c, h2_other(e->dir), frame.highest_window))
        e->frame.faults |= H2_FAULT(SETTINGS_OVERFLOW);
    if (!frame.given[SLOT_HEADER_TABLE_SIZE])
        return 0;
    raise_table(sender(c, e), receiver(c, e));
    if (e->dir == H2_RECEIVED)
        follow_table(c, &frame);
    return 0;
}

static void acknowledge(struct h2_conn *c, struct h2_event *e) {
    struct settings_frame frame;
    struct direction *by = receiver(c, e);
    if (!h2_settings_acknowledge(&by->settings, &frame))
        e->frame.faults |= H2_FAULT(SETTINGS_UNASKED);
    if (!frame.given[SLOT_HEADER_TABLE_SIZE])
        return;
    hpack_decoder_set_max(sender(c, e)->decoder, frame.lowest_table);
    raise_table(by, sender(c, e));
}

static int observe_settings(struct h2_conn *c, struct h2_event *e) {
    if (e->frame.faults & H2_FAULTS_VOID)
        return 0;
    if (!(e->frame.flags & H2_FLAG_ACK))
        return announce(c, e);
    acknowledge(c, e);
    return 0;
}

/* --- PING, GOAWAY --- */

static int remember_ping(struct open_pings *p, const uint8_t *payload) {
    if (p->count == PINGS_MAX) {
        p->lost++;
        return 0;
    }
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : PINGS_FIRST;
        void *payloads = mem_realloc(p->payloads, cap * sizeof *p->payloads);
        if (!payloads)
            return BUF_NOMEM;
        p->payloads = payloads;
        p->cap = cap;
    }
    memcpy(p->payloads[p->count++], payload, sizeof *p->payloads);
    return 0;
}

static void remove_ping(struct open_pings *p, size_t i) {
    p->count--;
    memmove(p->payloads + i, p->payloads + i + 1, (p->count - i) * sizeof *p->payloads);
    if (p->count > 0)
        return;
    mem_free(p->payloads);
    p->payloads = NULL;
    p->cap = 0;
}

/* False: no such PING was sent. */
static bool settle_ping(struct open_pings *p, const uint8_t *payload) {
    for (size_t i = 0; i < p->count; i++) {
        if (memcmp(p->payloads[i], payload, sizeof *p->payloads) != 0)
            continue;
        remove_ping(p, i);
        return true;
    }
    if (p->lost == 0)
        return false;
    p->lost--;
    return true;
}

static int observe_ping(struct h2_conn *c, struct h2_event *e) {
    if (e->frame.faults & H2_FAULTS_VOID || !e->frame.body)
        return 0;
    if (!(e->frame.flags & H2_FLAG_ACK))
        return remember_ping(&sender(c, e)->pings, e->frame.body);
    if (!settle_ping(&receiver(c, e)->pings, e->frame.body))
        e->frame.faults |= H2_FAULT(PING_UNASKED);
    return 0;
}

static int observe_goaway(struct h2_conn *c, struct h2_event *e) {
    struct direction *d = sender(c, e);
    if (e->frame.faults & H2_FAULTS_VOID)
        return 0;
    if (d->goaway && e->frame.last_stream > d->goaway_last)
        e->frame.faults |= H2_FAULT(GOAWAY_RISING);
    d->goaway = true;
    d->goaway_last = e->frame.last_stream;
    return 0;
}

/* --- all frames --- */

static void check_frame(struct h2_conn *c, struct h2_event *e) {
    struct direction *d = sender(c, e);
    if (!d->first_seen && (e->frame.type != H2_SETTINGS || e->frame.flags & H2_FLAG_ACK))
        e->frame.faults |= H2_FAULT(FIRST_FRAME);
    d->first_seen = true;
    if (e->frame.length > h2_settings_most(&receiver(c, e)->settings, SLOT_MAX_FRAME_SIZE))
        e->frame.faults |= H2_FAULT(FRAME_SIZE);
}

/* Types without a row do nothing to the connection. */
static int (*const observers[256])(struct h2_conn *c, struct h2_event *e) = {
    [H2_DATA] = observe_data,
    [H2_HEADERS] = observe_headers,
    [H2_RST_STREAM] = observe_rst_stream,
    [H2_SETTINGS] = observe_settings,
    [H2_PUSH_PROMISE] = observe_push_promise,
    [H2_PING] = observe_ping,
    [H2_GOAWAY] = observe_goaway,
    [H2_WINDOW_UPDATE] = observe_window_update,
};

int h2_conn_observe(struct h2_conn *c, struct h2_event *e) {
    int status = observers[e->frame.type] ? observers[e->frame.type](c, e) : 0;
    check_frame(c, e);
    return status == 0 ? h2_block_observe(c, e) : status;
}
