/* lua_tls.h - TLS options and what was negotiated, as Lua tables (docs/engine.md, "Connections").
 */
#ifndef BIND_LUA_TLS_H
#define BIND_LUA_TLS_H

#include <lua.h>

#include "bind/lua_conn.h"
#include "io/tls.h"

/* Read the table at idx. Strings are borrowed from it, and from what is left on the stack. The
   callbacks are put into a table, pushed last: `rewrite`, `take`, `select`. */
void tls_options_read(lua_State *L, int idx, struct lconn *c, struct tls_options *out);

/* Set the members of the info table on top of the stack that a handshake decides; and those that
 * may change after it. */
void tls_info_set(lua_State *L, const struct tls_info *info);
void tls_info_set_counters(lua_State *L, const struct tls_info *info);

/* Push the newest session of a connection as userdata that owns it; 0 if there is none. */
int tls_session_push(lua_State *L, struct tls_conn *t);
void tls_session_open(lua_State *L);

#endif
