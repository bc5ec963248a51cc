/* task.c - tasks as Lua sees them: spawn, join, cancel, and how they end. */
#include <lauxlib.h>
#include <stdio.h>

#include "base/mem.h"
#include "bind/engine.h"
#include "bind/lua_conn.h"

#define TASK "h2probe.task"
enum { UV_THREAD = 1, UV_ON_DONE, UV_RESULTS, UV_MESSAGE, UV_SLOTS = 4 };

static char traceback_key; /* marks the tables of on_error */

void task_unref(struct task *t) {
    if (--t->refs == 0)
        mem_free(t);
}

static void on_timer_closed(uv_handle_t *handle) {
    task_unref(handle->data);
}

static struct task *check_task(lua_State *L, int idx) {
    struct task *t = *(struct task **)luaL_checkudata(L, idx, TASK);
    luaL_argcheck(L, t, idx, "the task is gone");
    return t;
}

/* The userdata of a task that is alive. */
static void push_task(lua_State *L, struct task *t) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, t);
}

/* --- the body --- */

/* The message handler: keeps the error object and the traceback, which is gone after unwinding.
 * What can tell itself (it has __tostring: a verdict, for example) was raised on purpose and needs
 * none. */
static int on_error(lua_State *L) {
    if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        lua_settop(L, 1);
        return 1;
    }
    lua_createtable(L, 2, 1);
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &traceback_key);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    luaL_traceback(L, L, NULL, 1);
    lua_rawseti(L, -2, 2);
    return 1;
}

/* Message and traceback instead of what on_error made; an error of memory comes without. */
static void unpack_error(lua_State *L) {
    if (lua_type(L, -1) == LUA_TTABLE && lua_rawgetp(L, -1, &traceback_key) == LUA_TBOOLEAN) {
        lua_pop(L, 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        lua_remove(L, -3);
        return;
    }
    if (lua_type(L, -2) == LUA_TTABLE && lua_isnil(L, -1))
        lua_pop(L, 1);
    lua_pushliteral(L, "");
}

static int body_end(lua_State *L, int status, lua_KContext ctx) {
    bool ok = status == LUA_OK || status == LUA_YIELD;
    (void)ctx;
    lua_pushboolean(L, ok);
    lua_replace(L, 1);
    if (!ok)
        unpack_error(L);
    return lua_gettop(L);
}

/* The function runs in a protected call: there pending variables are closed with the hook on. */
static int body(lua_State *L) {
    lua_pushcfunction(L, on_error);
    lua_insert(L, 1);
    return body_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_end), 0);
}

/* --- the end --- */

static const char *limit_message(const struct task *t, char *out, size_t size) {
    const struct limits *l = &t->limits;
    switch (l->passed) {
    case LIMIT_DEADLINE:
        return "the deadline of the task is over";
    case LIMIT_INSTRUCTIONS:
        snprintf(out, size, "the task used up its %llu instructions",
                 (unsigned long long)l->instructions);
        return out;
    case LIMIT_MEMORY:
        snprintf(out, size, "the task passed its %zu octets of memory", l->memory);
        return out;
    default:
        return "the task was canceled";
    }
}

/* results: false, message, traceback of a task that passed a limit. Task userdata at idx. */
static int push_limit_results(lua_State *L, int idx, struct task *t) {
    char text[96];
    lua_pushboolean(L, 0);
    if (t->limits.passed != LIMIT_CANCELED || lua_getiuservalue(L, idx, UV_MESSAGE) == LUA_TNIL) {
        lua_settop(L, idx + 1);
        lua_pushstring(L, limit_message(t, text, sizeof text));
    }
    if (t->entered)
        luaL_traceback(L, t->co, NULL, 0);
    else
        lua_pushliteral(L, "");
    return 3;
}

static void store_results(lua_State *L, int idx, int n) {
    lua_createtable(L, n, 1);
    lua_insert(L, -n - 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, -i - 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, -2, "n");
    lua_setiuservalue(L, idx, UV_RESULTS);
}

