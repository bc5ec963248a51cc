/* lua_hpack.c - HPACK for Lua (RFC 7541): encoders, decoders, the Huffman code. */
#include "bind/lua_hpack.h"

#include <lauxlib.h>
#include <string.h>

#include "bind/engine.h"
#include "bind/keys.h"

#define ENCODER "h2probe.hpack_encoder"
#define DECODER "h2probe.hpack_decoder"
enum { STATIC_ENTRIES = 61, DECODER_LIMIT = 1 << 20 };

const char *hpack_status_name(enum hpack_status status) {
    static const char *const names[] = {
        [HPACK_OK] = "ok",
        [HPACK_TRUNCATED] = "truncated",
        [HPACK_INTEGER] = "integer",
        [HPACK_INDEX_ZERO] = "index-zero",
        [HPACK_INDEX_RANGE] = "index-range",
        [HPACK_HUFFMAN_EOS] = "huffman-eos",
        [HPACK_HUFFMAN_LONG] = "huffman-padding-long",
        [HPACK_HUFFMAN_BITS] = "huffman-padding-bits",
        [HPACK_UPDATE_LATE] = "update-late",
        [HPACK_UPDATE_LARGE] = "update-large",
        [HPACK_UPDATE_MISSING] = "update-missing",
        [HPACK_UPDATE_MISSING_EMPTY] = "update-missing-empty",
        [HPACK_LIMIT] = "limit",
        [HPACK_NOMEM] = "memory",
        [HPACK_STOPPED] = "stopped",
    };
    return names[status];
}

/* --- encoding --- */

/* A field at stack index idx, while it is encoded. */
struct encode {
    lua_State *L;
    int idx;
    struct hpack_encoder *encoder;
    struct buf *out;
};

static const uint8_t *field_string(const struct encode *f, lua_Integer i, size_t *len) {
    int type = lua_rawgeti(f->L, f->idx, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        luaL_error(f->L, "a field needs a name and a value, both strings");
    return (const uint8_t *)lua_tolstring(f->L, -1, len);
}

static enum hpack_huffman huffman_choice(lua_State *L) {
    if (lua_isnil(L, -1))
        return HPACK_HUFFMAN_AUTO;
    return lua_toboolean(L, -1) ? HPACK_HUFFMAN_ON : HPACK_HUFFMAN_OFF;
}

/* `huffman`: nil, a boolean for both, or { name =, value = }. */
static void read_huffman(const struct encode *f, enum hpack_huffman *name,
                         enum hpack_huffman *value) {
    lua_State *L = f->L;
    if (engine_member(L, f->idx, "huffman") != LUA_TTABLE) {
        *name = *value = huffman_choice(L);
        return;
    }
    engine_member(L, -1, "name");
    *name = huffman_choice(L);
    engine_member(L, -2, "value");
    *value = huffman_choice(L);
}

static int encode_literal(const struct encode *f, enum hpack_kind kind) {
    struct hpack_item item = {.kind = kind};
    enum hpack_huffman name, value;
    item.index = (uint64_t)engine_integer(f->L, f->idx, "index", 0, UINT32_MAX, 0);
    item.name = field_string(f, 1, &item.name_len);
    item.value = field_string(f, 2, &item.value_len);
    read_huffman(f, &name, &value);
    return hpack_encode_item(f->encoder, &item, name, value, f->out);
}

static int encode_number(const struct encode *f, enum hpack_kind kind, const char *member) {
    struct hpack_item item = {.kind = kind};
    lua_Integer n = engine_integer(f->L, f->idx, member, 0, LUA_MAXINTEGER, -1);
    if (n < 0)
        luaL_error(f->L, "this kind of field needs '%s'", member);
    item.index = (uint64_t)n;
    return hpack_encode_item(f->encoder, &item, HPACK_HUFFMAN_OFF, HPACK_HUFFMAN_OFF, f->out);
}

static int encode_octets(const struct encode *f) {
    size_t len;
    if (lua_rawgeti(f->L, f->idx, 1) != LUA_TSTRING)
        luaL_error(f->L, "a field of kind 'octets' needs a string");
    const char *octets = lua_tolstring(f->L, -1, &len);
    return buf_append(f->out, octets, len);
}

static int encode_free(const struct encode *f) {
    size_t name_len, value_len;
    const uint8_t *name = field_string(f, 1, &name_len);
    const uint8_t *value = field_string(f, 2, &value_len);
    bool sensitive = engine_boolean(f->L, f->idx, "sensitive", false);
    engine_member(f->L, f->idx, "huffman");
    if (!lua_isnil(f->L, -1))
        luaL_error(f->L, "'huffman' needs a 'kind' (incremental, without, never)");
    return hpack_encode_field(f->encoder, name, name_len, value, value_len, sensitive, f->out);
}

static int encode_kind(const struct encode *f, const char *kind) {
    if (!kind)
        return encode_free(f);
    if (strcmp(kind, "indexed") == 0)
        return encode_number(f, HPACK_INDEXED, "index");
    if (strcmp(kind, "incremental") == 0)
        return encode_literal(f, HPACK_INCREMENTAL);
    if (strcmp(kind, "without") == 0)
        return encode_literal(f, HPACK_WITHOUT);
    if (strcmp(kind, "never") == 0)
        return encode_literal(f, HPACK_NEVER);
    if (strcmp(kind, "size_update") == 0)
        return encode_number(f, HPACK_SIZE_UPDATE, "size");
    if (strcmp(kind, "octets") == 0)
        return encode_octets(f);
    return luaL_error(f->L, "'%s' is not a kind of field", kind);
}

/* A list that does not begin with a size update or octets of its own gets the updates that are due
   (RFC 7541 section 4.2): forms that a script chose are no reason to break the rule. */
static int begin_block(const struct encode *f, const char *kind) {
    bool own = kind && (strcmp(kind, "size_update") == 0 || strcmp(kind, "octets") == 0);
    return own ? 0 : hpack_encode_updates(f->encoder, f->out);
}

int fields_encode(lua_State *L, int idx, struct hpack_encoder *encoder, struct buf *out) {
    int top = lua_gettop(L);
    int status = 0;
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx))
        luaL_error(L, "fields must be a list, not %s", luaL_typename(L, idx));
    luaL_checkstack(L, 12, NULL);
    for (lua_Integer i = 1; status == 0 && lua_rawgeti(L, idx, i) != LUA_TNIL; i++) {
        const struct encode f = {L, lua_gettop(L), encoder, out};
        if (!lua_istable(L, f.idx))
            luaL_error(L, "field %I must be a table, not %s", i, luaL_typename(L, f.idx));
        const char *kind = engine_string(L, f.idx, "kind", NULL);
        status = i == 1 ? begin_block(&f, kind) : 0;
        if (status == 0)
            status = encode_kind(&f, kind);
        lua_settop(L, top);
    }
    lua_settop(L, top);
    return status;
}

