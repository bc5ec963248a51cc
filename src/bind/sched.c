/* sched.c - parking, waking and the run loop. */
#include "bind/sched.h"

#include <lauxlib.h>

#include "bind/engine.h"
#include "bind/lua_conn.h"

struct task *sched_current(struct engine *e) {
    return e->sched.current;
}

lua_State *sched_state(struct engine *e) {
    return e->sched.inner ? e->sched.inner : e->sched.loop_state;
}

/* --- queues of tasks --- */

static void list_append(struct wait_list *list, struct task *t) {
    t->list = list;
    t->next = NULL;
    t->prev = list->last;
    if (list->last)
        list->last->next = t;
    else
        list->first = t;
    list->last = t;
}

static void list_remove(struct task *t) {
    struct wait_list *list = t->list;
    if (!list)
        return;
    if (t->prev)
        t->prev->next = t->next;
    else
        list->first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        list->last = t->prev;
    t->list = NULL;
}

void sched_ready(struct task *t) {
    struct sched *s = &t->engine->sched;
    t->state = TASK_READY;
    t->next_ready = NULL;
    if (s->ready_last)
        s->ready_last->next_ready = t;
    else
        s->ready_first = t;
    s->ready_last = t;
    /* Timers run before the loop polls: it must not block now that there is work. */
    if (s->in_loop)
        uv_stop(t->engine->loop);
}

void sched_forget(struct task *t) {
    list_remove(t);
    uv_timer_stop(&t->timer);
}

void sched_unpark(struct task *t) {
    sched_forget(t);
    sched_ready(t);
}

void sched_wake_all(struct wait_list *list) {
    while (list->first)
        sched_unpark(list->first);
}

void sched_abandon(struct wait_list *list) {
    while (list->first)
        sched_forget(list->first);
}

/* --- waiting --- */

static struct wait *current_wait(struct engine *e) {
    return e->sched.current ? &e->sched.current->wait : &e->sched.outside;
}

static void check_can_park(lua_State *L, struct engine *e) {
    if (!e->sched.current)
        luaL_error(L, "this call waits: it must be made from a task");
    if (e->sched.inner != L)
        luaL_error(L, "cannot wait here: not the task's coroutine, nor one of engine.coroutine");
    if (e->sched.no_park || !lua_isyieldable(L))
        luaL_error(L, "cannot wait here: inside a function that cannot be suspended");
}

void sched_wait_begin(lua_State *L, int idx, double fallback) {
    struct engine *e = engine_get(L);
    struct wait *w = current_wait(e);
    double timeout = luaL_optnumber(L, idx, fallback);
    luaL_argcheck(L, timeout >= 0, idx, "a timeout cannot be negative");
    if (timeout > 0)
        check_can_park(L, e);
    w->timeout = timeout;
    w->until = 0;
    if (timeout > 0)
        conn_flush_all(e, FLUSH_SENT);
}

static uint64_t time_after(const struct engine *e, double seconds) {
    return seconds > 1e9 ? UINT64_MAX : clock_now(&e->clock) + (uint64_t)(seconds * 1e9);
}

bool sched_wait_over(lua_State *L) {
    struct engine *e = engine_get(L);
    struct wait *w = current_wait(e);
    if (w->timeout == 0)
        return true;
    return w->until && clock_now(&e->clock) >= w->until;
}

/* When the task is to be looked at again: its wait or its deadline is over. */
static uint64_t end_of_wait(const struct task *t) {
    uint64_t deadline = t->limits.deadline ? t->limits.deadline : UINT64_MAX;
    return deadline < t->wait.until ? deadline : t->wait.until;
}

static void start_timer(struct task *t);

/* The clock of waits may be behind that of timers: then there is more to wait. */
static void on_timer(uv_timer_t *timer) {
    struct task *t = timer->data;
    uint64_t now = clock_now(&t->engine->clock);
    if (now < end_of_wait(t)) {
        start_timer(t);
        return;
    }
    if (t->limits.deadline && now >= t->limits.deadline)
        t->limits.passed = LIMIT_DEADLINE;
    sched_unpark(t);
}

static void start_timer(struct task *t) {
    uint64_t until = end_of_wait(t);
    if (until == UINT64_MAX)
        return;
    uint64_t now = clock_now(&t->engine->clock);
    uint64_t left = until > now ? (until - now + 999999) / 1000000 : 0;
    uv_update_time(t->engine->loop);
    uv_timer_start(&t->timer, on_timer, left, 0);
}

