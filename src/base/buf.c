/* buf.c - an octet buffer that grows up to a mandatory maximum. */
#include "base/buf.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum { BUF_FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t max) {
    *b = (struct buf){.max = max};
}

void buf_dispose(struct buf *b) {
    buf_clear(b);
}

/* Double, so that n appends cost O(n), but never allocate more than the maximum. */
static size_t next_cap(const struct buf *b, size_t need) {
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    if (cap < BUF_FIRST_CAP)
        cap = BUF_FIRST_CAP < b->max ? BUF_FIRST_CAP : b->max;
    return cap < need ? need : cap;
}

static int make_room(struct buf *b, size_t n) {
    assert(b->len <= b->cap && b->cap <= b->max);
    if (n > b->max - b->len)
        return BUF_FULL;
    if (b->data && n <= b->cap - b->len)
        return 0;
    size_t cap = next_cap(b, b->len + n);
    uint8_t *data = mem_realloc(b->data, cap);
    if (!data)
        return BUF_NOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *octets, size_t n) {
    if (n == 0)
        return 0;
    int status = make_room(b, n);
    if (status == 0) {
        memcpy(b->data + b->len, octets, n);
        b->len += n;
    }
    return status;
}

uint8_t *buf_reserve(struct buf *b, size_t n) {
    return make_room(b, n) == 0 ? b->data + b->len : NULL;
}

void buf_drop(struct buf *b, size_t n) {
    assert(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}

void buf_clear(struct buf *b) {
    mem_free(b->data);
    *b = (struct buf){.max = b->max};
}
