/* main.c - h2probe: a Lua state, the engine, and lua/main.lua, which has the rest. */
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "bind/embedded.h"
#include "bind/engine.h"

enum { EXIT_USAGE = 2, EXIT_INTERNAL = 6 };

/* Lua collects when memory has grown by half; left alone it waits for twice as much. A run takes a
   quarter less memory so, and no more time. */
enum { GC_PAUSE = 150 };

struct arguments {
    int argc;
    char **argv;
    int root_at; /* index of --root, 0: none; its value follows */
};

/* --root DIR anywhere before "--". 0, or -1 when the directory is missing. */
static int find_root(struct arguments *a) {
    for (int i = 1; i < a->argc && strcmp(a->argv[i], "--") != 0; i++) {
        if (strcmp(a->argv[i], "--root") != 0)
            continue;
        if (i + 1 >= a->argc)
            return -1;
        a->root_at = i;
        embedded_set_root(a->argv[i + 1]);
        return 0;
    }
    return 0;
}

static void push_arguments(lua_State *L, const struct arguments *a) {
    lua_Integer n = 0;
    lua_createtable(L, a->argc, 0);
    lua_pushstring(L, a->argc > 0 ? a->argv[0] : "h2probe");
    lua_rawseti(L, -2, 0);
    for (int i = 1; i < a->argc; i++) {
        if (a->root_at && (i == a->root_at || i == a->root_at + 1))
            continue;
        lua_pushstring(L, a->argv[i]);
        lua_rawseti(L, -2, ++n);
    }
}

/* Modules come from the binary or the root before Lua's own path. */
static void add_searcher(lua_State *L) {
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_h2probe_engine);
    lua_setfield(L, -2, "h2probe.engine");
    lua_pop(L, 1);
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, embedded_searcher);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}

/* The exit status is the result. */
static int run(lua_State *L) {
    const struct arguments *a = lua_touserdata(L, 1);
    luaL_openlibs(L);
    add_searcher(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "h2probe.engine"); /* first: from here on memory is accounted */
    lua_call(L, 1, 0);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "h2probe.main");
    lua_call(L, 1, 1);
    push_arguments(L, a);
    lua_call(L, 1, 1);
    lua_pushinteger(L, luaL_checkinteger(L, -1));
    return 1;
}

static int add_traceback(lua_State *L) {
    const char *message = luaL_tolstring(L, 1, NULL);
    if (getenv("H2PROBE_DEBUG"))
        luaL_traceback(L, L, message, 1);
    return 1;
}

/* One line, unless H2PROBE_DEBUG wants the traceback too. */
static void report(const char *message) {
    int length = (int)(getenv("H2PROBE_DEBUG") ? strlen(message) : strcspn(message, "\n"));
    fprintf(stderr, "h2probe: internal error: %.*s\n", length, message);
}

static int run_protected(lua_State *L, struct arguments *a) {
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, a);
    if (lua_pcall(L, 1, 1, 1) == LUA_OK)
        return (int)lua_tointeger(L, -1);
    const char *message = lua_tostring(L, -1);
    report(message ? message : "an error that is no string");
    return EXIT_INTERNAL;
}

/* A standard stream that was closed must not become a socket, into which reports are written. It is
   opened for the other direction, so that using it fails. */
static void occupy_standard_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

#ifdef __SANITIZE_ADDRESS__

static lua_State *new_state(void) {
    return luaL_newstate();
}

/* Leaks are told at the end. */
static void leave(lua_State *L) {
    lua_close(L);
}

#else

static lua_State *new_state(void) {
    return lua_newstate(pool_alloc, NULL);
}

/* The system takes all back at once; to free each value costs 3 % of a run. */
static void leave(lua_State *L) {
    (void)L;
}

#endif

int main(int argc, char **argv) {
    struct arguments a = {argc, argv, 0};
    occupy_standard_streams();
    if (find_root(&a) != 0) {
        fputs("h2probe: --root needs a directory\n", stderr);
        return EXIT_USAGE;
    }
    lua_State *L = new_state();
    if (!L) {
        report("out of memory");
        return EXIT_INTERNAL;
    }
    lua_gc(L, LUA_GCINC, GC_PAUSE, 0, 0);
    int status = run_protected(L, &a);
    leave(L);
    return status;
}
