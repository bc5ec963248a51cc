/* bench_codec.c - throughput of our HPACK and frame codecs as ratios to libnghttp2, from one run.
   Rounds of both alternate, so that what else the machine does hits both; medians are compared. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "h2/frame.h"
#include "h2/hpack.h"

enum { ROUNDS = 15, MESSAGES = 64, BLOCK_MAX = 4096, LINES_MAX = 24, REPEAT = 60 };

struct line {
    const char *name, *value;
};

/* What a browser and a server say on one connection; %d changes from message to message. */
static const struct line REQUEST_PAGE[] = {
    {":method", "GET"},
    {":scheme", "https"},
    {":authority", "www.example.com"},
    {":path", "/articles/2024/%d/http2-in-practice?ref=frontpage&page=%d"},
    {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
    {"accept-language", "en-US,en;q=0.5"},
    {"accept-encoding", "gzip, deflate, br, zstd"},
    {"referer", "https://www.example.com/articles/%d"},
    {"cookie", "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=%d"},
    {"upgrade-insecure-requests", "1"},
    {"te", "trailers"},
    {NULL, NULL},
};

static const struct line REQUEST_IMAGE[] = {
    {":method", "GET"},
    {":scheme", "https"},
    {":authority", "static.example.com"},
    {":path", "/assets/img/%d/thumbnail-640x480.webp"},
    {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"accept", "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"},
    {"accept-encoding", "gzip, deflate, br, zstd"},
    {"if-none-match", "\"5f3c%d-1b2e%d\""},
    {NULL, NULL},
};

static const struct line REQUEST_API[] = {
    {":method", "POST"},
    {":scheme", "https"},
    {":authority", "api.example.com"},
    {":path", "/v2/users/%d/events"},
    {"content-type", "application/json"},
    {"content-length", "%d"},
    {"authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN"},
    {"x-request-id", "7b1c9a52-%d-4f0e-9a6b-2f1d%d"},
    {NULL, NULL},
};

static const struct line RESPONSE_PAGE[] = {
    {":status", "200"},
    {"date", "Mon, 21 Oct 2024 20:13:%d GMT"},
    {"content-type", "text/html; charset=utf-8"},
    {"content-length", "%d"},
    {"cache-control", "private, max-age=0, must-revalidate"},
    {"etag", "W/\"%d-abcdef\""},
    {"vary", "accept-encoding"},
    {"server", "nginx/1.24.0"},
    {"set-cookie", "sid=ASDJKHQKBZXOQWEOPIUAXQWEOIU%d; max-age=3600; path=/; secure; httponly"},
    {"strict-transport-security", "max-age=31536000; includeSubDomains"},
    {"x-content-type-options", "nosniff"},
    {NULL, NULL},
};

static const struct line RESPONSE_IMAGE[] = {
    {":status", "304"},
    {"date", "Mon, 21 Oct 2024 20:13:%d GMT"},
    {"etag", "\"5f3c%d-1b2e%d\""},
    {"cache-control", "public, max-age=31536000, immutable"},
    {"server", "nginx/1.24.0"},
    {NULL, NULL},
};

static const struct line *const LISTS[] = {REQUEST_PAGE, REQUEST_IMAGE, REQUEST_API, RESPONSE_PAGE,
                                           RESPONSE_IMAGE};

struct message {
    nghttp2_nv lines[LINES_MAX];
    size_t count;
    size_t octets; /* of names and values: what throughput counts */
    uint8_t block[BLOCK_MAX];
    size_t block_len;
};

static struct message messages[MESSAGES];

static void die(const char *what) {
    fprintf(stderr, "bench_codec: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- Messages --- */

/* The pattern with each %d replaced by a number. On the heap until the program ends. */
static uint8_t *fill_in(const char *pattern, size_t number) {
    char text[256];
    size_t len = 0;
    for (; *pattern && len < sizeof text - 24; pattern++) {
        if (strncmp(pattern, "%d", 2) != 0) {
            text[len++] = *pattern;
            continue;
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "%zu", number);
        pattern++;
    }
    text[len] = '\0';
    uint8_t *copy = (uint8_t *)strdup(text);
    if (!copy)
        die("out of memory");
    return copy;
}

static void make_message(struct message *m, const struct line *list, size_t number) {
    for (; list->name; list++, m->count++) {
        nghttp2_nv *nv = &m->lines[m->count];
        nv->name = fill_in(list->name, 0);
        nv->namelen = strlen(list->name);
        nv->value = fill_in(list->value, number);
        nv->valuelen = strlen((char *)nv->value);
        m->octets += nv->namelen + nv->valuelen;
    }
}

static size_t make_messages(void) {
    size_t octets = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        make_message(&messages[i], LISTS[i % (sizeof LISTS / sizeof *LISTS)], i * 37 + 10);
        octets += messages[i].octets;
    }
    return octets;
}

/* The blocks that both decode, by the peer's encoder. */
static void make_blocks(void) {
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 4096) != 0)
        die("out of memory");
    for (size_t i = 0; i < MESSAGES; i++) {
        struct message *m = &messages[i];
        ssize_t n = nghttp2_hd_deflate_hd(deflater, m->block, BLOCK_MAX, m->lines, m->count);
        if (n < 0)
            die("nghttp2 does not encode");
        m->block_len = (size_t)n;
    }
    nghttp2_hd_deflate_del(deflater);
}

