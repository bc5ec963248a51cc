/* lua_event.h - events of a connection as Lua tables (docs/engine.md, "Connections"). */
#ifndef BIND_LUA_EVENT_H
#define BIND_LUA_EVENT_H

#include <lua.h>

#include "h2/conn.h"

void event_push(lua_State *L, const struct h2_event *e);
/* The transcript as a list. */
void event_push_transcript(lua_State *L, const struct h2_conn *c);

#endif
