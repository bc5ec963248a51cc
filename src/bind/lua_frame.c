/* lua_frame.c - frame tables to octets and back, RFC 9113 section 6: one row of functions per type.
 */
#include "bind/lua_frame.h"

#include <lauxlib.h>
#include <stdio.h>

#include "bind/engine.h"
#include "bind/keys.h"

/* --- octets to tables --- */

struct push {
    lua_State *L;
    int keys, idx;
    const struct h2_frame *f;
};

static void set_body(const struct push *p, enum key key) {
    const struct h2_frame *f = p->f;
    lua_rawgeti(p->L, p->keys, key);
    if (f->body == f->payload && f->body_len == f->payload_len) {
        lua_rawgeti(p->L, p->keys, KEY_payload);
        lua_rawget(p->L, p->idx); /* the same octets: no second copy */
    } else
        lua_pushlstring(p->L, f->body_len ? (const char *)f->body : "", f->body_len);
    lua_rawset(p->L, p->idx);
}

static void set_integer(const struct push *p, enum key key, lua_Integer value) {
    key_integer(p->L, p->keys, p->idx, key, value);
}

static void set_error(const struct push *p) {
    char unknown[16];
    uint32_t code = p->f->error_code;
    const char *name = h2_error_name(code);
    snprintf(unknown, sizeof unknown, "0x%02x", (unsigned)code);
    key_string(p->L, p->keys, p->idx, KEY_error, name ? name : unknown);
    set_integer(p, KEY_error_code, code);
}

static void set_priority(const struct push *p) {
    if (!p->f->has_priority)
        return;
    key_boolean(p->L, p->keys, p->idx, KEY_exclusive, p->f->exclusive);
    set_integer(p, KEY_dependency, p->f->dependency);
    set_integer(p, KEY_weight, p->f->weight);
}

static void push_data(const struct push *p) {
    set_body(p, KEY_data);
}

static void push_headers(const struct push *p) {
    set_priority(p);
    set_body(p, KEY_fragment);
}

static void push_fragment(const struct push *p) {
    set_body(p, KEY_fragment);
}

static void push_settings(const struct push *p) {
    lua_State *L = p->L;
    struct h2_setting_pair pair;
    lua_createtable(L, (int)(p->f->payload_len / 6), 0);
    int list = lua_gettop(L);
    for (size_t i = 0; h2_setting_get(p->f->payload, p->f->payload_len, i, &pair); i++) {
        lua_createtable(L, 0, 3);
        int item = lua_gettop(L);
        key_integer(L, p->keys, item, KEY_id, pair.id);
        key_integer(L, p->keys, item, KEY_value, pair.value);
        if (h2_setting_name(pair.id))
            key_string(L, p->keys, item, KEY_name, h2_setting_name(pair.id));
        lua_rawseti(L, list, (lua_Integer)i + 1);
    }
    key_value(L, p->keys, p->idx, KEY_settings);
}

static void push_push_promise(const struct push *p) {
    set_integer(p, KEY_promised_stream, p->f->other_stream);
    set_body(p, KEY_fragment);
}

static void push_goaway(const struct push *p) {
    set_integer(p, KEY_last_stream, p->f->last_stream);
    set_error(p);
    set_body(p, KEY_debug);
}

static void push_window_update(const struct push *p) {
    set_integer(p, KEY_increment, p->f->increment);
}

static void push_altsvc(const struct push *p) {
    key_octets(p->L, p->keys, p->idx, KEY_origin, p->f->origin, p->f->origin_len);
    set_body(p, KEY_value);
}

static void push_origin(const struct push *p) {
    lua_State *L = p->L;
    const uint8_t *at = p->f->payload;
    size_t left = p->f->payload_len;
    lua_newtable(L);
    for (lua_Integer i = 1; left >= 2; i++) {
        size_t n = (size_t)at[0] << 8 | at[1];
        if (n > left - 2)
            break;
        lua_pushlstring(L, (const char *)at + 2, n);
        lua_rawseti(L, -2, i);
        at += 2 + n;
        left -= 2 + n;
    }
    key_value(L, p->keys, p->idx, KEY_origins);
}

