/* limits.c - instruction budget, deadline and memory cap of a task. */
#include "bind/limits.h"

#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "bind/engine.h"

enum {
    TICK = 10000, /* microseconds */
    HOOK_INTERVAL = 1000,
    GRACE_INSTRUCTIONS = 100000,
    GRACE_MEMORY = 1 << 20,
};
#define GRACE_TIME (UINT64_C(100) * 1000 * 1000)

const char *limit_name(enum limit limit) {
    static const char *const names[] = {NULL, "deadline", "instructions", "memory", "canceled"};
    return names[limit];
}

static struct limits *running(struct engine *e) {
    struct task *t = e->sched.current;
    return t ? &t->limits : NULL;
}

bool limits_any(const struct limits *l) {
    return l->deadline || l->instructions || l->memory;
}

bool limits_passed(struct engine *e) {
    const struct limits *l = running(e);
    return l && l->passed && (!l->closing || l->grace_over);
}

/* --- the hook --- */

static void check_memory(lua_State *L, struct memory *m, struct limits *l) {
    if (m->used <= m->ceiling)
        return;
    lua_gc(L, LUA_GCCOLLECT, 0);
    if (m->used <= m->ceiling)
        return;
    if (m->used > l->floor && m->used - l->floor > l->memory)
        l->passed = LIMIT_MEMORY;
    else
        m->ceiling = l->floor + l->memory; /* what was counted had been collected elsewhere */
}

static void check_limits(lua_State *L, struct engine *e, struct limits *l) {
    if (l->instructions && l->executed >= l->instructions)
        l->passed = LIMIT_INSTRUCTIONS;
    else if (l->deadline && clock_now(&e->clock) >= l->deadline)
        l->passed = LIMIT_DEADLINE;
    else if (l->memory)
        check_memory(L, &e->memory, l);
}

/* Must control leave the running code now? */
static bool must_leave(lua_State *L, struct engine *e, struct limits *l) {
    if (!l->passed)
        check_limits(L, e, l);
    if (l->closing && !l->grace_over)
        l->grace_over = l->executed >= l->grace_instructions || uv_hrtime() >= l->grace_deadline;
    return limits_passed(e);
}

static void hook(lua_State *L, lua_Debug *ar) {
    struct engine *e = engine_get(L);
    struct limits *l = running(e);
    (void)ar;
    if (!l)
        return;
    l->executed += (uint64_t)lua_gethookcount(L);
    if (!must_leave(L, e, l)) {
        e->memory.looked = false;
        if (lua_gethookcount(L) == 1) /* it was called early, for the memory */
            limits_hook(L, l);
        return;
    }
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    if (lua_isyieldable(L) && !l->closing)
        lua_yield(L, 0);
    else
        luaL_error(L, "the task is over its limit");
}

/* Instructions between two calls of the hook; 0: none. */
static int interval(const struct limits *l) {
    if (l->passed && !l->closing)
        return 1;
    return (l->watched && limits_any(l)) || l->closing ? HOOK_INTERVAL : 0;
}

void limits_hook(lua_State *co, const struct limits *l) {
    int wanted = interval(l);
    if (wanted == (lua_gethook(co) ? lua_gethookcount(co) : 0))
        return; /* what it has counted is kept */
    lua_sethook(co, wanted ? hook : NULL, wanted ? LUA_MASKCOUNT : 0, wanted);
}

/* --- the tick --- */

/* What runs now. A hook costs a tenth of the time of all scripts, and nearly every slice is shorter
 * than a tick. */
static struct {
    lua_State *volatile co;
    struct limits *volatile limits;
} running_now;
static pthread_t ticked; /* the thread of the engines */

/* As Lua's own interpreter does it: lua_sethook may be called from a signal handler. */
static void on_tick(int signum) {
    (void)signum;
    lua_State *co = running_now.co;
    struct limits *l = running_now.limits;
    if (!co || !l || !pthread_equal(pthread_self(), ticked))
        return;
    l->watched = true;
    if (limits_any(l) && !lua_gethook(co))
        lua_sethook(co, hook, LUA_MASKCOUNT, HOOK_INTERVAL);
}

/* The time that the process computes: nothing ticks while it waits, and no system call is
 * interrupted. */
static void tick(long microseconds) {
    const struct itimerval every = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_VIRTUAL, &every, NULL);
}

void limits_open(void) {
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    ticked = pthread_self();
    sigaction(SIGVTALRM, &action, NULL);
    tick(TICK);
}

