/* lua_http1.c - HTTP/1.1 heads for Lua (RFC 9112 sections 2 to 6). */
#include "bind/lua_http1.h"

#include <lauxlib.h>
#include <string.h>

#include "bind/engine.h"
#include "h2/http1.h"

static void set_text(lua_State *L, const char *key, struct http1_text text) {
    lua_pushlstring(L, text.len ? text.at : "", text.len);
    lua_setfield(L, -2, key);
}

static void push_fields(lua_State *L, const struct http1_head *h) {
    lua_createtable(L, (int)h->field_count, 0);
    for (size_t i = 0; i < h->field_count; i++) {
        const struct http1_field *f = &h->fields[i];
        lua_createtable(L, 2, 0);
        lua_pushlstring(L, f->name.at, f->name.len);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, f->value.len ? f->value.at : "", f->value.len);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_head(lua_State *L, const struct http1_head *h, const char *raw) {
    lua_createtable(L, 0, 6);
    if (h->request) {
        set_text(L, "method", h->method);
        set_text(L, "target", h->target);
    } else {
        lua_pushinteger(L, h->status);
        lua_setfield(L, -2, "status");
        set_text(L, "reason", h->reason);
    }
    lua_pushfstring(L, "%d.%d", (int)h->major, (int)h->minor);
    lua_setfield(L, -2, "version");
    push_fields(L, h);
    lua_setfield(L, -2, "fields");
    lua_pushlstring(L, raw, h->raw_len);
    lua_setfield(L, -2, "raw");
}

ssize_t http1_push_head(lua_State *L, const uint8_t *octets, size_t len, int request) {
    struct http1_head head;
    struct http1_error error = {0};
    ssize_t n = http1_parse(octets, len, request, &head, &error);
    if (n > 0)
        push_head(L, &head, (const char *)octets);
    if (n < 0) {
        engine_fail(L, "protocol", NULL);
        lua_pop(L, 1);
        lua_pushfstring(L, "%s (%s)", error.text ? error.text : "malformed head",
                        error.rule ? error.rule : "RFC9112-2");
        lua_pushinteger(L, (lua_Integer)error.offset);
    }
    return n;
}

/* engine.http1_parse(octets, "request" | "response") */
static int parse(lua_State *L) {
    static const char *const kinds[] = {"response", "request", NULL};
    size_t len;
    const char *octets = luaL_checklstring(L, 1, &len);
    int request = luaL_checkoption(L, 2, NULL, kinds);
    ssize_t n = http1_push_head(L, (const uint8_t *)octets, len, request);
    if (n < 0)
        return 4;
    if (n == 0)
        return 0;
    lua_pushinteger(L, n);
    return 2;
}

/* engine.http1_body(head, request_method): the head's raw octets are parsed again, so a head can
   only be one that was parsed. */
static int body(lua_State *L) {
    static const char *const names[] = {"none", "length", "chunked", "close", "invalid"};
    struct http1_head head;
    struct http1_error error;
    uint64_t length = 0;
    size_t len;
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *method = luaL_optstring(L, 2, "");
    bool request = engine_member(L, 1, "method") != LUA_TNIL;
    const char *raw = engine_string(L, 1, "raw", &len);
    if (!raw || http1_parse((const uint8_t *)raw, len, request, &head, &error) <= 0)
        return luaL_argerror(L, 1, "not a head that was parsed");
    enum http1_body kind = http1_body_kind(&head, strcmp(method, "HEAD") == 0, &length);
    lua_pushstring(L, names[kind]);
    if (kind != HTTP1_BODY_LENGTH)
        return 1;
    lua_pushinteger(L, length > LUA_MAXINTEGER ? LUA_MAXINTEGER : (lua_Integer)length);
    return 2;
}

void engine_open_http1(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"http1_parse", parse}, {"http1_body", body}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
