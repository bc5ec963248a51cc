/* frame_encode.c - frames to octets (RFC 9113 sections 4 and 6, RFC 7838, RFC 9218). It writes what
   it is told, right or wrong: values that have a reserved bit before them keep all 32 bits. */
#include "h2/frame.h"

/* The members of a fixed size that come before the body; none is longer than GOAWAY's. */
struct fixed {
    uint8_t octets[1 + 8];
    size_t len;
};

static void put_u8(struct fixed *out, uint8_t value) {
    out->octets[out->len++] = value;
}

static void put_u16(struct fixed *out, uint32_t value) {
    put_u8(out, (uint8_t)(value >> 8));
    put_u8(out, (uint8_t)value);
}

static void put_u32(struct fixed *out, uint32_t value) {
    put_u16(out, value >> 16);
    put_u16(out, value);
}

static void fix_priority(const struct h2_frame *f, struct fixed *out) {
    put_u32(out, (f->exclusive ? UINT32_C(1) << 31 : 0) | f->dependency);
    put_u8(out, f->weight);
}

static void fix_headers(const struct h2_frame *f, struct fixed *out) {
    if (f->has_priority)
        fix_priority(f, out);
}

static void fix_error(const struct h2_frame *f, struct fixed *out) {
    put_u32(out, f->error_code);
}

static void fix_other_stream(const struct h2_frame *f, struct fixed *out) {
    put_u32(out, f->other_stream);
}

static void fix_goaway(const struct h2_frame *f, struct fixed *out) {
    put_u32(out, f->last_stream);
    put_u32(out, f->error_code);
}

static void fix_increment(const struct h2_frame *f, struct fixed *out) {
    put_u32(out, f->increment);
}

static void fix_origin_len(const struct h2_frame *f, struct fixed *out) {
    put_u16(out, (uint32_t)f->origin_len);
}

/* Types without a row have nothing but a body. */
static void (*const fixed_members[256])(const struct h2_frame *f, struct fixed *out) = {
    [H2_HEADERS] = fix_headers,   [H2_PRIORITY] = fix_priority,
    [H2_RST_STREAM] = fix_error,  [H2_PUSH_PROMISE] = fix_other_stream,
    [H2_GOAWAY] = fix_goaway,     [H2_WINDOW_UPDATE] = fix_increment,
    [H2_ALTSVC] = fix_origin_len, [H2_PRIORITY_UPDATE] = fix_other_stream,
};

static int append_parts(const struct h2_frame *f, bool padded, struct buf *out) {
    static const uint8_t padding[UINT8_MAX];
    struct fixed fixed = {.len = 0};
    if (padded)
        put_u8(&fixed, f->pad_length);
    if (fixed_members[f->type])
        fixed_members[f->type](f, &fixed);
    int status = buf_append(out, fixed.octets, fixed.len);
    if (status == 0 && f->type == H2_ALTSVC)
        status = buf_append(out, f->origin, f->origin_len);
    if (status == 0)
        status = buf_append(out, f->body, f->body_len);
    if (status == 0 && padded)
        status = buf_append(out, padding, f->pad_length);
    return status;
}

int h2_frame_payload_encode(const struct h2_frame *f, struct buf *out) {
    size_t before = out->len;
    bool padded = f->flags & h2_frame_defined_flags(f->type) & H2_FLAG_PADDED;
    int status = append_parts(f, padded, out);
    if (status != 0)
        out->len = before;
    return status;
}

int h2_frame_head_encode(const struct h2_frame *f, struct buf *out) {
    struct fixed head = {.len = 0};
    put_u8(&head, (uint8_t)(f->length >> 16));
    put_u16(&head, f->length);
    put_u8(&head, f->type);
    put_u8(&head, f->flags);
    put_u32(&head, (f->reserved ? UINT32_C(1) << 31 : 0) | f->stream);
    return buf_append(out, head.octets, head.len);
}

int h2_setting_append(struct buf *out, struct h2_setting_pair pair) {
    struct fixed setting = {.len = 0};
    put_u16(&setting, pair.id);
    put_u32(&setting, pair.value);
    return buf_append(out, setting.octets, setting.len);
}
