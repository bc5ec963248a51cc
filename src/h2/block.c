/* block.c - field blocks: assembled from HEADERS, PUSH_PROMISE and CONTINUATION, and decoded into
   the event that completes them (RFC 9113 section 4.3). */
#include "h2/conn_impl.h"

#include <string.h>

#include "base/mem.h"

/* --- decoded fields --- */

struct collector {
    struct buf fields; /* of struct h2_field; names and values are still to be placed */
    struct buf octets; /* all names and values, one after the other */
    bool nomem;
};

static int append(struct collector *to, struct buf *b, const void *octets, size_t n) {
    int status = buf_append(b, octets, n);
    if (status == BUF_NOMEM)
        to->nomem = true;
    return status;
}

static int collect(void *ctx, const struct hpack_item *item) {
    struct collector *to = ctx;
    struct h2_field field = {
        .kind = item->kind,
        .index = (uint32_t)item->index,
        .name_huffman = item->name_huffman,
        .value_huffman = item->value_huffman,
        .name_len = (uint32_t)item->name_len,
        .value_len = (uint32_t)item->value_len,
        .offset = (uint32_t)item->offset,
        .length = (uint32_t)item->length,
    };
    int status = append(to, &to->octets, item->name, item->name_len);
    if (status == 0)
        status = append(to, &to->octets, item->value, item->value_len);
    if (status == 0)
        status = append(to, &to->fields, &field, sizeof field);
    return status;
}

/* Fields and their octets become one allocation of the event. */
static int place_fields(struct h2_event *e, const struct collector *from) {
    if (from->fields.len == 0)
        return 0;
    size_t size = from->fields.len + from->octets.len;
    e->fields = mem_alloc(size);
    if (!e->fields)
        return BUF_NOMEM;
    memcpy(e->fields, from->fields.data, from->fields.len);
    e->field_count = from->fields.len / sizeof *e->fields;
    uint8_t *at = (uint8_t *)(e->fields + e->field_count);
    if (from->octets.len > 0)
        memcpy(at, from->octets.data, from->octets.len);
    for (struct h2_field *f = e->fields; f < e->fields + e->field_count; f++) {
        f->name = at;
        f->value = at + f->name_len;
        at += f->name_len + f->value_len;
    }
    e->size += size;
    return 0;
}

static void limit_error(struct h2_event *e, size_t offset) {
    e->field_error =
        (struct hpack_error){HPACK_LIMIT, offset, "", "the fields pass the tester's own limit"};
}

static void judge_decoding(struct direction *d, struct h2_event *e, enum hpack_status status) {
    if (status == HPACK_LIMIT || status == HPACK_STOPPED) {
        d->undecoded = true;
        limit_error(e, e->field_error.offset);
        e->frame.faults |= H2_FAULT(BLOCK_SIZE);
    } else if (status != HPACK_OK) {
        e->frame.faults |= H2_FAULT(COMPRESSION);
    }
}

/* A missing size update is a fact of its own: the fields are read all the same. */
static enum hpack_status read_block(struct direction *d, struct h2_event *e, struct collector *to) {
    enum hpack_status status =
        hpack_decode(d->decoder, e->block, e->block_len, collect, to, &e->field_error);
    if (status != HPACK_UPDATE_MISSING && status != HPACK_UPDATE_MISSING_EMPTY)
        return status;
    e->frame.faults |=
        status == HPACK_UPDATE_MISSING ? H2_FAULT(UPDATE_MISSING) : H2_FAULT(UPDATE_MISSING_EMPTY);
    buf_clear(&to->fields);
    buf_clear(&to->octets);
    hpack_decoder_demand_update(d->decoder, false);
    status = hpack_decode(d->decoder, e->block, e->block_len, collect, to, &e->field_error);
    hpack_decoder_demand_update(d->decoder, true);
    return status;
}

static int decode(struct h2_conn *c, struct h2_event *e) {
    struct direction *d = &c->dirs[e->dir];
    struct collector to = {.nomem = false};
    /* Size updates have no octets: one more of them for every 32 is more than anybody sends. */
    buf_init(&to.fields, (c->limits.block / 32 + 64) * sizeof(struct h2_field));
    buf_init(&to.octets, c->limits.block);
    enum hpack_status status = read_block(d, e, &to);
    int result = BUF_NOMEM;
    if (!to.nomem && status != HPACK_NOMEM) {
        judge_decoding(d, e, status);
        result = place_fields(e, &to);
    }
    buf_dispose(&to.fields);
    buf_dispose(&to.octets);
    return result;
}

/* --- what a complete block says --- */

