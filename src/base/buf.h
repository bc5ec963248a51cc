/* buf.h - an octet buffer that grows up to a mandatory maximum. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

enum { BUF_FULL = -1, BUF_NOMEM = -2 };

struct buf {
    uint8_t *data; /* owned; NULL while nothing was ever appended */
    size_t len;    /* octets in use */
    size_t cap;    /* octets allocated */
    size_t max;    /* octets that it may ever hold */
};

void buf_init(struct buf *b, size_t max);
void buf_dispose(struct buf *b);

/* Append n octets. 0, BUF_FULL (would pass max; nothing appended) or BUF_NOMEM. */
int buf_append(struct buf *b, const void *octets, size_t n);

/* Make room for n more octets and return where to write them; the caller then adds to b->len.
   NULL where they would pass max or memory ran out. */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* Drop n octets (at most len) from the front. */
void buf_drop(struct buf *b, size_t n);

/* Forget the content and give the memory back. */
void buf_clear(struct buf *b);

#endif
