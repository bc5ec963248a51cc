/* settings.h - the settings that one side announced and the other side acknowledges (RFC 9113
   section 6.5.3). Private to h2. */
#ifndef H2_SETTINGS_H
#define H2_SETTINGS_H

#include "h2/conn.h"

enum setting_slot {
#define X(name, id, initial, low, high, section) SLOT_##name,
    H2_SETTINGS(X)
#undef X
        SLOT_COUNT
};

/* What one SETTINGS frame, or several that were merged, announced. */
struct settings_frame {
    uint32_t value[SLOT_COUNT]; /* the last one of each */
    bool given[SLOT_COUNT];
    uint32_t lowest_table;   /* of HEADER_TABLE_SIZE: RFC 7541 section 4.2 wants to know */
    uint32_t highest_window; /* of INITIAL_WINDOW_SIZE: any value may overflow a window */
    unsigned frames;
};

struct h2_settings {
    uint32_t in_force[SLOT_COUNT];
    uint32_t announced[SLOT_COUNT];
    struct settings_frame *waiting; /* for acknowledgement, oldest first; owned */
    size_t waiting_count, waiting_cap;
};

void h2_settings_init(struct h2_settings *s);
void h2_settings_dispose(struct h2_settings *s);

/* Read a SETTINGS payload. */
void h2_settings_read(const uint8_t *payload, size_t len, struct settings_frame *out);
/* A SETTINGS frame was sent. 0 or BUF_NOMEM. */
int h2_settings_announce(struct h2_settings *s, const struct settings_frame *frame);
/* Values that need no acknowledgement (HTTP2-Settings). */
void h2_settings_force(struct h2_settings *s, const struct settings_frame *frame);
/* The other side acknowledged. False: nothing was waiting. out->frames is 0 where the frame was one
   of several merged ones that are not all acknowledged: nothing came into force then. */
bool h2_settings_acknowledge(struct h2_settings *s, struct settings_frame *out);

/* The highest of the value in force and those that wait. */
uint32_t h2_settings_most(const struct h2_settings *s, enum setting_slot slot);
unsigned h2_settings_waiting(const struct h2_settings *s);
/* -1: not in the table. */
int h2_settings_slot(uint16_t id);

#endif
