/* lua_conn.h - a connection as Lua holds it: the transport, the bookkeeping, what is queued and
   unread.

   The userdata points to a struct lconn on the heap, which the transport's callbacks use too: it
   goes when both have let go of it. */
#ifndef BIND_LUA_CONN_H
#define BIND_LUA_CONN_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bind/engine.h"
#include "bind/gate.h"
#include "bind/sched.h"
#include "h2/conn.h"
#include "io/stream.h"

#define CONN "h2probe.connection"

/* Uservalues of the userdata. */
enum {
    CONN_UV_TLS = 1 /* callbacks */,
    CONN_UV_INFO /* what conn:tls() told */,
    CONN_UV_COUNT = 2
};

enum conn_phase { CONN_NEW, CONN_CONNECTING, CONN_OPEN, CONN_CLOSED };

struct conn_record {
    size_t len;
    bool sent;
};

struct conn_end {
    bool ended;
    enum io_end_how how;
    int alert;
    const char *alert_name; /* static */
    char text[256];
};

struct lconn {
    struct engine *engine;
    unsigned refs; /* the userdata and the transport */
    enum h2_role role;
    enum conn_phase phase;
    struct io_stream *stream; /* NULL unless CONNECTING or OPEN */
    struct h2_conn *h2;
    struct h2_event *event; /* one that is being handed to Lua */
    struct gate gate;       /* where automatic replies may go between what the script sends */
    struct buf in;          /* received before HTTP/2, unread */
    struct buf out;         /* queued since the last flush */
    size_t told;            /* octets of out that the bookkeeping has seen */
    size_t in_limit;        /* octets in `in` at which reading stops */
    bool paused;
    bool failed; /* memory ran out */
    struct lconn *next_unflushed[FLUSH_TIMES];
    bool unflushed[FLUSH_TIMES]; /* it is in that list of the engine */
    struct wait_list waiters;
    int connect_error;
    char connect_text[256];
    bool secure; /* the handshake is complete */
    bool tls_started;
    unsigned handshakes_told;   /* that conn:tls() has told of */
    bool callback_failed;       /* its error waits in the uservalue */
    struct io_capture *capture; /* what conn:capture() tells; NULL: not recorded */
    struct buf *records; /* raw TLS records, each after a struct conn_record; NULL: not kept */
    struct conn_end end;
    char peer[128], local[128];
};

/* The connection at stack index idx; raises if it is not one. */
struct lconn *conn_check(lua_State *L, int idx);
/* The same, and it must have a transport: raises before connect; after close it may be CONN_CLOSED.
 */
struct lconn *conn_check_opened(lua_State *L);

/* Push a new connection, without a transport. */
struct lconn *conn_push_new(lua_State *L, enum h2_role role, const struct h2_limits *limits);
/* Start a transport for it; NULL: out of memory. Or take one that was accepted. */
struct io_stream *conn_new_stream(struct lconn *c);
void conn_accepted(struct lconn *c, struct io_stream *stream);

/* Queue octets that the script sends; false when too many wait. */
bool conn_queue(struct lconn *c, const void *octets, size_t n);
/* Flush it then; conn_flush_all does. */
void conn_flush_at(struct lconn *c, enum flush_time when);
/* Let the bookkeeping see what is queued, and queue what is to be answered automatically: before
 * anything that asks it. */
void conn_tell(struct lconn *c);
/* The same where there is such an answer: it goes before what the script sends now. */
void conn_place_replies(struct lconn *c);
void conn_flush(struct lconn *c);
void conn_flush_all(struct engine *e, enum flush_time when);
void conn_drop_event(struct lconn *c);
/* Go on reading when there is room again. */
void conn_update_reading(struct lconn *c);
/* Flush what the script sent and close the transport. */
void conn_close(struct lconn *c);
void conn_note(struct lconn *c, enum h2_dir dir, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* conn:close() */
int conn_close_method(lua_State *L);

/* nil, code, message for a connection that ended and has nothing unread. */
int conn_fail_ended(lua_State *L, const struct lconn *c);

/* The userdata of a connection, for callbacks: pushes it or nil. */
bool conn_push_userdata(lua_State *L, const struct lconn *c);

/* Parts of the method table. */
extern const luaL_Reg conn_open_methods[], conn_h2_methods[], conn_raw_methods[],
    conn_tls_methods[], conn_inspect_methods[], conn_capture_methods[];

#endif
