/* queue.c - engine.queue: values handed from task to task, first in, first out. */
#include <lauxlib.h>

#include "bind/engine.h"

#define QUEUE "h2probe.queue"

struct queue {
    struct wait_list takers;
    lua_Integer first, last; /* keys of the values in the uservalue; empty: first > last */
};

static int queue_new(lua_State *L) {
    struct queue *q = lua_newuserdatauv(L, sizeof *q, 1);
    *q = (struct queue){.first = 1, .last = 0};
    luaL_setmetatable(L, QUEUE);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int queue_put(lua_State *L) {
    struct queue *q = luaL_checkudata(L, 1, QUEUE);
    luaL_checkany(L, 2);
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "nil cannot be queued");
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_insert(L, 2);
    lua_rawseti(L, 2, q->last + 1);
    q->last++;
    sched_wake_all(&q->takers); /* one of them may be ended before it runs */
    return 0;
}

static int queue_take_k(lua_State *L, int status, lua_KContext ctx) {
    struct queue *q = luaL_checkudata(L, 1, QUEUE);
    (void)status;
    (void)ctx;
    if (q->first <= q->last) {
        lua_getiuservalue(L, 1, 1);
        lua_rawgeti(L, -1, q->first);
        lua_pushnil(L);
        lua_rawseti(L, -3, q->first++);
        return 1;
    }
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "nothing was put into the queue");
    return sched_park(L, &q->takers, "queue:take", false, queue_take_k);
}

static int queue_take(lua_State *L) {
    luaL_checkudata(L, 1, QUEUE);
    sched_wait_begin(L, 2, 2);
    return queue_take_k(L, LUA_OK, 0);
}

static int queue_count(lua_State *L) {
    const struct queue *q = luaL_checkudata(L, 1, QUEUE);
    lua_pushinteger(L, q->last - q->first + 1);
    return 1;
}

/* A parked taker holds the queue on its stack: only at the state's end is one still listed. */
static int queue_gc(lua_State *L) {
    struct queue *q = luaL_checkudata(L, 1, QUEUE);
    sched_abandon(&q->takers);
    return 0;
}

void engine_open_queue(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"put", queue_put}, {"take", queue_take}, {"count", queue_count}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"queue", queue_new}, {NULL, NULL}};
    engine_metatable(L, QUEUE, methods, queue_gc, NULL);
    luaL_setfuncs(L, functions, 0);
}