void limits_close(void) {
    tick(0);
}

lua_State *limits_switch(lua_State *co, struct limits *l) {
    lua_State *former = running_now.co;
    running_now.co = NULL;
    running_now.limits = l;
    running_now.co = co;
    return former;
}

void limits_charge(struct limits *l, uint64_t instructions) {
    l->executed += instructions;
}

int limits_leave_call(lua_State *L) {
    const struct limits *l = running(engine_get(L));
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    if (lua_isyieldable(L) && l && !l->closing)
        return lua_yield(L, 0);
    return luaL_error(L, "the task is over its limit");
}

/* --- memory --- */

static size_t add(size_t a, size_t b) {
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Growth past the hard ceiling. The first time Lua is told to collect (it tries again after that);
   the second time the live memory is really that large, as it is with one block beyond the cap. */
static bool allow(struct memory *m, size_t growth) {
    struct limits *l = running(m->engine);
    m->retry = !m->retry && l && growth <= l->memory;
    if (m->retry)
        return false;
    if (l && !l->passed) {
        l->passed = LIMIT_MEMORY;
        m->hard = add(m->used, GRACE_MEMORY); /* for messages on the way out */
        if (m->engine->sched.inner)
            lua_sethook(m->engine->sched.inner, hook, LUA_MASKCOUNT, 1);
    }
    return false;
}

/* The cap is passed, as far as is known before a collection: have the hook look at once. */
static void look_now(struct memory *m) {
    struct limits *l = running(m->engine);
    lua_State *inner = m->engine->sched.inner;
    if (m->looked || !l || !inner)
        return;
    m->looked = true;
    limits_charge(l, HOOK_INTERVAL); /* what the hook had counted is forgotten */
    lua_sethook(inner, hook, LUA_MASKCOUNT, 1);
}

static void *account(void *ud, void *block, size_t old_size, size_t new_size) {
    struct memory *m = ud;
    size_t old = block ? old_size : 0;
    if (new_size > old) {
        if (add(m->used, new_size - old) > m->hard && !allow(m, new_size - old))
            return NULL;
        m->retry = false;
        if (m->used > m->ceiling)
            look_now(m);
    }
    void *grown = m->next(m->next_ud, block, old_size, new_size);
    if (grown || new_size == 0)
        m->used += new_size - old; /* wraps where it shrinks, as it should */
    return grown;
}

void memory_install(lua_State *L, struct engine *e) {
    struct memory *m = &e->memory;
    m->engine = e;
    m->ceiling = m->hard = SIZE_MAX;
    m->next = lua_getallocf(L, &m->next_ud);
    m->used = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    lua_setallocf(L, account, m);
}

void memory_uninstall(lua_State *L, struct engine *e) {
    void *ud;
    if (lua_getallocf(L, &ud) == account && ud == &e->memory)
        lua_setallocf(L, e->memory.next, e->memory.next_ud);
}

/* --- slices --- */

void limits_enter(struct engine *e, struct limits *l) {
    struct memory *m = &e->memory;
    l->watched = false;
    l->slice_start = m->used;
    if (!l->memory)
        return;
    if (!l->floor || m->used < l->floor)
        l->floor = m->used;
    m->ceiling = add(m->used, l->own < l->memory ? l->memory - l->own : 0);
    m->hard = add(m->ceiling, l->memory);
    m->retry = m->looked = false;
}

void limits_leave(struct engine *e, struct limits *l) {
    struct memory *m = &e->memory;
    size_t grown = add(l->own, m->used);
    l->own = grown > l->slice_start ? grown - l->slice_start : 0;
    m->ceiling = m->hard = SIZE_MAX;
}

void limits_close_thread(lua_State *L, struct engine *e, struct limits *l, lua_State *co) {
    lua_State *inner = e->sched.inner;
    e->sched.inner = NULL; /* nothing can be waited for */
    l->closing = true;
    l->grace_over = false;
    l->grace_instructions = l->executed + GRACE_INSTRUCTIONS;
    l->grace_deadline = uv_hrtime() + GRACE_TIME;
    e->memory.hard = add(e->memory.used, GRACE_MEMORY);
    limits_hook(co, l);
#if LUA_VERSION_RELEASE_NUM >= 50406
    lua_closethread(co, L);
#else
    (void)L;
    lua_resetthread(co);
#endif
    lua_settop(co, 0);
    e->memory.hard = SIZE_MAX;
    l->closing = false;
    e->sched.inner = inner;
}