/* --- tables --- */

void hpack_table_push(lua_State *L, const struct hpack_table *t) {
    struct hpack_entry entry;
    size_t count = hpack_table_count(t);
    lua_createtable(L, (int)count, 2);
    lua_pushinteger(L, (lua_Integer)hpack_table_size(t));
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, (lua_Integer)hpack_table_max(t));
    lua_setfield(L, -2, "max");
    for (size_t i = 1; i <= count && hpack_table_get(t, STATIC_ENTRIES + i, &entry); i++) {
        lua_createtable(L, 2, 0);
        lua_pushlstring(L, entry.name_len ? (const char *)entry.name : "", entry.name_len);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, entry.value_len ? (const char *)entry.value : "", entry.value_len);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i);
    }
}

/* --- engine.hpack_encoder --- */

static size_t check_size(lua_State *L, int arg) {
    lua_Integer n = luaL_checkinteger(L, arg);
    luaL_argcheck(L, n >= 0 && n <= UINT32_MAX, arg, "must be from 0 to 2^32-1");
    return (size_t)n;
}

static struct hpack_encoder *check_encoder(lua_State *L) {
    return *(struct hpack_encoder **)luaL_checkudata(L, 1, ENCODER);
}

static int encoder_new(lua_State *L) {
    size_t max = check_size(L, 1);
    struct hpack_encoder **e = lua_newuserdatauv(L, sizeof *e, 0);
    *e = NULL;
    luaL_setmetatable(L, ENCODER);
    *e = hpack_encoder_new(max);
    return *e ? 1 : luaL_error(L, "not enough memory");
}

static int encoder_gc(lua_State *L) {
    struct hpack_encoder **e = luaL_checkudata(L, 1, ENCODER);
    if (*e)
        hpack_encoder_free(*e);
    *e = NULL;
    return 0;
}

static struct hpack_encoder *open_encoder(lua_State *L) {
    struct hpack_encoder *e = check_encoder(L);
    luaL_argcheck(L, e, 1, "the encoder is closed");
    return e;
}

static int encoder_encode(lua_State *L) {
    struct hpack_encoder *encoder = open_encoder(L);
    struct buf *out = engine_scratch(&engine_get(L)->scratch);
    engine_check_buf(L, fields_encode(L, 2, encoder, out));
    lua_pushlstring(L, out->len ? (const char *)out->data : "", out->len);
    return 1;
}

static int encoder_set_max(lua_State *L) {
    hpack_encoder_set_max(open_encoder(L), check_size(L, 2));
    return 0;
}

static int encoder_table(lua_State *L) {
    hpack_table_push(L, hpack_encoder_table(open_encoder(L)));
    return 1;
}

/* --- engine.hpack_decoder --- */

