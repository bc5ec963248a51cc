/* lua_conn.c - the connection itself: its transport's events, what is queued, and its end. */
#include "bind/lua_conn.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bind/engine.h"
#include "bind/lua_tls.h"

enum { QUEUE_MAX = 64 << 20, BUF_KEEP = 4096, IN_SLACK = 1 << 20, REPLIES_WAIT = 16 << 10 };
#define DEFAULT_QUEUE ((size_t)4 << 20)

static char conns_key; /* weak values: struct lconn * to its userdata */

/* --- life --- */

void conn_drop_event(struct lconn *c) {
    if (c->event)
        h2_event_unref(c->event);
    c->event = NULL;
}

static void unref(struct lconn *c) {
    if (--c->refs > 0)
        return;
    conn_drop_event(c);
    h2_conn_free(c->h2);
    buf_dispose(&c->in);
    buf_dispose(&c->out);
    if (c->records)
        buf_dispose(c->records);
    mem_free(c->records);
    io_capture_free(c->capture);
    mem_free(c);
}

struct lconn *conn_check(lua_State *L, int idx) {
    struct lconn *c = *(struct lconn **)luaL_checkudata(L, idx, CONN);
    luaL_argcheck(L, c, idx, "the connection is gone");
    return c;
}

struct lconn *conn_check_opened(lua_State *L) {
    struct lconn *c = conn_check(L, 1);
    if (c->phase == CONN_NEW || c->phase == CONN_CONNECTING)
        luaL_error(L, "the connection is not connected");
    return c;
}

struct lconn *conn_push_new(lua_State *L, enum h2_role role, const struct h2_limits *limits) {
    struct lconn **box = lua_newuserdatauv(L, sizeof *box, CONN_UV_COUNT);
    *box = NULL;
    luaL_setmetatable(L, CONN);
    struct lconn *c = mem_alloc(sizeof *c);
    if (!c)
        luaL_error(L, "not enough memory");
    c->h2 = h2_conn_new(role, limits);
    if (!c->h2) {
        mem_free(c);
        luaL_error(L, "not enough memory");
    }
    *box = c;
    c->engine = engine_get(L);
    c->refs = 1;
    c->role = role;
    c->in_limit = limits->queue ? limits->queue : DEFAULT_QUEUE;
    buf_init(&c->in, c->in_limit + IN_SLACK);
    buf_init(&c->out, QUEUE_MAX);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &conns_key);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, c);
    lua_pop(L, 1);
    return c;
}

bool conn_push_userdata(lua_State *L, const struct lconn *c) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &conns_key);
    lua_rawgetp(L, -1, c);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

static int conn_gc(lua_State *L) {
    struct lconn **box = luaL_checkudata(L, 1, CONN);
    struct lconn *c = *box;
    if (!c)
        return 0;
    sched_abandon(&c->waiters);
    conn_close(c);
    *box = NULL;
    unref(c);
    return 0;
}

static void set_end(struct lconn *c, enum io_end_how how, const char *text) {
    c->end.ended = true;
    c->end.how = how;
    c->end.alert = -1;
    snprintf(c->end.text, sizeof c->end.text, "%s", text ? text : io_end_name(how));
}

/* Memory ran out amid what the peer sent: nothing more can be known. */
static void fail(struct lconn *c) {
    if (!c->end.ended)
        set_end(c, IO_END_ERROR, "out of memory");
    c->failed = true;
    conn_update_reading(c);
}

/* --- sending --- */

void conn_flush_at(struct lconn *c, enum flush_time when) {
    if (c->unflushed[when])
        return;
    c->unflushed[when] = true;
    c->refs++;
    c->next_unflushed[when] = c->engine->unflushed[when];
    c->engine->unflushed[when] = c;
}

void conn_place_replies(struct lconn *c) {
    if (h2_conn_replies(c->h2)->len > 0)
        conn_tell(c);
}

bool conn_queue(struct lconn *c, const void *octets, size_t n) {
    conn_place_replies(c);
    if (buf_append(&c->out, octets, n) != 0)
        return false;
    conn_flush_at(c, FLUSH_SENT);
    return true;
}

static void empty(struct buf *b) {
    if (b->cap > BUF_KEEP)
        buf_clear(b);
    b->len = 0;
}

static void tell(struct lconn *c, const uint8_t *octets, size_t n) {
    if (n == 0)
        return;
    h2_conn_sent(c->h2, octets, n, uv_hrtime());
    if (h2_conn_started(c->h2))
        gate_pass(&c->gate, octets, n);
}

