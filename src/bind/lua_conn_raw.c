/* lua_conn_raw.c - octets and HTTP/1.1 heads: a connection before HTTP/2. */
#include "bind/engine.h"
#include "bind/lua_conn.h"
#include "bind/lua_http1.h"

/* --- sending --- */

static int conn_send_octets(lua_State *L) {
    size_t n;
    struct lconn *c = conn_check_opened(L);
    const char *octets = luaL_checklstring(L, 2, &n);
    if (c->phase == CONN_CLOSED)
        return conn_fail_ended(L, c);
    if (!conn_queue(c, octets, n))
        return engine_fail(L, "memory", "more than 64 MiB are queued");
    lua_pushboolean(L, 1);
    return 1;
}

/* --- receiving --- */

static struct lconn *check_reading(lua_State *L) {
    struct lconn *c = conn_check_opened(L);
    if (h2_conn_started(c->h2))
        luaL_error(L, "the connection speaks HTTP/2 already: its octets are events (conn:next)");
    return c;
}

/* Push n octets of the input; `take`: they are gone then, and in the transcript. */
static int push_octets(lua_State *L, struct lconn *c, size_t n, bool take) {
    lua_pushlstring(L, n ? (const char *)c->in.data : "", n);
    if (take) {
        h2_conn_note(c->h2, H2_EVENT_OCTETS, H2_RECEIVED, c->in.data, n, uv_hrtime());
        buf_drop(&c->in, n);
        conn_update_reading(c);
    }
    return 1;
}

static bool is_over(const struct lconn *c) {
    return c->end.ended || c->phase == CONN_CLOSED;
}

/* ctx: octets wanted; 0: any */
static int recv_octets_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = check_reading(L);
    size_t n = (size_t)luaL_optinteger(L, 2, 0);
    (void)status;
    (void)ctx;
    if (n ? c->in.len >= n : c->in.len > 0)
        return push_octets(L, c, n ? n : c->in.len, true);
    if (is_over(c))
        return conn_fail_ended(L, c);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "the octets did not come");
    return sched_park(L, &c->waiters, "conn:recv_octets", true, recv_octets_k);
}

static int conn_recv_octets(lua_State *L) {
    struct lconn *c = check_reading(L);
    lua_Integer n = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, n >= 0 && (size_t)n <= c->in_limit, 2, "out of range");
    sched_wait_begin(L, 3, 2);
    if (n == 0 && !lua_isnoneornil(L, 2)) {
        lua_pushliteral(L, "");
        return 1;
    }
    return recv_octets_k(L, LUA_OK, 0);
}

static int peek_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = check_reading(L);
    (void)status;
    (void)ctx;
    if (c->in.len > 0)
        return push_octets(L, c, c->in.len, false);
    if (is_over(c))
        return conn_fail_ended(L, c);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "no octets came");
    return sched_park(L, &c->waiters, "conn:peek", true, peek_k);
}

static int conn_peek(lua_State *L) {
    check_reading(L);
    sched_wait_begin(L, 2, 2);
    return peek_k(L, LUA_OK, 0);
}

static int conn_unread(lua_State *L) {
    size_t n;
    struct lconn *c = check_reading(L);
    const char *octets = luaL_checklstring(L, 2, &n);
    struct buf joined;
    buf_init(&joined, c->in.max);
    if (buf_append(&joined, octets, n) != 0 || buf_append(&joined, c->in.data, c->in.len) != 0) {
        buf_dispose(&joined);
        return luaL_error(L, "too many octets to put back");
    }
    buf_dispose(&c->in);
    c->in = joined;
    sched_wake_all(&c->waiters);
    return 0;
}

/* The head that is there, or what is wrong with it; 0 while it is incomplete. */
static int try_head(lua_State *L, struct lconn *c) {
    ssize_t n = http1_push_head(L, c->in.data, c->in.len, c->role == H2_SERVER);
    if (n == 0)
        return 0;
    h2_conn_note(c->h2, H2_EVENT_OCTETS, H2_RECEIVED, c->in.data, n > 0 ? (size_t)n : c->in.len,
                 uv_hrtime());
    if (n < 0)
        return 4;
    buf_drop(&c->in, (size_t)n);
    conn_update_reading(c);
    return 1;
}

static int recv_head_k(lua_State *L, int status, lua_KContext ctx) {
    struct lconn *c = check_reading(L);
    (void)status;
    (void)ctx;
    int n = c->in.len > 0 ? try_head(L, c) : 0;
    if (n > 0)
        return n;
    if (is_over(c))
        return conn_fail_ended(L, c);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "no complete HTTP/1.1 head came");
    return sched_park(L, &c->waiters, "conn:recv_head", true, recv_head_k);
}

static int conn_recv_head(lua_State *L) {
    check_reading(L);
    sched_wait_begin(L, 2, 2);
    return recv_head_k(L, LUA_OK, 0);
}

const luaL_Reg conn_raw_methods[] = {
    {"send_octets", conn_send_octets}, {"recv_octets", conn_recv_octets}, {"peek", conn_peek},
    {"unread", conn_unread},           {"recv_head", conn_recv_head},     {NULL, NULL},
};
