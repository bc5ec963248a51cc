/* process.h - a command beside us: its output captured, its whole process group ended with it.

   Standard input is empty; standard output and error come through one pipe, in the order in which
   they were written. The command leads a session and a process group of its own; when it has ended,
   what is left of the group is killed, or with `linger` when it is freed. Who left the group is
   found by io_process_end_orphans. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Called on the loop. */
typedef void (*process_fn)(void *ctx);

struct process_options {
    char **args;          /* NULL-terminated; the first names the program, found by PATH */
    char **env;           /* NULL-terminated NAME=VALUE, or NULL: ours */
    size_t output_max;    /* octets of output that are kept; the rest is read and dropped */
    bool keep_last;       /* keep the last octets, not the first */
    bool linger;          /* what is left of the group when the command has ended lives on */
    process_fn on_output; /* more was written; NULL: nobody wants to know */
};

/* What was written: the octets that were kept and how many were dropped (before them with
   keep_last, else behind them). Borrowed until the loop runs again. */
struct process_output {
    const uint8_t *data;
    size_t len;
    uint64_t dropped;
};

struct io_process;

/* NULL with *error set to a negative uv error. Nothing of the options is needed after the call.
   on_exit: the command has ended and all of its output was read. Once. */
struct io_process *io_process_start(uv_loop_t *loop, const struct process_options *options,
                                    process_fn on_exit, void *ctx, int *error);
/* Kill the group if it still runs and free, now or as soon as the loop has reaped it; nothing is
   called any more. */
void io_process_free(struct io_process *p);

int io_process_pid(const struct io_process *p);
bool io_process_ended(const struct io_process *p);
/* Once it has ended: its exit status, or 128 and the signal that ended it as shells say it. */
int io_process_status(const struct io_process *p);
int io_process_signal(const struct io_process *p); /* 0: none */
struct process_output io_process_output(const struct io_process *p);
/* Nothing more will be written: nobody holds the other end of the pipe any more. */
bool io_process_silent(const struct io_process *p);
/* Is anybody of the group left, be it unreaped? */
bool io_process_group(const struct io_process *p);
/* Send a signal to the group: 0, or a negative uv error (UV_ESRCH when it is gone). */
int io_process_kill(struct io_process *p, int number);

/* From now on processes that lose their parent below us become our children, where the system can
   do that (Linux), also those that made a session of their own: daemons. */
void io_process_adopt_orphans(void);
/* Reap those that were left to us, kill them before if so asked; how many are not gone yet. What
   they leave comes to us when they are gone, so call it until it returns 0. */
size_t io_process_end_orphans(bool killing);

#endif
