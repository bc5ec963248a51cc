/* lua_frame.h - frames as Lua tables (docs/engine.md, "Frames"). */
#ifndef BIND_LUA_FRAME_H
#define BIND_LUA_FRAME_H

#include <lua.h>

#include "base/buf.h"
#include "bind/keys.h"
#include "h2/frame.h"

/* Set the members of a frame in the table at idx (absolute). */
void frame_set_members(lua_State *L, int keys, int idx, const struct h2_frame *f);

/* Append the octets of the frame table at idx to out. `fragment` replaces the member of that name
   unless NULL. Raises on misuse; otherwise 0 or a BUF_ error, with nothing appended. */
int frame_append(lua_State *L, int idx, const struct buf *fragment, struct buf *out);

/* The number of the type that the table at idx asks for, by `type` or `name`. */
int frame_table_type(lua_State *L, int idx);

/* Flags have one name each; END_STREAM and ACK share a bit. */
enum { FRAME_FLAG_COUNT = 5 };
extern const struct frame_flag {
    uint8_t bit;
    enum key key;
    const char *name;
} frame_flags[FRAME_FLAG_COUNT];
bool frame_flag_defined(uint8_t type, const struct frame_flag *flag);

/* engine.frame_encode(frame) -> octets */
int frame_encode(lua_State *L);

#endif
