/* capture.h - what went over a transport, as it went: octets, FIN and RST, with times, up to a
   limit; and the TLS secrets that Wireshark needs to read them. */
#ifndef IO_CAPTURE_H
#define IO_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum io_capture_what {
    IO_CAPTURE_CONNECT, /* an attempt to connect began: the last one counts */
    IO_CAPTURE_OPEN,    /* connected */
    IO_CAPTURE_OCTETS,
    IO_CAPTURE_FIN,
    IO_CAPTURE_RST,
};

struct io_capture_record {
    int64_t time; /* nanoseconds since 1970 */
    enum io_capture_what what;
    bool sent;
    size_t n; /* octets that follow */
};

struct io_capture;

/* It keeps at most `limit` octets of what is sent and received, with what it takes to tell them
   apart. NULL: out of memory. */
struct io_capture *io_capture_new(size_t limit);
void io_capture_free(struct io_capture *c);
/* Forget everything, and keep nothing from here on. */
void io_capture_stop(struct io_capture *c);

/* Each of these takes NULL for a capture: nothing is kept then. Once octets had to be left out, in
   either direction, all that come later are, so that what is kept has no gap. A second FIN of a
   side, and whatever follows an RST, is not kept. */
void io_capture_octets(struct io_capture *c, bool sent, const uint8_t *octets, size_t n);
void io_capture_event(struct io_capture *c, bool sent, enum io_capture_what what);

/* The record at *at, which moves on; false at the end. */
bool io_capture_next(const struct io_capture *c, size_t *at, struct io_capture_record *record,
                     const uint8_t **octets);
/* Octets that were left out. */
uint64_t io_capture_cut(const struct io_capture *c, bool sent);
/* Lines of a key log (NSS format); NULL for NULL. */
struct buf *io_capture_keys(struct io_capture *c);

#endif
