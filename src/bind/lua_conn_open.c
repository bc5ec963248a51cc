/* lua_conn_open.c - opening and ending the transport of a connection. */
#include "bind/engine.h"
#include "bind/lua_conn.h"

/* --- connect --- */

static int connect_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = conn_check(L, 1);
    (void)status;
    (void)ctx;
    if (c->phase == CONN_OPEN) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (c->connect_error) {
        int error = c->connect_error;
        conn_close(c);
        return engine_fail_uv(L, error, c->connect_text);
    }
    if (c->phase == CONN_CLOSED)
        return engine_fail(L, "canceled", "the connection was closed by this side");
    if (sched_wait_over(L)) {
        conn_close(c);
        return engine_fail(L, "timeout", "no connection in time");
    }
    return sched_park(L, &c->waiters, "conn:connect", true, connect_k);
}

static void read_target(lua_State *L, int idx, struct io_target *target) {
    target->host = engine_string(L, idx, "host", NULL);
    target->port = (int)engine_integer(L, idx, "port", 0, 65535, 0);
    target->unix_path = engine_string(L, idx, "unix", NULL);
    target->source = engine_string(L, idx, "source", NULL);
    if (!target->host == !target->unix_path)
        luaL_error(L, "connect needs 'host' or 'unix'");
}

/* conn:connect { host =, port =, unix =, source =, timeout = } */
static int conn_connect(lua_State *L) {
    struct io_target target;
    struct lconn *c = conn_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (c->phase != CONN_NEW)
        return luaL_error(L, "the connection was connected before");
    lua_settop(L, 2);
    engine_member(L, 2, "timeout");
    sched_wait_begin(L, 3, 2);
    read_target(L, 2, &target); /* the strings stay on the stack until the connection is there */
    if (!conn_new_stream(c))
        return engine_fail(L, "memory", "out of memory");
    c->phase = CONN_CONNECTING;
    io_stream_connect(c->stream, &target);
    return connect_k(L, LUA_OK, 0);
}

/* --- ending --- */

static int conn_shutdown(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    bool silent = lua_toboolean(L, 2);
    conn_flush(c);
    if (c->stream) {
        conn_note(c, H2_SENT, silent ? "FIN without close_notify" : "FIN");
        io_stream_shutdown(c->stream, silent);
    }
    return 0;
}

static int conn_close_notify(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    if (!c->tls_started)
        return luaL_error(L, "close_notify needs TLS");
    conn_flush(c);
    if (c->stream) {
        conn_note(c, H2_SENT, "close_notify");
        io_stream_close_notify(c->stream);
    }
    return 0;
}

/* What is queued leaves first: a script that does not want it has not sent it. */
static int conn_reset(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    conn_flush(c);
    if (!c->stream)
        return 0;
    io_stream_reset(c->stream);
    conn_note(c, H2_SENT, "RST");
    return conn_close_method(L);
}

static int conn_flush_method(lua_State *L) {
    conn_flush(conn_check_opened(L));
    return 0;
}

static int drain_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = conn_check(L, 1);
    (void)status;
    (void)ctx;
    if (c->phase != CONN_OPEN)
        return conn_fail_ended(L, c);
    if (io_stream_unsent(c->stream) == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (c->end.ended && c->end.how != IO_END_FIN && c->end.how != IO_END_CLOSE_NOTIFY)
        return conn_fail_ended(L, c);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "the peer does not take the octets");
    return sched_park(L, &c->waiters, "conn:drain", true, drain_k);
}

static int conn_drain(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    sched_wait_begin(L, 2, 2);
    conn_flush(c);
    return drain_k(L, LUA_OK, 0);
}

const luaL_Reg conn_open_methods[] = {
    {"connect", conn_connect},    {"shutdown", conn_shutdown}, {"close_notify", conn_close_notify},
    {"reset", conn_reset},

    {"flush", conn_flush_method}, {"drain", conn_drain},       {NULL, NULL},
};
