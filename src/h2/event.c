/* event.c - one observation of a connection, shared by queue, transcript and reader. */
#include "h2/conn_impl.h"

#include <string.h>

#include "base/mem.h"

struct h2_event *h2_event_new(enum h2_event_kind kind, enum h2_dir dir, const void *octets,
                              size_t n) {
    struct h2_event *e = mem_alloc(sizeof *e + n);
    if (!e)
        return NULL;
    uint8_t *copy = (uint8_t *)(e + 1);
    if (n > 0)
        memcpy(copy, octets, n);
    e->refs = 1;
    e->kind = kind;
    e->dir = dir;
    e->octets = copy;
    e->octets_len = n;
    e->size = sizeof *e + n;
    return e;
}

void h2_event_unref(struct h2_event *e) {
    if (--e->refs > 0)
        return;
    mem_free(e->fields);
    mem_free(e->block);
    mem_free(e);
}
