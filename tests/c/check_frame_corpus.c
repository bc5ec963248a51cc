/* check_frame_corpus.c - the frames of http2-frame-test-case, where H2PROBE_DATA (default:
   ../shared/data) has them. */
#include "h2/frame.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "guard.h"

enum { FILE_MAX = 8192, FRAME_MAX = 1024 };

/* --- the JSON of these files: every name occurs once, no string has an escape --- */

/* The value of the member, NULL where there is none or where it is null. */
static const char *member(const char *json, const char *name) {
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    const char *at = strstr(json, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    at += strspn(at, " \n\r\t");
    return strncmp(at, "null", 4) == 0 ? NULL : at;
}

static size_t string_len(const char *value) {
    ck_assert_int_eq(value[0], '"');
    size_t n = strcspn(value + 1, "\"\\");
    ck_assert_int_eq(value[1 + n], '"');
    return n;
}

static bool number_listed(const char *list, unsigned number) {
    ck_assert_int_eq(*list, '[');
    for (char *at = (char *)list + 1; *at != ']'; at += strspn(at, ", \n\r\t")) {
        at += strspn(at, " \n\r\t");
        if (strtoul(at, &at, 10) == number)
            return true;
    }
    return false;
}

/* --- a file that tells what the frame is --- */

static void same_number(const char *json, const char *name, uint32_t value) {
    const char *want = member(json, name);
    if (want && *want != 't' && *want != 'f')
        ck_assert_msg(strtoul(want, NULL, 10) == value, "%s is %u", name, value);
    else if (want)
        ck_assert_msg((*want == 't') == value, "%s is %u", name, value);
}

static void same_octets(const char *json, const char *name, const uint8_t *octets, size_t n) {
    const char *want = member(json, name);
    if (!want)
        return;
    ck_assert_msg(string_len(want) == n && memcmp(want + 1, octets, n) == 0, "%s differs", name);
}

/* A list of pairs: as many as the frame has, each the same. */
static void same_settings(const char *json, const struct h2_frame *f) {
    char *at = (char *)member(json, "settings");
    if (!at)
        return;
    struct h2_setting_pair pair;
    for (size_t i = 0; h2_setting_get(f->body, f->body_len, i, &pair); i++) {
        at += strcspn(at, "0123456789");
        ck_assert_uint_eq(strtoul(at, &at, 10), pair.id);
        at += strcspn(at, "0123456789");
        ck_assert_uint_eq(strtoul(at, &at, 10), pair.value);
    }
    for (int brackets = 0; brackets < 2; brackets++, at++) {
        at += strspn(at, " \n\r\t");
        ck_assert_int_eq(*at, ']');
    }
}

static void same_payload(const char *json, const struct h2_frame *f) {
    same_octets(json, "data", f->body, f->body_len);
    same_octets(json, "header_block_fragment", f->body, f->body_len);
    same_octets(json, "additional_debug_data", f->body, f->body_len);
    same_octets(json, "opaque_data", f->body, f->body_len);
    same_octets(json, "padding", f->payload + f->payload_len - f->pad_length, f->pad_length);
    same_number(json, "padding_length", f->pad_length);
    same_number(json, "stream_dependency", f->dependency);
    same_number(json, "exclusive", f->exclusive);
    same_number(json, "error_code", f->error_code);
    same_number(json, "last_stream_id", f->last_stream);
    same_number(json, "promised_stream_id", f->other_stream);
    same_number(json, "window_size_increment", f->increment);
    if (f->has_priority)
        same_number(json, "weight", f->weight + 1U);
    same_settings(json, f);
}

static void check_frame(const char *json, uint8_t *wire, size_t len) {
    struct h2_frame f;
    ck_assert_uint_eq(h2_frame_decode(wire, len, &f), len);
    ck_assert_uint_eq(f.faults & ~H2_FAULT(PADDING_OCTETS), 0);
    same_number(json, "length", f.length);
    same_number(json, "type", f.type);
    same_number(json, "flags", f.flags);
    same_number(json, "stream_identifier", f.stream);
    same_payload(json, &f);
    memset(wire + len - f.pad_length, 0, f.pad_length); /* some padding there is text */
    struct buf out;
    buf_init(&out, FRAME_MAX);
    ck_assert_int_eq(h2_frame_head_encode(&f, &out), 0);
    ck_assert_int_eq(h2_frame_payload_encode(&f, &out), 0);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, wire, len);
    buf_dispose(&out);
}

/* --- a file that tells which errors the frame may be answered with --- */

/* Errors that the frame is worth, two of them only together with what the connection knows. */
static bool found_error(const struct h2_frame *f, size_t consumed, const char *list) {
    const uint64_t size_faults = H2_FAULT(LENGTH) | H2_FAULT(ACK_PAYLOAD);
    bool too_long = f->length > 16384;
    bool bad_promise = f->type == H2_PUSH_PROMISE && (f->other_stream == 0 || f->other_stream % 2);
    ck_assert(consumed || too_long);
    if (number_listed(list, H2_FRAME_SIZE_ERROR) && (too_long || f->faults & size_faults))
        return true;
    return number_listed(list, H2_PROTOCOL_ERROR) && (bad_promise || f->faults & ~size_faults);
}

static void check_error(const char *list, const uint8_t *wire, size_t len) {
    struct h2_frame f;
    size_t consumed = h2_frame_decode(wire, len, &f);
    if (!consumed)
        h2_frame_head_decode(wire, &f);
    ck_assert_msg(found_error(&f, consumed, list), "faults %#llx", (unsigned long long)f.faults);
}

/* --- the files --- */

static void check_file(const char *path) {
    char json[FILE_MAX] = "";
    uint8_t wire[FRAME_MAX];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(json, 1, sizeof(json) - 1, file);
    fclose(file);
    ck_assert_uint_lt(n, sizeof(json) - 1);
    const char *hex = member(json, "wire"), *errors = member(json, "error");
    ck_assert_ptr_nonnull(hex);
    ck_assert_uint_le(string_len(hex), 2 * sizeof(wire));
    ssize_t len = hex_decode(hex + 1, string_len(hex), wire);
    ck_assert_int_ge(len, H2_FRAME_HEAD_LEN);
    if (errors)
        check_error(errors, wire, (size_t)len);
    else
        check_frame(json, wire, (size_t)len);
}

static int check_directory(const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    int files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char file[2048];
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 5, ".json") != 0)
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        check_file(file);
        files++;
    }
    closedir(dir);
    return files;
}

START_TEST(test_corpus) {
    static const char *const folders[] = {
        "continuation", "data",         "error",      "goaway",   "headers",       "ping",
        "priority",     "push_promise", "rst_stream", "settings", "window_update",
    };
    const char *data = getenv("H2PROBE_DATA");
    char path[1024];
    snprintf(path, sizeof(path), "%s/http2-frame-test-case", data ? data : "../shared/data");
    if (access(path, R_OK) != 0) {
        printf("skipped: no corpus at %s (set H2PROBE_DATA)\n", path);
        return;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char folder[1100];
        snprintf(folder, sizeof(folder), "%s/%s", path, folders[i]);
        ck_assert_msg(check_directory(folder) > 0, "no file in %s", folder);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("frame_corpus");
    tcase_add_test(tests, test_corpus);
    return guard_run("frame_corpus", tests);
}
