/* limits.h - what ends a script that will not end: instructions, time, memory.

   Instructions are counted by a hook, which only slices get that last: a slice begins without one,
   and a tick of the process's own CPU time sets it on the coroutine that runs.

   A limit does not raise an error that pcall could catch: the count hook yields out of the
   coroutine (a yield passes pcall and xpcall), and the scheduler never resumes it. Where a yield is
   impossible (inside table.sort, string.gsub, a metamethod called from C) the hook raises, and
   raises again at every instruction until control is back where it can yield. */
#ifndef BIND_LIMITS_H
#define BIND_LIMITS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;
struct engine;

enum limit { LIMIT_NONE, LIMIT_DEADLINE, LIMIT_INSTRUCTIONS, LIMIT_MEMORY, LIMIT_CANCELED };
const char *limit_name(enum limit limit); /* "deadline" ...; NULL for LIMIT_NONE */

struct memory {
    lua_Alloc next; /* the allocator that this one wraps */
    void *next_ud;
    size_t used;    /* octets that Lua has now */
    size_t ceiling; /* the running task's cap; SIZE_MAX without */
    size_t hard;    /* where allocation itself fails; SIZE_MAX without */
    bool looked;    /* the hook was told to look at the memory */
    bool retry;     /* an allocation failed, and Lua collects and tries again */
    struct engine *engine;
};

void memory_install(lua_State *L, struct engine *e);
void memory_uninstall(lua_State *L, struct engine *e);

struct limits {
    enum limit passed;
    uint64_t deadline;     /* of clock_now; 0: none */
    uint64_t instructions; /* 0: none */
    uint64_t executed;
    size_t memory; /* octets; 0: none */
    size_t own;    /* net growth while the task ran */
    size_t floor;  /* least use of the state at the start of any slice of the task */
    size_t slice_start;
    volatile bool watched; /* this slice has seen a tick: its coroutines get the hook */
    bool closing;    /* pending variables are being closed: a small extra budget, and no yields */
    bool grace_over; /* that is used up, too */
    uint64_t grace_instructions, grace_deadline;
};

bool limits_any(const struct limits *l);
/* A slice of the task begins and ends: memory is charged to it in between. */
void limits_enter(struct engine *e, struct limits *l);
void limits_leave(struct engine *e, struct limits *l);
/* The tick that finds slices which last: its start, with the first engine, and its end. */
void limits_open(void);
void limits_close(void);
/* This coroutine of the task runs from here on (NULL: none); returns the one that ran. */
lua_State *limits_switch(lua_State *co, struct limits *l);
/* Install the hook (or none) on a coroutine of the task. */
void limits_hook(lua_State *co, const struct limits *l);
/* Short code in a coroutine of its own would never meet the hook: charge it. */
void limits_charge(struct limits *l, uint64_t instructions);
/* Has the running task passed a limit? */
bool limits_passed(struct engine *e);
/* Leave a C function of a task that passed a limit: yields, or raises where it cannot. */
int limits_leave_call(lua_State *L);
/* Close the pending variables of a coroutine that will not be resumed. */
void limits_close_thread(lua_State *L, struct engine *e, struct limits *l, lua_State *co);

#endif
