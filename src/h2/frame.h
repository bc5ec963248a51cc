/* frame.h - the frame layout of RFC 9113 sections 4 and 6: octets to frames and back.
   The decoder never refuses: it hands over what came, with what is wrong about it in `faults`. */
#ifndef H2_FRAME_H
#define H2_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "h2/tables.h"

#define H2_FRAME_HEAD_LEN 9
#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_LEN 24

struct h2_frame {
    uint32_t length; /* as announced; payload_len may be less in a frame that lies */
    uint8_t type;
    uint8_t flags;
    bool reserved; /* the reserved bit of the frame header */
    uint32_t stream;
    const uint8_t *payload; /* borrowed */
    size_t payload_len;
    uint64_t faults; /* set of H2_FAULT(...) */

    /* What the type makes of the payload; zero where it does not have it or is too short. */
    const uint8_t *body; /* borrowed: data, fragment, debug data, opaque data, value ... */
    size_t body_len;
    uint8_t pad_length;
    bool has_priority; /* the priority fields are there */
    bool exclusive;
    uint32_t dependency;
    uint8_t weight;        /* as on the wire: 0 stands for 1 */
    uint32_t error_code;   /* RST_STREAM, GOAWAY */
    uint32_t last_stream;  /* GOAWAY */
    uint32_t increment;    /* WINDOW_UPDATE */
    uint32_t other_stream; /* promised stream of PUSH_PROMISE, prioritized one of PRIORITY_UPDATE */
    const uint8_t *origin; /* ALTSVC; borrowed */
    size_t origin_len;
};

/* Decode the frame head at `in` (9 octets or more): length, type, flags, reserved, stream. */
void h2_frame_head_decode(const uint8_t *in, struct h2_frame *out);

/* Decode one whole frame. Octets consumed, or 0 while the frame is incomplete. The frame borrows
   from `in`. */
size_t h2_frame_decode(const uint8_t *in, size_t len, struct h2_frame *out);

/* Fill in the parsed members and the faults from head and payload; faults that the connection found
   stay. `payload_len` may be shorter than `length` for a frame that was not kept whole: what is
   missing then is nobody's fault, a member that is missing is zero. Octets that follow the members
   of a frame of fixed length are in the payload alone. */
void h2_frame_parse(struct h2_frame *f);

/* Append the 9 octets of the frame head exactly as given (length 24 bits, reserved bit, ...). */
int h2_frame_head_encode(const struct h2_frame *f, struct buf *out);

/* Append the payload that the members describe (padding of pad_length zero octets and the
   Pad Length field where the PADDED flag is set and defined, priority fields where has_priority,
   ...). The body is taken verbatim: for SETTINGS and ORIGIN it is the whole payload, for PING its 8
   octets. Members of 31 bits are written with all 32, so that the reserved bit can be set. 0 or a
   BUF_ error (nothing appended). */
int h2_frame_payload_encode(const struct h2_frame *f, struct buf *out);

/* The flags that the type defines. */
uint8_t h2_frame_defined_flags(uint8_t type);

/* One setting of a SETTINGS payload (RFC 9113 section 6.5.1). */
struct h2_setting_pair {
    uint16_t id;
    uint32_t value;
};

/* Read the index-th pair; false when the payload has none. */
bool h2_setting_get(const uint8_t *payload, size_t len, size_t index, struct h2_setting_pair *out);
int h2_setting_append(struct buf *out, struct h2_setting_pair pair);
/* Is the value within the range of RFC 9113 section 6.5.2? Unknown identifiers always are. */
bool h2_setting_valid(struct h2_setting_pair pair);

#endif
