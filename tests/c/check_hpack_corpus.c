/* check_hpack_corpus.c - HPACK against the recorded stories of hpack-test-case: what ten encoders
   made of them decodes to their fields, and what ours makes of them decodes again. The directory
   H2PROBE_DATA (default ../shared/data) has them; without it the test is skipped. */
#include <dirent.h>
#include <stdlib.h>

#include "guard.h"
#include "hpack_text.h"
#include "json_min.h"

enum { TABLE_SIZE = 4096, STRING_ROOM = 1 << 18 };

/* One case of a story. */
struct record {
    char wire[STRING_ROOM]; /* hexadecimal digits, "" where there is none */
    long table_size;        /* -1: not given */
    struct buf fields;      /* as text */
    struct buf again;       /* the same, encoded by us */
};

struct story {
    struct hpack_decoder *theirs, *ours;
    struct hpack_encoder *encoder;
    struct record record;
    char name[STRING_ROOM], value[STRING_ROOM];
    size_t blocks, fields;
};

static void read_field(struct story *s, struct json *j) {
    json_need(j, '{');
    while (json_more(j, '}')) {
        size_t name_len = json_string(j, s->name, sizeof s->name);
        json_need(j, ':');
        size_t value_len = json_string(j, s->value, sizeof s->value);
        const uint8_t *name = (const uint8_t *)s->name, *value = (const uint8_t *)s->value;
        text_field(&s->record.fields, name, name_len, value, value_len);
        if (hpack_encode_field(s->encoder, name, name_len, value, value_len, s->fields % 7 == 0,
                               &s->record.again) != 0)
            ck_abort_msg("a field is not encoded");
        s->fields++;
    }
}

static void read_fields(struct story *s, struct json *j) {
    json_need(j, '[');
    while (json_more(j, ']'))
        read_field(s, j);
}

static void read_record(struct story *s, struct json *j) {
    struct record *r = &s->record;
    char key[64];
    r->wire[0] = '\0';
    r->table_size = -1;
    r->fields.len = r->again.len = 0;
    json_need(j, '{');
    while (json_more(j, '}')) {
        json_string(j, key, sizeof key);
        json_need(j, ':');
        if (strcmp(key, "headers") == 0)
            read_fields(s, j);
        else if (strcmp(key, "wire") == 0)
            json_string(j, r->wire, sizeof r->wire);
        else if (strcmp(key, "header_table_size") == 0 && json_peek(j) != 'n')
            r->table_size = strtol(j->at, (char **)&j->at, 10);
        else
            json_skip(j);
    }
}

static void check_block(struct hpack_decoder *d, const uint8_t *block, size_t len,
                        struct buf *want) {
    struct buf got;
    struct hpack_error error;
    buf_init(&got, TEXT_MAX);
    enum hpack_status status = hpack_decode(d, block, len, text_item, &got, &error);
    ck_assert_msg(status == HPACK_OK, "%s at %zu", error.text, error.offset);
    ck_assert_str_eq(text_end(&got), text_end(want));
    buf_dispose(&got);
}

static void check_record(struct story *s) {
    struct record *r = &s->record;
    static uint8_t wire[STRING_ROOM / 2];
    if (r->table_size >= 0)
        hpack_decoder_set_max(s->theirs, (size_t)r->table_size);
    if (r->wire[0])
        check_block(s->theirs, wire, unhex(r->wire, wire), &r->fields);
    check_block(s->ours, r->again.data, r->again.len, &r->fields);
    s->blocks++;
}

static void read_story(struct story *s, struct json *j) {
    char key[64];
    json_need(j, '{');
    while (json_more(j, '}')) {
        json_string(j, key, sizeof key);
        json_need(j, ':');
        if (strcmp(key, "cases") != 0) {
            json_skip(j);
            continue;
        }
        json_need(j, '[');
        while (json_more(j, ']')) {
            read_record(s, j);
            check_record(s);
        }
    }
}

static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f, "cannot open %s", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *text = calloc(1, n + 1);
    ck_assert(text && fread(text, 1, n, f) == n);
    fclose(f);
    return text;
}

static void run_story(struct story *s, const char *path) {
    char *text = read_file(path);
    struct json j = {text};
    s->theirs = hpack_decoder_new(TABLE_SIZE, TEXT_MAX);
    s->ours = hpack_decoder_new(TABLE_SIZE, TEXT_MAX);
    s->encoder = hpack_encoder_new(TABLE_SIZE);
    buf_init(&s->record.fields, TEXT_MAX);
    buf_init(&s->record.again, TEXT_MAX);
    read_story(s, &j);
    buf_dispose(&s->record.fields);
    buf_dispose(&s->record.again);
    hpack_encoder_free(s->encoder);
    hpack_decoder_free(s->theirs);
    hpack_decoder_free(s->ours);
    free(text);
}

/* The stories of one encoder; how many there are. */
static size_t run_directory(struct story *s, const char *path) {
    size_t stories = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char file[1100];
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        run_story(s, file);
        stories++;
    }
    closedir(dir);
    return stories;
}

START_TEST(corpus) {
    const char *data = getenv("H2PROBE_DATA");
    char root[512], path[800];
    snprintf(root, sizeof root, "%s/hpack-test-case", data ? data : "../shared/data");
    DIR *dir = opendir(root);
    if (!dir) {
        printf("skipped: no %s\n", root);
        return;
    }
    static struct story s;
    size_t stories = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", root, entry->d_name);
        stories += run_directory(&s, path);
    }
    closedir(dir);
    ck_assert_uint_gt(stories, 0);
    printf("%zu stories, %zu blocks, %zu fields\n", stories, s.blocks, s.fields);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("hpack_corpus");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, corpus);
    return guard_run("hpack_corpus", tests);
}
