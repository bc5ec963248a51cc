/* lua_conn_inspect.c - what the connection knows: its end, streams, windows, settings, transcript.
 */
#include <string.h>

#include "bind/engine.h"
#include "bind/lua_conn.h"
#include "bind/lua_event.h"
#include "bind/lua_hpack.h"

/* Everything here sees what is queued as sent. */
static struct lconn *check_told(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    conn_tell(c);
    return c;
}

static enum h2_dir check_by(lua_State *L, int arg) {
    static const char *const names[] = {"ours", "theirs", NULL};
    return luaL_checkoption(L, arg, NULL, names) == 0 ? H2_SENT : H2_RECEIVED;
}

static uint32_t check_stream(lua_State *L, int arg) {
    lua_Integer n = luaL_checkinteger(L, arg);
    luaL_argcheck(L, n >= 0 && n <= 0x7fffffff, arg, "not a stream identifier");
    return (uint32_t)n;
}

static void set_string(lua_State *L, const char *key, const char *text) {
    if (!text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static int conn_ended(lua_State *L) {
    const struct lconn *c = conn_check(L, 1);
    if (!c->end.ended)
        return 0;
    lua_createtable(L, 0, 4);
    set_string(L, "how", io_end_name(c->end.how));
    set_string(L, "text", c->end.text);
    set_string(L, "alert_name", c->end.alert_name);
    if (c->end.alert >= 0) {
        lua_pushinteger(L, c->end.alert);
        lua_setfield(L, -2, "alert");
    }
    return 1;
}

static int conn_state(lua_State *L) {
    struct lconn *c = check_told(L);
    enum h2_stream_state state = h2_conn_stream_state(c->h2, check_stream(L, 2));
    lua_pushstring(L, h2_stream_state_name(state));
    return 1;
}

/* conn:window(by, stream) */
static int conn_window(lua_State *L) {
    struct lconn *c = check_told(L);
    enum h2_dir by = check_by(L, 2);
    lua_pushinteger(L, h2_conn_window(c->h2, by, check_stream(L, 3)));
    return 1;
}

static uint16_t check_setting(lua_State *L, int arg) {
    if (lua_type(L, arg) != LUA_TSTRING) {
        lua_Integer n = luaL_checkinteger(L, arg);
        luaL_argcheck(L, n >= 0 && n <= UINT16_MAX, arg, "not a setting");
        return (uint16_t)n;
    }
    const char *name = lua_tostring(L, arg);
#define X(setting, id, initial, low, high, section)                                                \
    if (strcmp(name, #setting) == 0)                                                               \
        return id;
    H2_SETTINGS(X)
#undef X
    luaL_argerror(L, arg, "not the name of a setting");
    return 0;
}

/* conn:setting(by, name_or_id [, announced]) */
static int conn_setting(lua_State *L) {
    struct lconn *c = check_told(L);
    enum h2_dir by = check_by(L, 2);
    uint16_t id = check_setting(L, 3);
    lua_pushinteger(L, h2_conn_setting(c->h2, by, id, lua_toboolean(L, 4)));
    return 1;
}

static int conn_unacknowledged(lua_State *L) {
    struct lconn *c = check_told(L);
    lua_pushinteger(L, h2_conn_settings_unacknowledged(c->h2, check_by(L, 2)));
    return 1;
}

static int conn_next_stream(lua_State *L) {
    lua_pushinteger(L, h2_conn_next_stream(check_told(L)->h2));
    return 1;
}

static int conn_last_peer_stream(lua_State *L) {
    lua_pushinteger(L, h2_conn_last_peer_stream(check_told(L)->h2));
    return 1;
}

static int conn_table(lua_State *L) {
    struct lconn *c = check_told(L);
    hpack_table_push(L, h2_conn_table(c->h2, check_by(L, 2)));
    return 1;
}

static int conn_transcript(lua_State *L) {
    event_push_transcript(L, check_told(L)->h2);
    return 1;
}

static int conn_note_method(lua_State *L) {
    size_t n;
    struct lconn *c = check_told(L);
    const char *text = luaL_checklstring(L, 2, &n);
    engine_check_buf(L, h2_conn_note(c->h2, H2_EVENT_NOTE, H2_SENT, text, n, uv_hrtime()));
    return 0;
}

static int conn_peer(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    if (c->stream)
        io_stream_peer(c->stream, c->peer, sizeof c->peer);
    lua_pushstring(L, c->peer);
    return 1;
}

static int conn_local_address(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    if (c->stream)
        io_stream_local(c->stream, c->local, sizeof c->local);
    lua_pushstring(L, c->local);
    return 1;
}

static int conn_role(lua_State *L) {
    lua_pushstring(L, conn_check(L, 1)->role == H2_SERVER ? "server" : "client");
    return 1;
}

const luaL_Reg conn_inspect_methods[] = {
    {"ended", conn_ended},
    {"state", conn_state},
    {"window", conn_window},
    {"setting", conn_setting},
    {"unacknowledged", conn_unacknowledged},
    {"next_stream", conn_next_stream},
    {"last_peer_stream", conn_last_peer_stream},
    {"table", conn_table},
    {"transcript", conn_transcript},
    {"note", conn_note_method},
    {"peer", conn_peer},
    {"local_address", conn_local_address},
    {"role", conn_role},
    {NULL, NULL},
};
