/* engine.c - the module h2probe.engine: its state, the tables, helpers of all its parts. */
#include "bind/engine.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bind/keys.h"
#include "bind/lua_conn.h"
#include "h2/frame.h"
#include "io/names.h"
#include "io/tls.h"

#ifndef H2PROBE_VERSION
#define H2PROBE_VERSION "0.1.0"
#endif

#define ENGINE "h2probe.engine"
enum { SCRATCH_MAX = 64 << 20, SCRATCH_KEEP = 64 << 10 };

static char engine_key;

struct engine *engine_get(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key) != LUA_TUSERDATA)
        luaL_error(L, "h2probe.engine is not loaded");
    struct engine *e = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return e;
}

/* --- helpers --- */

int engine_fail(lua_State *L, const char *code, const char *message) {
    lua_pushnil(L);
    lua_pushstring(L, code);
    lua_pushstring(L, message);
    return 3;
}

static const char *uv_code(int error) {
    switch (error) {
    case UV_ECONNREFUSED:
        return "refused";
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
    case UV_EADDRNOTAVAIL:
        return "unreachable";
    case UV_ETIMEDOUT:
        return "timeout";
    case UV_ECANCELED:
        return "canceled";
    case UV_ENOMEM:
        return "memory";
    case UV_ECONNRESET:
    case UV_EPIPE:
        return "closed";
    default:
        return error <= UV_EAI_ADDRFAMILY && error >= UV_EAI_SOCKTYPE - 10 ? "resolve" : "io";
    }
}

int engine_fail_uv(lua_State *L, int error, const char *message) {
    return engine_fail(L, uv_code(error), message && *message ? message : uv_strerror(error));
}

void engine_check_buf(lua_State *L, int status) {
    if (status == BUF_FULL)
        luaL_error(L, "more octets than a call can make (%d)", SCRATCH_MAX);
    if (status < 0)
        luaL_error(L, "not enough memory");
}

struct buf *engine_scratch(struct buf *b) {
    if (b->cap > SCRATCH_KEEP)
        buf_clear(b);
    b->len = 0;
    return b;
}

int engine_member(lua_State *L, int idx, const char *key) {
    idx = lua_absindex(L, idx);
    lua_pushstring(L, key);
    return lua_rawget(L, idx);
}

lua_Integer engine_integer(lua_State *L, int idx, const char *key, lua_Integer low,
                           lua_Integer high, lua_Integer fallback) {
    int is_integer;
    if (engine_member(L, idx, key) == LUA_TNIL) {
        lua_pop(L, 1);
        return fallback;
    }
    lua_Integer n = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "'%s' must be an integer, not %s", key, luaL_tolstring(L, -1, NULL));
    if (n < low || n > high)
        luaL_error(L, "'%s' must be from %I to %I, not %I", key, low, high, n);
    lua_pop(L, 1);
    return n;
}

const char *engine_string(lua_State *L, int idx, const char *key, size_t *len) {
    int type = engine_member(L, idx, key);
    if (type == LUA_TNIL) {
        if (len)
            *len = 0;
        return NULL;
    }
    if (type != LUA_TSTRING)
        luaL_error(L, "'%s' must be a string, not %s", key, luaL_typename(L, -1));
    return lua_tolstring(L, -1, len);
}