static bool is_interim(const struct h2_event *e) {
    for (size_t i = 0; i < e->field_count; i++) {
        const struct h2_field *f = &e->fields[i];
        if (f->name_len == 7 && memcmp(f->name, ":status", 7) == 0)
            return f->value_len == 3 && f->value[0] == '1';
    }
    return false;
}

/* HEADERS that come after these have to be trailers. Of a response that cannot be read nobody knows
   whether it is an interim one. */
static void note_head(struct h2_conn *c, const struct h2_event *e) {
    struct h2_stream *s = h2_streams_find(&c->streams, e->block_stream);
    if (!s || e->block_type != H2_HEADERS)
        return;
    bool request = e->dir == h2_client_dir(c);
    if (request || (e->field_error.status == HPACK_OK && !is_interim(e)))
        s->final_head[e->dir] = true;
}

/* The event completes this block; its octets are with the event already, unless they were lost. */
static int complete(struct h2_conn *c, struct h2_event *e, const struct open_block *b) {
    int status = 0;
    e->has_fields = true;
    e->block_stream = b->stream;
    e->block_type = b->type;
    e->block_end_stream = b->end_stream;
    if (c->dirs[e->dir].undecoded)
        limit_error(e, 0);
    else
        status = decode(c, e);
    note_head(c, e);
    return status;
}

/* --- assembly --- */

static bool fits(const struct h2_conn *c, const struct h2_event *e, size_t before) {
    return !(e->frame.faults & H2_FAULT(OVERSIZED)) && before <= c->limits.block &&
           e->frame.body_len <= c->limits.block - before;
}

static void give_up(struct direction *d, struct h2_event *e) {
    if (!d->undecoded)
        e->frame.faults |= H2_FAULT(BLOCK_SIZE);
    d->undecoded = true;
}

/* A block in one frame, perhaps inside an open one. */
static int whole_block(struct h2_conn *c, struct h2_event *e, const struct open_block *b) {
    const struct h2_frame *f = &e->frame;
    if (!fits(c, e, 0)) {
        give_up(&c->dirs[e->dir], e);
        return complete(c, e, b);
    }
    if (f->body_len > 0) {
        e->block = mem_alloc(f->body_len);
        if (!e->block)
            return BUF_NOMEM;
        memcpy(e->block, f->body, f->body_len);
    }
    e->block_len = f->body_len;
    e->size += f->body_len;
    return complete(c, e, b);
}

static int add_fragment(struct h2_conn *c, struct h2_event *e) {
    struct direction *d = &c->dirs[e->dir];
    struct open_block *b = &d->block;
    if (!b->lost && fits(c, e, b->octets.len))
        return buf_append(&b->octets, e->frame.body, e->frame.body_len);
    give_up(d, e);
    b->lost = true;
    buf_clear(&b->octets);
    return 0;
}

static int begin(struct h2_conn *c, struct h2_event *e) {
    struct open_block *open = &c->dirs[e->dir].block;
    struct open_block b = {
        .open = true,
        .end_stream = e->frame.type == H2_HEADERS && e->frame.flags & H2_FLAG_END_STREAM,
        .type = e->frame.type,
        .stream = e->frame.stream,
    };
    if (e->frame.flags & H2_FLAG_END_HEADERS)
        return whole_block(c, e, &b);
    buf_dispose(&open->octets);
    *open = b;
    buf_init(&open->octets, c->limits.block);
    return add_fragment(c, e);
}

static int finish(struct h2_conn *c, struct h2_event *e) {
    struct open_block *open = &c->dirs[e->dir].block;
    struct open_block b = *open;
    open->open = false;
    buf_init(&open->octets, c->limits.block);
    e->block = b.octets.data;
    e->block_len = b.octets.len;
    e->size += b.octets.cap;
    return complete(c, e, &b);
}

static int continuation(struct h2_conn *c, struct h2_event *e) {
    struct open_block *b = &c->dirs[e->dir].block;
    if (!b->open)
        e->frame.faults |= H2_FAULT(BLOCK_MISSING);
    if (!b->open || e->frame.stream != b->stream)
        return 0;
    int status = add_fragment(c, e);
    if (status == 0 && e->frame.flags & H2_FLAG_END_HEADERS)
        status = finish(c, e);
    return status;
}

int h2_block_observe(struct h2_conn *c, struct h2_event *e) {
    const struct open_block *b = &c->dirs[e->dir].block;
    if (b->open && (e->frame.type != H2_CONTINUATION || e->frame.stream != b->stream))
        e->frame.faults |= H2_FAULT(BLOCK_INTERRUPTED);
    switch (e->frame.type) {
    case H2_HEADERS:
    case H2_PUSH_PROMISE:
        return begin(c, e);
    case H2_CONTINUATION:
        return continuation(c, e);
    default:
        return 0;
    }
}
