/* lua_tls.c - options of start_tls, its callbacks, the info table, sessions (RFC 8446, RFC 7301).
 */
#include "bind/lua_tls.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "bind/engine.h"

#define SESSION "h2probe.tls_session"
enum { EXT_ALPN = 16, EXT_VERSIONS = 43, HELLO_VERSION = 4, ALERT_INTERNAL = 80 };

/* --- callbacks: called from the handshake, that is from the loop --- */

/* Push the function `key` of the connection for a call; NULL: nobody waits for it any more. */
static lua_State *begin_call(struct lconn *c, const char *key) {
    lua_State *L = sched_state(c->engine);
    if (!L || !c->waiters.first || !lua_checkstack(L, LUA_MINSTACK))
        return NULL;
    if (!conn_push_userdata(L, c)) {
        lua_pop(L, 1);
        return NULL;
    }
    lua_getiuservalue(L, -1, CONN_UV_TLS);
    lua_pushstring(L, key);
    lua_rawget(L, -2);
    return L;
}

/* The error at the top is raised by start_tls when it goes on. */
static void keep_error(lua_State *L, struct lconn *c) {
    conn_push_userdata(L, c);
    lua_getiuservalue(L, -1, CONN_UV_TLS);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, 1);
    c->callback_failed = true;
}

struct callback {
    struct lconn *c;
    const uint8_t *in;
    size_t n;
    const char *key; /* rewrite, take */
    struct buf *out;
    uint8_t *name; /* select */
    int result;
};

static int call_rewrite(lua_State *L) {
    struct callback *cb = lua_touserdata(L, 1);
    size_t n;
    if (!begin_call(cb->c, cb->key))
        return 0;
    lua_pushlstring(L, (const char *)cb->in, cb->n);
    if (sched_call(L, cb->c->waiters.first, 1, 1) != LUA_OK)
        return lua_error(L);
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TSTRING)
        return luaL_error(L, "'%s' must return octets or nil", cb->key);
    const char *octets = lua_tolstring(L, -1, &n);
    cb->result = buf_append(cb->out, octets, n);
    return 0;
}

static void push_names(lua_State *L, const uint8_t *list, size_t n) {
    lua_newtable(L);
    for (lua_Integer i = 1; n > 0 && list[0] < n; i++) {
        size_t len = list[0];
        lua_pushlstring(L, (const char *)list + 1, len);
        lua_rawseti(L, -2, i);
        list += 1 + len;
        n -= 1 + len;
    }
}

static int alert_result(lua_State *L) {
    if (lua_isnil(L, -1))
        return -1;
    int number = lua_type(L, -1) == LUA_TSTRING ? tls_alert_number(lua_tostring(L, -1))
                                                : (int)luaL_checkinteger(L, -1);
    luaL_argcheck(L, number >= 0 && number <= 255, 2, "no such alert");
    return -2 - number;
}

static int call_select(lua_State *L) {
    struct callback *cb = lua_touserdata(L, 1);
    size_t n;
    if (!begin_call(cb->c, "select"))
        return 0;
    push_names(L, cb->in, cb->n);
    if (sched_call(L, cb->c->waiters.first, 1, 2) != LUA_OK)
        return lua_error(L);
    if (lua_type(L, -2) == LUA_TBOOLEAN && !lua_toboolean(L, -2))
        cb->result = alert_result(L);
    else if (lua_isnil(L, -2))
        cb->result = 0;
    else {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &n) : NULL;
        if (!name || n == 0 || n > 255)
            return luaL_error(L, "'select' must return a name of 1 to 255 octets, nil or false");
        memcpy(cb->name, name, n);
        cb->result = (int)n;
    }
    return 0;
}

static int run_callback(struct callback *cb, lua_CFunction function, int failed) {
    lua_State *L = sched_state(cb->c->engine);
    if (!L || !lua_checkstack(L, LUA_MINSTACK))
        return failed;
    int top = lua_gettop(L);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, cb);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        keep_error(L, cb->c);
        cb->result = failed;
    }
    lua_settop(L, top);
    return cb->result;
}

static int on_rewrite(void *ctx, const uint8_t *record, size_t n, struct buf *out) {
    struct callback cb = {
        .c = ctx, .in = record, .n = n, .key = "rewrite", .out = out, .result = -1};
    return run_callback(&cb, call_rewrite, -1);
}

static int on_take(void *ctx, const uint8_t *record, size_t n, struct buf *out) {
    struct callback cb = {.c = ctx, .in = record, .n = n, .key = "take", .out = out, .result = -1};
    return run_callback(&cb, call_rewrite, -1);
}

static int on_select(void *ctx, const uint8_t *offered, size_t n, uint8_t out[255]) {
    struct callback cb = {.c = ctx, .in = offered, .n = n, .name = out, .result = -1};
    return run_callback(&cb, call_select, -2 - ALERT_INTERNAL);
}

/* --- options --- */

