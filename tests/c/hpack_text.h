/* hpack_text.h - for the tests of HPACK: field blocks from hexadecimal digits, decoded lists and
   tables as text, one field a line. */
#ifndef TESTS_HPACK_TEXT_H
#define TESTS_HPACK_TEXT_H

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/buf.h"
#include "base/hex.h"
#include "h2/hpack.h"

#define TEXT_MAX (1u << 22)

static inline size_t unhex(const char *digits, uint8_t *out) {
    ssize_t n = hex_decode(digits, strlen(digits), out);
    ck_assert_msg(n >= 0, "bad hexadecimal digits: %s", digits);
    return (size_t)n;
}

static inline void text_add(struct buf *text, const void *octets, size_t n) {
    if (buf_append(text, octets, n) != 0) /* not an assertion: those cost a system call */
        ck_abort_msg("the text is too long");
}

static inline void text_field(struct buf *text, const uint8_t *name, size_t name_len,
                              const uint8_t *value, size_t value_len) {
    text_add(text, name, name_len);
    text_add(text, ": ", 2);
    text_add(text, value, value_len);
    text_add(text, "\n", 1);
}

static inline const char *text_end(struct buf *text) {
    text_add(text, "", 1);
    text->len--;
    return (const char *)text->data;
}

/* A receiver of hpack_decode that appends the fields, without the size updates. */
static inline int text_item(void *ctx, const struct hpack_item *item) {
    if (item->kind != HPACK_SIZE_UPDATE)
        text_field(ctx, item->name, item->name_len, item->value, item->value_len);
    return 0;
}

/* The dynamic table, newest first. */
static inline void text_table(struct buf *text, const struct hpack_table *t) {
    struct hpack_entry e;
    for (size_t i = 62; hpack_table_get(t, i, &e); i++)
        text_field(text, e.name, e.name_len, e.value, e.value_len);
}

/* xorshift64*, so that what is generated is the same everywhere. */
static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static inline size_t random_below(uint64_t *state, size_t n) {
    return (size_t)(random_next(state) >> 33) % n;
}

#endif
