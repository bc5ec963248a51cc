/* gate.h - where an automatic reply may go between the octets that a script sends: after the
   preface and the first frame, and neither inside a frame nor inside a field block (RFC 9113
   sections 3.4, 4.3). */
#ifndef BIND_GATE_H
#define BIND_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
    size_t skip;     /* octets of the preface or of a payload to come */
    uint8_t head[9]; /* of the next frame, as far as it was sent */
    size_t head_len;
    bool first;      /* a whole frame was sent */
    bool block_open; /* a field block waits for CONTINUATION */
    bool whole;      /* the head was complete; when skip is 0 the frame is */
};

/* HTTP/2 begins; `preface`: our side sends the client preface first. */
void gate_start(struct gate *g, bool preface);
void gate_pass(struct gate *g, const uint8_t *octets, size_t n);
bool gate_is_open(const struct gate *g);

#endif
