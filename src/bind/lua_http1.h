/* lua_http1.h - HTTP/1.1 heads as Lua tables. */
#ifndef BIND_LUA_HTTP1_H
#define BIND_LUA_HTTP1_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Parse a head: pushes the table and returns its octets; 0 while incomplete (nothing pushed); -1 on
   an error: pushes nil, "protocol", message, offset. */
ssize_t http1_push_head(lua_State *L, const uint8_t *octets, size_t len, int request);

#endif