/* Octets that came before start_h2: not fed there, so that `upgraded` can come after it. */
static void feed_early(struct lconn *c) {
    if (c->in.len == 0 || !h2_conn_started(c->h2))
        return;
    if (h2_conn_recv(c->h2, c->in.data, c->in.len, uv_hrtime()) != 0)
        fail(c);
    buf_clear(&c->in);
    conn_flush_at(c, FLUSH_SENT); /* for the automatic replies */
    conn_update_reading(c);
}

/* Replies follow what the script queued, where they do not come into the middle of it. */
static void append_replies(struct lconn *c) {
    struct buf *replies = h2_conn_replies(c->h2);
    if (replies->len == 0 || !gate_is_open(&c->gate))
        return;
    if (buf_append(&c->out, replies->data, replies->len) == 0)
        tell(c, replies->data, replies->len);
    empty(replies);
    c->told = c->out.len;
}

void conn_tell(struct lconn *c) {
    size_t told = c->told;
    feed_early(c);
    c->told = c->out.len;
    if (c->out.len > told)
        tell(c, c->out.data + told, c->out.len - told);
    append_replies(c);
}

static bool can_write(const struct lconn *c) {
    return c->phase == CONN_OPEN;
}

void conn_flush(struct lconn *c) {
    conn_tell(c);
    if (c->out.len > 0 && can_write(c)) {
        int error = io_stream_write(c->stream, c->out.data, c->out.len);
        if (error == UV_ENOBUFS)
            conn_note(c, H2_SENT, "more than 64 MiB wait for the peer: octets lost");
    }
    empty(&c->out);
    c->told = 0;
}

void conn_flush_all(struct engine *e, enum flush_time when) {
    while (e->unflushed[when]) {
        struct lconn *c = e->unflushed[when];
        e->unflushed[when] = c->next_unflushed[when];
        c->unflushed[when] = false;
        conn_flush(c);
        unref(c);
    }
}

void conn_close(struct lconn *c) {
    if (c->phase == CONN_CLOSED)
        return;
    if (c->stream) {
        empty(h2_conn_replies(c->h2)); /* to what nobody has seen */
        conn_flush(c);
        io_stream_close_notify(c->stream); /* RFC 8446 6.1; without it servers forget the session */
        io_stream_peer(c->stream, c->peer, sizeof c->peer);
        io_stream_local(c->stream, c->local, sizeof c->local);
        conn_note(c, H2_SENT, "closed");
        c->phase = CONN_CLOSED;
        io_stream_free(c->stream);
        c->stream = NULL;
    }
    c->phase = CONN_CLOSED;
    sched_wake_all(&c->waiters);
}

void conn_note(struct lconn *c, enum h2_dir dir, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    h2_conn_note(c->h2, H2_EVENT_NOTE, dir, text, strlen(text), uv_hrtime());
}

/* --- receiving --- */

static bool is_full(const struct lconn *c) {
    return c->failed || c->in.len >= c->in_limit || h2_conn_full(c->h2);
}

void conn_update_reading(struct lconn *c) {
    bool pause = is_full(c);
    if (pause == c->paused || !c->stream)
        return;
    c->paused = pause;
    io_stream_pause(c->stream, pause);
}

static void on_connect(void *ctx, int error, const char *text) {
    struct lconn *c = ctx;
    c->connect_error = error;
    snprintf(c->connect_text, sizeof c->connect_text, "%s", text ? text : "");
    if (error == 0) {
        c->phase = CONN_OPEN;
        io_stream_peer(c->stream, c->peer, sizeof c->peer);
        conn_note(c, H2_SENT, "connected to %s", c->peer);
    }
    sched_wake_all(&c->waiters);
}

static void on_secure(void *ctx) {
    struct lconn *c = ctx;
    const struct tls_info *info = io_stream_tls(c->stream);
    c->secure = true;
    conn_note(c, H2_RECEIVED, "%s, %s, ALPN %.*s%s", info->version, info->cipher,
              info->alpn_len ? (int)info->alpn_len : 4,
              info->alpn_len ? (const char *)info->alpn : "none", info->resumed ? ", resumed" : "");
    sched_wake_all(&c->waiters);
}