/* --- HPACK: one round is a new context and all messages --- */

static int count_item(void *ctx, const struct hpack_item *item) {
    *(size_t *)ctx += item->name_len + item->value_len;
    return 0;
}

static size_t decode_ours(void) {
    struct hpack_decoder *d = hpack_decoder_new(4096, 1 << 20);
    if (!d)
        die("out of memory");
    size_t octets = 0;
    struct hpack_error error;
    for (size_t i = 0; i < MESSAGES; i++)
        if (hpack_decode(d, messages[i].block, messages[i].block_len, count_item, &octets,
                         &error) != HPACK_OK)
            die(error.text);
    hpack_decoder_free(d);
    return octets;
}

static size_t decode_block_theirs(nghttp2_hd_inflater *inflater, const uint8_t *in, size_t len) {
    size_t octets = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, in, len, 1);
        if (n < 0)
            die("nghttp2 does not decode");
        in += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            octets += nv.namelen + nv.valuelen;
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    return octets;
}

static size_t decode_theirs(void) {
    nghttp2_hd_inflater *inflater;
    if (nghttp2_hd_inflate_new(&inflater) != 0)
        die("out of memory");
    size_t octets = 0;
    for (size_t i = 0; i < MESSAGES; i++)
        octets += decode_block_theirs(inflater, messages[i].block, messages[i].block_len);
    nghttp2_hd_inflate_del(inflater);
    return octets;
}

static struct buf block; /* for what is encoded, kept from message to message */

static size_t encode_ours(void) {
    struct hpack_encoder *e = hpack_encoder_new(4096);
    if (!e)
        die("out of memory");
    size_t octets = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        block.len = 0;
        for (size_t j = 0; j < messages[i].count; j++) {
            const nghttp2_nv *nv = &messages[i].lines[j];
            if (hpack_encode_field(e, nv->name, nv->namelen, nv->value, nv->valuelen, false,
                                   &block) != 0)
                die("does not encode");
        }
        octets += messages[i].octets;
    }
    hpack_encoder_free(e);
    return octets;
}

static size_t encode_theirs(void) {
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 4096) != 0)
        die("out of memory");
    size_t octets = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        uint8_t out[BLOCK_MAX];
        if (nghttp2_hd_deflate_hd(deflater, out, sizeof out, messages[i].lines, messages[i].count) <
            0)
            die("nghttp2 does not encode");
        octets += messages[i].octets;
    }
    nghttp2_hd_deflate_del(deflater);
    return octets;
}

