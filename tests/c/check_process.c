/* check_process.c - commands beside us: exit, output, its bound, the group, memory that runs out.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/process.h"

static uv_loop_t loop;
static int exits, outputs;
static bool last;   /* keep the last octets */
static bool linger; /* leave the group alone */

static void on_output_of(void *ctx) {
    (void)ctx;
    outputs++;
}

static void on_exit_of(void *ctx) {
    (void)ctx;
    exits++;
}

static void setup(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    exits = outputs = 0;
    last = linger = false;
}

/* Every handle was closed and everything given back. */
static void teardown(void) {
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static struct io_process *start(const char *script, size_t output_max, int *error) {
    char sh[] = "sh", dash_c[] = "-c";
    char *text = strdup(script);
    char *args[] = {sh, dash_c, text, NULL};
    const struct process_options options = {.args = args,
                                            .output_max = output_max,
                                            .keep_last = last,
                                            .linger = linger,
                                            .on_output = on_output_of};
    struct io_process *p = io_process_start(&loop, &options, on_exit_of, NULL, error);
    free(text);
    return p;
}

static struct io_process *run(const char *script, size_t output_max) {
    int error;
    struct io_process *p = start(script, output_max, &error);
    ck_assert_ptr_nonnull(p);
    while (!io_process_ended(p))
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(exits, 1);
    return p;
}

START_TEST(tells_status_and_output) {
    struct io_process *p = run("echo out; echo err >&2; exit 7", 100);
    struct process_output output = io_process_output(p);
    ck_assert_int_eq(io_process_status(p), 7);
    ck_assert_int_eq(io_process_signal(p), 0);
    ck_assert_uint_eq(output.len, 8);
    ck_assert_mem_eq(output.data, "out\nerr\n", 8);
    ck_assert_uint_eq(output.dropped, 0);
    ck_assert_int_eq(io_process_kill(p, SIGTERM), UV_ESRCH);
    io_process_free(p);
}
END_TEST

START_TEST(keeps_what_it_may) {
    struct io_process *p = run("head -c 200000 /dev/zero", 1000);
    ck_assert_uint_eq(io_process_output(p).len, 1000);
    ck_assert_uint_eq(io_process_output(p).dropped, 199000);
    io_process_free(p);
    p = (exits = 0, run("echo nothing is kept", 0));
    ck_assert_uint_eq(io_process_output(p).len, 0);
    io_process_free(p);
}
END_TEST

/* Where the chunks end is chance: whatever comes, the last octets are there and all are counted. */
START_TEST(keeps_the_last) {
    const size_t sizes[] = {0, 1, 5, 1000, 16384, 20000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        last = true;
        exits = outputs = 0;
        struct io_process *p = run("yes | head -c 100000; printf '12345\n'", sizes[i]);
        struct process_output output = io_process_output(p);
        ck_assert_int_gt(outputs, 0);
        ck_assert_uint_eq(output.len, sizes[i]);
        ck_assert_uint_eq(output.dropped, 100006 - sizes[i]);
        for (size_t back = 1; back <= 6 && back <= sizes[i]; back++)
            ck_assert_int_eq(output.data[sizes[i] - back], "\n54321"[back - 1]);
        for (size_t at = 0; at + 6 < sizes[i]; at++)
            ck_assert_int_eq(output.data[at], (output.dropped + at) % 2 ? '\n' : 'y');
        io_process_free(p);
    }
}
END_TEST

START_TEST(ends_the_group) {
    int error;
    struct io_process *p = start("sleep 60 & sleep 60", 100, &error);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(io_process_kill(p, SIGKILL), 0);
    while (!io_process_ended(p))
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(io_process_signal(p), SIGKILL);
    ck_assert_int_eq(io_process_status(p), 128 + SIGKILL);
    io_process_free(p);
}
END_TEST

/* Freed while it runs: the loop still reaps it, and nobody is called. */
START_TEST(can_be_forgotten) {
    int error;
    struct io_process *p = start("sleep 60", 100, &error);
    ck_assert_ptr_nonnull(p);
    pid_t pid = io_process_pid(p);
    io_process_free(p);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(exits, 0);
    ck_assert_int_eq(kill(pid, 0), -1);
}
END_TEST

/* The leader has ended, its group has not: it is heard, and ended by signals or with the process.
 */
START_TEST(lingers) {
    io_process_adopt_orphans();
    linger = true;
    struct io_process *p = run("trap '' TERM; (echo left; exec sleep 60) &", 100);
    ck_assert_int_eq(io_process_status(p), 0);
    while (io_process_output(p).len < 5)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert(io_process_group(p) && !io_process_silent(p));
    ck_assert_int_eq(io_process_kill(p, SIGTERM), 0);
    ck_assert(io_process_group(p));
    ck_assert_int_eq(io_process_kill(p, SIGKILL), 0);
    while (!io_process_silent(p))
        uv_run(&loop, UV_RUN_ONCE);
    io_process_free(p);
    exits = 0;
    p = run("(exec sleep 60) & echo $!", 100);
    char text[16] = "";
    memcpy(text, io_process_output(p).data, io_process_output(p).len);
    io_process_free(p);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_gt(atoi(text), 0);
    while (io_process_end_orphans(false) > 0)
        sched_yield();
    ck_assert_int_eq(kill(atoi(text), 0), -1);
}
END_TEST

/* Made a session of their own and lost their parent: only who adopts them can end them. */
START_TEST(ends_orphans) {
    io_process_adopt_orphans();
    int error;
    struct io_process *p = start(
        "(setsid sh -c 'setsid sleep 60 & echo $! $$; exec sleep 60' &); sleep 60", 1000, &error);
    ck_assert_ptr_nonnull(p);
    while (io_process_output(p).len == 0)
        uv_run(&loop, UV_RUN_ONCE);
    struct process_output output = io_process_output(p);
    char text[64] = "", *rest;
    memcpy(text, output.data, output.len < 63 ? output.len : 63);
    pid_t grandchild = (pid_t)strtol(text, &rest, 10), child = (pid_t)strtol(rest, NULL, 10);
    ck_assert_int_eq(kill(grandchild, 0) | kill(child, 0), 0);
    ck_assert_int_eq(io_process_kill(p, SIGKILL), 0);
    while (!io_process_ended(p))
        uv_run(&loop, UV_RUN_ONCE);
    while (io_process_end_orphans(true) > 0)
        sched_yield();
    ck_assert_int_eq(kill(grandchild, 0), -1);
    ck_assert_int_eq(kill(child, 0), -1);
    io_process_free(p);
}
END_TEST

START_TEST(cannot_be_started) {
    int error = 0;
    char name[] = "/nonexistent/program";
    char *args[] = {name, NULL};
    const struct process_options options = {.args = args, .output_max = 10};
    ck_assert_ptr_null(io_process_start(&loop, &options, on_exit_of, NULL, &error));
    ck_assert_int_eq(error, UV_ENOENT);
}
END_TEST

START_TEST(memory_runs_out) {
    int error = 0;
    mem_fail_after(0);
    struct io_process *p = start("exit 0", 100, &error);
    mem_fail_after(-1);
    ck_assert_ptr_null(p);
    ck_assert_int_eq(error, UV_ENOMEM);
    p = start("echo lost", 100, &error);
    ck_assert_ptr_nonnull(p);
    mem_fail_after(0);
    while (!io_process_ended(p))
        uv_run(&loop, UV_RUN_ONCE);
    mem_fail_after(-1);
    ck_assert_uint_eq(io_process_output(p).len, 0);
    ck_assert_uint_eq(io_process_output(p).dropped, 5);
    io_process_free(p);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("process");
    TCase *tcase = tcase_create("process");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tells_status_and_output);
    tcase_add_test(tcase, keeps_what_it_may);
    tcase_add_test(tcase, keeps_the_last);
    tcase_add_test(tcase, ends_the_group);
    tcase_add_test(tcase, lingers);
    tcase_add_test(tcase, ends_orphans);
    tcase_add_test(tcase, can_be_forgotten);
    tcase_add_test(tcase, cannot_be_started);
    tcase_add_test(tcase, memory_runs_out);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
