/* lua_frame_read.c - frame tables to octets, RFC 9113 section 6: one function per type. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "bind/engine.h"
#include "bind/lua_frame.h"

#define MAX_STREAM 0x7fffffff

/* --- tables to octets --- */

struct read {
    lua_State *L;
    int idx;
    struct h2_frame *f;
    struct buf *scratch; /* for a list that becomes the body */
};

static uint32_t read_number(const struct read *r, const char *key, lua_Integer high,
                            lua_Integer fallback) {
    return (uint32_t)engine_integer(r->L, r->idx, key, 0, high, fallback);
}

/* The string stays on the stack until frame_append returns. */
static const uint8_t *read_octets(const struct read *r, const char *key, size_t *len) {
    luaL_checkstack(r->L, 4, NULL);
    return (const uint8_t *)engine_string(r->L, r->idx, key, len);
}

static void read_body(const struct read *r, const char *key) {
    if (!r->f->body)
        r->f->body = read_octets(r, key, &r->f->body_len);
}

static void read_priority(const struct read *r) {
    r->f->exclusive = engine_boolean(r->L, r->idx, "exclusive", false);
    r->f->dependency = read_number(r, "dependency", UINT32_MAX, 0);
    r->f->weight = (uint8_t)read_number(r, "weight", 255, 15);
}

