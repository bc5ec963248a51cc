/* clock.c - the clock of deadlines. */
#include "bind/clock.h"

/* What a poll may take longer than it was to, and still count as waiting. */
#define SLACK (UINT64_C(20) * 1000 * 1000)
/* A poll that brings something so soon was no silence. */
#define SOON (UINT64_C(20) * 1000 * 1000)
#define MILLISECOND UINT64_C(1000000) /* what polls are rounded to */
enum { BUSY_SHARE = 2 };
/* What one turn of the loop counts at most when it did not listen: more is a machine that stood
 * still. */
#define STALL (UINT64_C(1000) * 1000 * 1000)

void clock_start(struct clock *c, uv_loop_t *loop) {
    uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    *c = (struct clock){.loop = loop, .started = uv_hrtime()};
}

/* In this turn's poll. */
static uint64_t waited_in_turn(const struct clock *c, uint64_t idle) {
    uint64_t lasted = idle - c->idle;
    if (lasted < SOON && (c->planned == UINT64_MAX || lasted + MILLISECOND < c->planned))
        return lasted / BUSY_SHARE;
    if (c->planned < UINT64_MAX && lasted > c->planned + SLACK)
        return c->planned + SLACK;
    return lasted;
}

static uint64_t busy_until_now(const struct clock *c, uint64_t idle) {
    return uv_hrtime() - c->started - idle;
}

/* In this turn, of the time that was not spent in its poll. */
static uint64_t counted_in_turn(const struct clock *c, uint64_t busy) {
    uint64_t share = (busy - c->busy) / BUSY_SHARE;
    return share < STALL ? share : STALL;
}

/* libuv says 0, too, where it has new handles to watch: then it does not tell. */
static uint64_t planned_for(uv_loop_t *loop, uv_run_mode mode) {
    int planned = uv_backend_timeout(loop);
    if (mode == UV_RUN_NOWAIT)
        return 0;
    return planned <= 0 ? UINT64_MAX : (uint64_t)planned * MILLISECOND;
}

int clock_turn(struct clock *c, uv_run_mode mode) {
    uv_update_time(c->loop);
    c->planned = planned_for(c->loop, mode);
    int more = uv_run(c->loop, mode);
    uint64_t idle = uv_metrics_idle_time(c->loop);
    uint64_t busy = busy_until_now(c, idle);
    c->counted += waited_in_turn(c, idle) + counted_in_turn(c, busy);
    c->idle = idle;
    c->busy = busy;
    return more;
}

uint64_t clock_now(const struct clock *c) {
    uint64_t idle = uv_metrics_idle_time(c->loop);
    return c->counted + waited_in_turn(c, idle) + counted_in_turn(c, busy_until_now(c, idle));
}
