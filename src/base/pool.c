/* pool.c - the allocator of a Lua state: small blocks from free lists, the rest from malloc.
 *
 * Lua names the size of a block when it gives it back, so that none needs a head, and what one list
 * hands out again was in the cache a moment ago. What the lists have is never given back to the
 * system: a process has one state, and its needs come again with every case.
 */
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP = 16,
    LISTS = 32, /* blocks of up to 512 octets */
    CHUNK = 64 * 1024,
};

struct block {
    struct block *next;
};

static struct block *lists[LISTS + 1]; /* by size in steps */
static char *chunk, *chunk_end;        /* what no list has had yet */

/* The list of blocks of so many octets; 0: none, it is malloc's. */
static size_t list_of(size_t n) {
    size_t steps = (n + STEP - 1) / STEP;
    return steps <= LISTS ? steps : 0;
}

static void put(size_t list, void *p) {
    struct block *b = p;
    b->next = lists[list];
    lists[list] = b;
}

/* The rest of the last chunk goes to the list that it fits. */
static bool next_chunk(void) {
    size_t rest = (size_t)(chunk_end - chunk) / STEP;
    if (rest > 0)
        put(rest, chunk);
    chunk = malloc(CHUNK);
    chunk_end = chunk ? chunk + CHUNK : NULL;
    return chunk != NULL;
}

static void *take(size_t list) {
    struct block *b = lists[list];
    size_t size = list * STEP;
    if (b) {
        lists[list] = b->next;
        return b;
    }
    if ((size_t)(chunk_end - chunk) < size && !next_chunk())
        return NULL;
    chunk += size;
    return chunk - size;
}

static void *get(size_t n) {
    size_t list = list_of(n);
    return list ? take(list) : malloc(n);
}

static void give_back(void *p, size_t n) {
    size_t list = list_of(n);
    if (list)
        put(list, p);
    else
        free(p);
}

static void *resize(void *p, size_t old_size, size_t n) {
    size_t from = list_of(old_size), to = list_of(n);
    if (from && from == to)
        return p;
    if (!from && !to)
        return realloc(p, n);
    void *moved = get(n);
    if (!moved)
        return NULL;
    memcpy(moved, p, old_size < n ? old_size : n);
    give_back(p, old_size);
    return moved;
}

void *pool_alloc(void *unused, void *p, size_t old_size, size_t n) {
    (void)unused;
    if (p && n > 0)
        return resize(p, old_size, n);
    if (p)
        give_back(p, old_size);
    return n > 0 ? get(n) : NULL;
}
