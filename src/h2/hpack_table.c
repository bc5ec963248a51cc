/* hpack_table.c - the static and the dynamic table, RFC 7541 sections 2.3 and 4.

   The octets of the dynamic entries lie one after the other in an arena: inserting appends at its
   end, evicting moves its start. When the end is reached, the live octets move to the front of
   the arena, which is twice as large as they are, so that this is rare.
   Entries are numbered from 1 in the order of insertion and live in a ring of slots. For looking
   up by content, each slot begins two hash chains, of names and of whole fields, that lead from
   newer to older entries. Evicted entries are the oldest, so a chain ends where the numbers leave
   the live ones, and eviction does not have to touch it. */
#include "h2/hpack.h"
#include "h2/hpack_internal.h"
#include "h2/hpack_static_table.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct static_entry {
    const char *name, *value;
    uint8_t name_len, value_len;
};

#define ROW(index, name, value) [index] = {name, value, sizeof(name) - 1, sizeof(value) - 1},
static const struct static_entry STATIC[HPACK_STATIC_COUNT + 1] = {HPACK_STATIC_ROWS(ROW)};
#undef ROW

enum { STATIC_BUCKETS = 128, FIRST_SLOTS = 16, FIRST_ARENA = 512 };

/* The static entries by content: bucket to index to next index, 0 ends a chain. */
struct static_index {
    uint8_t bucket[HPACK_CHAINS][STATIC_BUCKETS];
    uint8_t next[HPACK_CHAINS][HPACK_STATIC_COUNT + 1];
    uint32_t hash[HPACK_CHAINS][HPACK_STATIC_COUNT + 1];
};

struct slot {
    size_t start; /* of the name in the arena, the value follows */
    uint32_t name_len, value_len;
    uint32_t hash[HPACK_CHAINS];
    uint64_t next[HPACK_CHAINS];   /* the next older entry of the same bucket */
    uint64_t bucket[HPACK_CHAINS]; /* the newest entry of the bucket with this slot's number */
};

struct hpack_table {
    size_t max, size;
    uint64_t inserted; /* the number of the newest entry */
    size_t count;
    struct slot *slots;
    size_t slot_count; /* a power of 2, or 0 */
    uint8_t *arena;
    size_t arena_cap, live_start, live_end;
};

/* --- Hashes --- */

/* Octets are mixed eight at a time. The hash need not resist a peer: only the encoder looks up by
   content, and its fields are our own. */
