/* frame_decode.c - octets to frames (RFC 9113 sections 4 and 6, RFC 7838, RFC 8336, RFC 9218). */
#include "h2/frame.h"

#include <string.h>

enum { SETTING_LEN = 6, OPAQUE_LEN = 8, ANY_LENGTH = 0xffffff };

/* The faults that this file finds; the connection adds the others. */
#define FRAME_FAULTS (H2_FAULT(OVERSIZED) - 1)

/* What is still to be parsed of a payload. */
struct rest {
    const uint8_t *at;
    size_t kept; /* octets at hand */
    size_t left; /* octets announced: more than kept where the payload was not kept whole */
};

enum stream_rule { STREAM_ANY, STREAM_ZERO, STREAM_NONZERO };

struct frame_rule {
    uint32_t min, max; /* length of the payload without what flags add to it */
    enum stream_rule stream;
    void (*parse)(struct h2_frame *f, struct rest *r);
};

static uint32_t get_u16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- the members of a payload --- */

/* The next n octets; NULL, and nothing more comes after it, where they are not there. Only octets
   that were not even announced are the sender's fault. */
static const uint8_t *take(struct h2_frame *f, struct rest *r, size_t n) {
    if (r->left < n)
        f->faults |= H2_FAULT(LENGTH);
    if (r->kept < n) {
        r->kept = 0;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->kept -= n;
    r->left -= n;
    return at;
}

static uint32_t take_u32(struct h2_frame *f, struct rest *r) {
    const uint8_t *at = take(f, r, 4);
    return at ? get_u32(at) : 0;
}

/* A stream identifier or a window increment: 31 bits after a reserved one. */
static uint32_t take_u31(struct h2_frame *f, struct rest *r) {
    uint32_t value = take_u32(f, r);
    if (value >> 31)
        f->faults |= H2_FAULT(RESERVED_PAYLOAD);
    return value & 0x7fffffff;
}

static void take_priority(struct h2_frame *f, struct rest *r) {
    const uint8_t *at = take(f, r, 5);
    if (!at)
        return;
    f->has_priority = true;
    f->exclusive = at[0] >> 7;
    f->dependency = get_u32(at) & 0x7fffffff;
    f->weight = at[4];
    if (f->stream != 0 && f->dependency == f->stream)
        f->faults |= H2_FAULT(SELF_DEPENDENCY);
}

static void take_pad_length(struct h2_frame *f, struct rest *r) {
    if (!(f->flags & H2_FLAG_PADDED))
        return;
    const uint8_t *at = take(f, r, 1);
    f->pad_length = at ? at[0] : 0;
}

static bool all_zero(const uint8_t *octets, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (octets[i])
            return false;
    return true;
}

/* What is left is the body, and after it the padding. Padding that does not fit leaves no body. */
static void take_body(struct h2_frame *f, struct rest *r) {
    bool fits = f->pad_length <= r->left;
    size_t body_len = fits ? r->left - f->pad_length : 0;
    f->body = r->at;
    f->body_len = body_len < r->kept ? body_len : r->kept;
    if (!fits)
        f->faults |= H2_FAULT(PADDING_LENGTH);
    else if (f->pad_length && !all_zero(r->at + f->body_len, r->kept - f->body_len))
        f->faults |= H2_FAULT(PADDING_OCTETS);
}

/* --- the types --- */

static void parse_data(struct h2_frame *f, struct rest *r) {
    take_pad_length(f, r);
    take_body(f, r);
}

static void parse_headers(struct h2_frame *f, struct rest *r) {
    take_pad_length(f, r);
    if (f->flags & H2_FLAG_PRIORITY)
        take_priority(f, r);
    take_body(f, r);
}

static void parse_priority(struct h2_frame *f, struct rest *r) {
    take_priority(f, r);
}

static void parse_rst_stream(struct h2_frame *f, struct rest *r) {
    f->error_code = take_u32(f, r);
}

static void parse_settings(struct h2_frame *f, struct rest *r) {
    if (f->length % SETTING_LEN)
        f->faults |= H2_FAULT(LENGTH);
    if (f->flags & H2_FLAG_ACK && f->length)
        f->faults |= H2_FAULT(ACK_PAYLOAD);
    struct h2_setting_pair pair;
    for (size_t i = 0; h2_setting_get(r->at, r->kept, i, &pair); i++)
        if (!h2_setting_valid(pair))
            f->faults |= H2_FAULT(SETTING_VALUE);
    take_body(f, r);
}

static void parse_push_promise(struct h2_frame *f, struct rest *r) {
    take_pad_length(f, r);
    f->other_stream = take_u31(f, r);
    take_body(f, r);
}

static void parse_ping(struct h2_frame *f, struct rest *r) {
    f->body = take(f, r, OPAQUE_LEN);
    f->body_len = f->body ? OPAQUE_LEN : 0;
}

static void parse_goaway(struct h2_frame *f, struct rest *r) {
    f->last_stream = take_u31(f, r);
    f->error_code = take_u32(f, r);
    take_body(f, r);
}

static void parse_window_update(struct h2_frame *f, struct rest *r) {
    bool there = r->kept >= 4;
    f->increment = take_u31(f, r);
    if (there && f->increment == 0)
        f->faults |= H2_FAULT(INCREMENT_ZERO);
}

/* CONTINUATION and unknown types: all of it is the body. */
static void parse_whole(struct h2_frame *f, struct rest *r) {
    take_body(f, r);
}

static void parse_altsvc(struct h2_frame *f, struct rest *r) {
    const uint8_t *at = take(f, r, 2);
    if (!at)
        return;
    size_t origin_len = get_u16(at);
    f->origin = take(f, r, origin_len);
    f->origin_len = f->origin ? origin_len : 0;
    take_body(f, r);
}

/* The body is the whole list, but each entry has to lie within the payload. */
static void parse_origin(struct h2_frame *f, struct rest *r) {
    struct rest list = *r;
    while (list.kept > 0) {
        const uint8_t *at = take(f, &list, 2);
        if (at)
            take(f, &list, get_u16(at));
    }
    take_body(f, r);
}

static void parse_priority_update(struct h2_frame *f, struct rest *r) {
    f->other_stream = take_u31(f, r);
    take_body(f, r);
}

static const struct frame_rule frame_rules[] = {
    [H2_DATA] = {0, ANY_LENGTH, STREAM_NONZERO, parse_data},
    [H2_HEADERS] = {0, ANY_LENGTH, STREAM_NONZERO, parse_headers},
    [H2_PRIORITY] = {5, 5, STREAM_NONZERO, parse_priority},
    [H2_RST_STREAM] = {4, 4, STREAM_NONZERO, parse_rst_stream},
    [H2_SETTINGS] = {0, ANY_LENGTH, STREAM_ZERO, parse_settings},
    [H2_PUSH_PROMISE] = {4, ANY_LENGTH, STREAM_NONZERO, parse_push_promise},
    [H2_PING] = {8, 8, STREAM_ZERO, parse_ping},
    [H2_GOAWAY] = {8, ANY_LENGTH, STREAM_ZERO, parse_goaway},
    [H2_WINDOW_UPDATE] = {4, 4, STREAM_ANY, parse_window_update},
    [H2_CONTINUATION] = {0, ANY_LENGTH, STREAM_NONZERO, parse_whole},
    [H2_ALTSVC] = {2, ANY_LENGTH, STREAM_ANY, parse_altsvc},
    [H2_ORIGIN] = {0, ANY_LENGTH, STREAM_ZERO, parse_origin},
    [H2_PRIORITY_UPDATE] = {4, ANY_LENGTH, STREAM_ZERO, parse_priority_update},
};

/* --- the frame --- */

uint8_t h2_frame_defined_flags(uint8_t type) {
#define X(name, bit, of) | (type == H2_##of ? (bit) : 0)
    return (uint8_t)(0 H2_FLAGS(X));
#undef X
}

static const struct frame_rule *find_rule(uint8_t type) {
    if (type >= sizeof(frame_rules) / sizeof(frame_rules[0]) || !frame_rules[type].parse)
        return NULL;
    return &frame_rules[type];
}

static void check_rule(struct h2_frame *f, const struct frame_rule *rule) {
    if (f->length < rule->min || f->length > rule->max)
        f->faults |= H2_FAULT(LENGTH);
    if (rule->stream == STREAM_NONZERO && f->stream == 0)
        f->faults |= H2_FAULT(STREAM_ZERO);
    if (rule->stream == STREAM_ZERO && f->stream != 0)
        f->faults |= H2_FAULT(STREAM_NONZERO);
    if (f->flags && f->flags & ~h2_frame_defined_flags(f->type))
        f->faults |= H2_FAULT(UNDEFINED_FLAGS);
}

/* One by one: what compilers make of an initializer for the whole frame (`rep stos`) takes longer
   than all else that is done for a small frame. */
static inline void clear_parsed(struct h2_frame *f) {
    f->body = NULL;
    f->body_len = 0;
    f->pad_length = 0;
    f->has_priority = false;
    f->exclusive = false;
    f->weight = 0;
    f->dependency = 0;
    f->error_code = 0;
    f->last_stream = 0;
    f->increment = 0;
    f->other_stream = 0;
    f->origin = NULL;
    f->origin_len = 0;
}

/* The parsed members and the frame's own faults are still zero. */
static void parse_clean(struct h2_frame *f) {
    struct rest r = {f->payload, f->payload_len, f->length};
    if (r.kept > r.left)
        r.kept = r.left;
    if (f->reserved)
        f->faults |= H2_FAULT(RESERVED_BIT);
    const struct frame_rule *rule = find_rule(f->type);
    if (rule)
        check_rule(f, rule);
    (rule ? rule->parse : parse_whole)(f, &r);
}

void h2_frame_parse(struct h2_frame *f) {
    clear_parsed(f);
    f->faults &= ~FRAME_FAULTS;
    parse_clean(f);
}

void h2_frame_head_decode(const uint8_t *in, struct h2_frame *out) {
    out->length = get_u32(in) >> 8;
    out->type = in[3];
    out->flags = in[4];
    out->reserved = in[5] >> 7;
    out->stream = get_u32(in + 5) & 0x7fffffff;
    out->payload = NULL;
    out->payload_len = 0;
    out->faults = 0;
    clear_parsed(out);
}

size_t h2_frame_decode(const uint8_t *in, size_t len, struct h2_frame *out) {
    if (len < H2_FRAME_HEAD_LEN)
        return 0;
    size_t length = get_u32(in) >> 8;
    if (len - H2_FRAME_HEAD_LEN < length)
        return 0;
    h2_frame_head_decode(in, out);
    out->payload = in + H2_FRAME_HEAD_LEN;
    out->payload_len = length;
    parse_clean(out);
    return H2_FRAME_HEAD_LEN + length;
}

/* --- settings --- */

bool h2_setting_get(const uint8_t *payload, size_t len, size_t index, struct h2_setting_pair *out) {
    if (index >= len / SETTING_LEN)
        return false;
    const uint8_t *at = payload + index * SETTING_LEN;
    *out = (struct h2_setting_pair){(uint16_t)get_u16(at), get_u32(at + 2)};
    return true;
}

bool h2_setting_valid(struct h2_setting_pair pair) {
    static const struct {
        uint32_t low, high;
    } ranges[] = {
#define X(name, id, initial, low, high, section) [id] = {low, high},
        H2_SETTINGS(X)
#undef X
    };
    if (!h2_setting_name(pair.id))
        return true;
    return pair.value >= ranges[pair.id].low && pair.value <= ranges[pair.id].high;
}
