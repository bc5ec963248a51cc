/* sched.h - tasks: coroutines over one uv loop, one running at a time.

   A call that waits tries first, and parks only when it would block: it puts its task on the wait
   list of what it waits for and yields with a continuation, which tries again. Whoever makes the
   condition true wakes the list; a woken task is resumed by the run loop, never from within a
   callback. */
#ifndef BIND_SCHED_H
#define BIND_SCHED_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "bind/limits.h"

struct engine;
struct task;

/* Tasks that wait for one thing, first come first served. */
struct wait_list {
    struct task *first, *last;
};

struct wait {
    double timeout; /* seconds */
    uint64_t until; /* of clock_now; 0: not parked yet */
};

enum task_state { TASK_READY, TASK_RUNNING, TASK_PARKED, TASK_DONE };

struct task {
    struct engine *engine;
    lua_State *co;
    uv_timer_t timer;
    unsigned refs; /* the userdata and the timer's handle */
    enum task_state state;
    bool failed;
    bool entered; /* the coroutine was resumed before */
    struct limits limits;
    struct wait wait;
    struct wait_list *list;   /* that it is parked on */
    struct task *next, *prev; /* in that list */
    struct task *next_ready;
    const char *what; /* the call that parked it */
    struct wait_list joiners;
    struct wait_list asleep; /* itself, in engine.wait */
    char name[64];
};

struct sched {
    struct task *current;
    lua_State *inner; /* the coroutine that runs innermost, of those that the engine resumed */
    unsigned no_park; /* depth of resumptions that a park cannot pass */
    struct task *ready_first, *ready_last;
    bool in_loop; /* a callback of the loop is running */
    size_t alive;
    lua_State *loop_state; /* that of engine.run while it runs */
    bool stop;
    struct wait outside; /* waits of code outside any task: only tries */
};

/* Begin a call that waits: read the timeout at idx (seconds; nil: fallback) and, unless it is 0,
   let what was queued leave. */
void sched_wait_begin(lua_State *L, int idx, double fallback);
/* Is the time of the call over? */
bool sched_wait_over(lua_State *L);
/* Park until the list is woken or the time is over; k then tries again. `exclusive`: raise if
   another task is on the list already. */
int sched_park(lua_State *L, struct wait_list *list, const char *what, bool exclusive,
               lua_KFunction k);

void sched_wake_all(struct wait_list *list);
/* What they wait for goes away with the state: they are never resumed. */
void sched_abandon(struct wait_list *list);

/* Take a parked task off its list and stop its timer; unpark: and let the run loop have it. */
void sched_forget(struct task *t);
void sched_unpark(struct task *t);
void sched_ready(struct task *t);

/* The running task, or NULL. */
struct task *sched_current(struct engine *e);
/* Call the function below its nargs arguments on L in the name of the task, under its limits: for
   callbacks that the loop makes while the task is parked. Like lua_pcall. */
int sched_call(lua_State *L, struct task *t, int nargs, int nresults);
/* The state that a callback of the world can call Lua on: the running coroutine, or that of
   engine.run; NULL outside both. */
lua_State *sched_state(struct engine *e);

/* engine.run: run the loop until no task is left. */
int sched_run(lua_State *L);

/* In task.c: the task ended, or passed a limit and is to be ended. Never raises but for memory. */
void task_finish(lua_State *L, struct task *t, bool returned, int nresults);
void task_unref(struct task *t);

#endif
