/* lua_hpack.h - field lists of Lua to field blocks and back (docs/engine.md, "HPACK"). */
#ifndef BIND_LUA_HPACK_H
#define BIND_LUA_HPACK_H

#include <lua.h>

#include "base/buf.h"
#include "h2/conn.h"
#include "h2/hpack.h"

/* Append the field block of the list at idx. Raises on misuse; what was encoded until then has
   changed the encoder's table already. 0 or a BUF_ error. */
int fields_encode(lua_State *L, int idx, struct hpack_encoder *encoder, struct buf *out);

/* Push { size =, max =, { name, value }, ... }, newest first. */
void hpack_table_push(lua_State *L, const struct hpack_table *t);

/* "truncated", "integer", ...: the `status` of an error. */
const char *hpack_status_name(enum hpack_status status);

/* In lua_event.c: push one decoded field; an error of decoding. */
void field_push(lua_State *L, int keys, const struct h2_field *f);
void field_error_push(lua_State *L, int keys, const struct hpack_error *error);

#endif
