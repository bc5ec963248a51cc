/* settings.c - settings announced and acknowledged, RFC 9113 sections 6.5.2 and 6.5.3. */
#include "h2/settings.h"

#include <string.h>

#include "base/mem.h"

/* Frames that wait for acknowledgement beyond this number are merged into the newest. */
enum { WAITING_MAX = 256, WAITING_FIRST = 4 };

static const uint32_t initial_values[SLOT_COUNT] = {
#define X(name, id, initial, low, high, section) initial,
    H2_SETTINGS(X)
#undef X
};

void h2_settings_init(struct h2_settings *s) {
    *s = (struct h2_settings){.waiting = NULL};
    memcpy(s->in_force, initial_values, sizeof s->in_force);
    memcpy(s->announced, initial_values, sizeof s->announced);
}

void h2_settings_dispose(struct h2_settings *s) {
    mem_free(s->waiting);
    s->waiting = NULL;
}

int h2_settings_slot(uint16_t id) {
    switch (id) {
#define X(name, id, initial, low, high, section)                                                   \
    case id:                                                                                       \
        return SLOT_##name;
        H2_SETTINGS(X)
#undef X
    default:
        return -1;
    }
}

void h2_settings_read(const uint8_t *payload, size_t len, struct settings_frame *out) {
    *out = (struct settings_frame){.lowest_table = UINT32_MAX, .frames = 1};
    struct h2_setting_pair pair;
    for (size_t i = 0; h2_setting_get(payload, len, i, &pair); i++) {
        int slot = h2_settings_slot(pair.id);
        if (slot < 0)
            continue;
        out->given[slot] = true;
        out->value[slot] = pair.value;
        if (slot == SLOT_HEADER_TABLE_SIZE && pair.value < out->lowest_table)
            out->lowest_table = pair.value;
        if (slot == SLOT_INITIAL_WINDOW_SIZE && pair.value > out->highest_window)
            out->highest_window = pair.value;
    }
}

static void apply(uint32_t *values, const struct settings_frame *frame) {
    for (size_t i = 0; i < SLOT_COUNT; i++)
        if (frame->given[i])
            values[i] = frame->value[i];
}

static void merge(struct settings_frame *into, const struct settings_frame *frame) {
    apply(into->value, frame);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        into->given[i] = into->given[i] || frame->given[i];
    if (frame->lowest_table < into->lowest_table)
        into->lowest_table = frame->lowest_table;
    if (frame->highest_window > into->highest_window)
        into->highest_window = frame->highest_window;
    into->frames += frame->frames;
}

static int make_room(struct h2_settings *s) {
    if (s->waiting_count < s->waiting_cap)
        return 0;
    size_t cap = s->waiting_cap ? s->waiting_cap * 2 : WAITING_FIRST;
    struct settings_frame *waiting = mem_realloc(s->waiting, cap * sizeof *waiting);
    if (!waiting)
        return BUF_NOMEM;
    s->waiting = waiting;
    s->waiting_cap = cap;
    return 0;
}

int h2_settings_announce(struct h2_settings *s, const struct settings_frame *frame) {
    if (s->waiting_count == WAITING_MAX) {
        merge(&s->waiting[WAITING_MAX - 1], frame);
    } else {
        if (make_room(s) != 0)
            return BUF_NOMEM;
        s->waiting[s->waiting_count++] = *frame;
    }
    apply(s->announced, frame);
    return 0;
}

void h2_settings_force(struct h2_settings *s, const struct settings_frame *frame) {
    apply(s->announced, frame);
    apply(s->in_force, frame);
}

static void drop_oldest(struct h2_settings *s) {
    s->waiting_count--;
    memmove(s->waiting, s->waiting + 1, s->waiting_count * sizeof *s->waiting);
    if (s->waiting_count > 0)
        return;
    mem_free(s->waiting);
    s->waiting = NULL;
    s->waiting_cap = 0;
}

bool h2_settings_acknowledge(struct h2_settings *s, struct settings_frame *out) {
    *out = (struct settings_frame){.frames = 0};
    if (s->waiting_count == 0)
        return false;
    if (--s->waiting[0].frames > 0)
        return true;
    *out = s->waiting[0];
    out->frames = 1;
    apply(s->in_force, out);
    drop_oldest(s);
    return true;
}

uint32_t h2_settings_most(const struct h2_settings *s, enum setting_slot slot) {
    uint32_t most = s->in_force[slot];
    for (size_t i = 0; i < s->waiting_count; i++)
        if (s->waiting[i].given[slot] && s->waiting[i].value[slot] > most)
            most = s->waiting[i].value[slot];
    return most;
}

unsigned h2_settings_waiting(const struct h2_settings *s) {
    unsigned frames = 0;
    for (size_t i = 0; i < s->waiting_count; i++)
        frames += s->waiting[i].frames;
    return frames;
}