static void add_name(lua_State *L, luaL_Buffer *b, int list, lua_Integer i) {
    size_t n = 0;
    lua_rawgeti(L, list, i);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
    if (!name || n > 255)
        luaL_error(L, "'alpn' must be a list of strings of at most 255 octets");
    lua_pop(L, 1); /* the list keeps it; the buffer wants the top */
    luaL_addchar(b, (char)n);
    luaL_addlstring(b, name, n);
}

/* `alpn`: names, or the octets of a ProtocolNameList; pushed as a string. */
static const uint8_t *read_alpn(lua_State *L, int idx, const char *key, size_t *len) {
    luaL_Buffer b;
    int type = engine_member(L, idx, key);
    if (type == LUA_TTABLE) {
        int list = lua_gettop(L);
        lua_Integer count = (lua_Integer)lua_rawlen(L, list);
        luaL_buffinit(L, &b);
        for (lua_Integer i = 1; i <= count; i++)
            add_name(L, &b, list, i);
        luaL_pushresult(&b);
    } else if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "'%s' must be a list of names or a string of octets", key);
    return type == LUA_TNIL ? NULL : (const uint8_t *)lua_tolstring(L, -1, len);
}

static void read_strings(lua_State *L, int idx, struct tls_options *o) {
    const struct {
        const char *key, **to;
    } members[] = {{"min_version", &o->min_version}, {"max_version", &o->max_version},
                   {"ciphers", &o->ciphers},         {"ciphersuites", &o->ciphersuites},
                   {"groups", &o->groups},           {"cert_file", &o->cert_file},
                   {"key_file", &o->key_file},       {"ca_file", &o->ca_file},
                   {"verify_name", &o->verify_name}, {"own_name", &o->own_name}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        *members[i].to = engine_string(L, idx, members[i].key, NULL);
    if (engine_member(L, idx, "sni") == LUA_TSTRING)
        o->sni = lua_tostring(L, -1);
    else if (lua_toboolean(L, -1))
        luaL_error(L, "'sni' must be a string or false");
}

/* Push the function at key, or nil, and store it in the table at `callbacks`. */
static bool read_callback(lua_State *L, int idx, int callbacks, const char *key) {
    int type = engine_member(L, idx, key);
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        luaL_error(L, "'%s' must be a function", key);
    lua_setfield(L, callbacks, key);
    return type == LUA_TFUNCTION;
}

static struct tls_session *read_session(lua_State *L, int idx) {
    if (engine_member(L, idx, "session") == LUA_TNIL)
        return NULL;
    struct tls_session **session = luaL_testudata(L, -1, SESSION);
    if (!session || !*session)
        luaL_error(L, "'session' must be what conn:session() returned");
    return *session;
}

void tls_options_read(lua_State *L, int idx, struct lconn *c, struct tls_options *out) {
    memset(out, 0, sizeof *out);
    luaL_checkstack(L, 24, NULL);
    out->alpn = read_alpn(L, idx, "alpn", &out->alpn_len);
    out->alpn_taken = read_alpn(L, idx, "alpn_taken", &out->alpn_taken_len);
    read_strings(L, idx, out);
    out->session = read_session(L, idx);
    out->verify = engine_boolean(L, idx, "verify", c->role == H2_CLIENT);
    out->alpn_force = engine_boolean(L, idx, "force", false);
    out->tickets = engine_boolean(L, idx, "tickets", false);
    out->refuse_renegotiation = engine_boolean(L, idx, "refuse_renegotiation", false);
    out->early_data = engine_boolean(L, idx, "early_data", false);
    out->post_handshake_auth = engine_boolean(L, idx, "post_handshake_auth", false);
    out->ctx = c;
    lua_newtable(L);
    int callbacks = lua_gettop(L);
    if (read_callback(L, idx, callbacks, "rewrite"))
        out->rewrite = on_rewrite;
    if (read_callback(L, idx, callbacks, "take"))
        out->take = on_take;
    if (read_callback(L, idx, callbacks, "select"))
        out->select = on_select;
}

/* --- the info table --- */

static void set_string(lua_State *L, const char *key, const char *text) {
    if (!text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static void push_version(lua_State *L, unsigned version) {
    if (version >= 0x0301 && version <= 0x0304)
        lua_pushfstring(L, "1.%d", (int)version - 0x0301);
    else {
        char text[16];
        snprintf(text, sizeof text, "0x%04x", version);
        lua_pushstring(L, text);
    }
}

/* supported_versions (RFC 8446 section 4.2.1), or the version of the message itself. */
static void push_versions(lua_State *L, const uint8_t *hello, size_t n) {
    size_t len = 0;
    const uint8_t *list = tls_hello_extension(hello, n, EXT_VERSIONS, &len);
    lua_newtable(L);
    if (!list) {
        push_version(L, (unsigned)hello[HELLO_VERSION] << 8 | hello[HELLO_VERSION + 1]);
        lua_rawseti(L, -2, 1);
        return;
    }
    for (size_t i = 1; i + 1 < len; i += 2) {
        push_version(L, (unsigned)list[i] << 8 | list[i + 1]);
        lua_rawseti(L, -2, (lua_Integer)i / 2 + 1);
    }
}

static void push_client_hello(lua_State *L, const struct tls_info *info) {
    size_t len = 0;
    const uint8_t *hello = info->client_hello;
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, (const char *)hello, info->client_hello_len);
    lua_setfield(L, -2, "raw");
    const uint8_t *alpn = tls_hello_extension(hello, info->client_hello_len, EXT_ALPN, &len);
    if (alpn && len >= 2) {
        push_names(L, alpn + 2, len - 2);
        lua_setfield(L, -2, "alpn");
    }
    set_string(L, "sni", info->sni);
    push_versions(L, hello, info->client_hello_len);
    lua_setfield(L, -2, "versions");
}

static void set_octets(lua_State *L, const char *key, const uint8_t *octets, size_t n) {
    if (!octets)
        return;
    lua_pushlstring(L, (const char *)octets, n);
    lua_setfield(L, -2, key);
}

static void set_alerts(lua_State *L, const struct tls_info *info) {
    if (info->alert_received > 0) { /* 0 is close_notify */
        set_string(L, "alert", tls_alert_name(info->alert_received));
        lua_pushinteger(L, info->alert_received);
        lua_setfield(L, -2, "alert_number");
    }
    if (info->alert_sent > 0) {
        set_string(L, "alert_sent", tls_alert_name(info->alert_sent));
        lua_pushinteger(L, info->alert_sent);
        lua_setfield(L, -2, "alert_sent_number");
    }
    if (info->warning_received >= 0)
        set_string(L, "warning", tls_alert_name(info->warning_received));
}

static void set_number(lua_State *L, const char *key, unsigned n) {
    lua_pushinteger(L, n);
    lua_setfield(L, -2, key);
}

void tls_info_set(lua_State *L, const struct tls_info *info) {
    lua_pushboolean(L, info->done);
    lua_setfield(L, -2, "done");
    set_string(L, "version", info->version);
    set_string(L, "cipher", info->cipher);
    set_string(L, "group", info->group);
    if (info->alpn_len > 0) {
        lua_pushlstring(L, (const char *)info->alpn, info->alpn_len);
        lua_setfield(L, -2, "alpn");
    }
    lua_pushboolean(L, info->resumed);
    lua_setfield(L, -2, "resumed");
    set_string(L, "early_data", info->early_data);
    set_string(L, "sni", info->sni);
    set_string(L, "verify_error", info->verify_error);
    set_string(L, "subject", info->peer_subject);
    if (info->covers >= 0) {
        lua_pushboolean(L, info->covers);
        lua_setfield(L, -2, "covers");
    }
    if (info->client_hello_len > HELLO_VERSION + 1) {
        push_client_hello(L, info);
        lua_setfield(L, -2, "client_hello");
    }
    set_octets(L, "server_hello", info->server_hello, info->server_hello_len);
    set_octets(L, "encrypted_extensions", info->encrypted_extensions,
               info->encrypted_extensions_len);
    lua_pushboolean(L, info->hello_retried);
    lua_setfield(L, -2, "hello_retried");
}

void tls_info_set_counters(lua_State *L, const struct tls_info *info) {
    set_alerts(L, info);
    set_number(L, "renegotiated", info->renegotiated);
    set_number(L, "renegotiations", info->renegotiations);
    set_number(L, "key_updates", info->key_updates);
    set_number(L, "certificate_requests", info->certificate_requests);
}

/* engine.own_certificates() -> PEM */
static int own_certificates(lua_State *L) {
    struct buf *pem = engine_scratch(&engine_get(L)->scratch);
    int status = tls_own_certificates(pem);
    if (status == -3)
        return engine_fail(L, "tls", "the certificates could not be made");
    engine_check_buf(L, status);
    lua_pushlstring(L, (const char *)pem->data, pem->len);
    return 1;
}

/* engine.own_identity() -> certificate, key: both PEM */
static int own_identity(lua_State *L) {
    struct buf *pem = engine_scratch(&engine_get(L)->scratch);
    size_t cert_len;
    int status = tls_own_identity(pem, &cert_len);
    if (status == -3)
        return engine_fail(L, "tls", "the certificate could not be made");
    engine_check_buf(L, status);
    lua_pushlstring(L, (const char *)pem->data, cert_len);
    lua_pushlstring(L, (const char *)pem->data + cert_len, pem->len - cert_len);
    return 2;
}

/* --- sessions --- */

static int session_gc(lua_State *L) {
    struct tls_session **session = luaL_checkudata(L, 1, SESSION);
    if (*session)
        tls_session_free(*session);
    *session = NULL;
    return 0;
}

int tls_session_push(lua_State *L, struct tls_conn *t) {
    struct tls_session **session = lua_newuserdatauv(L, sizeof *session, 0);
    *session = NULL;
    luaL_setmetatable(L, SESSION);
    *session = tls_conn_session(t);
    return *session != NULL;
}

void tls_session_open(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"own_certificates", own_certificates}, {"own_identity", own_identity}, {NULL, NULL}};
    engine_metatable(L, SESSION, none, session_gc, NULL);
    luaL_setfuncs(L, functions, 0);
}
