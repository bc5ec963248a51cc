/* check_hpack_table.c - the dynamic table against a plain model, size updates of both sides, and
   representations that are sent right or wrong (RFC 7541 sections 2.3, 4 and 6). */
#include "guard.h"
#include "hpack_text.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* --- The table --- */

enum { MODEL_MAX = 64, STRING_MAX = 60 };

/* What the RFC says, as slowly as it is plain: newest first. */
struct model {
    struct model_entry {
        uint8_t name[STRING_MAX], value[STRING_MAX];
        size_t name_len, value_len;
    } entries[MODEL_MAX];
    size_t count, max;
};

static size_t model_size(const struct model *m) {
    size_t size = 0;
    for (size_t i = 0; i < m->count; i++)
        size += m->entries[i].name_len + m->entries[i].value_len + 32;
    return size;
}

static void model_insert(struct model *m, const struct model_entry *e) {
    size_t need = e->name_len + e->value_len + 32;
    while (m->count > 0 && model_size(m) + need > m->max)
        m->count--;
    if (need > m->max)
        return;
    memmove(m->entries + 1, m->entries, m->count * sizeof *e);
    m->entries[0] = *e;
    m->count++;
}

static bool equal(const struct model_entry *a, const struct model_entry *b, bool values) {
    return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0 &&
           (!values ||
            (a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0));
}

static size_t model_find(const struct model *m, const struct model_entry *e, bool values) {
    for (size_t i = 0; i < m->count; i++)
        if (equal(&m->entries[i], e, values))
            return 62 + i;
    return 0;
}

static void compare(const struct model *m, const struct hpack_table *t) {
    struct hpack_entry e;
    ck_assert_uint_eq(hpack_table_count(t), m->count);
    ck_assert_uint_eq(hpack_table_size(t), model_size(m));
    ck_assert(!hpack_table_get(t, 0, &e) && !hpack_table_get(t, 62 + m->count, &e));
    for (size_t i = 0; i < m->count; i++) {
        const struct model_entry *want = &m->entries[i];
        if (!hpack_table_get(t, 62 + i, &e) || e.name_len != want->name_len ||
            e.value_len != want->value_len || memcmp(e.name, want->name, e.name_len) != 0 ||
            memcmp(e.value, want->value, e.value_len) != 0)
            ck_abort_msg("entry %zu differs from the model", i);
    }
}

/* Few different names and values, so that there is something to find. */
static struct model_entry make_entry(uint64_t *seed) {
    struct model_entry e = {.name_len = random_below(seed, 12), .value_len = random_below(seed, 6)};
    memset(e.name, (int)('a' + random_below(seed, 2)), e.name_len);
    memset(e.value, (int)('a' + random_below(seed, 3)), e.value_len);
    if (random_below(seed, 20) == 0)
        e.value_len = STRING_MAX; /* zeros behind */
    return e;
}

static void check_find(const struct model *m, const struct hpack_table *t,
                       const struct model_entry *e) {
    size_t exact, name;
    hpack_table_find(t, e->name, e->name_len, e->value, e->value_len, &exact, &name);
    ck_assert_uint_eq(exact, model_find(m, e, true));
    ck_assert_uint_eq(name, exact ? 0 : model_find(m, e, false));
}

START_TEST(model) {
    uint64_t seed = 4711;
    struct model m = {.max = 300};
    struct hpack_table *t = hpack_table_new(m.max);
    for (int i = 0; i < 20000; i++) {
        struct model_entry e = make_entry(&seed);
        struct hpack_entry old = {.name = e.name};
        check_find(&m, t, &e);
        if (m.count > 0 && random_below(&seed, 3) == 0) { /* a name borrowed from the table */
            size_t from = random_below(&seed, m.count);
            memcpy(e.name, m.entries[from].name, STRING_MAX);
            e.name_len = m.entries[from].name_len;
            ck_assert(hpack_table_get(t, 62 + from, &old));
        }
        ck_assert_int_eq(hpack_table_insert(t, old.name, e.name_len, e.value, e.value_len), 0);
        model_insert(&m, &e);
        if (random_below(&seed, 50) == 0) {
            m.max = random_below(&seed, 1500);
            hpack_table_resize(t, m.max);
            while (model_size(&m) > m.max)
                m.count--;
        }
        compare(&m, t);
    }
    hpack_table_free(t);
}
END_TEST

