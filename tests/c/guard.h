/* guard.h - for unit tests: memory that ends at a page nobody may touch, and failing allocations.
 */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <check.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct guard {
    uint8_t *map;
    size_t room; /* octets before the page that must not be touched */
    size_t page;
};

static inline void guard_init(struct guard *g, size_t max) {
    g->page = (size_t)sysconf(_SC_PAGESIZE);
    g->room = (max / g->page + 1) * g->page;
    g->map =
        mmap(NULL, g->room + g->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(g->map, MAP_FAILED);
    ck_assert_int_eq(mprotect(g->map + g->room, g->page, PROT_NONE), 0);
}

static inline void guard_dispose(struct guard *g) {
    munmap(g->map, g->room + g->page);
}

/* Room for exactly n octets, up to the guard page. Valid until the next call with the same guard.
 */
static inline uint8_t *guard_room(struct guard *g, size_t n) {
    ck_assert_uint_le(n, g->room);
    return g->map + g->room - n;
}

/* A copy of the octets that ends at the guard page. Valid as above. */
static inline uint8_t *guard_put(struct guard *g, const void *octets, size_t n) {
    uint8_t *at = guard_room(g, n);
    if (n > 0)
        memcpy(at, octets, n);
    return at;
}

/* Call fn with every prefix of the octets, the empty one first and the whole last, each ending at a
   guard page. */
static inline void guard_each_prefix(const void *octets, size_t n,
                                     void (*fn)(void *ctx, const uint8_t *in, size_t len),
                                     void *ctx) {
    struct guard g;
    guard_init(&g, n);
    for (size_t len = 0; len <= n; len++)
        fn(ctx, guard_put(&g, octets, len), len);
    guard_dispose(&g);
}

/* Call attempt with the first, the second, ... allocation failing (and all after it), until it says
   that it succeeded. It has to clean up after itself each time. Returns how often it failed. */
static inline long guard_each_allocation(bool (*attempt)(void *ctx), void *ctx) {
    for (long i = 0; i < 100000; i++) {
        mem_fail_after(i);
        bool succeeded = attempt(ctx);
        mem_fail_after(-1);
        if (succeeded)
            return i;
    }
    ck_abort_msg("it does not succeed, however many allocations do");
    return -1;
}

/* Run a test case as a program of its own. */
static inline int guard_run(const char *name, TCase *tests) {
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#endif
