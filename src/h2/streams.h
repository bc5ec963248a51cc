/* streams.h - the streams of one connection: a table by identifier and the state machine of RFC
   9113 section 5.1. Private to h2. */
#ifndef H2_STREAMS_H
#define H2_STREAMS_H

#include "h2/conn.h"

/* The states of figure 2, with closed told apart by how it came about. As seen from our side. */
enum stream_phase {
    PHASE_IDLE,
    PHASE_RESERVED_LOCAL,
    PHASE_RESERVED_REMOTE,
    PHASE_OPEN,
    PHASE_HALF_CLOSED_LOCAL,
    PHASE_HALF_CLOSED_REMOTE,
    PHASE_ENDED, /* by END_STREAM of both sides, or no longer remembered */
    PHASE_RESET_LOCAL,
    PHASE_RESET_REMOTE,
    PHASE_RESET_BOTH,
    PHASE_SKIPPED, /* a higher one was opened by this stream's side, this one never */
    PHASE_COUNT
};

enum stream_event {
    STREAM_HEADERS,
    STREAM_DATA,     /* and PUSH_PROMISE on the stream that it answers: permitted where DATA is */
    STREAM_END,      /* END_STREAM of a frame whose own event has been applied */
    STREAM_RST,      /* RST_STREAM */
    STREAM_WINDOW,   /* WINDOW_UPDATE */
    STREAM_PROMISED, /* PUSH_PROMISE for the promised stream */
    STREAM_EVENT_COUNT
};

struct h2_stream {
    uint32_t id;
    uint8_t phase;
    bool ended[2];      /* END_STREAM was sent, received */
    bool final_head[2]; /* HEADERS that are no interim response were sent, received */
    int64_t delta[2];   /* the window of what this side sends, less the initial window */
    struct h2_stream *next_in_bucket;
    struct h2_stream *older, *newer; /* among the live, or among the closed */
};

struct h2_stream_list {
    struct h2_stream *oldest, *newest;
};

/* Per initiator, at [id & 1]: 1 is the client, 0 the server. */
struct h2_streams {
    struct h2_stream **buckets; /* a power of two of them; NULL before the first stream */
    size_t bucket_count;
    size_t count, limit;
    struct h2_stream_list live, closed;
    uint32_t highest[2];   /* identifier opened or reserved, 0: none */
    uint32_t forgotten[2]; /* highest identifier that is no longer remembered */
    size_t active[2];      /* open or half-closed: what SETTINGS_MAX_CONCURRENT_STREAMS counts */
};

void h2_streams_init(struct h2_streams *t, size_t limit);
void h2_streams_dispose(struct h2_streams *t);

/* NULL: idle, skipped or forgotten. */
struct h2_stream *h2_streams_find(const struct h2_streams *t, uint32_t id);
enum stream_phase h2_streams_phase(const struct h2_streams *t, uint32_t id);

/* Apply what one side did to the stream. The faults are added to *faults; the stream stays as it is
   where the event was not permitted. 0 or BUF_NOMEM. */
int h2_streams_apply(struct h2_streams *t, uint32_t id, enum h2_dir dir, enum stream_event event,
                     uint64_t *faults);

#endif
