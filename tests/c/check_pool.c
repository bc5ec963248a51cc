/* check_pool.c - the allocator of a Lua state: blocks keep their octets, overlap nothing, are
 * aligned. */
#include "base/pool.h"

#include <stdint.h>
#include <string.h>

#include "guard.h"

enum { BLOCKS = 500, ROUNDS = 20000, ALIGNMENT = 16 };

static struct {
    uint8_t *octets;
    size_t n;
} blocks[BLOCKS];

/* What block i of n octets holds at this place. */
static uint8_t mark(size_t i, size_t at) {
    return (uint8_t)(i * 31 + at * 7 + 1);
}

static void fill(size_t i, size_t from) {
    for (size_t at = from; at < blocks[i].n; at++)
        blocks[i].octets[at] = mark(i, at);
}

static bool intact(size_t i, size_t n) {
    for (size_t at = 0; at < n; at++)
        if (blocks[i].octets[at] != mark(i, at))
            return false;
    return true;
}

/* The same numbers in every run (Knuth, MMIX). */
static size_t next(uint64_t *state, size_t below) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*state >> 33) % below;
}

static void change(size_t i, size_t n) {
    size_t old = blocks[i].n, kept = old < n ? old : n;
    uint8_t *p = pool_alloc(NULL, blocks[i].octets, old, n);
    ck_assert(n == 0 ? p == NULL : p != NULL);
    ck_assert_uint_eq((uintptr_t)p % ALIGNMENT, 0);
    blocks[i].octets = p;
    blocks[i].n = n;
    ck_assert(intact(i, kept));
    fill(i, kept);
}

START_TEST(test_keeps_octets) {
    static const size_t most[] = {40, 600, 5000, 100000};
    uint64_t state = (uint64_t)_i;
    memset(blocks, 0, sizeof blocks);
    for (int round = 0; round < ROUNDS; round++)
        change(next(&state, BLOCKS), next(&state, 4) ? next(&state, most[next(&state, 4)]) : 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        ck_assert(intact(i, blocks[i].n));
        change(i, 0);
    }
}
END_TEST

START_TEST(test_type_of_new_blocks_is_no_size) {
    uint8_t *p = pool_alloc(NULL, NULL, 8,
                            24); /* Lua names the type of the object where there is no block yet */
    ck_assert_ptr_nonnull(p);
    memset(p, 1, 24);
    ck_assert_ptr_null(pool_alloc(NULL, p, 24, 0));
    ck_assert_ptr_null(pool_alloc(NULL, NULL, 0, 0));
}
END_TEST

START_TEST(test_hands_out_again) {
    void *p = pool_alloc(NULL, NULL, 0, 100);
    pool_alloc(NULL, p, 100, 0);
    ck_assert_ptr_eq(pool_alloc(NULL, NULL, 0, 105), p);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("pool");
    tcase_add_loop_test(t, test_keeps_octets, 0, 5);
    tcase_add_test(t, test_type_of_new_blocks_is_no_size);
    tcase_add_test(t, test_hands_out_again);
    return guard_run("pool", t);
}
