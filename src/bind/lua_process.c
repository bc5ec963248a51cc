/* lua_process.c - engine.process: commands as Lua sees them. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bind/engine.h"
#include "io/process.h"

#define PROCESS "h2probe.process"
enum { ARGS_MAX = 4096, OUTPUT_DEFAULT = 64 << 10, OUTPUT_MAX = 16 << 20 };

struct process {
    struct io_process *io; /* NULL: could not be started, or closed */
    struct wait_list waiters, readers;
};

/* --- signals --- */

static const struct {
    const char *name;
    int number;
} names[] = {
    {"SIGHUP", SIGHUP},   {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT}, {"SIGILL", SIGILL},
    {"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS},   {"SIGFPE", SIGFPE},   {"SIGKILL", SIGKILL},
    {"SIGUSR1", SIGUSR1}, {"SIGSEGV", SIGSEGV}, {"SIGUSR2", SIGUSR2}, {"SIGPIPE", SIGPIPE},
    {"SIGALRM", SIGALRM}, {"SIGTERM", SIGTERM}, {"SIGSTOP", SIGSTOP}, {"SIGCONT", SIGCONT},
    {"SIGTRAP", SIGTRAP}, {"SIGSYS", SIGSYS},   {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ}};

static int signal_number(lua_State *L, int arg) {
    const char *name = luaL_optstring(L, arg, "SIGKILL");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].number;
    return luaL_argerror(L, arg, "not the name of a signal that can be sent");
}

static void push_signal(lua_State *L, int number) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number) {
            lua_pushstring(L, names[i].name);
            return;
        }
    if (number)
        lua_pushfstring(L, "signal %d", number);
    else
        lua_pushnil(L);
}

/* --- starting --- */

/* A NULL-terminated array of the strings of the list at the top; a userdata, pushed: both stay on
   the stack, and so does what the array points to. */
static char **push_strings(lua_State *L, const char *what) {
    int list = lua_gettop(L);
    lua_Unsigned count = lua_rawlen(L, list);
    if (count > ARGS_MAX)
        luaL_error(L, "'%s' has more than %d strings", what, ARGS_MAX);
    char **strings = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *strings, 0);
    for (lua_Unsigned i = 0; i < count; i++) {
        size_t n = 0;
        int type = lua_rawgeti(L, list, (lua_Integer)i + 1);
        const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
        if (!text || strlen(text) != n)
            luaL_error(L, "'%s' must be a list of strings without zero octets", what);
        strings[i] = (char *)text; /* kept by the list */
        lua_pop(L, 1);
    }
    strings[count] = NULL;
    return strings;
}

static char **read_args(lua_State *L) {
    if (engine_member(L, 1, "args") != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        luaL_error(L, "'args' must be a list of strings that begins with the program");
    return push_strings(L, "args");
}

/* Append NAME=VALUE to the list; the name is at the top, its value below. */
static void check_pair(lua_State *L, int name, int value) {
    if (lua_type(L, name) != LUA_TSTRING || lua_type(L, value) != LUA_TSTRING ||
        strchr(lua_tostring(L, name), '=') || lua_rawlen(L, name) == 0)
        luaL_error(L, "'env' must be a table of names to strings");
}

/* Ours, where `env` at this index does not name the variable. */
static lua_Integer add_inherited(lua_State *L, int env, int list) {
    lua_Integer count = 0;
    for (char **variable = environ; variable && *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        if (!equals)
            continue;
        lua_pushlstring(L, *variable, (size_t)(equals - *variable));
        bool replaced = lua_rawget(L, env) != LUA_TNIL;
        lua_pop(L, 1);
        if (replaced)
            continue;
        lua_pushstring(L, *variable);
        lua_rawseti(L, list, ++count);
    }
    return count;
}

/* Our environment with the variables of `env`. */
static char **read_env(lua_State *L) {
    int type = engine_member(L, 1, "env");
    if (type == LUA_TNIL)
        return NULL;
    if (type != LUA_TTABLE)
        luaL_error(L, "'env' must be a table of names to strings");
    int env = lua_gettop(L);
    lua_newtable(L);
    int list = env + 1;
    lua_Integer count = add_inherited(L, env, list);
    for (lua_pushnil(L); lua_next(L, env); lua_pop(L, 1)) {
        check_pair(L, -2, -1);
        lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
        lua_rawseti(L, list, ++count);
    }
    return push_strings(L, "env");
}

static void on_output_of(void *ctx) {
    struct process *p = ctx;
    sched_wake_all(&p->readers);
}

static void on_exit_of(void *ctx) {
    struct process *p = ctx;
    sched_wake_all(&p->waiters);
    sched_wake_all(&p->readers);
}

static bool read_keep(lua_State *L) {
    static const char *const ends[] = {"first", "last", NULL};
    engine_member(L, 1, "keep");
    bool last = luaL_checkoption(L, -1, "first", ends) == 1;
    lua_pop(L, 1);
    return last;
}

static bool read_linger(lua_State *L) {
    engine_member(L, 1, "linger");
    bool linger = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return linger;
}

/* engine.process { args =, env =, output =, keep =, linger = } */
static int process_start(lua_State *L) {
    int error = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct process_options options = {
        .output_max = (size_t)engine_integer(L, 1, "output", 0, OUTPUT_MAX, OUTPUT_DEFAULT),
        .keep_last = read_keep(L),
        .linger = read_linger(L),
        .on_output = on_output_of,
        .args = read_args(L),
    };
    options.env = read_env(L);
    luaL_checkstack(L, 4, NULL);
    struct process *p = lua_newuserdatauv(L, sizeof *p, 0);
    memset(p, 0, sizeof *p);
    luaL_setmetatable(L, PROCESS);
    p->io = io_process_start(engine_get(L)->loop, &options, on_exit_of, p, &error);
    if (p->io)
        return 1;
    lua_pushfstring(L, "%s: %s", options.args[0], uv_strerror(error));
    return engine_fail_uv(L, error, lua_tostring(L, -1));
}

/* --- methods --- */

static struct process *check_process(lua_State *L) {
    struct process *p = luaL_checkudata(L, 1, PROCESS);
    luaL_argcheck(L, p->io, 1, "the process was closed");
    return p;
}

static int wait_k(lua_State *L, int status, lua_KContext ctx) {
    struct process *p = check_process(L);
    (void)status;
    (void)ctx;
    if (io_process_ended(p->io)) {
        lua_pushinteger(L, io_process_status(p->io));
        push_signal(L, io_process_signal(p->io));
        return 2;
    }
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "the command has not ended");
    return sched_park(L, &p->waiters, "process:wait", false, wait_k);
}

