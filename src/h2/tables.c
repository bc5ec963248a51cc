/* tables.c - names of frame types, errors, settings and faults (RFC 9113, from tables.h). */
#include "h2/tables.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const frame_types[] = {
#define X(name, type, section) [type] = #name,
    H2_FRAME_TYPES(X)
#undef X
};

static const char *const errors[] = {
#define X(name, code) [code] = #name,
    H2_ERRORS(X)
#undef X
};

static const char *const settings[] = {
#define X(name, id, initial, low, high, section) [id] = #name,
    H2_SETTINGS(X)
#undef X
};

static const struct {
    const char *slug, *text;
} faults[] = {
#define X(name, slug, text) {slug, text},
    H2_FAULTS(X)
#undef X
};

_Static_assert(H2_FAULT_COUNT <= 64, "a set of faults has to fit into a uint64_t");

const char *h2_frame_type_name(uint8_t type) {
    return type < COUNT(frame_types) ? frame_types[type] : NULL;
}

const char *h2_error_name(uint32_t code) {
    return code < COUNT(errors) ? errors[code] : NULL;
}

const char *h2_setting_name(uint16_t id) {
    return id < COUNT(settings) ? settings[id] : NULL;
}

const char *h2_fault_slug(enum h2_fault_index fault) {
    return fault < H2_FAULT_COUNT ? faults[fault].slug : NULL;
}

const char *h2_fault_text(enum h2_fault_index fault) {
    return fault < H2_FAULT_COUNT ? faults[fault].text : NULL;
}