static void push_priority_update(const struct push *p) {
    set_integer(p, KEY_prioritized_stream, p->f->other_stream);
    set_body(p, KEY_value);
}

static void (*const pushers[256])(const struct push *) = {
    [H2_DATA] = push_data,
    [H2_HEADERS] = push_headers,
    [H2_PRIORITY] = set_priority,
    [H2_RST_STREAM] = set_error,
    [H2_SETTINGS] = push_settings,
    [H2_PUSH_PROMISE] = push_push_promise,
    [H2_PING] = push_data,
    [H2_GOAWAY] = push_goaway,
    [H2_WINDOW_UPDATE] = push_window_update,
    [H2_CONTINUATION] = push_fragment,
    [H2_ALTSVC] = push_altsvc,
    [H2_ORIGIN] = push_origin,
    [H2_PRIORITY_UPDATE] = push_priority_update,
};

/* --- flags --- */

/* Flags have one name each; which of them a type defines is in tables.h. */
const struct frame_flag frame_flags[FRAME_FLAG_COUNT] = {
    {H2_FLAG_END_STREAM, KEY_end_stream, "end_stream"},    {H2_FLAG_ACK, KEY_ack, "ack"},
    {H2_FLAG_END_HEADERS, KEY_end_headers, "end_headers"}, {H2_FLAG_PADDED, KEY_padded, "padded"},
    {H2_FLAG_PRIORITY, KEY_priority, "priority"},
};

/* END_STREAM and ACK share a bit: the type decides. */
bool frame_flag_defined(uint8_t type, const struct frame_flag *flag) {
    bool acks = type == H2_SETTINGS || type == H2_PING;
    if (flag->key == KEY_end_stream && acks)
        return false;
    if (flag->key == KEY_ack && !acks)
        return false;
    return (h2_frame_defined_flags(type) & flag->bit) != 0;
}

/* --- push --- */

static void set_faults(lua_State *L, int keys, int idx, uint64_t faults) {
    if (!faults)
        return;
    lua_newtable(L);
    for (int i = 0; i < H2_FAULT_COUNT; i++) {
        if (!(faults >> i & 1))
            continue;
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, h2_fault_slug((enum h2_fault_index)i));
    }
    key_value(L, keys, idx, KEY_faults);
}

void frame_set_members(lua_State *L, int keys, int idx, const struct h2_frame *f) {
    const struct push p = {L, keys, idx, f};
    const char *name = h2_frame_type_name(f->type);
    key_string(L, keys, idx, KEY_name, name ? name : "UNKNOWN");
    set_integer(&p, KEY_type, f->type);
    set_integer(&p, KEY_flags, f->flags);
    set_integer(&p, KEY_length, f->length);
    set_integer(&p, KEY_stream, f->stream);
    if (f->reserved)
        key_boolean(L, keys, idx, KEY_reserved, true);
    key_octets(L, keys, idx, KEY_payload, f->payload, f->payload_len);
    for (size_t i = 0; i < FRAME_FLAG_COUNT; i++)
        if (frame_flag_defined(f->type, &frame_flags[i]))
            key_boolean(L, keys, idx, frame_flags[i].key, (f->flags & frame_flags[i].bit) != 0);
    if (f->flags & h2_frame_defined_flags(f->type) & H2_FLAG_PADDED)
        set_integer(&p, KEY_pad_length, f->pad_length);
    set_faults(L, keys, idx, f->faults);
    if (pushers[f->type])
        pushers[f->type](&p);
}

/* --- engine.frame_decode --- */

static int frame_decode(lua_State *L) {
    size_t len;
    struct h2_frame f = {0};
    const char *octets = luaL_checklstring(L, 1, &len);
    lua_Integer offset = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, offset >= 0 && (size_t)offset <= len, 2, "outside the octets");
    size_t n = h2_frame_decode((const uint8_t *)octets + offset, len - (size_t)offset, &f);
    if (n == 0)
        return 0;
    lua_createtable(L, 0, 16);
    int idx = lua_gettop(L);
    frame_set_members(L, keys_push(L), idx, &f);
    lua_settop(L, idx);
    lua_pushinteger(L, offset + (lua_Integer)n);
    return 2;
}

void engine_open_frame(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"frame_encode", frame_encode}, {"frame_decode", frame_decode}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