static int decoder_new(lua_State *L) {
    size_t max = check_size(L, 1);
    lua_Integer limit = luaL_optinteger(L, 2, DECODER_LIMIT);
    luaL_argcheck(L, limit > 0, 2, "must be positive");
    struct hpack_decoder **d = lua_newuserdatauv(L, sizeof *d, 0);
    *d = NULL;
    luaL_setmetatable(L, DECODER);
    *d = hpack_decoder_new(max, (size_t)limit);
    return *d ? 1 : luaL_error(L, "not enough memory");
}

static int decoder_gc(lua_State *L) {
    struct hpack_decoder **d = luaL_checkudata(L, 1, DECODER);
    if (*d)
        hpack_decoder_free(*d);
    *d = NULL;
    return 0;
}

static struct hpack_decoder *open_decoder(lua_State *L) {
    struct hpack_decoder **d = luaL_checkudata(L, 1, DECODER);
    luaL_argcheck(L, *d, 1, "the decoder is closed");
    return *d;
}

/* The decoder owns no allocation during a block that a Lua error could leak: its items go to Lua
   one by one, and a Lua error leaves only the block unfinished. */
struct decode {
    lua_State *L;
    int keys, list;
    lua_Integer count;
};

static int push_item(void *ctx, const struct hpack_item *item) {
    struct decode *d = ctx;
    struct h2_field field = {
        .kind = item->kind,
        .index = (uint32_t)item->index,
        .name_huffman = item->name_huffman,
        .value_huffman = item->value_huffman,
        .name = item->name,
        .name_len = (uint32_t)item->name_len,
        .value = item->value,
        .value_len = (uint32_t)item->value_len,
        .offset = (uint32_t)item->offset,
        .length = (uint32_t)item->length,
    };
    field_push(d->L, d->keys, &field);
    lua_rawseti(d->L, d->list, ++d->count);
    return 0;
}

static int decoder_decode(lua_State *L) {
    size_t len;
    struct hpack_error error = {0};
    struct hpack_decoder *decoder = open_decoder(L);
    const char *block = luaL_checklstring(L, 2, &len);
    lua_settop(L, 2);
    struct decode d = {L, keys_push(L), 0, 0};
    lua_newtable(L);
    d.list = lua_gettop(L);
    if (hpack_decode(decoder, (const uint8_t *)block, len, push_item, &d, &error) == HPACK_OK)
        return 1;
    lua_pushnil(L);
    field_error_push(L, d.keys, &error);
    lua_pushvalue(L, d.list);
    return 3;
}

static int decoder_set_max(lua_State *L) {
    hpack_decoder_set_max(open_decoder(L), check_size(L, 2));
    return 0;
}

static int decoder_table(lua_State *L) {
    hpack_table_push(L, hpack_decoder_table(open_decoder(L)));
    return 1;
}

/* --- the Huffman code --- */

static int lua_huffman_encode(lua_State *L) {
    size_t len;
    const char *in = luaL_checklstring(L, 1, &len);
    struct buf *out = engine_scratch(&engine_get(L)->scratch);
    engine_check_buf(L, huffman_encode((const uint8_t *)in, len, out));
    lua_pushlstring(L, out->len ? (const char *)out->data : "", out->len);
    return 1;
}

static int lua_huffman_decode(lua_State *L) {
    static const char *const reasons[] = {[HUFFMAN_EOS] = "eos",
                                          [HUFFMAN_PADDING_LONG] = "padding-long",
                                          [HUFFMAN_PADDING_BITS] = "padding-bits"};
    size_t len, written = 0, offset = 0;
    luaL_Buffer b;
    const char *in = luaL_checklstring(L, 1, &len);
    char *out = luaL_buffinitsize(L, &b, len * 8 / 5 + 1);
    enum huffman_error error =
        huffman_decode((const uint8_t *)in, len, (uint8_t *)out, &written, &offset);
    if (error == HUFFMAN_OK) {
        luaL_pushresultsize(&b, written);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, reasons[error]);
    lua_pushinteger(L, (lua_Integer)offset);
    return 3;
}

void engine_open_hpack(lua_State *L) {
    static const luaL_Reg encoder[] = {{"encode", encoder_encode},
                                       {"set_max", encoder_set_max},
                                       {"table", encoder_table},
                                       {NULL, NULL}};
    static const luaL_Reg decoder[] = {{"decode", decoder_decode},
                                       {"set_max", decoder_set_max},
                                       {"table", decoder_table},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"hpack_encoder", encoder_new},
                                         {"hpack_decoder", decoder_new},
                                         {"huffman_encode", lua_huffman_encode},
                                         {"huffman_decode", lua_huffman_decode},
                                         {NULL, NULL}};
    engine_metatable(L, ENCODER, encoder, encoder_gc, encoder_gc);
    engine_metatable(L, DECODER, decoder, decoder_gc, decoder_gc);
    luaL_setfuncs(L, functions, 0);
}
