/* clock.c - the clock of deadlines. */
#include "bind/clock.h"

/* What a poll may take longer than it was to, and still count as waiting. */
#define SLACK (UINT64_C(20) * 1000 * 1000)
enum { BUSY_SHARE = 4 };

void clock_start(struct clock *c, uv_loop_t *loop) {
    uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    *c = (struct clock){.loop = loop, .started = uv_hrtime()};
}

/* Of the polls in this turn. */
static uint64_t waited_in_turn(const struct clock *c, uint64_t idle) {
    uint64_t lasted = idle - c->idle;
    return lasted < c->longest ? lasted : c->longest;
}

int clock_turn(struct clock *c, uv_run_mode mode) {
    uv_update_time(c->loop);
    int planned = mode == UV_RUN_NOWAIT ? 0 : uv_backend_timeout(c->loop);
    c->longest = planned < 0 ? UINT64_MAX : (uint64_t)planned * 1000000 + SLACK;
    int more = uv_run(c->loop, mode);
    uint64_t idle = uv_metrics_idle_time(c->loop);
    c->waited += waited_in_turn(c, idle);
    c->idle = idle;
    return more;
}

uint64_t clock_now(const struct clock *c) {
    uint64_t idle = uv_metrics_idle_time(c->loop);
    uint64_t busy = uv_hrtime() - c->started - idle;
    return c->waited + waited_in_turn(c, idle) + busy / BUSY_SHARE;
}
