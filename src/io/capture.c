/* capture.c - a bounded record of what went over a transport. */
#include "io/capture.h"

#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"

enum { KEYS_MAX = 64 * 1024, EVENTS_MAX = 64 }; /* attempts to connect, FIN, RST ... */

struct io_capture {
    size_t limit; /* of what octets may take in log */
    struct buf log;
    struct buf keys;
    uint64_t cut[2]; /* received, sent */
    size_t events;
    bool fin[2], rst;
};

struct io_capture *io_capture_new(size_t limit) {
    struct io_capture *c = mem_alloc(sizeof *c);
    if (!c)
        return NULL;
    c->limit = limit;
    buf_init(&c->log, limit + EVENTS_MAX * sizeof(struct io_capture_record));
    buf_init(&c->keys, KEYS_MAX);
    return c;
}

void io_capture_free(struct io_capture *c) {
    if (!c)
        return;
    buf_dispose(&c->log);
    buf_dispose(&c->keys);
    mem_free(c);
}

void io_capture_stop(struct io_capture *c) {
    c->limit = 0;
    c->events = EVENTS_MAX;
    buf_clear(&c->log);
    buf_clear(&c->keys);
}

/* The wall clock is looked at once, so that times never run backwards. */
static int64_t now(void) {
    static int64_t offset;
    struct timespec t;
    int64_t monotonic = (int64_t)uv_hrtime();
    if (offset == 0) {
        clock_gettime(CLOCK_REALTIME, &t);
        offset = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - monotonic;
    }
    return monotonic + offset;
}

static bool put(struct io_capture *c, bool sent, enum io_capture_what what, const uint8_t *octets,
                size_t n) {
    struct io_capture_record record;
    memset(&record, 0, sizeof record); /* no padding of unknown content */
    record.time = now();
    record.what = what;
    record.sent = sent;
    record.n = n;
    size_t before = c->log.len;
    if (buf_append(&c->log, &record, sizeof record) == 0 && buf_append(&c->log, octets, n) == 0)
        return true;
    c->log.len = before;
    return false;
}

static size_t room(const struct io_capture *c) {
    size_t used = c->log.len - c->events * sizeof(struct io_capture_record);
    size_t needed = used + sizeof(struct io_capture_record);
    bool cut = c->cut[0] > 0 || c->cut[1] > 0;
    return cut || needed > c->limit ? 0 : c->limit - needed;
}

void io_capture_octets(struct io_capture *c, bool sent, const uint8_t *octets, size_t n) {
    if (!c || n == 0)
        return;
    size_t space = c->limit > 0 && !c->rst ? room(c) : 0;
    size_t kept = n < space ? n : space;
    if (kept > 0 && !put(c, sent, IO_CAPTURE_OCTETS, octets, kept))
        kept = 0;
    c->cut[sent] += n - kept;
}

void io_capture_event(struct io_capture *c, bool sent, enum io_capture_what what) {
    if (!c || c->events == EVENTS_MAX || c->rst || (what == IO_CAPTURE_FIN && c->fin[sent]))
        return;
    c->fin[sent] = c->fin[sent] || what == IO_CAPTURE_FIN;
    c->rst = what == IO_CAPTURE_RST;
    c->events += put(c, sent, what, NULL, 0);
}

bool io_capture_next(const struct io_capture *c, size_t *at, struct io_capture_record *record,
                     const uint8_t **octets) {
    if (*at >= c->log.len)
        return false;
    memcpy(record, c->log.data + *at, sizeof *record);
    *octets = c->log.data + *at + sizeof *record;
    *at += sizeof *record + record->n;
    return true;
}

uint64_t io_capture_cut(const struct io_capture *c, bool sent) {
    return c->cut[sent];
}

struct buf *io_capture_keys(struct io_capture *c) {
    return c ? &c->keys : NULL;
}
