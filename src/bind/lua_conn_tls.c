/* lua_conn_tls.c - TLS on a connection: the handshake, what was negotiated, TLS actions. */
#include <string.h>

#include "base/mem.h"
#include "bind/engine.h"
#include "bind/lua_conn.h"
#include "bind/lua_tls.h"

enum { RECORDS_MAX = 4 << 20 };

/* --- start_tls --- */

/* An error of a callback is the script's: raise it where it called start_tls. */
static int raise_callback_error(lua_State *L, struct lconn *c) {
    c->callback_failed = false;
    conn_close(c);
    lua_getiuservalue(L, 1, CONN_UV_TLS);
    lua_rawgeti(L, -1, 1);
    return lua_error(L);
}

static void drop_callbacks(lua_State *L) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, CONN_UV_TLS);
}

/* Push the info table of the connection at 1, brought up to date: one table, which stays when the
 * transport goes. */
static int push_info(lua_State *L, struct lconn *c) {
    const struct tls_info *info = c->stream ? io_stream_tls(c->stream) : NULL;
    bool known = lua_getiuservalue(L, 1, CONN_UV_INFO) != LUA_TNIL;
    if (!info)
        return 1;
    if (!known) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 24);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, CONN_UV_INFO);
    }
    if (!info->done || c->handshakes_told != info->renegotiated + 1)
        tls_info_set(L, info);
    tls_info_set_counters(L, info);
    c->handshakes_told = info->done ? info->renegotiated + 1 : 0;
    return 1;
}

static int start_tls_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = conn_check(L, 1);
    (void)status;
    (void)ctx;
    if (c->callback_failed)
        return raise_callback_error(L, c);
    if (c->secure) {
        drop_callbacks(L);
        return push_info(L, c);
    }
    if (c->end.ended) {
        drop_callbacks(L);
        return engine_fail(L, "tls", c->end.text) + push_info(L, c);
    }
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    if (sched_wait_over(L)) {
        conn_close(c);
        return engine_fail(L, "timeout", "the TLS handshake did not end in time");
    }
    return sched_park(L, &c->waiters, "conn:start_tls", true, start_tls_k);
}

static void keep_records(lua_State *L, struct lconn *c) {
    if (c->records)
        return;
    c->records = mem_alloc(sizeof *c->records);
    if (!c->records)
        luaL_error(L, "not enough memory");
    buf_init(c->records, RECORDS_MAX);
}

/* `first`: what it sends leaves with the end of the handshake, or as early data. */
static void call_first(lua_State *L, struct lconn *c) {
    int type = engine_member(L, 2, "first");
    if (type == LUA_TFUNCTION) {
        lua_call(L, 0, 0);
        conn_flush(c);
        return;
    }
    lua_pop(L, 1);
    if (type != LUA_TNIL)
        luaL_error(L, "'first' must be a function");
}

/* conn:start_tls { ... } */
static int conn_start_tls(lua_State *L) {
    struct tls_options options;
    const char *error = NULL;
    struct lconn *c = conn_check_opened(L);
    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (c->tls_started || h2_conn_started(c->h2))
        return luaL_error(L, "TLS cannot be started %s",
                          c->tls_started ? "twice" : "when HTTP/2 was started");
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    engine_member(L, 2, "timeout");
    sched_wait_begin(L, 3, 2);
    conn_flush(c);
    if (engine_boolean(L, 2, "records", false))
        keep_records(L, c);
    tls_options_read(L, 2, c, &options);
    lua_setiuservalue(L, 1, CONN_UV_TLS);
    if (io_stream_start_tls(c->stream, &options, c->role == H2_SERVER, c->in.data, c->in.len,
                            &error) != 0)
        return engine_fail(L, "tls", error);
    c->tls_started = true;
    buf_clear(&c->in);
    conn_update_reading(c);
    call_first(L, c);
    return start_tls_k(L, LUA_OK, 0);
}

/* --- afterwards --- */

static int conn_tls(lua_State *L) {
    return push_info(L, conn_check(L, 1));
}

/* conn:close(); what was negotiated can be read after it, too */
int conn_close_method(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    push_info(L, c);
    conn_close(c);
    return 0;
}

static int conn_session(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    struct tls_conn *t = c->stream ? io_stream_tls_conn(c->stream) : NULL;
    return t && tls_session_push(L, t) ? 1 : 0;
}

static struct lconn *check_secure(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    if (!c->secure)
        luaL_error(L, "this needs TLS");
    return c;
}

static int action_done(lua_State *L, int status, const char *error) {
    if (status != 0)
        return engine_fail(L, "tls", error);
    lua_pushboolean(L, 1);
    return 1;
}

static int conn_renegotiate(lua_State *L) {
    const char *error = NULL;
    struct lconn *c = check_secure(L);
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    conn_flush(c);
    return action_done(L, io_stream_renegotiate(c->stream, &error), error);
}

static int conn_key_update(lua_State *L) {
    const char *error = NULL;
    struct lconn *c = check_secure(L);
    bool request = lua_toboolean(L, 2);
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    conn_flush(c);
    return action_done(L, io_stream_key_update(c->stream, request, &error), error);
}

static int conn_request_certificate(lua_State *L) {
    const char *error = NULL;
    struct lconn *c = check_secure(L);
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    conn_flush(c);
    return action_done(L, io_stream_request_certificate(c->stream, &error), error);
}

/* conn:records() -> list of { sent =, octets = }; the octets are a record with its header */
static int conn_records(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    lua_newtable(L);
    if (!c->records)
        return 1;
    size_t at = 0;
    for (lua_Integer i = 1; at < c->records->len; i++) {
        struct conn_record r;
        memcpy(&r, c->records->data + at, sizeof r);
        lua_createtable(L, 0, 2);
        lua_pushboolean(L, r.sent);
        lua_setfield(L, -2, "sent");
        lua_pushlstring(L, (const char *)c->records->data + at + sizeof r, r.len);
        lua_setfield(L, -2, "octets");
        lua_rawseti(L, -2, i);
        at += sizeof r + r.len;
    }
    return 1;
}

const luaL_Reg conn_tls_methods[] = {
    {"start_tls", conn_start_tls},
    {"tls", conn_tls},
    {"close", conn_close_method},
    {"session", conn_session},
    {"renegotiate", conn_renegotiate},
    {"key_update", conn_key_update},
    {"request_certificate", conn_request_certificate},
    {"records", conn_records},
    {NULL, NULL},
};
