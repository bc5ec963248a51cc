/* process.c - commands by libuv: spawned, read, reaped. */
#include "io/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/orphans.h"

enum { READ_SIZE = 16384, FINAL_READS = 64, LAST_MILLISECONDS = 1000 };

struct io_process {
    uv_process_t process;
    uv_pipe_t out;
    int open_handles;
    bool running, ended, freed, linger;
    bool listed; /* among those whose group is to be killed at the end */
    int status, signal;
    struct buf output; /* with keep_last up to twice what is kept: its front goes now and then */
    size_t output_max;
    bool keep_last;
    uint64_t dropped;
    char chunk[READ_SIZE];
    process_fn on_exit, on_output;
    void *ctx;
    struct io_process *next, *prev; /* of those listed */
};

/* Those whose group may live: nothing outlives us, even when we leave by exit(). */
static struct io_process *first_listed;

static bool is_listed(pid_t pid) {
    const struct io_process *p = first_listed;
    while (p && p->process.pid != pid)
        p = p->next;
    return p != NULL;
}

static bool is_nobody(pid_t pid) {
    (void)pid;
    return false;
}

static void kill_all(void) {
    for (struct io_process *p = first_listed; p; p = p->next)
        kill(-p->process.pid, SIGKILL);
    /* There is no loop any more that would tell when they are gone. */
    for (int i = 0; i < LAST_MILLISECONDS && orphans_end(is_nobody, true) > 0; i++)
        poll(NULL, 0, 1);
}

static void list(struct io_process *p) {
    static bool registered;
    if (!registered)
        registered = atexit(kill_all) == 0;
    p->next = first_listed;
    if (p->next)
        p->next->prev = p;
    first_listed = p;
    p->running = p->listed = true;
}

static void unlist(struct io_process *p) {
    if (!p->listed)
        return;
    if (p->prev)
        p->prev->next = p->next;
    else
        first_listed = p->next;
    if (p->next)
        p->next->prev = p->prev;
    p->listed = false;
}

/* --- life --- */

static void on_handle_closed(uv_handle_t *handle) {
    struct io_process *p = handle->data;
    if (--p->open_handles > 0 || !p->freed)
        return;
    buf_dispose(&p->output);
    mem_free(p);
}

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void release(struct io_process *p) {
    if (p->open_handles > 0)
        return;
    buf_dispose(&p->output);
    mem_free(p);
}

/* --- output --- */

static void keep_last(struct io_process *p, const char *octets, size_t n) {
    size_t part = n < p->output_max ? n : p->output_max;
    size_t after = p->output.len + part;
    if (after > 2 * p->output_max) {
        p->dropped += after - p->output_max;
        buf_drop(&p->output, after - p->output_max);
    }
    p->dropped += n - part;
    if (part > 0 && buf_append(&p->output, octets + n - part, part) != 0)
        p->dropped += part;
}

static void keep_first(struct io_process *p, const char *octets, size_t n) {
    size_t room = p->output.max - p->output.len;
    size_t part = n < room ? n : room;
    if (part > 0 && buf_append(&p->output, octets, part) != 0)
        part = 0;
    p->dropped += n - part;
}

