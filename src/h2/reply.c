/* reply.c - automatic replies: SETTINGS and PING acknowledgements, WINDOW_UPDATE for DATA. */
#include "h2/conn_impl.h"

/* What does not fit into the buffer is not sent: the caller lets it fill up on purpose. */
static int put(struct h2_conn *c, struct h2_frame reply, size_t payload_len) {
    struct buf *out = &c->replies;
    if (out->max - out->len < H2_FRAME_HEAD_LEN + payload_len)
        return 0;
    reply.length = (uint32_t)payload_len;
    int status = h2_frame_head_encode(&reply, out);
    return status == 0 ? h2_frame_payload_encode(&reply, out) : status;
}

static int window_update(struct h2_conn *c, uint32_t stream, uint32_t increment) {
    struct h2_frame reply = {.type = H2_WINDOW_UPDATE, .stream = stream, .increment = increment};
    return put(c, reply, 4);
}

/* The stream's window is of use only where the peer may still send. */
static int give_back(struct h2_conn *c, const struct h2_frame *f) {
    if (f->length == 0)
        return 0;
    enum stream_phase phase = h2_streams_phase(&c->streams, f->stream);
    int status = window_update(c, 0, f->length);
    if (status == 0 && (phase == PHASE_OPEN || phase == PHASE_HALF_CLOSED_LOCAL))
        status = window_update(c, f->stream, f->length);
    return status;
}

static int acknowledge(struct h2_conn *c, const struct h2_frame *f) {
    struct h2_frame reply = {
        .type = f->type,
        .flags = H2_FLAG_ACK,
        .body = f->type == H2_PING ? f->body : NULL,
        .body_len = f->type == H2_PING ? f->body_len : 0,
    };
    return put(c, reply, reply.body_len);
}

int h2_reply(struct h2_conn *c, const struct h2_event *e) {
    const struct h2_frame *f = &e->frame;
    bool ack = f->flags & H2_FLAG_ACK;
    if (f->faults & (H2_FAULT(LENGTH) | H2_FAULT(STREAM_NONZERO)))
        return 0;
    if (f->type == H2_SETTINGS && !ack && c->automatic & H2_AUTO_SETTINGS)
        return acknowledge(c, f);
    if (f->type == H2_PING && !ack && c->automatic & H2_AUTO_PING)
        return acknowledge(c, f);
    if (f->type == H2_DATA && c->automatic & H2_AUTO_WINDOW)
        return give_back(c, f);
    return 0;
}