static uint64_t mix(uint64_t hash, uint64_t octets) {
    hash = (hash ^ octets) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint64_t load64(const uint8_t *in) {
    uint64_t v;
    memcpy(&v, in, sizeof v);
    return v;
}

static uint32_t load32(const uint8_t *in) {
    uint32_t v;
    memcpy(&v, in, sizeof v);
    return v;
}

/* At most 7 octets as a number. What is loaded may overlap. */
static uint64_t load_short(const uint8_t *in, size_t n) {
    if (n >= 4)
        return (uint64_t)load32(in) << 32 | load32(in + n - 4);
    if (n == 0)
        return 0;
    return (uint64_t)in[0] << 16 | (uint64_t)in[n / 2] << 8 | in[n - 1];
}

static uint64_t hash_octets(const uint8_t *in, size_t n) {
    uint64_t hash = mix(0, n);
    if (n < 8)
        return mix(hash, load_short(in, n));
    for (size_t at = 0; at + 8 < n; at += 8)
        hash = mix(hash, load64(in + at));
    return mix(hash, load64(in + n - 8)); /* may overlap what was mixed in before */
}

struct hpack_content hpack_content_of(const uint8_t *name, size_t name_len, const uint8_t *value,
                                      size_t value_len) {
    uint64_t by_name = hash_octets(name, name_len);
    uint64_t by_field = mix(by_name, hash_octets(value, value_len));
    return (struct hpack_content){{name, name_len, value, value_len},
                                  {(uint32_t)by_name, (uint32_t)by_field}};
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* Is the content of a that of b, as far as this chain goes by it? */
static bool matches(const struct hpack_entry *a, const struct hpack_entry *b,
                    enum hpack_chain chain) {
    return same(a->name, a->name_len, b->name, b->name_len) &&
           (chain == HPACK_BY_NAME || same(a->value, a->value_len, b->value, b->value_len));
}

/* --- The static table --- */

static struct hpack_entry static_entry(size_t index) {
    const struct static_entry *s = &STATIC[index];
    return (struct hpack_entry){(const uint8_t *)s->name, s->name_len, (const uint8_t *)s->value,
                                s->value_len};
}

/* From the last to the first, so that the least index of a name is found first. */
static void index_static(struct static_index *index) {
    for (uint8_t i = HPACK_STATIC_COUNT; i > 0; i--) {
        struct hpack_entry e = static_entry(i);
        struct hpack_content c = hpack_content_of(e.name, e.name_len, e.value, e.value_len);
        for (enum hpack_chain chain = HPACK_BY_NAME; chain < HPACK_CHAINS; chain++) {
            uint8_t *bucket = &index->bucket[chain][c.hash[chain] % STATIC_BUCKETS];
            index->next[chain][i] = *bucket;
            index->hash[chain][i] = c.hash[chain];
            *bucket = i;
        }
    }
}

/* Made once, by whoever looks first (one thread runs everything), and the same for all tables. */
static const struct static_index *static_index(void) {
    static struct static_index index;
    static bool made;
    if (!made)
        index_static(&index);
    made = true;
    return &index;
}

static size_t find_static(const struct hpack_content *c, enum hpack_chain chain) {
    const struct static_index *index = static_index();
    size_t i = index->bucket[chain][c->hash[chain] % STATIC_BUCKETS];
    for (; i != 0; i = index->next[chain][i]) {
        struct hpack_entry e = static_entry(i);
        if (index->hash[chain][i] == c->hash[chain] && matches(&c->entry, &e, chain))
            break;
    }
    return i;
}

/* --- The dynamic table --- */

struct hpack_table *hpack_table_new(size_t max_size) {
    struct hpack_table *t = mem_alloc(sizeof *t);
    if (!t)
        return NULL;
    hpack_table_resize(t, max_size);
    return t;
}

void hpack_table_free(struct hpack_table *t) {
    if (!t)
        return;
    mem_free(t->slots);
    mem_free(t->arena);
    mem_free(t);
}

size_t hpack_table_size(const struct hpack_table *t) {
    return t->size;
}

size_t hpack_table_max(const struct hpack_table *t) {
    return t->max;
}

size_t hpack_table_count(const struct hpack_table *t) {
    return t->count;
}

static size_t slot_number(const struct hpack_table *t, uint64_t entry) {
    return entry & (t->slot_count - 1);
}

static struct slot *slot_of(const struct hpack_table *t, uint64_t entry) {
    return &t->slots[slot_number(t, entry)];
}

static size_t slot_size(const struct slot *s) {
    return (size_t)s->name_len + s->value_len + HPACK_ENTRY_OVERHEAD;
}

static struct hpack_entry entry_of(const struct hpack_table *t, const struct slot *s) {
    const uint8_t *name = t->arena + s->start;
    return (struct hpack_entry){name, s->name_len, name + s->name_len, s->value_len};
}

/* Evict from the oldest until n more octets fit. The octets stay where they are. */
static void evict_for(struct hpack_table *t, size_t n) {
    while (t->count > 0 && t->size + n > t->max) {
        struct slot *oldest = slot_of(t, t->inserted - t->count + 1);
        t->size -= slot_size(oldest);
        t->live_start = oldest->start + oldest->name_len + oldest->value_len;
        t->count--;
    }
}

void hpack_table_resize(struct hpack_table *t, size_t max_size) {
    t->max = max_size < UINT32_MAX ? max_size : UINT32_MAX;
    evict_for(t, 0);
}

static void link_entry(struct hpack_table *t, uint64_t entry) {
    struct slot *s = slot_of(t, entry);
    for (enum hpack_chain chain = HPACK_BY_NAME; chain < HPACK_CHAINS; chain++) {
        uint64_t *bucket = &slot_of(t, s->hash[chain])->bucket[chain];
        s->next[chain] = *bucket;
        *bucket = entry;
    }
}

/* Make sure that one more entry has a slot. */
static bool reserve_slot(struct hpack_table *t) {
    if (t->count < t->slot_count)
        return true;
    struct hpack_table grown = *t;
    grown.slot_count = t->slot_count ? t->slot_count * 2 : FIRST_SLOTS;
    grown.slots = mem_alloc(grown.slot_count * sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (uint64_t e = t->inserted - t->count + 1; e <= t->inserted; e++) {
        const struct slot *from = slot_of(t, e);
        struct slot *to = slot_of(&grown, e);
        to->start = from->start;
        to->name_len = from->name_len;
        to->value_len = from->value_len;
        memcpy(to->hash, from->hash, sizeof to->hash);
        link_entry(&grown, e);
    }
    mem_free(t->slots);
    *t = grown;
    return true;
}

/* The live octets begin at the front of the arena from now on. */
static void rebase(struct hpack_table *t) {
    for (size_t i = 0; i < t->count; i++)
        slot_of(t, t->inserted - i)->start -= t->live_start;
    t->live_end -= t->live_start;
    t->live_start = 0;
}

/* Make sure that n octets can be appended to the arena, and keep `borrowed` valid where it points
   into the live octets. */
static bool reserve_octets(struct hpack_table *t, size_t n, const uint8_t **borrowed) {
    if (t->arena && n <= t->arena_cap - t->live_end)
        return true;
    size_t live = t->live_end - t->live_start;
    uintptr_t offset = (uintptr_t)*borrowed - ((uintptr_t)t->arena + t->live_start);
    uint8_t *arena = t->arena;
    if (!arena || (live + n) * 2 > t->arena_cap) {
        size_t cap = (live + n) * 2 < FIRST_ARENA ? FIRST_ARENA : (live + n) * 2;
        arena = mem_alloc(cap);
        if (!arena)
            return false;
        t->arena_cap = cap;
    }
    if (live > 0) {
        memmove(arena, t->arena + t->live_start, live);
        if (offset < live)
            *borrowed = arena + offset;
    }
    if (arena != t->arena)
        mem_free(t->arena);
    t->arena = arena;
    rebase(t);
    return true;
}

static void append_octets(struct hpack_table *t, const uint8_t *octets, size_t n) {
    if (n > 0)
        memcpy(t->arena + t->live_end, octets, n);
    t->live_end += n;
}

static void append(struct hpack_table *t, const struct hpack_content *c) {
    uint64_t entry = ++t->inserted;
    struct slot *s = slot_of(t, entry);
    s->start = t->live_end;
    s->name_len = (uint32_t)c->entry.name_len;
    s->value_len = (uint32_t)c->entry.value_len;
    memcpy(s->hash, c->hash, sizeof s->hash);
    if (t->count == 0)
        t->live_start = t->live_end;
    append_octets(t, c->entry.name, c->entry.name_len);
    append_octets(t, c->entry.value, c->entry.value_len);
    t->count++;
    t->size += slot_size(s);
    link_entry(t, entry);
}

int hpack_content_insert(struct hpack_table *t, const struct hpack_content *content) {
    struct hpack_content c = *content;
    size_t octets = c.entry.name_len + c.entry.value_len;
    if (octets + HPACK_ENTRY_OVERHEAD > t->max) {
        evict_for(t, t->max + 1);
        return 0;
    }
    /* Room first: the name may belong to an entry that is evicted. */
    if (!reserve_slot(t) || !reserve_octets(t, octets, &c.entry.name))
        return BUF_NOMEM;
    evict_for(t, octets + HPACK_ENTRY_OVERHEAD);
    append(t, &c);
    return 0;
}

int hpack_table_insert(struct hpack_table *t, const uint8_t *name, size_t name_len,
                       const uint8_t *value, size_t value_len) {
    struct hpack_content c = hpack_content_of(name, name_len, value, value_len);
    return hpack_content_insert(t, &c);
}

bool hpack_table_get(const struct hpack_table *t, size_t index, struct hpack_entry *out) {
    if (index == 0 || index > HPACK_STATIC_COUNT + t->count)
        return false;
    if (index <= HPACK_STATIC_COUNT)
        *out = static_entry(index);
    else
        *out = entry_of(t, slot_of(t, t->inserted - (index - HPACK_STATIC_COUNT - 1)));
    return true;
}

static size_t find_dynamic(const struct hpack_table *t, const struct hpack_content *c,
                           enum hpack_chain chain) {
    if (t->count == 0)
        return 0;
    uint64_t entry = slot_of(t, c->hash[chain])->bucket[chain];
    while (entry > t->inserted - t->count) {
        const struct slot *s = slot_of(t, entry);
        struct hpack_entry e = entry_of(t, s);
        if (s->hash[chain] == c->hash[chain] && matches(&c->entry, &e, chain))
            return HPACK_STATIC_COUNT + 1 + (size_t)(t->inserted - entry);
        entry = s->next[chain];
    }
    return 0;
}

void hpack_content_find(const struct hpack_table *t, const struct hpack_content *c, size_t *exact,
                        size_t *name_only) {
    *name_only = 0;
    *exact = find_static(c, HPACK_BY_FIELD);
    if (*exact == 0)
        *exact = find_dynamic(t, c, HPACK_BY_FIELD);
    if (*exact != 0)
        return;
    *name_only = find_static(c, HPACK_BY_NAME);
    if (*name_only == 0)
        *name_only = find_dynamic(t, c, HPACK_BY_NAME);
}

void hpack_table_find(const struct hpack_table *t, const uint8_t *name, size_t name_len,
                      const uint8_t *value, size_t value_len, size_t *exact, size_t *name_only) {
    struct hpack_content c = hpack_content_of(name, name_len, value, value_len);
    hpack_content_find(t, &c, exact, name_only);
}
