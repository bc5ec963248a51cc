/* lua_capture.c - what went over a connection's transport, for packet captures. */
#include "bind/engine.h"
#include "bind/lua_conn.h"

enum { LIMIT_MAX = 64 << 20 };

/* conn:record(limit): from here on what goes over the transport is kept, up to `limit` octets; 0
   forgets what was kept. */
static int conn_record_method(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    lua_Integer limit = luaL_checkinteger(L, 2);
    luaL_argcheck(L, limit >= 0 && limit <= LIMIT_MAX, 2, "from 0 to 64 MiB");
    if (c->capture) {
        if (limit > 0)
            return luaL_error(L, "the connection is recorded already");
        io_capture_stop(c->capture);
    } else if (limit > 0) {
        c->capture = io_capture_new((size_t)limit);
        if (!c->capture)
            return luaL_error(L, "not enough memory");
        if (c->stream)
            io_stream_capture(c->stream, c->capture);
    }
    return 0;
}

static void set_integer(lua_State *L, const char *key, lua_Integer n) {
    lua_pushinteger(L, n);
    lua_setfield(L, -2, key);
}

static void push_record(lua_State *L, const struct io_capture_record *r, const uint8_t *octets) {
    static const char *const names[] = {"connect", "open", "octets", "fin", "rst"};
    lua_createtable(L, 0, 4);
    set_integer(L, "time", r->time);
    lua_pushboolean(L, r->sent);
    lua_setfield(L, -2, "sent");
    lua_pushstring(L, names[r->what]);
    lua_setfield(L, -2, "what");
    if (r->what != IO_CAPTURE_OCTETS)
        return;
    lua_pushlstring(L, (const char *)octets, r->n);
    lua_setfield(L, -2, "octets");
}

/* conn:capture() -> list of { time =, sent =, what =, octets = } with keys, cut_sent, cut_received;
   nil where nothing is recorded */
static int conn_capture(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    struct io_capture_record record;
    const uint8_t *octets;
    size_t at = 0;
    if (!c->capture)
        return 0;
    lua_newtable(L);
    for (lua_Integer i = 1; io_capture_next(c->capture, &at, &record, &octets); i++) {
        push_record(L, &record, octets);
        lua_rawseti(L, -2, i);
    }
    const struct buf *keys = io_capture_keys(c->capture);
    lua_pushlstring(L, keys->len > 0 ? (const char *)keys->data : "", keys->len);
    lua_setfield(L, -2, "keys");
    set_integer(L, "cut_sent", (lua_Integer)io_capture_cut(c->capture, true));
    set_integer(L, "cut_received", (lua_Integer)io_capture_cut(c->capture, false));
    return 1;
}

const luaL_Reg conn_capture_methods[] = {
    {"record", conn_record_method},
    {"capture", conn_capture},
    {NULL, NULL},
};
