/* engine.h - what the files of the Lua binding share: the engine of one Lua state. */
#ifndef BIND_ENGINE_H
#define BIND_ENGINE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "bind/clock.h"
#include "bind/limits.h"
#include "bind/sched.h"

struct lconn;
struct signal_watch;

/* When a connection is flushed: when the task that sent waits or ends; when all tasks of a turn of
   the loop have run. */
enum flush_time { FLUSH_SENT, FLUSH_REPLIES, FLUSH_TIMES };

struct engine {
    uv_loop_t *loop;      /* on the heap: outlives the state if a handle does not close in time */
    struct memory memory; /* accounting of the Lua state's allocations */
    struct sched sched;
    struct clock clock; /* of waits and deadlines */
    struct lconn *unflushed[FLUSH_TIMES];
    struct signal_watch *signals;
    struct buf scratch; /* a field block, a list; content lives for one call */
    struct buf wire;    /* a payload; the same */
    struct buf frame;   /* a whole frame; the same */
};

/* The engine of this state; raises when the module was never opened. */
struct engine *engine_get(lua_State *L);

/* The error of the outside world: pushes nil, code, message and returns 3. */
int engine_fail(lua_State *L, const char *code, const char *message);
/* The same for a negative uv error: "refused", "unreachable", "resolve", ... */
int engine_fail_uv(lua_State *L, int error, const char *message);
/* Raise for a BUF_ error of a scratch buffer. */
void engine_check_buf(lua_State *L, int status);
/* Empty a scratch buffer; a large one gives its memory back. */
struct buf *engine_scratch(struct buf *b);

/* Push the member `key` of the table at idx, without metamethods; its type. */
int engine_member(lua_State *L, int idx, const char *key);
/* An optional member with a range; raises naming the member. `fallback` when nil. */
lua_Integer engine_integer(lua_State *L, int idx, const char *key, lua_Integer low,
                           lua_Integer high, lua_Integer fallback);
/* An optional string member: the string stays on the stack (nil too); NULL when nil. */
const char *engine_string(lua_State *L, int idx, const char *key, size_t *len);
bool engine_boolean(lua_State *L, int idx, const char *key, bool fallback);

/* A metatable for a kind of userdata: methods, __index, __gc, __name; `close` is __close unless
 * NULL. */
void engine_metatable(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc,
                      lua_CFunction close);

/* Each adds its functions to the module table on top of the stack. */
void engine_open_tables(lua_State *L);
void engine_open_small(lua_State *L);
void engine_open_frame(lua_State *L);
void engine_open_hpack(lua_State *L);
void engine_open_http1(lua_State *L);
void engine_open_task(lua_State *L);
void engine_open_script(lua_State *L);
void engine_open_queue(lua_State *L);
void engine_open_conn(lua_State *L);
void engine_open_listen(lua_State *L);
void engine_open_process(lua_State *L);
void engine_open_signal(lua_State *L);
void engine_open_embedded(lua_State *L);

/* Run the Lua functions of signals that arrived; an error is raised. */
void signal_dispatch(lua_State *L, struct engine *e);
/* Let go of all signals (the loop closes the handles). */
void signal_dispose(struct engine *e);

int luaopen_h2probe_engine(lua_State *L);

#endif