bool engine_boolean(lua_State *L, int idx, const char *key, bool fallback) {
    bool value = engine_member(L, idx, key) == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

void engine_metatable(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc,
                      lua_CFunction close) {
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    if (close) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__close");
    }
    lua_pushliteral(L, "protected"); /* scripts must not call __gc by hand or change methods */
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

/* --- tables --- */

static void number(lua_State *L, const char *name, lua_Integer n) {
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static void open_flags(lua_State *L) {
    lua_newtable(L);
#define X(name, bit, type)                                                                         \
    if (lua_getfield(L, -1, #type) == LUA_TNIL) {                                                  \
        lua_newtable(L);                                                                           \
        lua_pushvalue(L, -1);                                                                      \
        lua_setfield(L, -4, #type);                                                                \
        lua_remove(L, -2);                                                                         \
    }                                                                                              \
    number(L, #name, bit);                                                                         \
    lua_pop(L, 1);
    H2_FLAGS(X)
#undef X
    lua_setfield(L, -2, "flags");
}

static void open_settings(lua_State *L) {
    lua_newtable(L);
#define X(name, id, initial, low, high, section) number(L, #name, id);
    H2_SETTINGS(X)
#undef X
    lua_setfield(L, -2, "settings");
    lua_newtable(L);
#define X(name, id, initial, low, high, section) number(L, #name, initial);
    H2_SETTINGS(X)
#undef X
    lua_setfield(L, -2, "settings_initial");
}

static void open_names(lua_State *L) {
    lua_newtable(L);
#define X(name, type, section) number(L, #name, type);
    H2_FRAME_TYPES(X)
#undef X
    lua_setfield(L, -2, "frame_types");
    lua_newtable(L);
#define X(name, code) number(L, #name, code);
    H2_ERRORS(X)
#undef X
    lua_setfield(L, -2, "errors");
    lua_newtable(L);
    for (int i = 0; i < H2_FAULT_COUNT; i++) {
        lua_pushstring(L, h2_fault_text((enum h2_fault_index)i));
        lua_setfield(L, -2, h2_fault_slug((enum h2_fault_index)i));
    }
    lua_setfield(L, -2, "faults");
    lua_newtable(L);
    for (int i = 0; i < 256; i++)
        if (tls_alert_name(i))
            number(L, tls_alert_name(i), i);
    lua_setfield(L, -2, "alerts");
}

static int error_name(lua_State *L) {
    lua_Integer n = luaL_checkinteger(L, 1);
    lua_pushstring(L, n >= 0 && n <= UINT32_MAX ? h2_error_name((uint32_t)n) : NULL);
    return 1;
}

static int setting_name(lua_State *L) {
    lua_Integer n = luaL_checkinteger(L, 1);
    lua_pushstring(L, n >= 0 && n <= UINT16_MAX ? h2_setting_name((uint16_t)n) : NULL);
    return 1;
}

static int frame_name(lua_State *L) {
    lua_Integer n = luaL_checkinteger(L, 1);
    lua_pushstring(L, n >= 0 && n <= UINT8_MAX ? h2_frame_type_name((uint8_t)n) : NULL);
    return 1;
}

static int alert_name(lua_State *L) {
    lua_Integer n = luaL_checkinteger(L, 1);
    lua_pushstring(L, n >= 0 && n <= UINT8_MAX ? tls_alert_name((int)n) : NULL);
    return 1;
}

void engine_open_tables(lua_State *L) {
    static const luaL_Reg functions[] = {{"error_name", error_name},
                                         {"setting_name", setting_name},
                                         {"frame_name", frame_name},
                                         {"alert_name", alert_name},
                                         {NULL, NULL}};
    open_names(L);
    open_flags(L);
    open_settings(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, H2PROBE_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
    lua_setfield(L, -2, "openssl_version");
}

/* --- the module --- */

/* Handles close within one turn of the loop; only a look-up of a name that hangs can last, and then
   the loop is left to it. */
static void close_loop(uv_loop_t *loop) {
    for (int turn = 0; turn < 100; turn++) {
        uv_run(loop, UV_RUN_NOWAIT);
        if (uv_loop_close(loop) == 0) {
            mem_free(loop);
            return;
        }
        usleep(turn < 5 ? 0 : 1000);
    }
}

static int engine_gc(lua_State *L) {
    struct engine *e = luaL_checkudata(L, 1, ENGINE);
    if (!e->loop)
        return 0;
    limits_close();
    memory_uninstall(L, e);
    conn_flush_all(e, FLUSH_SENT); /* lets go of connections that were never flushed */
    conn_flush_all(e, FLUSH_REPLIES);
    signal_dispose(e);
    close_loop(e->loop);
    tls_cleanup();
    io_names_forget();
    e->loop = NULL;
    buf_dispose(&e->scratch);
    buf_dispose(&e->wire);
    buf_dispose(&e->frame);
    return 0;
}

static void new_engine(lua_State *L) {
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    struct engine *e = lua_newuserdatauv(L, sizeof *e, 0);
    memset(e, 0, sizeof *e);
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    engine_metatable(L, ENGINE, no_methods, engine_gc, NULL);
    luaL_setmetatable(L, ENGINE);
    buf_init(&e->scratch, SCRATCH_MAX);
    buf_init(&e->wire, SCRATCH_MAX);
    buf_init(&e->frame, SCRATCH_MAX);
    uv_loop_t *loop = mem_alloc(sizeof *loop);
    if (!loop || uv_loop_init(loop) != 0) {
        mem_free(loop);
        luaL_error(L, "cannot make an event loop");
    }
    e->loop = loop;
    clock_start(&e->clock, loop);
    memory_install(L, e);
    limits_open();
    lua_rawsetp(L, LUA_REGISTRYINDEX, &engine_key);
}

int luaopen_h2probe_engine(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key) == LUA_TNIL)
        new_engine(L);
    keys_open(L);
    lua_newtable(L);
    engine_open_tables(L);
    engine_open_small(L);
    engine_open_frame(L);
    engine_open_hpack(L);
    engine_open_http1(L);
    engine_open_task(L);
    engine_open_script(L);
    engine_open_queue(L);
    engine_open_conn(L);
    engine_open_listen(L);
    engine_open_process(L);
    engine_open_signal(L);
    engine_open_embedded(L);
    return 1;
}
