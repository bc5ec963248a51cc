/* clock.h - the clock of deadlines: how long the program has waited for the world.

   Time in which it did not listen is no silence of a peer, and neither is time in which the peer is
   kept busy by others. While the loop waits and nothing comes, the clock runs as time does; while
   the program works or is kept from working (a loaded machine, a paused one), and while something
   comes all the time, it runs at half its speed, so that a peer that goes on for ever comes to an
   end.
 */
#ifndef BIND_CLOCK_H
#define BIND_CLOCK_H

#include <stdint.h>
#include <uv.h>

struct clock {
    uv_loop_t *loop;
    uint64_t started; /* of uv_hrtime */
    uint64_t idle;    /* nanoseconds in polls, as they lasted, up to the current turn */
    uint64_t busy;    /* and the rest of the time */
    uint64_t counted; /* what of both the clock shows */
    uint64_t planned; /* how long the poll of the current turn is to last; UINT64_MAX: any time */
};

/* Once, before the loop runs. */
void clock_start(struct clock *c, uv_loop_t *loop);
/* One turn of the loop, like uv_run. */
int clock_turn(struct clock *c, uv_run_mode mode);
/* Nanoseconds; never goes back. */
uint64_t clock_now(const struct clock *c);

#endif
