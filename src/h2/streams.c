/* streams.c - the stream states of RFC 9113 section 5.1 as a table, and the streams by identifier.
 */
#include "h2/streams.h"

#include "base/mem.h"

/* --- the state machine --- */

struct rule {
    uint8_t next; /* the phase after it, or KEEP */
    uint64_t fault;
};

#define KEEP PHASE_COUNT
#define TO(phase)                                                                                  \
    { PHASE_##phase, 0 }
#define OK                                                                                         \
    { KEEP, 0 }
#define BAD(fault)                                                                                 \
    { KEEP, H2_FAULT(fault) }
#define BAD_TO(phase, fault)                                                                       \
    { PHASE_##phase, H2_FAULT(fault) }
/* A closed phase: nothing is permitted, and END_STREAM says nothing new. */
#define CLOSED(fault)                                                                              \
    { BAD(fault), BAD(fault), OK, BAD(fault), BAD(fault), BAD(PUSH_STREAM) }
/* The same, where the other side had reset the stream and this one may do so too. */
#define CLOSED_RST(fault)                                                                          \
    { BAD(fault), BAD(fault), OK, BAD_TO(RESET_BOTH, fault), BAD(fault), BAD(PUSH_STREAM) }

/* Figure 2. Columns: HEADERS, DATA, END_STREAM, RST_STREAM, WINDOW_UPDATE, promised by
   PUSH_PROMISE. Rows: what we send, then what we receive. */
/* clang-format off */
static const struct rule rules[PHASE_COUNT][2][STREAM_EVENT_COUNT] = {
    [PHASE_IDLE] = {
        { TO(OPEN), BAD(IDLE_STREAM), OK, BAD(IDLE_STREAM), BAD(IDLE_STREAM), TO(RESERVED_LOCAL) },
        { TO(OPEN), BAD(IDLE_STREAM), OK, BAD(IDLE_STREAM), BAD(IDLE_STREAM), TO(RESERVED_REMOTE) },
    },
    [PHASE_RESERVED_LOCAL] = {
        { TO(HALF_CLOSED_REMOTE), BAD(RESERVED_STREAM), OK, TO(RESET_LOCAL), BAD(RESERVED_STREAM),
          BAD(PUSH_STREAM) },
        { BAD(RESERVED_STREAM), BAD(RESERVED_STREAM), OK, TO(RESET_REMOTE), OK, BAD(PUSH_STREAM) },
    },
    [PHASE_RESERVED_REMOTE] = {
        { BAD(RESERVED_STREAM), BAD(RESERVED_STREAM), OK, TO(RESET_LOCAL), OK, BAD(PUSH_STREAM) },
        { TO(HALF_CLOSED_LOCAL), BAD(RESERVED_STREAM), OK, TO(RESET_REMOTE), BAD(RESERVED_STREAM),
          BAD(PUSH_STREAM) },
    },
    [PHASE_OPEN] = {
        { OK, OK, TO(HALF_CLOSED_LOCAL), TO(RESET_LOCAL), OK, BAD(PUSH_STREAM) },
        { OK, OK, TO(HALF_CLOSED_REMOTE), TO(RESET_REMOTE), OK, BAD(PUSH_STREAM) },
    },
    [PHASE_HALF_CLOSED_LOCAL] = {
        { BAD(HALF_CLOSED_STREAM), BAD(HALF_CLOSED_STREAM), OK, TO(RESET_LOCAL), OK,
          BAD(PUSH_STREAM) },
        { OK, OK, TO(ENDED), TO(RESET_REMOTE), OK, BAD(PUSH_STREAM) },
    },
    [PHASE_HALF_CLOSED_REMOTE] = {
        { OK, OK, TO(ENDED), TO(RESET_LOCAL), OK, BAD(PUSH_STREAM) },
        { BAD(HALF_CLOSED_STREAM), BAD(HALF_CLOSED_STREAM), OK, TO(RESET_REMOTE), OK,
          BAD(PUSH_STREAM) },
    },
    [PHASE_ENDED]        = { CLOSED(CLOSED_STREAM), CLOSED(CLOSED_STREAM) },
    [PHASE_RESET_LOCAL]  = { CLOSED(RESET_STREAM_SENT), CLOSED_RST(RESET_STREAM_RECEIVED) },
    [PHASE_RESET_REMOTE] = { CLOSED_RST(RESET_STREAM_RECEIVED), CLOSED(RESET_STREAM_SENT) },
    [PHASE_RESET_BOTH]   = { CLOSED(RESET_STREAM_SENT), CLOSED(RESET_STREAM_SENT) },
    [PHASE_SKIPPED]      = { CLOSED(SKIPPED_STREAM), CLOSED(SKIPPED_STREAM) },
};
/* clang-format on */

static bool is_active(enum stream_phase phase) {
    return phase >= PHASE_OPEN && phase <= PHASE_HALF_CLOSED_REMOTE;
}

static bool is_closed(enum stream_phase phase) {
    return phase >= PHASE_ENDED;
}

static bool is_reset(enum stream_phase phase) {
    return phase >= PHASE_RESET_LOCAL && phase <= PHASE_RESET_BOTH;
}

/* --- lists, ordered by age --- */

static void list_append(struct h2_stream_list *list, struct h2_stream *s) {
    s->older = list->newest;
    s->newer = NULL;
    if (list->newest)
        list->newest->newer = s;
    else
        list->oldest = s;
    list->newest = s;
}

static void list_remove(struct h2_stream_list *list, struct h2_stream *s) {
    if (s->older)
        s->older->newer = s->newer;
    else
        list->oldest = s->newer;
    if (s->newer)
        s->newer->older = s->older;
    else
        list->newest = s->older;
}

static void list_free(struct h2_stream_list *list) {
    while (list->oldest) {
        struct h2_stream *s = list->oldest;
        list->oldest = s->newer;
        mem_free(s);
    }
    list->newest = NULL;
}

/* --- the table by identifier --- */

void h2_streams_init(struct h2_streams *t, size_t limit) {
    *t = (struct h2_streams){.limit = limit};
}

void h2_streams_dispose(struct h2_streams *t) {
    list_free(&t->live);
    list_free(&t->closed);
    mem_free(t->buckets);
}

/* The peer chooses identifiers; the address of the table keeps it from choosing the bucket. */
static struct h2_stream **bucket_of(const struct h2_streams *t, uint32_t id) {
    uint64_t hash = (id ^ (uint64_t)(uintptr_t)t) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return &t->buckets[(hash >> 32) & (t->bucket_count - 1)];
}

struct h2_stream *h2_streams_find(const struct h2_streams *t, uint32_t id) {
    if (!t->buckets)
        return NULL;
    struct h2_stream *s = *bucket_of(t, id);
    while (s && s->id != id)
        s = s->next_in_bucket;
    return s;
}

static void insert(struct h2_streams *t, struct h2_stream *s) {
    struct h2_stream **bucket = bucket_of(t, s->id);
    s->next_in_bucket = *bucket;
    *bucket = s;
}

static void insert_all(struct h2_streams *t, const struct h2_stream_list *list) {
    for (struct h2_stream *s = list->oldest; s; s = s->newer)
        insert(t, s);
}

static int grow(struct h2_streams *t) {
    if (t->count < t->bucket_count)
        return 0;
    size_t bucket_count = t->bucket_count ? t->bucket_count * 2 : 8;
    struct h2_stream **buckets = mem_alloc(bucket_count * sizeof(struct h2_stream *));
    if (!buckets)
        return BUF_NOMEM;
    mem_free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = bucket_count;
    insert_all(t, &t->live);
    insert_all(t, &t->closed);
    return 0;
}

static void forget_oldest(struct h2_streams *t) {
    struct h2_stream_list *list = t->closed.oldest ? &t->closed : &t->live;
    struct h2_stream *s = list->oldest;
    struct h2_stream **at = bucket_of(t, s->id);
    while (*at != s)
        at = &(*at)->next_in_bucket;
    *at = s->next_in_bucket;
    list_remove(list, s);
    if (is_active(s->phase))
        t->active[s->id & 1]--;
    if (s->id > t->forgotten[s->id & 1])
        t->forgotten[s->id & 1] = s->id;
    t->count--;
    mem_free(s);
}

static struct h2_stream *add(struct h2_streams *t, uint32_t id) {
    while (t->count >= t->limit && t->count > 0)
        forget_oldest(t);
    struct h2_stream *s = grow(t) == 0 ? mem_alloc(sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->id = id;
    insert(t, s);
    list_append(&t->live, s);
    t->count++;
    t->highest[id & 1] = id;
    return s;
}

/* --- states --- */

enum stream_phase h2_streams_phase(const struct h2_streams *t, uint32_t id) {
    const struct h2_stream *s = h2_streams_find(t, id);
    if (s)
        return (enum stream_phase)s->phase;
    if (id > t->highest[id & 1] || id == 0)
        return PHASE_IDLE;
    return id <= t->forgotten[id & 1] ? PHASE_ENDED : PHASE_SKIPPED;
}

static void move_to(struct h2_streams *t, struct h2_stream *s, enum stream_phase next) {
    enum stream_phase before = (enum stream_phase)s->phase;
    t->active[s->id & 1] -= is_active(before);
    t->active[s->id & 1] += is_active(next);
    if (is_closed(next) && !is_closed(before)) {
        list_remove(&t->live, s);
        list_append(&t->closed, s);
    }
    s->phase = (uint8_t)next;
}

/* A stream that was reset: had this side ended it before, so that nothing was in flight? */
static uint64_t ended_fault(const struct h2_stream *s, enum h2_dir dir, enum stream_event event) {
    bool content = event == STREAM_HEADERS || event == STREAM_DATA;
    if (!s || !content || !is_reset((enum stream_phase)s->phase) || !s->ended[dir])
        return 0;
    return H2_FAULT(HALF_CLOSED_STREAM);
}

/* In the phase where both have reset it, the other side has done so too. */
static uint64_t both_fault(enum stream_phase phase, enum stream_event event) {
    bool both = phase == PHASE_RESET_BOTH && event != STREAM_END && event != STREAM_PROMISED;
    return both ? H2_FAULT(RESET_STREAM_RECEIVED) : 0;
}

int h2_streams_apply(struct h2_streams *t, uint32_t id, enum h2_dir dir, enum stream_event event,
                     uint64_t *faults) {
    struct h2_stream *s = h2_streams_find(t, id);
    enum stream_phase phase = h2_streams_phase(t, id);
    struct rule rule = rules[phase][dir][event];
    *faults |= rule.fault | both_fault(phase, event) | ended_fault(s, dir, event);
    if (rule.next == KEEP)
        return 0;
    if (!s)
        s = add(t, id);
    if (!s)
        return BUF_NOMEM;
    if (event == STREAM_END)
        s->ended[dir] = true;
    move_to(t, s, (enum stream_phase)rule.next);
    return 0;
}
