/* transcript.c - the events of a connection in bounded memory: the first ones and the newest. */
#include "h2/conn_impl.h"

enum { KEPT_OCTETS = 64 * 1024 };

static size_t kept_limit(size_t limit) {
    return limit / 2 < KEPT_OCTETS ? limit / 2 : KEPT_OCTETS;
}

/* The oldest event after those that are always kept. */
static struct h2_event *middle(const struct transcript *t) {
    return t->kept_last ? t->kept_last->next_in_transcript : t->first;
}

static void drop_middle(struct transcript *t) {
    struct h2_event *e = middle(t);
    if (t->kept_last)
        t->kept_last->next_in_transcript = e->next_in_transcript;
    else
        t->first = e->next_in_transcript;
    e->next_in_transcript = NULL;
    t->octets -= e->size;
    t->dropped++;
    h2_event_unref(e);
}

static void keep(struct transcript *t, struct h2_event *e, size_t limit) {
    if (t->kept_full || e->size > limit - t->kept_octets) {
        t->kept_full = true;
        return;
    }
    t->kept_octets += e->size;
    t->kept_last = e;
}

void h2_transcript_add(struct transcript *t, struct h2_event *e, size_t limit) {
    e->refs++;
    if (t->last)
        t->last->next_in_transcript = e;
    else
        t->first = e;
    t->last = e;
    t->octets += e->size;
    keep(t, e, kept_limit(limit));
    while (t->octets > limit && middle(t) && middle(t) != t->last)
        drop_middle(t);
}

void h2_transcript_clear(struct transcript *t) {
    while (t->first) {
        struct h2_event *e = t->first;
        t->first = e->next_in_transcript;
        e->next_in_transcript = NULL;
        h2_event_unref(e);
    }
    *t = (struct transcript){.first = NULL};
}
