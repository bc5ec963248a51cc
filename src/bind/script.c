/* script.c - the basic functions that a script gets instead of Lua's own, so that a limit ends it.

   A limit leaves a coroutine by a yield, which no pcall sees (limits.h). What is left to do:
   xpcall's handler must not run on the way out (hooks are off in it), a coroutine of the script
   must hand the end, and every wait, on to the coroutine that resumed it, and finalizers in Lua
   would run without any limit. */
#include <lauxlib.h>
#include <string.h>

#include "bind/engine.h"

enum { CREATE_COST = 1000 }; /* as much as the hook may have missed in it */

/* --- pcall and xpcall --- */

static int pcall_end(lua_State *L, int status, lua_KContext skip) {
    if (limits_passed(engine_get(L)))
        return limits_leave_call(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)skip;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int script_pcall(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_end), 0);
}

static int guarded_handler(lua_State *L) {
    if (limits_passed(engine_get(L)))
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int script_xpcall(lua_State *L) {
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 4, LUA_MULTRET, 2, 2, pcall_end), 2);
}

/* --- coroutines --- */

/* As for a task: the function runs in a protected call, so that pending variables are closed with
   the hook on. The coroutine returns true, results... or false, error. */
static int co_body(lua_State *L) {
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_end), 0);
}

/* co runs in the name of the task for a while; returns who did. */
static lua_State *co_enter(struct task *t, lua_State *co) {
    if (t)
        limits_hook(co, &t->limits);
    return limits_switch(co, t ? &t->limits : NULL);
}

static void co_leave(struct task *t, lua_State *L, lua_State *outer) {
    limits_switch(outer, t ? &t->limits : NULL);
    if (t)
        limits_hook(L, &t->limits);
}

