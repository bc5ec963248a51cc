/* signals.c - engine.on_signal: the callback marks, the run loop calls Lua. */
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "bind/engine.h"

struct signal_watch {
    uv_signal_t handle;
    struct signal_watch *next;
    int number;
    int ref; /* of the function; LUA_NOREF: switched off */
    bool arrived;
};

static const struct {
    const char *name;
    int number;
} names[] = {{"SIGINT", SIGINT},   {"SIGTERM", SIGTERM},  {"SIGHUP", SIGHUP},
             {"SIGQUIT", SIGQUIT}, {"SIGUSR1", SIGUSR1},  {"SIGUSR2", SIGUSR2},
             {"SIGCHLD", SIGCHLD}, {"SIGWINCH", SIGWINCH}};

static int signal_number(lua_State *L, int arg) {
    const char *name = luaL_checkstring(L, arg);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].number;
    return luaL_argerror(L, arg, "not the name of a signal that can be handled");
}

static void on_signal(uv_signal_t *handle, int number) {
    struct signal_watch *w = handle->data;
    (void)number;
    w->arrived = true;
}

static void on_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

static struct signal_watch *find(struct engine *e, int number) {
    struct signal_watch *w = e->signals;
    while (w && w->number != number)
        w = w->next;
    return w;
}

static struct signal_watch *add(lua_State *L, struct engine *e, int number) {
    struct signal_watch *w = mem_alloc(sizeof *w);
    if (!w)
        luaL_error(L, "not enough memory");
    w->number = number;
    w->ref = LUA_NOREF;
    uv_signal_init(e->loop, &w->handle);
    w->handle.data = w;
    uv_unref((uv_handle_t *)&w->handle);
    w->next = e->signals;
    e->signals = w;
    return w;
}

/* engine.on_signal(name, fn | nil) */
static int set_handler(lua_State *L) {
    struct engine *e = engine_get(L);
    int number = signal_number(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct signal_watch *w = find(e, number);
    if (!w)
        w = add(L, e, number);
    luaL_unref(L, LUA_REGISTRYINDEX, w->ref);
    w->ref = LUA_NOREF;
    if (lua_isnil(L, 2)) {
        uv_signal_stop(&w->handle);
        return 0;
    }
    w->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    if (uv_signal_start(&w->handle, on_signal, number) != 0)
        return luaL_error(L, "cannot handle this signal");
    return 0;
}

void signal_dispatch(lua_State *L, struct engine *e) {
    for (struct signal_watch *w = e->signals; w; w = w->next) {
        if (!w->arrived)
            continue;
        w->arrived = false;
        if (lua_rawgeti(L, LUA_REGISTRYINDEX, w->ref) == LUA_TFUNCTION)
            lua_call(L, 0, 0);
        else
            lua_pop(L, 1);
    }
}

void signal_dispose(struct engine *e) {
    while (e->signals) {
        struct signal_watch *w = e->signals;
        e->signals = w->next;
        uv_close((uv_handle_t *)&w->handle, on_closed);
    }
}

void engine_open_signal(lua_State *L) {
    static const luaL_Reg functions[] = {{"on_signal", set_handler}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
