/* conn.c - the life of a connection, its queue of events, and the questions that can be asked. */
#include "h2/conn_impl.h"

#include "base/mem.h"

enum { REPLIES_MAX = 1 << 20 };

static const struct h2_limits default_limits = {
    .frame = 1 << 20,
    .block = 256 * 1024,
    .queue = 4 << 20,
    .transcript = 1 << 20,
    .streams = 10000,
};

/* --- life --- */

static size_t or_default(size_t given, size_t otherwise) {
    return given ? given : otherwise;
}

static struct h2_limits complete_limits(const struct h2_limits *given) {
    const struct h2_limits *d = &default_limits;
    if (!given)
        return *d;
    return (struct h2_limits){
        .frame = or_default(given->frame, d->frame),
        .block = or_default(given->block, d->block),
        .queue = or_default(given->queue, d->queue),
        .transcript = or_default(given->transcript, d->transcript),
        .streams = or_default(given->streams, d->streams),
    };
}

static bool direction_init(struct direction *d, const struct h2_limits *limits) {
    h2_settings_init(&d->settings);
    uint32_t table_size = d->settings.in_force[SLOT_HEADER_TABLE_SIZE];
    d->window = d->settings.in_force[SLOT_INITIAL_WINDOW_SIZE];
    buf_init(&d->partial, H2_FRAME_HEAD_LEN + limits->frame);
    buf_init(&d->block.octets, limits->block);
    d->decoder = hpack_decoder_new(table_size, limits->block);
    return d->decoder;
}

static void direction_dispose(struct direction *d) {
    hpack_decoder_free(d->decoder);
    h2_settings_dispose(&d->settings);
    buf_dispose(&d->partial);
    buf_dispose(&d->block.octets);
    mem_free(d->pings.payloads);
}

struct h2_conn *h2_conn_new(enum h2_role role, const struct h2_limits *limits) {
    struct h2_conn *c = mem_alloc(sizeof *c);
    if (!c)
        return NULL;
    c->role = role;
    c->limits = complete_limits(limits);
    c->automatic = H2_AUTO_ALL;
    buf_init(&c->replies, REPLIES_MAX);
    h2_streams_init(&c->streams, c->limits.streams);
    bool sent = direction_init(&c->dirs[H2_SENT], &c->limits);
    bool received = direction_init(&c->dirs[H2_RECEIVED], &c->limits);
    c->encoder = hpack_encoder_new(c->dirs[H2_SENT].settings.in_force[SLOT_HEADER_TABLE_SIZE]);
    if (sent && received && c->encoder)
        return c;
    h2_conn_free(c);
    return NULL;
}

void h2_conn_free(struct h2_conn *c) {
    if (!c)
        return;
    for (struct h2_event *e = h2_conn_next(c); e; e = h2_conn_next(c))
        h2_event_unref(e);
    h2_transcript_clear(&c->transcript);
    direction_dispose(&c->dirs[H2_SENT]);
    direction_dispose(&c->dirs[H2_RECEIVED]);
    h2_streams_dispose(&c->streams);
    hpack_encoder_free(c->encoder);
    buf_dispose(&c->replies);
    mem_free(c);
}

void h2_conn_start(struct h2_conn *c, bool expect_preface) {
    if (c->started)
        return;
    c->started = true;
    c->dirs[H2_SENT].phase = CONN_FRAMES;
    c->dirs[H2_RECEIVED].phase = CONN_FRAMES;
    if (expect_preface)
        c->dirs[h2_client_dir(c)].phase = CONN_PREFACE;
}

bool h2_conn_started(const struct h2_conn *c) {
    return c->started;
}

static int open_upgraded_stream(struct h2_conn *c) {
    enum h2_dir client = h2_client_dir(c);
    uint64_t faults = 0;
    if (h2_streams_phase(&c->streams, 1) != PHASE_IDLE)
        return 0;
    if (h2_streams_apply(&c->streams, 1, client, STREAM_HEADERS, &faults) != 0)
        return BUF_NOMEM;
    h2_streams_find(&c->streams, 1)->final_head[client] = true;
    return h2_streams_apply(&c->streams, 1, client, STREAM_END, &faults);
}

int h2_conn_upgraded(struct h2_conn *c, const uint8_t *settings, size_t len) {
    enum h2_dir client = h2_client_dir(c);
    struct settings_frame frame;
    h2_settings_read(settings, len, &frame);
    if (open_upgraded_stream(c) != 0)
        return BUF_NOMEM;
    h2_settings_force(&c->dirs[client].settings, &frame);
    if (!frame.given[SLOT_HEADER_TABLE_SIZE])
        return 0;
    uint32_t table_size = frame.value[SLOT_HEADER_TABLE_SIZE];
    hpack_decoder_set_max(c->dirs[h2_other(client)].decoder, table_size);
    if (client == H2_RECEIVED)
        hpack_encoder_set_max(c->encoder, table_size);
    return 0;
}

/* --- octets in, events out --- */

static void enqueue(struct event_queue *q, struct h2_event *e) {
    e->refs++;
    if (q->last)
        q->last->next_in_queue = e;
    else
        q->first = e;
    q->last = e;
    q->octets += e->size;
}

void h2_conn_publish(struct h2_conn *c, struct h2_event *e, bool queue) {
    e->seq = ++c->seq;
    e->time = c->time;
    if (queue && e->dir == H2_RECEIVED)
        enqueue(&c->queue, e);
    h2_transcript_add(&c->transcript, e, c->limits.transcript);
    h2_event_unref(e);
}

