/* conn_impl.h - what the files of the connection share. Private to h2. */
#ifndef H2_CONN_IMPL_H
#define H2_CONN_IMPL_H

#include "h2/conn.h"
#include "h2/settings.h"
#include "h2/streams.h"

#define H2_WINDOW_MAX INT64_C(0x7fffffff)

/* Faults of a frame that the receiver cannot take for what it says: it changes nothing. */
#define H2_FAULTS_VOID                                                                             \
    (H2_FAULT(LENGTH) | H2_FAULT(STREAM_ZERO) | H2_FAULT(STREAM_NONZERO) | H2_FAULT(ACK_PAYLOAD))

/* A field block that waits for CONTINUATION. */
struct open_block {
    bool open;
    bool lost; /* a fragment did not fit, or was not kept whole */
    bool end_stream;
    uint8_t type; /* HEADERS or PUSH_PROMISE */
    uint32_t stream;
    struct buf octets;
};

/* PING payloads that were not acknowledged yet, oldest first. */
struct open_pings {
    uint8_t (*payloads)[8]; /* owned */
    size_t count, cap;
    uint64_t lost; /* too many to remember: as many acknowledgements pass unseen */
};

enum conn_phase { CONN_OCTETS, CONN_PREFACE, CONN_FRAMES };

/* One direction: what its sender did and said. */
struct direction {
    enum conn_phase phase;
    size_t preface_seen;  /* octets */
    bool first_seen;      /* the first frame */
    struct buf partial;   /* frame head and payload, as far as they came */
    uint32_t passed_over; /* payload octets beyond the limit */
    struct hpack_decoder *decoder;
    bool undecoded; /* the decoder has been given up */
    struct open_block block;
    struct h2_settings settings;
    struct open_pings pings;
    int64_t window; /* connection flow control: octets that may be sent */
    bool goaway;
    uint32_t goaway_last;
};

struct transcript {
    struct h2_event *first, *last;
    struct h2_event *kept_last; /* end of the part that is never dropped, or NULL */
    size_t octets, kept_octets;
    bool kept_full;
    size_t dropped;
};

struct event_queue {
    struct h2_event *first, *last;
    size_t octets;
};

struct h2_conn {
    enum h2_role role;
    struct h2_limits limits;
    unsigned automatic;
    bool started;
    bool failed; /* memory ran out amid the octets */
    uint64_t seq;
    uint64_t time; /* of the octets that are being fed */
    struct direction dirs[2];
    struct h2_streams streams;
    struct hpack_encoder *encoder;
    struct buf replies;
    struct event_queue queue;
    struct transcript transcript;
};

static inline enum h2_dir h2_other(enum h2_dir dir) {
    return dir == H2_SENT ? H2_RECEIVED : H2_SENT;
}

/* The direction of what the client sends. */
static inline enum h2_dir h2_client_dir(const struct h2_conn *c) {
    return c->role == H2_CLIENT ? H2_SENT : H2_RECEIVED;
}

/* event.c: a new event with a copy of the octets and one reference. NULL: out of memory. */
struct h2_event *h2_event_new(enum h2_event_kind kind, enum h2_dir dir, const void *octets,
                              size_t n);

/* transcript.c: take a reference and append, dropping the middle beyond the limit. */
void h2_transcript_add(struct transcript *t, struct h2_event *e, size_t limit);
void h2_transcript_clear(struct transcript *t);

/* conn.c: number the event, put it into the transcript and, if so, the queue; takes the reference.
 */
void h2_conn_publish(struct h2_conn *c, struct h2_event *e, bool queue);

/* conn_feed.c: octets of one direction. 0 or BUF_NOMEM. */
int h2_conn_feed(struct h2_conn *c, enum h2_dir dir, const uint8_t *octets, size_t n);

/* All below: what the event's frame does to the connection; they add the faults. 0 or BUF_NOMEM. */

/* observe.c */
int h2_conn_observe(struct h2_conn *c, struct h2_event *e);

/* block.c: the field block fragment of HEADERS, PUSH_PROMISE, CONTINUATION. */
int h2_block_observe(struct h2_conn *c, struct h2_event *e);

/* flow.c */
void h2_flow_data(struct h2_conn *c, struct h2_event *e, bool permitted);
void h2_flow_window_update(struct h2_conn *c, struct h2_event *e);
/* Would this initial window of the receiver lift a window of `sender` past 2^31-1? */
bool h2_flow_overflows(const struct h2_conn *c, enum h2_dir sender, uint32_t initial);

/* reply.c: the automatic replies to a received frame. */
int h2_reply(struct h2_conn *c, const struct h2_event *e);

#endif