static void on_read(void *ctx, const uint8_t *octets, size_t n) {
    struct lconn *c = ctx;
    int status;
    if (h2_conn_started(c->h2)) {
        status = h2_conn_recv(c->h2, octets, n, uv_hrtime());
        if (h2_conn_replies(c->h2)->len > REPLIES_WAIT)
            conn_flush(c);
        else /* in one write with what the tasks send that waited for this */
            conn_flush_at(c, FLUSH_REPLIES);
    } else
        status = buf_append(&c->in, octets, n);
    if (status != 0)
        fail(c);
    conn_update_reading(c);
    sched_wake_all(&c->waiters);
}

static void on_end(void *ctx, const struct io_end *end) {
    struct lconn *c = ctx;
    if (!c->end.ended) {
        set_end(c, end->how, end->text);
        c->end.alert = end->alert;
        c->end.alert_name = end->alert_name;
    }
    conn_note(c, H2_RECEIVED, "%s: %s", io_end_name(end->how), c->end.text);
    sched_wake_all(&c->waiters);
}

static void on_record(void *ctx, bool sent, const uint8_t *record, size_t n) {
    struct lconn *c = ctx;
    struct conn_record head = {n, sent};
    if (!c->records)
        return;
    size_t before = c->records->len;
    if (buf_append(c->records, &head, sizeof head) != 0 || buf_append(c->records, record, n) != 0)
        c->records->len = before;
}

static void on_drained(void *ctx) {
    struct lconn *c = ctx;
    sched_wake_all(&c->waiters);
}

static void on_closed(void *ctx) {
    unref(ctx);
}

static const struct io_handler handler = {
    .on_connect = on_connect,
    .on_secure = on_secure,
    .on_read = on_read,
    .on_end = on_end,
    .on_record = on_record,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

struct io_stream *conn_new_stream(struct lconn *c) {
    c->stream = io_stream_new(c->engine->loop, &handler, c);
    if (!c->stream)
        return NULL;
    c->refs++;
    io_stream_capture(c->stream, c->capture);
    return c->stream;
}

void conn_accepted(struct lconn *c, struct io_stream *stream) {
    c->stream = stream;
    c->refs++;
    c->phase = CONN_OPEN;
    io_stream_set_handler(stream, &handler, c);
    io_stream_peer(stream, c->peer, sizeof c->peer);
    conn_note(c, H2_RECEIVED, "connection from %s", c->peer);
}

int conn_fail_ended(lua_State *L, const struct lconn *c) {
    if (!c->end.ended)
        return engine_fail(L, "closed", "the connection was closed by this side");
    const char *code = c->end.how == IO_END_TLS_ERROR ? "tls"
                       : c->end.how == IO_END_ERROR   ? "io"
                                                      : "closed";
    return engine_fail(L, code, c->end.text);
}

/* --- the module's part --- */

static size_t limit(lua_State *L, int idx, const char *key) {
    return (size_t)engine_integer(L, idx, key, 1, LUA_MAXINTEGER, 0);
}

/* engine.connection { role =, limits = } */
static int connection(lua_State *L) {
    struct h2_limits limits = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *role = engine_string(L, 1, "role", NULL);
    bool server = role && strcmp(role, "server") == 0;
    if (role && !server && strcmp(role, "client") != 0)
        return luaL_error(L, "'role' must be \"client\" or \"server\"");
    if (engine_member(L, 1, "limits") == LUA_TTABLE) {
        int idx = lua_gettop(L);
        limits.frame = limit(L, idx, "frame");
        limits.block = limit(L, idx, "block");
        limits.queue = limit(L, idx, "queue");
        limits.transcript = limit(L, idx, "transcript");
        limits.streams = limit(L, idx, "streams");
    }
    conn_push_new(L, server ? H2_SERVER : H2_CLIENT, &limits);
    return 1;
}

static void add_methods(lua_State *L) {
    luaL_getmetatable(L, CONN);
    lua_getfield(L, -1, "__index");
    luaL_setfuncs(L, conn_h2_methods, 0);
    luaL_setfuncs(L, conn_raw_methods, 0);
    luaL_setfuncs(L, conn_tls_methods, 0);
    luaL_setfuncs(L, conn_inspect_methods, 0);
    luaL_setfuncs(L, conn_capture_methods, 0);
    lua_pop(L, 2);
}

void engine_open_conn(lua_State *L) {
    static const luaL_Reg functions[] = {{"connection", connection}, {NULL, NULL}};
    engine_metatable(L, CONN, conn_open_methods, conn_gc, conn_close_method);
    add_methods(L);
    tls_session_open(L);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &conns_key);
    luaL_setfuncs(L, functions, 0);
}