static int push_results(lua_State *L, int idx) {
    lua_getiuservalue(L, idx, UV_RESULTS);
    int table = lua_gettop(L);
    lua_getfield(L, table, "n");
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, n, "too many results");
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, table, i);
    lua_remove(L, table);
    return n;
}

static void call_on_done(lua_State *L, int idx) {
    if (lua_getiuservalue(L, idx, UV_ON_DONE) == LUA_TNIL)
        return;
    lua_pushvalue(L, idx);
    int n = push_results(L, idx);
    lua_call(L, n + 1, 0);
}

static void retire(lua_State *L, struct task *t) {
    struct sched *s = &t->engine->sched;
    t->state = TASK_DONE;
    s->current = NULL;
    s->alive--;
    t->co = NULL;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, t);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
    sched_wake_all(&t->joiners);
}

void task_finish(lua_State *L, struct task *t, bool returned, int nresults) {
    int top = lua_gettop(L);
    int n = nresults;
    sched_forget(t);
    luaL_checkstack(L, nresults + 8, "too many results");
    push_task(L, t);
    if (t->limits.passed)
        n = push_limit_results(L, top + 1, t);
    else
        lua_xmove(t->co, L, nresults);
    t->failed = !lua_toboolean(L, top + 2);
    store_results(L, top + 1, n);
    if (!returned && t->entered) {
        t->engine->sched.current = t;
        limits_close_thread(L, t->engine, &t->limits, t->co);
    }
    lua_pushnil(L);
    lua_setiuservalue(L, top + 1, UV_THREAD);
    retire(L, t);
    call_on_done(L, top + 1);
    lua_settop(L, top);
}

/* --- spawn --- */

static void read_options(lua_State *L, int idx, struct task *t) {
    size_t len;
    const char *name = engine_string(L, idx, "name", &len);
    snprintf(t->name, sizeof t->name, "%s", name ? name : "task");
    lua_pop(L, 1);
    t->limits.instructions = (uint64_t)engine_integer(L, idx, "instructions", 0, LUA_MAXINTEGER, 0);
    t->limits.memory = (size_t)engine_integer(L, idx, "memory", 0, LUA_MAXINTEGER, 0);
    if (engine_member(L, idx, "deadline") != LUA_TNIL) {
        double seconds = luaL_checknumber(L, -1);
        luaL_argcheck(L, seconds >= 0, idx, "a deadline cannot be negative");
        if (seconds < 1e9)
            t->limits.deadline = clock_now(&t->engine->clock) + (uint64_t)(seconds * 1e9);
    }
    lua_pop(L, 1);
}

/* Push the userdata of a new task, not started. */
static struct task *new_task(lua_State *L, struct engine *e) {
    struct task **box = lua_newuserdatauv(L, sizeof *box, UV_SLOTS);
    *box = NULL;
    luaL_setmetatable(L, TASK);
    struct task *t = mem_alloc(sizeof *t);
    if (!t)
        luaL_error(L, "not enough memory");
    *box = t;
    t->engine = e;
    t->refs = 2;
    t->state = TASK_DONE; /* until it is started */
    uv_timer_init(e->loop, &t->timer);
    t->timer.data = t;
    return t;
}

/* engine.spawn(fn, options) */
static int spawn(lua_State *L) {
    struct engine *e = engine_get(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    struct task *t = new_task(L, e);
    read_options(L, 2, t);
    engine_member(L, 2, "on_done");
    lua_setiuservalue(L, 3, UV_ON_DONE);
    lua_State *co = lua_newthread(L);
    limits_hook(co, &t->limits);
    lua_pushcfunction(co, body);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_setiuservalue(L, 3, UV_THREAD);
    lua_pushvalue(L, 3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, t); /* last thing that can fail */
    t->co = co;
    e->sched.alive++;
    sched_ready(t);
    return 1;
}

static int task_gc(lua_State *L) {
    struct task **box = luaL_checkudata(L, 1, TASK);
    struct task *t = *box;
    if (!t)
        return 0;
    *box = NULL;
    sched_abandon(&t->joiners);
    if (!uv_is_closing((uv_handle_t *)&t->timer)) { /* never started, or the state ends */
        sched_forget(t);
        uv_close((uv_handle_t *)&t->timer, on_timer_closed);
    }
    task_unref(t);
    return 0;
}

/* --- methods --- */

static int task_join_k(lua_State *L, int status, lua_KContext ctx) {
    struct task *t = check_task(L, 1);
    (void)status;
    (void)ctx;
    if (t->state == TASK_DONE)
        return push_results(L, 1);
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "the task is not done");
    return sched_park(L, &t->joiners, "task:join", false, task_join_k);
}