static int co_create(lua_State *L) {
    struct engine *e = engine_get(L);
    struct task *t = sched_current(e);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    if (t) {
        limits_charge(&t->limits, CREATE_COST);
        limits_hook(co, &t->limits);
    }
    lua_pushcfunction(co, co_body);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static lua_State *check_co(lua_State *L) {
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return co;
}

static const char *co_status_name(lua_State *L, lua_State *co) {
    lua_Debug ar;
    if (L == co)
        return "running";
    if (lua_status(co) == LUA_YIELD)
        return "suspended";
    if (lua_status(co) != LUA_OK)
        return "dead";
    if (lua_getstack(co, 0, &ar))
        return "normal";
    return lua_gettop(co) == 0 ? "dead" : "suspended";
}

/* After co yielded or returned n values: true, values... or false, error on L. */
static int co_results(lua_State *L, lua_State *co, int status, int n) {
    if (!lua_checkstack(L, n + 1)) {
        lua_settop(co, 0);
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many results to resume");
        return 2;
    }
    if (status == LUA_YIELD) {
        lua_pushboolean(L, 1);
        lua_xmove(co, L, n);
        return n + 1;
    }
    if (status == LUA_OK) { /* co_body put true or false first */
        lua_xmove(co, L, n);
        return n;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

static int co_go_on(lua_State *L, int status, lua_KContext ctx);

/* Resume co with the nargs values on its stack, until it yields for the script or ends. */
static int co_step(lua_State *L, lua_State *co, int nargs) {
    struct engine *e = engine_get(L);
    struct sched *s = &e->sched;
    struct task *t = s->current;
    lua_State *inner = s->inner;
    unsigned blocked = inner != L || !lua_isyieldable(L);
    int n = 0;
    s->inner = co;
    s->no_park += blocked;
    lua_State *outer = co_enter(t, co);
    int status = lua_resume(co, L, nargs, &n);
    co_leave(t, L, outer);
    s->no_park -= blocked;
    s->inner = inner;
    if (t && limits_passed(e)) {
        if (!t->limits.closing)
            limits_close_thread(L, e, &t->limits, co);
        return limits_leave_call(L);
    }
    if (status == LUA_YIELD && t && t->state != TASK_RUNNING)
        return lua_yieldk(L, 0, 0, co_go_on); /* it waits: so do we */
    return co_results(L, co, status, n);
}

/* What a resume became: its results (`wrap`: without the first, raising the error). */
static int co_done(lua_State *L, int n, bool wrap) {
    if (!wrap)
        return n;
    if (lua_toboolean(L, -n))
        return n - 1;
    if (lua_type(L, -1) == LUA_TSTRING) { /* as Lua does: where the wrapped function was called */
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* The coroutine is at 1 on a resumed resume; whether it was wrapped, at 2. */
static int co_go_on(lua_State *L, int status, lua_KContext ctx) {
    (void)status;
    (void)ctx;
    lua_State *co = lua_tothread(L, 1);
    return co_done(L, co_step(L, co, 0), lua_toboolean(L, 2));
}

/* Coroutine at 1, wrap at 2, arguments above. */
static int co_start(lua_State *L) {
    lua_State *co = lua_tothread(L, 1);
    bool wrap = lua_toboolean(L, 2);
    int nargs = lua_gettop(L) - 2;
    const char *status = co_status_name(L, co);
    if (strcmp(status, "suspended") != 0 || !lua_checkstack(co, nargs)) {
        lua_pushboolean(L, 0);
        lua_pushfstring(L, "cannot resume %s coroutine", status);
        return co_done(L, 2, wrap);
    }
    lua_xmove(L, co, nargs);
    if (lua_status(co) == LUA_OK) /* the first time: the function is an argument of co_body */
        nargs++;
    return co_done(L, co_step(L, co, nargs), wrap);
}

static int co_resume(lua_State *L) {
    check_co(L);
    lua_pushboolean(L, 0);
    lua_insert(L, 2);
    return co_start(L);
}

static int co_call_wrapped(lua_State *L) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 2);
    return co_start(L);
}

static int co_wrap(lua_State *L) {
    co_create(L);
    lua_pushcclosure(L, co_call_wrapped, 1);
    return 1;
}

static bool is_task_thread(lua_State *L) {
    const struct task *t = sched_current(engine_get(L));
    return t && t->co == L;
}

static int co_yield (lua_State *L) {
    if (is_task_thread(L))
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L) {
    lua_pushstring(L, co_status_name(L, check_co(L)));
    return 1;
}

static int co_running(lua_State *L) {
    bool main = lua_pushthread(L);
    lua_pushboolean(L, main || is_task_thread(L));
    return 2;
}

static int co_isyieldable(lua_State *L) {
    lua_pushboolean(L, lua_isyieldable(L) && !is_task_thread(L));
    return 1;
}

/* coroutine.close: pending variables of a suspended coroutine run in it, under the limits. */
static int co_close(lua_State *L) {
    lua_State *co = check_co(L);
    const char *status = co_status_name(L, co);
    if (strcmp(status, "dead") != 0 && strcmp(status, "suspended") != 0)
        return luaL_error(L, "cannot close a %s coroutine", status);
    struct engine *e = engine_get(L);
    struct task *t = sched_current(e);
    lua_State *outer = co_enter(t, co);
#if LUA_VERSION_RELEASE_NUM >= 50406
    int result = lua_closethread(co, L);
#else
    int result = lua_resetthread(co);
#endif
    co_leave(t, L, outer);
    if (limits_passed(e))
        return limits_leave_call(L);
    lua_pushboolean(L, result == LUA_OK);
    if (result == LUA_OK)
        return 1;
    lua_xmove(co, L, 1);
    return 2;
}

/* --- setmetatable --- */

static int script_setmetatable(lua_State *L) {
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE && engine_member(L, 2, "__gc") != LUA_TNIL)
        return luaL_error(L, "a script cannot have finalizers (__gc)");
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

void engine_open_script(lua_State *L) {
    static const luaL_Reg functions[] = {{"pcall", script_pcall},
                                         {"xpcall", script_xpcall},
                                         {"setmetatable", script_setmetatable},
                                         {NULL, NULL}};
    static const luaL_Reg coroutine[] = {
        {"create", co_create}, {"resume", co_resume},           {"wrap", co_wrap},
        {"yield", co_yield },  {"status", co_status},           {"running", co_running},
        {"close", co_close},   {"isyieldable", co_isyieldable}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    luaL_newlib(L, coroutine);
    lua_setfield(L, -2, "coroutine");
}