START_TEST(static_table) {
    struct hpack_table *t = hpack_table_new(4096);
    struct hpack_entry e;
    size_t exact, name;
    for (size_t i = 1; i <= 61; i++) {
        ck_assert(hpack_table_get(t, i, &e));
        hpack_table_find(t, e.name, e.name_len, e.value, e.value_len, &exact, &name);
        ck_assert_uint_eq(exact, i);
    }
    ck_assert_mem_eq(e.name, "www-authenticate", 16); /* appendix A, the last */
    hpack_table_find(t, (const uint8_t *)":status", 7, (const uint8_t *)"418", 3, &exact, &name);
    ck_assert_uint_eq(exact, 0);
    ck_assert_uint_eq(name, 8);
    hpack_table_free(t);
}
END_TEST

/* --- Size updates --- */

struct step {
    char what; /* 's': set_max, 'f': encode a field, 'd': decode,
                  'n': do not demand updates */
    size_t n;
    const char *hex; /* what 'f' gives, what 'd' takes; NULL ends the steps */
    enum hpack_status status;
};

/* Each row is one encoder of 4096 that has not sent anything yet. */
static const struct step ENCODER[][8] = {
    {{'f', 0, "82", 0}},
    {{'s', 4096, "", 0}, {'f', 0, "82", 0}},
    {{'s', 65536, "", 0}, {'f', 0, "82", 0}}, /* it does not need more */
    {{'s', 0, "", 0}, {'f', 0, "2082", 0}, {'f', 0, "82", 0}},
    {{'s', 100, "", 0}, {'f', 0, "3f4582", 0}},
    {{'s', 0, "", 0}, {'s', 65536, "", 0}, {'f', 0, "203fe11f82", 0}},
    {{'s', 100, "", 0}, {'s', 30, "", 0}, {'s', 50, "", 0}, {'f', 0, "3e3f1382", 0}},
    {{'s', 30, "", 0}, {'s', 20, "", 0}, {'f', 0, "3482", 0}},
    {{'s', 0, "", 0}, {'f', 0, "2082", 0}, {'s', 50, "", 0}, {'f', 0, "3f1382", 0}},
};

START_TEST(encoder_updates) {
    struct hpack_encoder *e = hpack_encoder_new(4096);
    struct buf out;
    buf_init(&out, 100);
    for (const struct step *s = ENCODER[_i]; s < ENCODER[_i] + 8 && s->hex; s++) {
        if (s->what == 's') {
            hpack_encoder_set_max(e, s->n);
            ck_assert_uint_le(hpack_table_max(hpack_encoder_table(e)), s->n);
            continue;
        }
        uint8_t want[16];
        out.len = 0;
        ck_assert_int_eq(hpack_encode_field(e, (const uint8_t *)":method", 7,
                                            (const uint8_t *)"GET", 3, false, &out),
                         0);
        ck_assert_uint_eq(out.len, unhex(s->hex, want));
        ck_assert_mem_eq(out.data, want, out.len);
    }
    buf_dispose(&out);
    hpack_encoder_free(e);
}
END_TEST

