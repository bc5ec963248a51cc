/* lua_frame.h - frames as Lua tables (docs/engine.md, "Frames"). */
#ifndef BIND_LUA_FRAME_H
#define BIND_LUA_FRAME_H

#include <lua.h>

#include "base/buf.h"
#include "h2/frame.h"

/* Set the members of a frame in the table at idx (absolute). */
void frame_set_members(lua_State *L, int keys, int idx, const struct h2_frame *f);

/* Append the octets of the frame table at idx to out. `fragment` replaces the member of that name
   unless NULL. Raises on misuse; otherwise 0 or a BUF_ error, with nothing appended. */
int frame_append(lua_State *L, int idx, const struct buf *fragment, struct buf *out);

/* Does the type carry a field block fragment that opens one (HEADERS, PUSH_PROMISE)? */
int frame_table_type(lua_State *L, int idx);

#endif
