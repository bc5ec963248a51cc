/* keys.h - the member names of frames, events and fields, interned once per state: an event costs a
   table of some twenty members, and a run makes tens of thousands. */
#ifndef BIND_KEYS_H
#define BIND_KEYS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define KEYS(X) \
    X(ack) X(block) X(block_end_stream) X(block_stream) X(block_type) X(data) X(debug) \
    X(dependency) X(end_headers) X(end_stream) X(error) X(error_code) X(event) X(exclusive) \
    X(faults) X(field_error) X(fields) X(flags) X(fragment) X(huffman) X(id) X(increment) \
    X(index) X(kind) X(last_stream) X(length) X(message) X(name) X(octets) X(offset) X(origin) \
    X(origins) X(pad_length) X(padded) X(payload) X(prioritized_stream) X(priority) \
    X(promised_stream) X(reserved) X(rule) X(sent) X(seq) X(settings) X(size) X(status) \
    X(stream) X(text) X(time) X(type) X(value) X(weight)
/* clang-format on */

enum key {
    KEY_NONE, /* keys are list indices, from 1 */
#define X(name) KEY_##name,
    KEYS(X)
#undef X
        KEY_END
};

void keys_open(lua_State *L);
/* Push the list of keys and return its stack index: `keys` of the functions below. */
int keys_push(lua_State *L);

/* Set a member of the table at idx (an absolute index). key_value takes the value from the top. */
void key_value(lua_State *L, int keys, int idx, enum key key);
void key_integer(lua_State *L, int keys, int idx, enum key key, lua_Integer value);
void key_boolean(lua_State *L, int keys, int idx, enum key key, bool value);
void key_octets(lua_State *L, int keys, int idx, enum key key, const void *octets, size_t n);
void key_string(lua_State *L, int keys, int idx, enum key key, const char *text);

#endif