int sched_park(lua_State *L, struct wait_list *list, const char *what, bool exclusive,
               lua_KFunction k) {
    struct engine *e = engine_get(L);
    struct task *t = e->sched.current;
    check_can_park(L, e);
    if (exclusive && list->first)
        return luaL_error(L, "%s: task '%s' waits here already (%s)", what, list->first->name,
                          list->first->what);
    if (!t->wait.until)
        t->wait.until = time_after(e, t->wait.timeout);
    t->what = what;
    t->state = TASK_PARKED;
    list_append(list, t);
    start_timer(t);
    return lua_yieldk(L, 0, 0, k);
}

/* --- callbacks in the name of a task --- */

static int call_in_thread(lua_State *L) {
    struct engine *e = engine_get(L);
    int nargs = lua_gettop(L) - 1;
    int results = 0;
    lua_State *co = lua_newthread(L);
    struct limits *l = &e->sched.current->limits;
    limits_hook(co, l);
    lua_insert(L, 1);
    lua_xmove(L, co, nargs + 1);
    lua_State *outer = limits_switch(co, l);
    int status = lua_resume(co, L, nargs, &results);
    limits_switch(outer, l);
    if (status == LUA_OK) {
        luaL_checkstack(L, results, NULL);
        lua_xmove(co, L, results);
        return results;
    }
    if (status == LUA_YIELD)
        return luaL_error(L, limits_passed(e) ? "the task is over its limit"
                                              : "cannot yield from this function");
    lua_xmove(co, L, 1);
    return lua_error(L);
}

int sched_call(lua_State *L, struct task *t, int nargs, int nresults) {
    struct sched *s = &t->engine->sched;
    struct task *current = s->current;
    lua_State *inner = s->inner;
    s->current = t;
    s->inner = NULL; /* a callback cannot wait */
    if (!current)
        limits_enter(t->engine, &t->limits);
    lua_pushcfunction(L, call_in_thread);
    lua_insert(L, -nargs - 2);
    int status = lua_pcall(L, nargs + 1, nresults, 0);
    if (!current)
        limits_leave(t->engine, &t->limits);
    s->current = current;
    s->inner = inner;
    return status;
}

/* --- the run loop --- */

static void resume(lua_State *L, struct task *t) {
    struct sched *s = &t->engine->sched;
    int results = 0;
    int nargs = t->entered ? 0 : lua_gettop(t->co) - 1;
    s->current = t;
    s->inner = t->co;
    t->entered = true;
    t->state = TASK_RUNNING;
    limits_enter(t->engine, &t->limits);
    limits_hook(t->co, &t->limits);
    limits_switch(t->co, &t->limits);
    int status = lua_resume(t->co, L, nargs, &results);
    limits_switch(NULL, NULL);
    limits_leave(t->engine, &t->limits);
    s->inner = NULL;
    if (status != LUA_YIELD || t->limits.passed)
        task_finish(L, t, status != LUA_YIELD, results);
    else {
        lua_pop(t->co, results);
        if (t->state == TASK_RUNNING) /* a bare coroutine.yield */
            sched_ready(t);
    }
    s->current = NULL;
}

/* Those that are ready now; what they wake runs after the loop was polled. */
static void run_ready(lua_State *L, struct engine *e) {
    struct sched *s = &e->sched;
    struct task *last = s->ready_last;
    while (s->ready_first && !s->stop) {
        struct task *t = s->ready_first;
        bool end = t == last;
        s->ready_first = t->next_ready;
        if (!s->ready_first)
            s->ready_last = NULL;
        if (t->limits.passed)
            task_finish(L, t, false, 0);
        else
            resume(L, t);
        conn_flush_all(e, FLUSH_SENT);
        if (end)
            break;
    }
    conn_flush_all(e, FLUSH_REPLIES);
}

static int run_loop(lua_State *L) {
    struct engine *e = engine_get(L);
    struct sched *s = &e->sched;
    conn_flush_all(e, FLUSH_SENT);
    while (s->alive && !s->stop) {
        run_ready(L, e);
        if (!s->alive || s->stop)
            break;
        s->in_loop = true;
        int more = clock_turn(&e->clock, s->ready_first ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        s->in_loop = false;
        signal_dispatch(L, e);
        if (!more && !s->ready_first && s->alive)
            return luaL_error(L, "every task waits, and nothing can wake one");
    }
    uv_run(e->loop, UV_RUN_NOWAIT);
    return 0;
}

static int add_traceback(lua_State *L) {
    if (lua_type(L, 1) == LUA_TSTRING)
        luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

int sched_run(lua_State *L) {
    struct sched *s = &engine_get(L)->sched;
    if (s->loop_state)
        return luaL_error(L, "engine.run is running already");
    s->loop_state = L;
    s->stop = false;
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run_loop);
    int status = lua_pcall(L, 0, 0, -2);
    s->loop_state = NULL;
    s->current = NULL;
    s->inner = NULL;
    return status == LUA_OK ? 0 : lua_error(L);
}