static int process_wait(lua_State *L) {
    check_process(L);
    sched_wait_begin(L, 2, (double)INFINITY);
    return wait_k(L, LUA_OK, 0);
}

static int process_output(lua_State *L) {
    struct process_output output = io_process_output(check_process(L)->io);
    lua_pushlstring(L, output.len ? (const char *)output.data : "", output.len);
    lua_pushinteger(L, (lua_Integer)output.dropped);
    return 2;
}

/* What is kept from a position on, counted from the first octet ever written. */
static int read_k(lua_State *L, int status, lua_KContext ctx) {
    struct process *p = check_process(L);
    struct process_output output = io_process_output(p->io);
    uint64_t position = (uint64_t)luaL_checkinteger(L, 2);
    uint64_t end = output.dropped + output.len;
    (void)status;
    (void)ctx;
    if (position < end) {
        size_t skipped = position > output.dropped ? (size_t)(position - output.dropped) : 0;
        lua_pushlstring(L, (const char *)output.data + skipped, output.len - skipped);
        lua_pushinteger(L, (lua_Integer)end);
        return 2;
    }
    if (io_process_silent(p->io))
        return engine_fail(L, "closed", "nothing more will be written");
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "the command has not written more");
    return sched_park(L, &p->readers, "process:read", false, read_k);
}

static int process_read(lua_State *L) {
    check_process(L);
    luaL_argcheck(L, luaL_checkinteger(L, 2) >= 0, 2, "a position cannot be negative");
    sched_wait_begin(L, 3, (double)INFINITY);
    return read_k(L, LUA_OK, 0);
}

static int process_kill(lua_State *L) {
    const struct process *p = check_process(L);
    int number = signal_number(L, 2);
    lua_pushboolean(L, io_process_kill(p->io, number) == 0);
    return 1;
}

static int process_group(lua_State *L) {
    lua_pushboolean(L, io_process_group(check_process(L)->io));
    return 1;
}

static int process_pid(lua_State *L) {
    lua_pushinteger(L, io_process_pid(check_process(L)->io));
    return 1;
}

/* A task that waits holds the process on its stack: only at the state's end is one still listed. */
static int process_gc(lua_State *L) {
    struct process *p = luaL_checkudata(L, 1, PROCESS);
    sched_abandon(&p->waiters);
    sched_abandon(&p->readers);
    io_process_free(p->io);
    p->io = NULL;
    return 0;
}

/* __close: a task may wait; it is told when the command is gone. */
static int process_close(lua_State *L) {
    struct process *p = luaL_checkudata(L, 1, PROCESS);
    if (p->io)
        io_process_kill(p->io, SIGKILL);
    return 0;
}

/* engine.adopt_orphans() */
static int adopt_orphans(lua_State *L) {
    (void)L;
    io_process_adopt_orphans();
    return 0;
}

/* engine.end_orphans([without_killing]) -> how many are not gone yet */
static int end_orphans(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)io_process_end_orphans(!lua_toboolean(L, 1)));
    return 1;
}

void engine_open_process(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"wait", process_wait}, {"output", process_output}, {"read", process_read},
        {"kill", process_kill}, {"pid", process_pid},       {"group", process_group},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {{"process", process_start},
                                         {"adopt_orphans", adopt_orphans},
                                         {"end_orphans", end_orphans},
                                         {NULL, NULL}};
    engine_metatable(L, PROCESS, methods, process_gc, process_close);
    luaL_setfuncs(L, functions, 0);
}