/* Each row is one decoder of 4096. */
static const struct step DECODER[][8] = {
    {{'s', 4096, "", 0}, {'d', 0, "82", HPACK_OK}},
    {{'s', 65536, "", 0}, {'d', 0, "82", HPACK_OK}, {'d', 0, "3fe1ff0382", HPACK_OK}},
    {{'s', 65536, "", 0}, {'d', 0, "3fe2ff0382", HPACK_UPDATE_LARGE}},
    {{'s', 100, "", 0}, {'d', 0, "82", HPACK_UPDATE_MISSING_EMPTY}},
    {{'s', 100, "", 0}, {'d', 0, "", HPACK_UPDATE_MISSING_EMPTY}},
    {{'s', 100, "", 0}, {'d', 0, "3f4582", HPACK_OK}, {'d', 0, "82", HPACK_OK}},
    {{'s', 100, "", 0}, {'d', 0, "3f4682", HPACK_UPDATE_LARGE}},
    {{'s', 0, "", 0}, {'s', 4096, "", 0}, {'d', 0, "82", HPACK_UPDATE_MISSING_EMPTY}},
    {{'s', 0, "", 0}, {'s', 4096, "", 0}, {'d', 0, "3fe11f82", HPACK_UPDATE_MISSING_EMPTY}},
    {{'s', 0, "", 0}, {'s', 4096, "", 0}, {'d', 0, "203fe11f82", HPACK_OK}},
    {{'d', 0, "4000016182", HPACK_OK}, /* an entry is there: it matters */
     {'s', 0, "", 0},
     {'s', 4096, "", 0},
     {'d', 0, "82", HPACK_UPDATE_MISSING},
     {'d', 0, "203fe11f82", HPACK_OK},
     {'s', 100, "", 0},
     {'d', 0, "82", HPACK_UPDATE_MISSING_EMPTY}},
    {{'d', 0, "3e82", HPACK_OK}, {'s', 30, "", 0}, {'d', 0, "82", HPACK_OK}}, /* uses 30 already */
    {{'s', 100, "", 0}, {'n', 0, "", 0}, {'d', 0, "82", HPACK_OK}},
    {{'s', 100, "", 0},
     {'d', 0, "82", HPACK_UPDATE_MISSING_EMPTY},
     {'n', 0, "", 0},
     {'d', 0, "82", 0}},
};

static int ignore(void *ctx, const struct hpack_item *item) {
    (void)ctx;
    (void)item;
    return 0;
}

START_TEST(decoder_updates) {
    struct hpack_decoder *d = hpack_decoder_new(4096, 4096);
    struct hpack_error error;
    for (const struct step *s = DECODER[_i]; s < DECODER[_i] + 8 && s->hex; s++) {
        uint8_t wire[16];
        size_t n = unhex(s->hex, wire);
        if (s->what == 's')
            hpack_decoder_set_max(d, s->n);
        else if (s->what == 'n')
            hpack_decoder_demand_update(d, false);
        else
            ck_assert_int_eq(hpack_decode(d, wire, n, ignore, NULL, &error), s->status);
        if (s->status == HPACK_UPDATE_MISSING || s->status == HPACK_UPDATE_MISSING_EMPTY)
            ck_assert_str_eq(error.rule, "RFC7541-4.2");
    }
    hpack_decoder_free(d);
}
END_TEST

/* --- Verbatim representations --- */

#define TEXT(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
    struct hpack_item item;
    enum hpack_huffman huffman;
    const char *hex;
    size_t entries; /* in the table afterwards */
} ITEMS[] = {
    {{HPACK_INDEXED, 0, 0, 0, NULL, 0, NULL, 0, 0, 0}, HPACK_HUFFMAN_AUTO, "80", 0},
    {{HPACK_INDEXED, 5000, 0, 0, NULL, 0, NULL, 0, 0, 0}, HPACK_HUFFMAN_AUTO, "ff8926", 0},
    {{HPACK_INCREMENTAL, 1, 0, 0, TEXT("x"), TEXT("a"), 0, 0}, HPACK_HUFFMAN_AUTO, "410161", 1},
    {{HPACK_INCREMENTAL, 99, 0, 0, TEXT("x"), TEXT("a"), 0, 0}, HPACK_HUFFMAN_OFF, "7f240161", 0},
    {{HPACK_WITHOUT, 0, 0, 0, NULL, 0, NULL, 0, 0, 0}, HPACK_HUFFMAN_ON, "008080", 0},
    {{HPACK_INCREMENTAL, 0, 0, 0, NULL, 0, NULL, 0, 0, 0}, HPACK_HUFFMAN_OFF, "400000", 1},
    {{HPACK_NEVER, 0, 0, 0, TEXT("aa"), TEXT("\n"), 0, 0},
     HPACK_HUFFMAN_ON,
     "1082 18ff 84 fffffff3",
     0},
    {{HPACK_SIZE_UPDATE, UINT32_MAX, 0, 0, NULL, 0, NULL, 0, 0, 0},
     HPACK_HUFFMAN_AUTO,
     "3fe0ffffff0f",
     0},
    {{HPACK_INDEXED, UINT64_MAX, 0, 0, NULL, 0, NULL, 0, 0, 0},
     HPACK_HUFFMAN_AUTO,
     "ff80ffffffffffffffff01",
     0},
};

