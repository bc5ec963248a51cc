/* lua_listen.c - engine.listen: accepted streams wait in line until a task takes them. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "bind/engine.h"
#include "bind/lua_conn.h"

#define LISTENER "h2probe.listener"
enum { PENDING_MAX = 1024, PORTS_TRIED = 16 };

/* On the heap: the listener's handle closes after the userdata is gone. */
struct listener {
    unsigned refs;
    struct io_listener *io;    /* NULL when closed */
    struct io_listener *other; /* on another address with the same port, or NULL */
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

static void close_one(struct listener *l, struct io_listener **io) {
    if (*io) {
        l->refs++;
        io_listener_free(*io, unref, l);
    }
    *io = NULL;
}

static void close_listener(struct listener *l) {
    while (l->count > 0)
        io_stream_free(take(l));
    close_one(l, &l->io);
    close_one(l, &l->other);
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

/* --- listen --- */

/* The same port on another address; 0 also where there is no such address. A free one may be taken
   there. */
static int listen_also(uv_loop_t *loop, struct listener *l, const char *also) {
    int error;
    l->other = io_listen(loop, also, io_listener_port(l->io), NULL, on_accept, l, &error);
    return error == UV_EADDRINUSE ? error : 0;
}

static int listen_tcp(uv_loop_t *loop, struct listener *l, const char *host, const char *also,
                      int port) {
    int error = 0;
    for (int i = 0; i < PORTS_TRIED; i++) {
        l->io = io_listen(loop, host, port, NULL, on_accept, l, &error);
        if (!l->io || !also)
            return error;
        error = listen_also(loop, l, also);
        if (error == 0)
            return 0;
        close_one(l, &l->io);
        if (port != 0)
            break;
    }
    return error;
}

/* engine.listen { host =, also =, port =, unix = } */
static int listen_on(lua_State *L) {
    int error = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const char *host = engine_string(L, 1, "host", NULL);
    const char *also = engine_string(L, 1, "also", NULL);
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
    uv_loop_t *loop = engine_get(L)->loop;
    if (path)
        l->io = io_listen(loop, NULL, 0, path, on_accept, l, &error);
    else
        error = listen_tcp(loop, l, host ? host : "127.0.0.1", also, port);
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