static void keep(struct io_process *p, const char *octets, size_t n) {
    (p->keep_last ? keep_last : keep_first)(p, octets, n);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    struct io_process *p = handle->data;
    (void)suggested;
    *out = uv_buf_init(p->chunk, sizeof p->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct io_process *p = stream->data;
    if (n > 0)
        keep(p, buf->base, (size_t)n);
    else if (n < 0)
        close_handle((uv_handle_t *)stream);
    if (n != 0 && p->on_output && !p->freed)
        p->on_output(p->ctx);
}

/* What the command wrote before it ended is in the pipe: take it now. Somebody who left the group
   may hold the other end for ever, so the end of the pipe is not waited for. */
static void read_present(struct io_process *p) {
    uv_os_fd_t fd;
    if (uv_is_closing((uv_handle_t *)&p->out) || uv_fileno((uv_handle_t *)&p->out, &fd) != 0)
        return;
    for (int i = 0; i < FINAL_READS; i++) {
        ssize_t n = read(fd, p->chunk, sizeof p->chunk);
        if (n <= 0)
            break;
        keep(p, p->chunk, (size_t)n);
    }
}

static void on_process_exit(uv_process_t *process, int64_t status, int number) {
    struct io_process *p = process->data;
    p->signal = number;
    p->status = number ? 128 + number : (int)status;
    p->running = false;
    p->ended = true;
    if (!p->linger || p->freed) {
        unlist(p);
        kill(-process->pid, SIGKILL); /* what it left behind */
    }
    read_present(p);
    if (!p->listed)
        close_handle((uv_handle_t *)&p->out);
    close_handle((uv_handle_t *)process);
    if (!p->freed)
        p->on_exit(p->ctx);
}

/* --- starting --- */

static int spawn(uv_loop_t *loop, struct io_process *p, const struct process_options *o,
                 int write_end) {
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = write_end},
        {.flags = UV_INHERIT_FD, .data.fd = write_end},
    };
    uv_process_options_t options = {
        .exit_cb = on_process_exit,
        .file = o->args[0],
        .args = o->args,
        .env = o->env,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    int error = uv_spawn(loop, &p->process, &options);
    p->open_handles++; /* also of a failure */
    p->process.data = p;
    if (error == 0)
        list(p);
    return error;
}

static int start(uv_loop_t *loop, struct io_process *p, const struct process_options *o) {
    int ends[2];
    int error = uv_pipe_init(loop, &p->out, 0);
    if (error != 0)
        return error;
    p->open_handles++;
    p->out.data = p;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return UV_EMFILE;
    error = uv_pipe_open(&p->out, ends[0]);
    if (error != 0)
        close(ends[0]);
    else
        error = spawn(loop, p, o, ends[1]);
    close(ends[1]);
    if (error == 0)
        error = uv_read_start((uv_stream_t *)&p->out, on_alloc, on_read);
    return error;
}

struct io_process *io_process_start(uv_loop_t *loop, const struct process_options *options,
                                    process_fn on_exit, void *ctx, int *error) {
    struct io_process *p = mem_alloc(sizeof *p);
    *error = UV_ENOMEM;
    if (!p)
        return NULL;
    buf_init(&p->output, options->output_max * (options->keep_last ? 2 : 1));
    p->output_max = options->output_max;
    p->keep_last = options->keep_last;
    p->linger = options->linger;
    p->on_exit = on_exit;
    p->on_output = options->on_output;
    p->ctx = ctx;
    *error = start(loop, p, options);
    if (*error == 0)
        return p;
    io_process_free(p);
    return NULL;
}

void io_process_free(struct io_process *p) {
    if (!p || p->freed)
        return;
    p->freed = true;
    if (p->listed)
        kill(-p->process.pid, SIGKILL);
    if (!p->running) { /* else it is unlisted and its handle closed when it is reaped */
        unlist(p);
        if (p->process.data)
            close_handle((uv_handle_t *)&p->process);
    }
    if (p->out.data)
        close_handle((uv_handle_t *)&p->out);
    release(p);
}

/* --- questions --- */

int io_process_pid(const struct io_process *p) {
    return p->process.pid;
}

bool io_process_ended(const struct io_process *p) {
    return p->ended;
}

int io_process_status(const struct io_process *p) {
    return p->status;
}

int io_process_signal(const struct io_process *p) {
    return p->signal;
}

struct process_output io_process_output(const struct io_process *p) {
    size_t surplus = p->output.len > p->output_max ? p->output.len - p->output_max : 0;
    return (struct process_output){
        .data = p->output.len ? p->output.data + surplus : NULL,
        .len = p->output.len - surplus,
        .dropped = p->dropped + surplus,
    };
}

bool io_process_silent(const struct io_process *p) {
    return uv_is_closing((const uv_handle_t *)&p->out);
}

bool io_process_group(const struct io_process *p) {
    return p->listed && kill(-p->process.pid, 0) == 0;
}

int io_process_kill(struct io_process *p, int number) {
    if (!p->listed)
        return UV_ESRCH;
    return kill(-p->process.pid, number) == 0 ? 0 : UV_ESRCH;
}

/* --- who left the group --- */

void io_process_adopt_orphans(void) {
    orphans_adopt();
}

size_t io_process_end_orphans(bool killing) {
    return orphans_end(is_listed, killing);
}
