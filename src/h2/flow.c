/* flow.c - flow-control windows, RFC 9113 sections 5.2 and 6.9. A stream's window is kept as its
   difference from the initial window, so that a change of the setting moves all of them at once. */
#include "h2/conn_impl.h"

static bool passes(uint32_t length, int64_t window) {
    return length > 0 && length > window;
}

static void stream_data(struct h2_conn *c, struct h2_event *e, bool permitted) {
    struct h2_stream *s = h2_streams_find(&c->streams, e->frame.stream);
    if (!s)
        return;
    const struct h2_settings *receiver = &c->dirs[h2_other(e->dir)].settings;
    int64_t window = h2_settings_most(receiver, SLOT_INITIAL_WINDOW_SIZE) + s->delta[e->dir];
    if (permitted && passes(e->frame.length, window))
        e->frame.faults |= H2_FAULT(WINDOW_STREAM);
    s->delta[e->dir] -= e->frame.length;
}

void h2_flow_data(struct h2_conn *c, struct h2_event *e, bool permitted) {
    struct direction *d = &c->dirs[e->dir];
    if (passes(e->frame.length, d->window))
        e->frame.faults |= H2_FAULT(WINDOW_CONNECTION);
    d->window -= e->frame.length;
    stream_data(c, e, permitted);
}

/* Lift a window by the increment; past the maximum it stays there. */
static void lift(struct h2_event *e, int64_t *window, int64_t max) {
    *window += e->frame.increment;
    if (*window <= max)
        return;
    *window = max;
    e->frame.faults |= H2_FAULT(WINDOW_OVERFLOW);
}

void h2_flow_window_update(struct h2_conn *c, struct h2_event *e) {
    enum h2_dir sender = h2_other(e->dir);
    if (e->frame.stream == 0) {
        lift(e, &c->dirs[sender].window, H2_WINDOW_MAX);
        return;
    }
    struct h2_stream *s = h2_streams_find(&c->streams, e->frame.stream);
    if (!s)
        return;
    int64_t initial = c->dirs[e->dir].settings.announced[SLOT_INITIAL_WINDOW_SIZE];
    lift(e, &s->delta[sender], H2_WINDOW_MAX - initial);
}

bool h2_flow_overflows(const struct h2_conn *c, enum h2_dir sender, uint32_t initial) {
    for (const struct h2_stream *s = c->streams.live.oldest; s; s = s->newer)
        if (s->delta[sender] + initial > H2_WINDOW_MAX)
            return true;
    return false;
}
