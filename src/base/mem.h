/* mem.h - the allocator of base, h2 and io: malloc, with a switch that makes the i-th call fail. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);            /* zeroed; NULL when out of memory */
void *mem_realloc(void *p, size_t n); /* NULL when out of memory; p stays valid then */
void mem_free(void *p);

/* Tests only: let n more allocations succeed, then fail all. A negative n switches it off. */
void mem_fail_after(long n);

#endif
