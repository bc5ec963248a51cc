/* fuzz_frame.c - any octets as frames: what the decoder says has to lie within its input, to be the
   same when it is said again, and to give the same octets back when it is encoded. */
#include "h2/frame.h"

#include <stdlib.h>
#include <string.h>

static void require(bool fact) {
    if (!fact)
        abort();
}

static void inside(const uint8_t *part, size_t n, const uint8_t *whole, size_t len) {
    require(n <= len);
    require(n == 0 || (part >= whole && part + n <= whole + len));
}

static void check_members(const struct h2_frame *f) {
    inside(f->body, f->body_len, f->payload, f->payload_len);
    inside(f->origin, f->origin_len, f->payload, f->payload_len);
    require(f->faults < H2_FAULT(OVERSIZED));
    require(f->stream >> 31 == 0 && f->other_stream >> 31 == 0 && f->last_stream >> 31 == 0);
    require(f->dependency >> 31 == 0 && f->increment >> 31 == 0);
    require(f->has_priority || (!f->exclusive && !f->dependency && !f->weight));
}

static bool same_members(const struct h2_frame *a, const struct h2_frame *b) {
    return a->faults == b->faults && a->body_len == b->body_len && a->origin_len == b->origin_len &&
           a->pad_length == b->pad_length && a->has_priority == b->has_priority &&
           a->exclusive == b->exclusive && a->dependency == b->dependency &&
           a->weight == b->weight && a->error_code == b->error_code &&
           a->last_stream == b->last_stream && a->increment == b->increment &&
           a->other_stream == b->other_stream;
}

/* Parsing again, also of a copy that was not kept whole, finds nothing new. */
static void check_parse(const struct h2_frame *f) {
    struct h2_frame again = *f;
    h2_frame_parse(&again);
    require(same_members(f, &again));
    size_t kept = f->payload_len / 2;
    uint8_t *copy = malloc(kept ? kept : 1);
    require(copy != NULL);
    memcpy(copy, f->payload, kept);
    again.payload = copy;
    again.payload_len = kept;
    h2_frame_parse(&again);
    require((again.faults & ~f->faults) == 0);
    inside(again.body, again.body_len, copy, kept);
    inside(again.origin, again.origin_len, copy, kept);
    free(copy);
}

static void check_settings(const struct h2_frame *f) {
    struct h2_setting_pair pair;
    struct buf out;
    size_t n = 0;
    buf_init(&out, f->payload_len + 1);
    for (; h2_setting_get(f->payload, f->payload_len, n, &pair); n++)
        require(h2_setting_append(&out, pair) == 0);
    require(n == f->payload_len / 6);
    require(n == 0 || memcmp(out.data, f->payload, 6 * n) == 0);
    buf_dispose(&out);
}

/* Octets that no member stands for: reserved bits and padding that is not zero, what follows a
   frame of fixed length, what is too short. */
static bool is_lossy(const struct h2_frame *f) {
    const uint64_t lossy = H2_FAULT(PADDING_LENGTH) | H2_FAULT(PADDING_OCTETS) |
                           H2_FAULT(RESERVED_PAYLOAD) | H2_FAULT(LENGTH);
    bool whole = f->type == H2_SETTINGS || f->type == H2_ORIGIN;
    return f->faults & lossy && !(whole && !(f->faults & lossy & ~H2_FAULT(LENGTH)));
}

static void check_round_trip(const struct h2_frame *f, const uint8_t *in, size_t consumed) {
    struct buf out;
    buf_init(&out, consumed + 300);
    require(h2_frame_head_encode(f, &out) == 0);
    require(out.len == H2_FRAME_HEAD_LEN && memcmp(out.data, in, H2_FRAME_HEAD_LEN) == 0);
    require(h2_frame_payload_encode(f, &out) == 0);
    if (!is_lossy(f))
        require(out.len == consumed && memcmp(out.data, in, consumed) == 0);
    buf_dispose(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct h2_frame f;
    size_t at = 0, consumed;
    for (; (consumed = h2_frame_decode(data + at, size - at, &f)); at += consumed) {
        require(consumed <= size - at && consumed == H2_FRAME_HEAD_LEN + f.length);
        require(f.payload == data + at + H2_FRAME_HEAD_LEN && f.payload_len == f.length);
        require(h2_frame_decode(data + at, consumed - 1, &f) == 0);
        check_members(&f);
        check_parse(&f);
        check_settings(&f);
        check_round_trip(&f, data + at, consumed);
    }
    return 0;
}
