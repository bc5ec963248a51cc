/* lua_conn_h2.c - HTTP/2 on a connection: start, send, next. */
#include "bind/engine.h"
#include "bind/lua_conn.h"
#include "bind/lua_event.h"
#include "bind/lua_frame.h"
#include "bind/lua_hpack.h"

/* --- start --- */

/* conn:start_h2([expect_preface]) */
static int conn_start_h2(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    bool preface = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
    if (h2_conn_started(c->h2))
        return luaL_error(L, "the connection speaks HTTP/2 already");
    conn_tell(c); /* what is queued belongs to the time before */
    h2_conn_start(c->h2, preface);
    gate_start(&c->gate, preface && c->role == H2_CLIENT);
    conn_flush_at(c, FLUSH_SENT); /* what came already is fed when the script first asks or waits */
    return 0;
}

/* conn:upgraded(settings_payload) */
static int conn_upgraded(lua_State *L) {
    size_t n;
    struct lconn *c = conn_check(L, 1);
    const char *settings = luaL_optlstring(L, 2, "", &n);
    engine_check_buf(L, h2_conn_upgraded(c->h2, (const uint8_t *)settings, n));
    return 0;
}

/* --- send --- */

static int queue_failed(lua_State *L, const struct lconn *c, int status) {
    if (c->phase == CONN_CLOSED)
        return conn_fail_ended(L, c);
    return engine_fail(L, "memory",
                       status == BUF_FULL ? "more than 64 MiB are queued" : "out of memory");
}

static const struct buf *encode(lua_State *L, struct lconn *c, int idx) {
    struct buf *block = engine_scratch(&c->engine->scratch);
    conn_tell(c); /* settings that are queued and acknowledgements change the table */
    engine_check_buf(L, fields_encode(L, idx, h2_conn_encoder(c->h2), block));
    return block;
}

/* conn:send(frame) */
static int conn_send(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    const struct buf *block = NULL;
    luaL_checktype(L, 2, LUA_TTABLE);
    if (c->phase == CONN_CLOSED)
        return conn_fail_ended(L, c);
    lua_settop(L, 2);
    bool verbatim = engine_member(L, 2, "payload") != LUA_TNIL;
    if (engine_member(L, 2, "fields") != LUA_TNIL && !verbatim) {
        int type = frame_table_type(L, 2);
        if (type != H2_HEADERS && type != H2_PUSH_PROMISE)
            return luaL_error(L, "only HEADERS and PUSH_PROMISE have 'fields'");
        block = encode(L, c, 4);
    }
    conn_place_replies(c);
    int status = frame_append(L, 2, block, &c->out);
    if (status != 0)
        return queue_failed(L, c, status);
    conn_flush_at(c, FLUSH_SENT);
    lua_pushboolean(L, 1);
    return 1;
}

/* conn:encode(fields) -> octets */
static int conn_encode(lua_State *L) {
    const struct buf *block = encode(L, conn_check(L, 1), 2);
    lua_pushlstring(L, block->len ? (const char *)block->data : "", block->len);
    return 1;
}

/* --- next --- */

/* The event belongs to the connection while tables are made of it, since that may raise. */
static int push_event(lua_State *L, struct lconn *c) {
    conn_drop_event(c);
    c->event = h2_conn_next(c->h2);
    if (!c->event)
        return 0;
    event_push(L, c->event);
    conn_drop_event(c);
    if (c->paused)
        conn_update_reading(c);
    return 1;
}

/* Before HTTP/2 what came is one event of octets. */
static void octets_to_events(lua_State *L, struct lconn *c) {
    if (c->in.len == 0)
        return;
    int status = h2_conn_recv(c->h2, c->in.data, c->in.len, uv_hrtime());
    buf_clear(&c->in);
    engine_check_buf(L, status);
}

static int next_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = conn_check_opened(L);
    (void)status;
    (void)ctx;
    if (h2_conn_started(c->h2))
        conn_tell(c);
    else
        octets_to_events(L, c);
    if (push_event(L, c))
        return 1;
    if (c->end.ended || c->phase == CONN_CLOSED)
        return conn_fail_ended(L, c);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "nothing came in time");
    return sched_park(L, &c->waiters, "conn:next", true, next_k);
}

/* conn:next([timeout]) */
static int conn_next(lua_State *L) {
    conn_check_opened(L);
    sched_wait_begin(L, 2, 2);
    return next_k(L, LUA_OK, 0);
}

/* --- automatic replies --- */

static void read_auto(lua_State *L, const char *key, unsigned bit, unsigned *set) {
    bool on = engine_boolean(L, 2, key, (*set & bit) != 0);
    *set = on ? *set | bit : *set & ~bit;
}

/* conn:auto { settings =, ping =, window = } -> the former ones */
static int conn_auto(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    unsigned former = h2_conn_get_auto(c->h2);
    unsigned set = former;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        read_auto(L, "settings", H2_AUTO_SETTINGS, &set);
        read_auto(L, "ping", H2_AUTO_PING, &set);
        read_auto(L, "window", H2_AUTO_WINDOW, &set);
        h2_conn_set_auto(c->h2, set);
    }
    lua_createtable(L, 0, 3);
    lua_pushboolean(L, former & H2_AUTO_SETTINGS);
    lua_setfield(L, -2, "settings");
    lua_pushboolean(L, former & H2_AUTO_PING);
    lua_setfield(L, -2, "ping");
    lua_pushboolean(L, former & H2_AUTO_WINDOW);
    lua_setfield(L, -2, "window");
    return 1;
}

const luaL_Reg conn_h2_methods[] = {
    {"start_h2", conn_start_h2},
    {"upgraded", conn_upgraded},
    {"send", conn_send},
    {"encode", conn_encode},
    {"next", conn_next},
    {"auto", conn_auto},
    {NULL, NULL},
};
