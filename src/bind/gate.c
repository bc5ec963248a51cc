/* gate.c - follows the frame boundaries of what is sent. */
#include "bind/gate.h"

#include <string.h>

#include "h2/frame.h"

void gate_start(struct gate *g, bool preface) {
    memset(g, 0, sizeof *g);
    g->skip = preface ? H2_PREFACE_LEN : 0;
}

static void frame_ended(struct gate *g) {
    struct h2_frame f;
    h2_frame_head_decode(g->head, &f);
    g->first = true;
    g->head_len = 0;
    g->whole = false;
    if (f.type == H2_HEADERS || f.type == H2_PUSH_PROMISE || f.type == H2_CONTINUATION)
        g->block_open = !(f.flags & H2_FLAG_END_HEADERS);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

void gate_pass(struct gate *g, const uint8_t *octets, size_t n) {
    while (n > 0) {
        size_t part = g->skip ? least(g->skip, n) : least(sizeof g->head - g->head_len, n);
        if (g->skip)
            g->skip -= part;
        else {
            memcpy(g->head + g->head_len, octets, part);
            g->head_len += part;
            g->whole = g->head_len == sizeof g->head;
            if (g->whole)
                g->skip = (size_t)g->head[0] << 16 | (size_t)g->head[1] << 8 | g->head[2];
        }
        if (g->whole && g->skip == 0)
            frame_ended(g);
        octets += part;
        n -= part;
    }
}

bool gate_is_open(const struct gate *g) {
    return g->first && !g->block_open && g->skip == 0 && g->head_len == 0;
}
