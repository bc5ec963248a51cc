/* lua_event.c - events to tables: the path that every received frame takes, so it is kept short. */
#include "bind/lua_event.h"

#include <lauxlib.h>

#include "bind/keys.h"
#include "bind/lua_frame.h"
#include "bind/lua_hpack.h"

static const char *const kind_names[] = {
    [H2_EVENT_FRAME] = "frame",
    [H2_EVENT_PREFACE] = "preface",
    [H2_EVENT_BAD_PREFACE] = "bad_preface",
    [H2_EVENT_OCTETS] = "octets",
    [H2_EVENT_NOTE] = "note",
};

static const char *const field_kind_names[] = {
    [HPACK_INDEXED] = "indexed", [HPACK_INCREMENTAL] = "incremental", [HPACK_WITHOUT] = "without",
    [HPACK_NEVER] = "never",     [HPACK_SIZE_UPDATE] = "size_update",
};

/* --- fields --- */

static void push_huffman(lua_State *L, int keys, int idx, const struct h2_field *f) {
    lua_createtable(L, 0, 2);
    int huffman = lua_gettop(L);
    key_boolean(L, keys, huffman, KEY_name, f->name_huffman);
    key_boolean(L, keys, huffman, KEY_value, f->value_huffman);
    key_value(L, keys, idx, KEY_huffman);
}

void field_push(lua_State *L, int keys, const struct h2_field *f) {
    bool update = f->kind == HPACK_SIZE_UPDATE;
    lua_createtable(L, update ? 0 : 2, update ? 4 : 5);
    int idx = lua_gettop(L);
    key_string(L, keys, idx, KEY_kind, field_kind_names[f->kind]);
    key_integer(L, keys, idx, KEY_offset, f->offset);
    key_integer(L, keys, idx, KEY_length, f->length);
    if (update) {
        key_integer(L, keys, idx, KEY_size, f->index);
        return;
    }
    lua_pushlstring(L, f->name_len ? (const char *)f->name : "", f->name_len);
    lua_rawseti(L, idx, 1);
    lua_pushlstring(L, f->value_len ? (const char *)f->value : "", f->value_len);
    lua_rawseti(L, idx, 2);
    if (f->index)
        key_integer(L, keys, idx, KEY_index, f->index);
    if (f->kind != HPACK_INDEXED)
        push_huffman(L, keys, idx, f);
}

void field_error_push(lua_State *L, int keys, const struct hpack_error *error) {
    lua_createtable(L, 0, 4);
    int idx = lua_gettop(L);
    key_string(L, keys, idx, KEY_status, hpack_status_name(error->status));
    key_integer(L, keys, idx, KEY_offset, (lua_Integer)error->offset);
    key_string(L, keys, idx, KEY_rule, error->rule);
    key_string(L, keys, idx, KEY_message, error->text);
}

static void set_block(lua_State *L, int keys, int idx, const struct h2_event *e) {
    lua_createtable(L, (int)e->field_count, 0);
    int list = lua_gettop(L);
    for (size_t i = 0; i < e->field_count; i++) {
        field_push(L, keys, &e->fields[i]);
        lua_rawseti(L, list, (lua_Integer)i + 1);
    }
    key_value(L, keys, idx, KEY_fields);
    key_octets(L, keys, idx, KEY_block, e->block, e->block_len);
    key_integer(L, keys, idx, KEY_block_stream, e->block_stream);
    key_string(L, keys, idx, KEY_block_type, h2_frame_type_name(e->block_type));
    key_boolean(L, keys, idx, KEY_block_end_stream, e->block_end_stream);
    if (e->field_error.status != HPACK_OK) {
        field_error_push(L, keys, &e->field_error);
        key_value(L, keys, idx, KEY_field_error);
    }
}

/* --- events --- */

static int table_size(const struct h2_event *e) {
    if (e->kind != H2_EVENT_FRAME)
        return 5;
    return e->has_fields ? 24 : 16;
}

static void push_with_keys(lua_State *L, int keys, const struct h2_event *e) {
    lua_createtable(L, 0, table_size(e));
    int idx = lua_gettop(L);
    key_string(L, keys, idx, KEY_event, kind_names[e->kind]);
    key_integer(L, keys, idx, KEY_seq, (lua_Integer)e->seq);
    lua_rawgeti(L, keys, KEY_time);
    lua_pushnumber(L, (lua_Number)e->time / 1e9);
    lua_rawset(L, idx);
    if (e->dir == H2_SENT)
        key_boolean(L, keys, idx, KEY_sent, true);
    if (e->kind == H2_EVENT_FRAME)
        frame_set_members(L, keys, idx, &e->frame);
    else
        key_octets(L, keys, idx, e->kind == H2_EVENT_NOTE ? KEY_text : KEY_octets, e->octets,
                   e->octets_len);
    if (e->has_fields)
        set_block(L, keys, idx, e);
}

void event_push(lua_State *L, const struct h2_event *e) {
    luaL_checkstack(L, 16, NULL);
    int keys = keys_push(L);
    push_with_keys(L, keys, e);
    lua_remove(L, keys);
}

void event_push_transcript(lua_State *L, const struct h2_conn *c) {
    size_t dropped = 0;
    luaL_checkstack(L, 16, NULL);
    int keys = keys_push(L);
    lua_newtable(L);
    int list = lua_gettop(L);
    lua_Integer i = 0;
    for (const struct h2_event *e = h2_conn_transcript(c, &dropped); e; e = e->next_in_transcript) {
        push_with_keys(L, keys, e);
        lua_rawseti(L, list, ++i);
    }
    if (dropped) {
        lua_pushinteger(L, (lua_Integer)dropped);
        lua_setfield(L, list, "dropped");
    }
    lua_remove(L, keys);
}