/* --- Frames: what nghttp2 takes without answering and without HPACK --- */

static struct buf frames;

static void add_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *body, size_t len) {
    struct h2_frame f = {.type = type, .flags = flags, .stream = stream, .length = (uint32_t)len};
    if (h2_frame_head_encode(&f, &frames) != 0 || buf_append(&frames, body, len) != 0)
        die("out of memory");
}

/* The frames of a busy connection beside its field blocks: each kind that a server may get at any
   time, with connection-level streams so that no stream state is needed. */
static void make_frames(void) {
    static const uint8_t increment[4] = {0, 0, 0, 1}, pong[8] = "12345678";
    static const uint8_t priority[5] = {0, 0, 0, 0, 15}, unknown[100];
    for (int i = 0; i < 500; i++) {
        add_frame(0x8, 0, 0, increment, sizeof increment);
        add_frame(0x6, 1, 0, pong, sizeof pong);
        add_frame(0x2, 0, (uint32_t)(2 * i + 1), priority, sizeof priority);
        add_frame(0xee, 0, 0, unknown, sizeof unknown);
    }
}

static size_t parse_ours(void) {
    struct h2_frame f;
    size_t at = 0, count = 0;
    for (size_t n; (n = h2_frame_decode(frames.data + at, frames.len - at, &f)) > 0; at += n)
        count += f.faults == 0;
    if (at != frames.len || count != 2000)
        die("frames are not what they should be");
    return at;
}

/* The session is made and greeted beforehand: what counts is the frames. */
static nghttp2_session *session;

static void start_session(void) {
    nghttp2_session_callbacks *callbacks;
    static const uint8_t hello[] = H2_PREFACE "\0\0\0\4\0\0\0\0";
    if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
        nghttp2_session_server_new(&session, callbacks, NULL) != 0)
        die("out of memory");
    nghttp2_session_callbacks_del(callbacks);
    if (nghttp2_session_mem_recv(session, hello, H2_PREFACE_LEN + H2_FRAME_HEAD_LEN) < 0)
        die("nghttp2 does not start");
}

static size_t parse_theirs(void) {
    ssize_t n = nghttp2_session_mem_recv(session, frames.data, frames.len);
    if (n < 0 || (size_t)n != frames.len)
        die("nghttp2 does not take the frames");
    return frames.len;
}

/* --- Measuring --- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds(size_t (*fn)(void), size_t expect) {
    double start = now();
    for (int i = 0; i < REPEAT; i++)
        if (fn() != expect)
            die("a round handled another number of octets");
    return (now() - start) / REPEAT;
}

static void compare(const char *what, size_t (*ours)(void), size_t (*theirs)(void), size_t octets) {
    double a[ROUNDS], b[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = seconds(ours, octets);
        b[i] = seconds(theirs, octets);
    }
    qsort(a, ROUNDS, sizeof *a, by_value);
    qsort(b, ROUNDS, sizeof *b, by_value);
    printf("%-13s %5.2fx of libnghttp2 (%.0f MB/s)\n", what, b[ROUNDS / 2] / a[ROUNDS / 2],
           (double)octets / a[ROUNDS / 2] / 1e6);
}

int main(void) {
    buf_init(&block, 1 << 20);
    buf_init(&frames, 1 << 20);
    size_t octets = make_messages();
    make_blocks();
    make_frames();
    start_session();
    compare("hpack decode", decode_ours, decode_theirs, octets);
    compare("hpack encode", encode_ours, encode_theirs, octets);
    compare("frame parse", parse_ours, parse_theirs, frames.len);
    nghttp2_session_del(session);
    buf_dispose(&block);
    buf_dispose(&frames);
    for (size_t i = 0; i < MESSAGES; i++)
        for (size_t j = 0; j < messages[i].count; j++) {
            free(messages[i].lines[j].name);
            free(messages[i].lines[j].value);
        }
    return 0;
}