START_TEST(items) {
    uint8_t want[32];
    size_t n = unhex(ITEMS[_i].hex, want);
    struct hpack_encoder *e = hpack_encoder_new(4096);
    struct buf out;
    for (size_t max = 0; max <= n; max++) { /* all or nothing */
        buf_init(&out, max);
        int status =
            hpack_encode_item(e, &ITEMS[_i].item, ITEMS[_i].huffman, ITEMS[_i].huffman, &out);
        ck_assert_int_eq(status, max < n ? BUF_FULL : 0);
        ck_assert_uint_eq(out.len, max < n ? 0 : n);
        ck_assert_uint_eq(hpack_table_count(hpack_encoder_table(e)),
                          max < n ? 0 : ITEMS[_i].entries);
        if (max == n)
            ck_assert_mem_eq(out.data, want, n);
        buf_dispose(&out);
    }
    hpack_encoder_free(e);
}
END_TEST

/* Sensitive fields are never indexed, also where the table has them; fields larger than the table
   do not empty it; updates can be had on their own, and an explicit one stands for those due. */
START_TEST(choices) {
    struct hpack_item update = {.kind = HPACK_SIZE_UPDATE, .index = 34};
    struct hpack_encoder *e = hpack_encoder_new(4096);
    struct buf out;
    buf_init(&out, 100);
    ck_assert_int_eq(hpack_encode_field(e, TEXT(":path"), TEXT("\x01"), true, &out), 0);
    ck_assert_int_eq(hpack_encode_field(e, TEXT("x"), TEXT("y"), false, &out), 0);
    ck_assert_int_eq(hpack_encode_field(e, TEXT("x"), TEXT("y"), true, &out), 0);
    hpack_encoder_set_max(e, 34);
    ck_assert_int_eq(hpack_encode_updates(e, &out), 0);
    ck_assert_int_eq(hpack_encode_updates(e, &out), 0);
    ck_assert_int_eq(hpack_encode_field(e, TEXT("x"), TEXT("\x01\x02"), false, &out), 0);
    hpack_encoder_set_max(e, 100);
    ck_assert_int_eq(hpack_encode_item(e, &update, 0, 0, &out), 0);
    ck_assert_int_eq(hpack_encode_field(e, TEXT("x"), TEXT("y"), false, &out), 0);
    uint8_t want[32];
    size_t n = unhex("140101 4001780179 1f2f0179 3f03 0f2f020102 3f03 be", want);
    ck_assert_uint_eq(out.len, n);
    ck_assert_mem_eq(out.data, want, n);
    buf_dispose(&out);
    hpack_encoder_free(e);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("hpack_table");
    tcase_add_test(tests, model);
    tcase_add_test(tests, static_table);
    tcase_add_loop_test(tests, encoder_updates, 0, ROWS(ENCODER));
    tcase_add_loop_test(tests, decoder_updates, 0, ROWS(DECODER));
    tcase_add_loop_test(tests, items, 0, ROWS(ITEMS));
    tcase_add_test(tests, choices);
    return guard_run("hpack_table", tests);
}
