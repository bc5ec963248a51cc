/* mem.c - the allocator of base, h2 and io: malloc, with a switch that makes the i-th call fail. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

static long allowed = -1; /* allocations that may still succeed; negative: all */

static bool permitted(void) {
    if (allowed < 0)
        return true;
    if (allowed == 0)
        return false;
    allowed--;
    return true;
}

void *mem_alloc(size_t n) {
    return permitted() ? calloc(1, n ? n : 1) : NULL;
}

void *mem_realloc(void *p, size_t n) {
    return permitted() ? realloc(p, n ? n : 1) : NULL;
}

void mem_free(void *p) {
    free(p);
}

void mem_fail_after(long n) {
    allowed = n;
}
