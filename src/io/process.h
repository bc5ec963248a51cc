/* process.h - a command beside us: its output captured, its whole process group ended with it.

   Standard input is empty; standard output and error come through one pipe, in the order in which
   they were written. The command leads a session and a process group of its own; when it has ended,
   what is left of the group is killed. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"

struct process_options {
    char **args;       /* NULL-terminated; the first names the program, found by PATH */
    char **env;        /* NULL-terminated NAME=VALUE, or NULL: ours */
    size_t output_max; /* octets of output that are kept; the rest is read and dropped */
};

struct io_process;
/* The command has ended and all of its output was read. Once, on the loop. */
typedef void (*process_exit_fn)(void *ctx);

/* NULL with *error set to a negative uv error. Nothing of the options is needed after the call. */
struct io_process *io_process_start(uv_loop_t *loop, const struct process_options *options,
                                    process_exit_fn on_exit, void *ctx, int *error);
/* Kill the group if it still runs and free, now or as soon as the loop has reaped it; on_exit is
   not called any more. */
void io_process_free(struct io_process *p);

int io_process_pid(const struct io_process *p);
bool io_process_ended(const struct io_process *p);
/* Once it has ended: its exit status, or 128 and the signal that ended it as shells say it. */
int io_process_status(const struct io_process *p);
int io_process_signal(const struct io_process *p); /* 0: none */
/* What was written so far, and how many octets of it were dropped. */
const struct buf *io_process_output(const struct io_process *p, size_t *dropped);
/* Send a signal to the group: 0, or a negative uv error (UV_ESRCH when it has ended). */
int io_process_kill(struct io_process *p, int number);

#endif