static int feed(struct h2_conn *c, enum h2_dir dir, const uint8_t *octets, size_t n,
                uint64_t time) {
    if (c->failed)
        return BUF_NOMEM;
    c->time = time;
    if (h2_conn_feed(c, dir, octets, n) == 0)
        return 0;
    c->failed = true;
    return BUF_NOMEM;
}

int h2_conn_recv(struct h2_conn *c, const uint8_t *octets, size_t n, uint64_t time) {
    return feed(c, H2_RECEIVED, octets, n, time);
}

int h2_conn_sent(struct h2_conn *c, const uint8_t *octets, size_t n, uint64_t time) {
    return feed(c, H2_SENT, octets, n, time);
}

struct h2_event *h2_conn_next(struct h2_conn *c) {
    struct event_queue *q = &c->queue;
    struct h2_event *e = q->first;
    if (!e)
        return NULL;
    q->first = e->next_in_queue;
    if (!q->first)
        q->last = NULL;
    e->next_in_queue = NULL;
    q->octets -= e->size;
    return e;
}

bool h2_conn_full(const struct h2_conn *c) {
    return c->queue.octets > c->limits.queue;
}

int h2_conn_note(struct h2_conn *c, enum h2_event_kind kind, enum h2_dir dir, const void *text,
                 size_t n, uint64_t time) {
    struct h2_event *e = h2_event_new(kind, dir, text, n);
    if (!e)
        return BUF_NOMEM;
    c->time = time;
    h2_conn_publish(c, e, false);
    return 0;
}

const struct h2_event *h2_conn_transcript(const struct h2_conn *c, size_t *dropped) {
    *dropped = c->transcript.dropped;
    return c->transcript.first;
}

/* --- automatic replies --- */

void h2_conn_set_auto(struct h2_conn *c, unsigned set) {
    c->automatic = set;
}

unsigned h2_conn_get_auto(const struct h2_conn *c) {
    return c->automatic;
}

struct buf *h2_conn_replies(struct h2_conn *c) {
    return &c->replies;
}

/* --- questions --- */

struct hpack_encoder *h2_conn_encoder(struct h2_conn *c) {
    return c->encoder;
}

const struct hpack_table *h2_conn_table(const struct h2_conn *c, enum h2_dir dir) {
    return hpack_decoder_table(c->dirs[dir].decoder);
}

uint32_t h2_conn_setting(const struct h2_conn *c, enum h2_dir by, uint16_t id, bool announced) {
    const struct h2_settings *s = &c->dirs[by].settings;
    int slot = h2_settings_slot(id);
    if (slot < 0)
        return 0;
    return announced ? s->announced[slot] : s->in_force[slot];
}

unsigned h2_conn_settings_unacknowledged(const struct h2_conn *c, enum h2_dir by) {
    return h2_settings_waiting(&c->dirs[by].settings);
}

enum h2_stream_state h2_conn_stream_state(const struct h2_conn *c, uint32_t stream) {
    static const enum h2_stream_state states[PHASE_COUNT] = {
        [PHASE_IDLE] = H2_IDLE,
        [PHASE_RESERVED_LOCAL] = H2_RESERVED_LOCAL,
        [PHASE_RESERVED_REMOTE] = H2_RESERVED_REMOTE,
        [PHASE_OPEN] = H2_OPEN,
        [PHASE_HALF_CLOSED_LOCAL] = H2_HALF_CLOSED_LOCAL,
        [PHASE_HALF_CLOSED_REMOTE] = H2_HALF_CLOSED_REMOTE,
        [PHASE_ENDED] = H2_CLOSED,
        [PHASE_RESET_LOCAL] = H2_CLOSED,
        [PHASE_RESET_REMOTE] = H2_CLOSED,
        [PHASE_RESET_BOTH] = H2_CLOSED,
        [PHASE_SKIPPED] = H2_CLOSED,
    };
    return states[h2_streams_phase(&c->streams, stream)];
}

const char *h2_stream_state_name(enum h2_stream_state state) {
    static const char *const names[] = {
        [H2_IDLE] = "idle",
        [H2_RESERVED_LOCAL] = "reserved (local)",
        [H2_RESERVED_REMOTE] = "reserved (remote)",
        [H2_OPEN] = "open",
        [H2_HALF_CLOSED_LOCAL] = "half-closed (local)",
        [H2_HALF_CLOSED_REMOTE] = "half-closed (remote)",
        [H2_CLOSED] = "closed",
    };
    return names[state];
}

int64_t h2_conn_window(const struct h2_conn *c, enum h2_dir by, uint32_t stream) {
    if (stream == 0)
        return c->dirs[by].window;
    const struct h2_settings *receiver = &c->dirs[h2_other(by)].settings;
    const uint32_t *values = by == H2_SENT ? receiver->announced : receiver->in_force;
    const struct h2_stream *s = h2_streams_find(&c->streams, stream);
    if (s)
        return values[SLOT_INITIAL_WINDOW_SIZE] + s->delta[by];
    bool idle = h2_streams_phase(&c->streams, stream) == PHASE_IDLE;
    return idle ? values[SLOT_INITIAL_WINDOW_SIZE] : 0;
}

uint32_t h2_conn_next_stream(const struct h2_conn *c) {
    uint32_t first = c->role == H2_CLIENT ? 1 : 2;
    uint32_t highest = c->streams.highest[first & 1];
    if (highest == 0)
        return first;
    return highest > 0x7fffffff - 2 ? 0 : highest + 2;
}

uint32_t h2_conn_last_peer_stream(const struct h2_conn *c) {
    return c->streams.highest[c->role == H2_CLIENT ? 0 : 1];
}