static int task_join(lua_State *L) {
    struct task *t = check_task(L, 1);
    luaL_argcheck(L, t != sched_current(t->engine), 1, "a task cannot join itself");
    sched_wait_begin(L, 2, 2);
    return task_join_k(L, LUA_OK, 0);
}

static int task_cancel(lua_State *L) {
    struct task *t = check_task(L, 1);
    if (t->state == TASK_DONE || t->limits.passed)
        return 0;
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, UV_MESSAGE);
    t->limits.passed = LIMIT_CANCELED;
    if (t == sched_current(t->engine))
        return limits_leave_call(L);
    if (t->state == TASK_PARKED)
        sched_unpark(t);
    return 0;
}

/* A to-be-closed task: canceled when its variable goes. */
static int task_close(lua_State *L) {
    lua_settop(L, 1);
    return task_cancel(L);
}

static int task_status(lua_State *L) {
    const struct task *t = check_task(L, 1);
    lua_pushstring(L, t->state != TASK_DONE ? "running" : t->failed ? "failed" : "done");
    return 1;
}

static int task_limit(lua_State *L) {
    lua_pushstring(L, limit_name(check_task(L, 1)->limits.passed));
    return 1;
}

static int task_name(lua_State *L) {
    lua_pushstring(L, check_task(L, 1)->name);
    return 1;
}

/* task:used() -> instructions, octets: both only for a task with limits */
static int task_used(lua_State *L) {
    const struct task *t = check_task(L, 1);
    lua_pushinteger(L, (lua_Integer)t->limits.executed);
    lua_pushinteger(L, (lua_Integer)t->limits.own);
    return 2;
}

/* --- the module's functions --- */

static int stop(lua_State *L) {
    engine_get(L)->sched.stop = true;
    return 0;
}

static int current(lua_State *L) {
    struct task *t = sched_current(engine_get(L));
    if (!t)
        return 0;
    push_task(L, t);
    return 1;
}

static int wait_k(lua_State *L, int status, lua_KContext ctx) {
    struct task *t = sched_current(engine_get(L));
    (void)status;
    (void)ctx;
    if (sched_wait_over(L))
        return 0;
    return sched_park(L, &t->asleep, "engine.wait", false, wait_k);
}

static int yield_k(lua_State *L, int status, lua_KContext ctx) {
    (void)L;
    (void)status;
    (void)ctx;
    return 0;
}

static int yield(lua_State *L) {
    sched_wait_begin(L, lua_gettop(L) + 1, 1);
    sched_ready(sched_current(engine_get(L)));
    return lua_yieldk(L, 0, 0, yield_k);
}

static int wait(lua_State *L) {
    luaL_checknumber(L, 1);
    sched_wait_begin(L, 1, 0);
    return wait_k(L, LUA_OK, 0);
}

void engine_open_task(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"join", task_join},   {"cancel", task_cancel}, {"status", task_status},
        {"limit", task_limit}, {"name", task_name},     {"used", task_used},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"spawn", spawn}, {"run", sched_run}, {"stop", stop}, {"current", current},
        {"wait", wait},   {"yield", yield},   {NULL, NULL},
    };
    engine_metatable(L, TASK, methods, task_gc, task_close);
    luaL_setfuncs(L, functions, 0);
}
