/* check_process.c - commands beside us: exit, output, its bound, the group, memory that runs out.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/process.h"

static uv_loop_t loop;
static int exits;

static void on_exit_of(void *ctx) {
    (void)ctx;
    exits++;
}

static void setup(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    exits = 0;
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
    const struct process_options options = {.args = args, .output_max = output_max};
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
    size_t dropped;
    struct io_process *p = run("echo out; echo err >&2; exit 7", 100);
    const struct buf *output = io_process_output(p, &dropped);
    ck_assert_int_eq(io_process_status(p), 7);
    ck_assert_int_eq(io_process_signal(p), 0);
    ck_assert_uint_eq(output->len, 8);
    ck_assert_mem_eq(output->data, "out\nerr\n", 8);
    ck_assert_uint_eq(dropped, 0);
    ck_assert_int_eq(io_process_kill(p, SIGTERM), UV_ESRCH);
    io_process_free(p);
}
END_TEST

START_TEST(keeps_what_it_may) {
    size_t dropped;
    struct io_process *p = run("head -c 200000 /dev/zero", 1000);
    ck_assert_uint_eq(io_process_output(p, &dropped)->len, 1000);
    ck_assert_uint_eq(dropped, 199000);
    io_process_free(p);
    p = (exits = 0, run("echo nothing is kept", 0));
    ck_assert_uint_eq(io_process_output(p, &dropped)->len, 0);
    io_process_free(p);
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
    size_t dropped;
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
    ck_assert_uint_eq(io_process_output(p, &dropped)->len, 0);
    ck_assert_uint_eq(dropped, 5);
    io_process_free(p);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("process");
    TCase *tcase = tcase_create("process");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tells_status_and_output);
    tcase_add_test(tcase, keeps_what_it_may);
    tcase_add_test(tcase, ends_the_group);
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
