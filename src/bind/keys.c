/* keys.c - interned member names. */
#include "bind/keys.h"

static char keys_key;

void keys_open(lua_State *L) {
    lua_createtable(L, KEY_END - 1, 0);
#define X(name)                                                                                    \
    lua_pushliteral(L, #name);                                                                     \
    lua_rawseti(L, -2, KEY_##name);
    KEYS(X)
#undef X
    lua_rawsetp(L, LUA_REGISTRYINDEX, &keys_key);
}

int keys_push(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &keys_key);
    return lua_gettop(L);
}

void key_value(lua_State *L, int keys, int idx, enum key key) {
    lua_rawgeti(L, keys, key);
    lua_insert(L, -2);
    lua_rawset(L, idx);
}

void key_integer(lua_State *L, int keys, int idx, enum key key, lua_Integer value) {
    lua_rawgeti(L, keys, key);
    lua_pushinteger(L, value);
    lua_rawset(L, idx);
}

void key_boolean(lua_State *L, int keys, int idx, enum key key, bool value) {
    lua_rawgeti(L, keys, key);
    lua_pushboolean(L, value);
    lua_rawset(L, idx);
}

void key_octets(lua_State *L, int keys, int idx, enum key key, const void *octets, size_t n) {
    lua_rawgeti(L, keys, key);
    lua_pushlstring(L, n ? octets : "", n);
    lua_rawset(L, idx);
}

void key_string(lua_State *L, int keys, int idx, enum key key, const char *text) {
    lua_rawgeti(L, keys, key);
    lua_pushstring(L, text);
    lua_rawset(L, idx);
}