static uint32_t error_by_name(lua_State *L, const char *name) {
    char *end;
#define X(error, code)                                                                             \
    if (strcmp(name, #error) == 0)                                                                 \
        return code;
    H2_ERRORS(X)
#undef X
    unsigned long code = strtoul(name, &end, 16);
    if (strncmp(name, "0x", 2) != 0 || *end || code > UINT32_MAX)
        luaL_error(L, "'%s' is not the name of an error code", name);
    return (uint32_t)code;
}

static uint32_t read_error(const struct read *r, uint32_t fallback) {
    uint32_t code = fallback;
    int type = engine_member(r->L, r->idx, "error");
    if (type == LUA_TSTRING)
        code = error_by_name(r->L, lua_tostring(r->L, -1));
    else if (type == LUA_TNUMBER)
        code = read_number(r, "error", UINT32_MAX, 0);
    else if (type != LUA_TNIL)
        luaL_error(r->L, "'error' must be a name or a number");
    else
        code = read_number(r, "error_code", UINT32_MAX, fallback);
    lua_pop(r->L, 1);
    return code;
}

static void read_data(const struct read *r) {
    read_body(r, "data");
}

static void read_headers(const struct read *r) {
    static const char *const members[] = {"exclusive", "dependency", "weight"};
    bool any = (r->f->flags & H2_FLAG_PRIORITY) != 0;
    for (size_t i = 0; i < 3; i++) {
        any = engine_member(r->L, r->idx, members[i]) != LUA_TNIL || any;
        lua_pop(r->L, 1);
    }
    r->f->has_priority = any && engine_boolean(r->L, r->idx, "priority", true);
    if (r->f->has_priority) {
        r->f->flags |= H2_FLAG_PRIORITY;
        read_priority(r);
    }
    read_body(r, "fragment");
}

static void read_priority_frame(const struct read *r) {
    r->f->has_priority = true;
    read_priority(r);
}

static void read_rst_stream(const struct read *r) {
    r->f->error_code = read_error(r, H2_CANCEL);
}

static uint16_t setting_id(lua_State *L) {
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *name = lua_tostring(L, -1);
#define X(setting, id, initial, low, high, section)                                                \
    if (strcmp(name, #setting) == 0)                                                               \
        return id;
        H2_SETTINGS(X)
#undef X
        luaL_error(L, "'%s' is not the name of a setting", name);
    }
    lua_Integer n = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    if (n < 0 || n > UINT16_MAX)
        luaL_error(L, "a setting needs a name or an identifier from 0 to 65535");
    return (uint16_t)n;
}

/* The pair at the top of the stack: { id or name, value }, { id =, value = }, { name =, value = }.
 */
static struct h2_setting_pair read_setting(lua_State *L) {
    struct h2_setting_pair pair;
    if (!lua_istable(L, -1))
        luaL_error(L, "a setting must be a table { id or name, value }");
    int idx = lua_gettop(L);
    bool positional = lua_rawgeti(L, idx, 1) != LUA_TNIL;
    if (!positional && engine_member(L, idx, "id") == LUA_TNIL)
        engine_member(L, idx, "name");
    pair.id = setting_id(L);
    if (positional)
        lua_rawgeti(L, idx, 2);
    else
        engine_member(L, idx, "value");
    lua_Integer value = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    if (value < 0 || value > UINT32_MAX)
        luaL_error(L, "the value of a setting must be from 0 to 2^32-1");
    pair.value = (uint32_t)value;
    lua_settop(L, idx);
    return pair;
}

static void use_scratch(const struct read *r) {
    r->f->body = r->scratch->data;
    r->f->body_len = r->scratch->len;
}

static void read_settings(const struct read *r) {
    lua_State *L = r->L;
    int type = engine_member(L, r->idx, "settings");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "'settings' must be a list");
    for (lua_Integer i = 1; type == LUA_TTABLE && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        engine_check_buf(L, h2_setting_append(r->scratch, read_setting(L)));
        lua_pop(L, 1);
    }
    use_scratch(r);
}

static void read_push_promise(const struct read *r) {
    r->f->other_stream = read_number(r, "promised_stream", UINT32_MAX, 2);
    read_body(r, "fragment");
}

static void read_ping(const struct read *r) {
    read_body(r, "data");
    if (!r->f->body) {
        r->f->body = (const uint8_t *)"\0\0\0\0\0\0\0";
        r->f->body_len = 8;
    }
}

static void read_goaway(const struct read *r) {
    r->f->last_stream = read_number(r, "last_stream", UINT32_MAX, 0);
    r->f->error_code = read_error(r, H2_NO_ERROR);
    read_body(r, "debug");
}

static void read_window_update(const struct read *r) {
    r->f->increment = read_number(r, "increment", UINT32_MAX, 1);
}

static void read_fragment(const struct read *r) {
    read_body(r, "fragment");
}

static void read_altsvc(const struct read *r) {
    r->f->origin = read_octets(r, "origin", &r->f->origin_len);
    if (r->f->origin_len > UINT16_MAX)
        luaL_error(r->L, "'origin' is longer than 65535 octets");
    read_body(r, "value");
}

static void read_origin(const struct read *r) {
    lua_State *L = r->L;
    int type = engine_member(L, r->idx, "origins");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "'origins' must be a list");
    for (lua_Integer i = 1; type == LUA_TTABLE && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        size_t n = 0;
        const char *origin = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
        if (!origin || n > UINT16_MAX)
            luaL_error(L, "an origin must be a string of at most 65535 octets");
        uint8_t head[2] = {(uint8_t)(n >> 8), (uint8_t)n};
        engine_check_buf(L, buf_append(r->scratch, head, 2));
        engine_check_buf(L, buf_append(r->scratch, origin, n));
        lua_pop(L, 1);
    }
    use_scratch(r);
}

static void read_priority_update(const struct read *r) {
    r->f->other_stream = read_number(r, "prioritized_stream", UINT32_MAX, 1);
    read_body(r, "value");
}

static const struct reader {
    bool on_stream; /* the type belongs to a stream */
    void (*read)(const struct read *);
} readers[256] = {
    [H2_DATA] = {true, read_data},
    [H2_HEADERS] = {true, read_headers},
    [H2_PRIORITY] = {true, read_priority_frame},
    [H2_RST_STREAM] = {true, read_rst_stream},
    [H2_SETTINGS] = {false, read_settings},
    [H2_PUSH_PROMISE] = {true, read_push_promise},
    [H2_PING] = {false, read_ping},
    [H2_GOAWAY] = {false, read_goaway},
    [H2_WINDOW_UPDATE] = {false, read_window_update},
    [H2_CONTINUATION] = {true, read_fragment},
    [H2_ALTSVC] = {false, read_altsvc},
    [H2_ORIGIN] = {false, read_origin},
    [H2_PRIORITY_UPDATE] = {false, read_priority_update},
};

/* --- read --- */

int frame_table_type(lua_State *L, int idx) {
    lua_Integer type = engine_integer(L, idx, "type", 0, UINT8_MAX, -1);
    if (type >= 0)
        return (int)type;
    const char *name = engine_string(L, idx, "name", NULL);
    if (!name)
        return luaL_error(L, "a frame needs a 'name' or a 'type'");
#define X(frame, number, section)                                                                  \
    if (strcmp(name, #frame) == 0) {                                                               \
        lua_pop(L, 1);                                                                             \
        return number;                                                                             \
    }
    H2_FRAME_TYPES(X)
#undef X
    return luaL_error(L, "'%s' is not the name of a frame type", name);
}

/* The flags that the booleans ask for; END_HEADERS unless it is denied. */
static uint8_t read_flags(lua_State *L, int idx, uint8_t type) {
    uint8_t flags = 0;
    for (size_t i = 0; i < FRAME_FLAG_COUNT; i++) {
        const struct frame_flag *flag = &frame_flags[i];
        bool fallback = flag->bit == H2_FLAG_END_HEADERS;
        if (frame_flag_defined(type, flag) && engine_boolean(L, idx, flag->name, fallback))
            flags |= flag->bit;
    }
    return flags;
}

static void read_padding(const struct read *r) {
    struct h2_frame *f = r->f;
    lua_Integer pad = engine_integer(r->L, r->idx, "pad_length", 0, UINT8_MAX, -1);
    if (pad < 0 || !(h2_frame_defined_flags(f->type) & H2_FLAG_PADDED) ||
        !engine_boolean(r->L, r->idx, "padded", true))
        return;
    f->flags |= H2_FLAG_PADDED;
    f->pad_length = (uint8_t)pad;
}

/* What the members make of head and payload; explicit head members come after that. */
static int read_members(const struct read *r, struct buf *payload) {
    const struct reader *reader = &readers[r->f->type];
    bool ack = r->f->type == H2_SETTINGS && (r->f->flags & H2_FLAG_ACK);
    r->f->stream = reader->on_stream;
    read_padding(r);
    if (ack && engine_member(r->L, r->idx, "settings") == LUA_TNIL)
        return 0;
    if (!reader->read)
        return 0;
    reader->read(r);
    return h2_frame_payload_encode(r->f, payload);
}

static void read_head(const struct read *r) {
    struct h2_frame *f = r->f;
    f->flags = (uint8_t)read_number(r, "flags", UINT8_MAX, f->flags);
    f->stream = read_number(r, "stream", MAX_STREAM, f->stream);
    f->reserved = engine_boolean(r->L, r->idx, "reserved", false);
    f->length = read_number(r, "length", 0xffffff, (lua_Integer)f->payload_len);
}

static int append_frame(const struct h2_frame *f, struct buf *out) {
    size_t before = out->len;
    int status = h2_frame_head_encode(f, out);
    if (status == 0)
        status = buf_append(out, f->payload, f->payload_len);
    if (status != 0)
        out->len = before;
    return status;
}

int frame_append(lua_State *L, int idx, const struct buf *fragment, struct buf *out) {
    struct engine *e = engine_get(L);
    struct h2_frame f = {0};
    struct buf own = {0}; /* a list never comes together with a field block */
    struct read r = {L, lua_absindex(L, idx), &f, fragment ? &own : engine_scratch(&e->scratch)};
    int top = lua_gettop(L);
    f.type = (uint8_t)frame_table_type(L, idx);
    f.flags = read_flags(L, r.idx, f.type);
    if (fragment) {
        f.body = fragment->data ? fragment->data : (const uint8_t *)"";
        f.body_len = fragment->len;
    }
    f.payload = read_octets(&r, "payload", &f.payload_len);
    if (!f.payload) {
        struct buf *payload = engine_scratch(&e->wire);
        engine_check_buf(L, read_members(&r, payload));
        f.payload = payload->data;
        f.payload_len = payload->len;
    } else
        read_padding(&r);
    if (f.payload_len > 0xffffff && engine_integer(L, r.idx, "length", 0, 0xffffff, -1) < 0)
        luaL_error(L, "a payload of more than 2^24-1 octets needs an explicit 'length'");
    read_head(&r);
    int status = append_frame(&f, out);
    lua_settop(L, top);
    return status;
}

/* engine.frame_encode(frame, [block]): the field block that `fields` of the frame came to */
int frame_encode(lua_State *L) {
    struct engine *e = engine_get(L);
    struct buf *out = &e->frame;
    struct buf block = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    block.data = (uint8_t *)luaL_optlstring(L, 2, NULL, &block.len);
    bool verbatim = engine_member(L, 1, "payload") != LUA_TNIL;
    if (engine_member(L, 1, "fields") != LUA_TNIL && !verbatim && !block.data)
        return luaL_error(L, "'fields' need a connection's encoder: conn:send or conn:encode");
    engine_check_buf(L, frame_append(L, 1, block.data ? &block : NULL, engine_scratch(out)));
    lua_pushlstring(L, (const char *)out->data, out->len);
    return 1;
}
