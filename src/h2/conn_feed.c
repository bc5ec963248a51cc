/* conn_feed.c - the octets of one direction: preface (RFC 9113 section 3.4), frames, and whatever
   is not HTTP/2. */
#include "h2/conn_impl.h"

/* --- octets outside HTTP/2 and the preface --- */

static int publish_octets(struct h2_conn *c, enum h2_event_kind kind, enum h2_dir dir,
                          const void *octets, size_t n) {
    struct h2_event *e = h2_event_new(kind, dir, octets, n);
    if (!e)
        return BUF_NOMEM;
    h2_conn_publish(c, e, true);
    return 0;
}

/* As far as it went right, and then the first octet that is wrong. */
static int bad_preface(struct h2_conn *c, enum h2_dir dir, size_t right, uint8_t wrong) {
    uint8_t seen[H2_PREFACE_LEN];
    for (size_t i = 0; i < right; i++)
        seen[i] = (uint8_t)H2_PREFACE[i];
    seen[right] = wrong;
    c->dirs[dir].phase = CONN_OCTETS;
    return publish_octets(c, H2_EVENT_BAD_PREFACE, dir, seen, right + 1);
}

static int feed_preface(struct h2_conn *c, enum h2_dir dir, const uint8_t *in, size_t n,
                        size_t *used) {
    struct direction *d = &c->dirs[dir];
    for (*used = 0; *used < n;) {
        uint8_t octet = in[(*used)++];
        if (octet != (uint8_t)H2_PREFACE[d->preface_seen])
            return bad_preface(c, dir, d->preface_seen, octet);
        if (++d->preface_seen == H2_PREFACE_LEN) {
            d->phase = CONN_FRAMES;
            return publish_octets(c, H2_EVENT_PREFACE, dir, H2_PREFACE, H2_PREFACE_LEN);
        }
    }
    return 0;
}

/* --- frames --- */

static size_t kept_len(const struct h2_conn *c, const struct h2_frame *head) {
    return head->length < c->limits.frame ? head->length : c->limits.frame;
}

/* A frame is there: 9 octets and those of its payload that are kept. */
static int take_frame(struct h2_conn *c, enum h2_dir dir, const uint8_t *in, size_t kept) {
    struct h2_event *e = h2_event_new(H2_EVENT_FRAME, dir, in + H2_FRAME_HEAD_LEN, kept);
    if (!e)
        return BUF_NOMEM;
    h2_frame_head_decode(in, &e->frame);
    e->frame.payload = e->octets;
    e->frame.payload_len = kept;
    if (kept < e->frame.length)
        e->frame.faults |= H2_FAULT(OVERSIZED);
    h2_frame_parse(&e->frame);
    int status = h2_conn_observe(c, e);
    if (status == 0 && dir == H2_RECEIVED)
        status = h2_reply(c, e);
    if (status == 0)
        h2_conn_publish(c, e, true);
    else
        h2_event_unref(e);
    return status;
}

/* Collect the head, then the payload; what passes the limit is passed over. */
static int gather(struct h2_conn *c, enum h2_dir dir, const uint8_t *in, size_t n, size_t *used) {
    struct direction *d = &c->dirs[dir];
    struct h2_frame head = {.length = 0};
    bool whole_head = d->partial.len >= H2_FRAME_HEAD_LEN;
    if (whole_head)
        h2_frame_head_decode(d->partial.data, &head);
    size_t want = H2_FRAME_HEAD_LEN + kept_len(c, &head) - d->partial.len;
    if (want > 0) {
        *used = n < want ? n : want;
        return buf_append(&d->partial, in, *used);
    }
    size_t rest = head.length - kept_len(c, &head) - d->passed_over;
    *used = n < rest ? n : rest;
    d->passed_over += (uint32_t)*used;
    return 0;
}

static bool gathered(const struct h2_conn *c, const struct direction *d, size_t *kept) {
    if (d->partial.len < H2_FRAME_HEAD_LEN)
        return false;
    struct h2_frame head;
    h2_frame_head_decode(d->partial.data, &head);
    *kept = kept_len(c, &head);
    return d->partial.len == H2_FRAME_HEAD_LEN + *kept && d->passed_over == head.length - *kept;
}

/* A whole frame within the limit needs no copy. */
static bool at_hand(const struct h2_conn *c, const struct direction *d, const uint8_t *in, size_t n,
                    size_t *kept) {
    if (d->partial.len > 0 || n < H2_FRAME_HEAD_LEN)
        return false;
    struct h2_frame head;
    h2_frame_head_decode(in, &head);
    *kept = head.length;
    return head.length <= c->limits.frame && head.length <= n - H2_FRAME_HEAD_LEN;
}

static int feed_frame(struct h2_conn *c, enum h2_dir dir, const uint8_t *in, size_t n,
                      size_t *used) {
    struct direction *d = &c->dirs[dir];
    size_t kept;
    if (at_hand(c, d, in, n, &kept)) {
        *used = H2_FRAME_HEAD_LEN + kept;
        return take_frame(c, dir, in, kept);
    }
    int status = gather(c, dir, in, n, used);
    if (status != 0 || !gathered(c, d, &kept))
        return status;
    status = take_frame(c, dir, d->partial.data, kept);
    buf_clear(&d->partial);
    d->passed_over = 0;
    return status;
}

int h2_conn_feed(struct h2_conn *c, enum h2_dir dir, const uint8_t *octets, size_t n) {
    int status = 0;
    while (n > 0 && status == 0) {
        size_t used = n;
        switch (c->dirs[dir].phase) {
        case CONN_OCTETS:
            status = publish_octets(c, H2_EVENT_OCTETS, dir, octets, n);
            break;
        case CONN_PREFACE:
            status = feed_preface(c, dir, octets, n, &used);
            break;
        case CONN_FRAMES:
            status = feed_frame(c, dir, octets, n, &used);
            break;
        }
        octets += used;
        n -= used;
    }
    return status;
}
