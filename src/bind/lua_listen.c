/* lua_listen.c - engine.listen: accepted streams wait in line until a task takes them. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "bind/engine.h"
#include "bind/lua_conn.h"

#define LISTENER "h2probe.listener"
enum { PENDING_MAX = 1024 };

/* On the heap: the listener's handle closes after the userdata is gone. */
struct listener {
    unsigned refs;
    struct io_listener *io; /* NULL when closed */
    struct wait_list waiters;
    struct io_stream *pending[PENDING_MAX]; /* a ring */
    size_t first, count;
};

static void unref(void *ctx) {
    struct listener *l = ctx;
    if (--l->refs == 0)
        mem_free(l);
}

static void on_accept(void *ctx, struct io_stream *stream) {
    struct listener *l = ctx;
    if (l->count == PENDING_MAX) {
        io_stream_free(stream);
        return;
    }
    l->pending[(l->first + l->count++) % PENDING_MAX] = stream;
    sched_wake_all(&l->waiters);
}

static struct listener *check_listener(lua_State *L) {
    struct listener *l = *(struct listener **)luaL_checkudata(L, 1, LISTENER);
    luaL_argcheck(L, l, 1, "the listener is gone");
    return l;
}

static struct io_stream *take(struct listener *l) {
    struct io_stream *stream = l->pending[l->first];
    l->first = (l->first + 1) % PENDING_MAX;
    l->count--;
    return stream;
}

static void close_listener(struct listener *l) {
    while (l->count > 0)
        io_stream_free(take(l));
    if (l->io) {
        l->refs++;
        io_listener_free(l->io, unref, l);
    }
    l->io = NULL;
}

static int listener_close(lua_State *L) {
    struct listener *l = check_listener(L);
    close_listener(l);
    sched_wake_all(&l->waiters);
    return 0;
}

static int listener_gc(lua_State *L) {
    struct listener **box = luaL_checkudata(L, 1, LISTENER);
    struct listener *l = *box;
    if (!l)
        return 0;
    sched_abandon(&l->waiters);
    close_listener(l);
    *box = NULL;
    unref(l);
    return 0;
}

/* --- accept --- */

static int accept_k(lua_State *L, int status, lua_KContext ctx) {
    static const struct h2_limits defaults;
    struct listener *l = check_listener(L);
    (void)status;
    (void)ctx;
    if (l->count > 0) {
        struct lconn *c = conn_push_new(L, H2_SERVER, &defaults);
        conn_accepted(c, take(l));
        return 1;
    }
    if (!l->io)
        return engine_fail(L, "closed", "the listener was closed");
    if (sched_wait_over(L))
        return engine_fail(L, "timeout", "nobody connected");
    return sched_park(L, &l->waiters, "listener:accept", false, accept_k);
}

static int listener_accept(lua_State *L) {
    check_listener(L);
    sched_wait_begin(L, 2, (double)INFINITY);
    return accept_k(L, LUA_OK, 0);
}

static int listener_port(lua_State *L) {
    const struct listener *l = check_listener(L);
    lua_pushinteger(L, l->io ? io_listener_port(l->io) : 0);
    return 1;
}

/* engine.listen { host =, port =, unix = } */
static int listen_on(lua_State *L) {
    int error = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const char *host = engine_string(L, 1, "host", NULL);
    const char *path = engine_string(L, 1, "unix", NULL);
    int port = (int)engine_integer(L, 1, "port", 0, 65535, 0);
    struct listener **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, LISTENER);
    struct listener *l = mem_alloc(sizeof *l);
    if (!l)
        return luaL_error(L, "not enough memory");
    *box = l;
    l->refs = 1;
    l->io = io_listen(engine_get(L)->loop,
                      path   ? NULL
                      : host ? host
                             : "127.0.0.1",
                      port, path, on_accept, l, &error);
    return l->io ? 1 : engine_fail_uv(L, error, NULL);
}

void engine_open_listen(lua_State *L) {
    static const luaL_Reg methods[] = {{"accept", listener_accept},
                                       {"port", listener_port},
                                       {"close", listener_close},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"listen", listen_on}, {NULL, NULL}};
    engine_metatable(L, LISTENER, methods, listener_gc, listener_close);
    luaL_setfuncs(L, functions, 0);
}
