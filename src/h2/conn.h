/* conn.h - the bookkeeping of one HTTP/2 connection, sans I/O: both directions are observed alike.

   Octets that we send and octets that we receive go through the same parser, each direction with
   its own HPACK table, settings, stream states and windows. So what the connection knows of our
   side is what the peer can know of it, even if a script sends raw octets. It never judges: what is
   wrong with a frame is a set of faults on its event. The one thing it does of itself are the
   automatic replies, each of which can be switched off.

   How the facts are told:
   - A side's settings are in force once the other side acknowledged them, first sent first. Whether
     a limit was passed is measured by the most generous of the value in force and those announced
     and not yet acknowledged: such a fault is never a matter of frames that crossed. Values out of
     range are taken as they are.
   - A frame with the fault length, stream-zero, stream-nonzero or ack-payload changes nothing,
     except that DATA counts on the connection's window and field blocks go on.
   - HEADERS opens an idle stream for a client with an odd identifier only; other HEADERS on an idle
     stream get stream-parity (identifier of the other side), idle-stream (a server opens by
     PUSH_PROMISE) or both, and it stays idle. PRIORITY and unknown types have no stream faults.
   - Closed is told apart: closed-stream (both sides ended it, or it is no longer remembered),
     reset-stream-sent, reset-stream-received (both, where both sides did reset it; with
     half-closed-stream where the sender had ended it before), skipped-stream.
   - A field block stays open when other frames interrupt it. A whole block inside it is decoded by
     itself, a HEADERS or PUSH_PROMISE without END_HEADERS takes its place.
   - A field block beyond our own limits (of octets or decoded octets) has the fault block-size and
     field_error HPACK_LIMIT. Its direction is not decoded from there on: later blocks have the same
     field_error, without a fault. */
#ifndef H2_CONN_H
#define H2_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "h2/frame.h"
#include "h2/hpack.h"

enum h2_role { H2_CLIENT, H2_SERVER };
enum h2_dir { H2_SENT, H2_RECEIVED };

enum h2_event_kind {
    H2_EVENT_FRAME,
    H2_EVENT_PREFACE,     /* the 24 octets came (or went out) as they should */
    H2_EVENT_BAD_PREFACE, /* something else came; the octets are in `octets` */
    H2_EVENT_OCTETS,      /* octets outside HTTP/2: HTTP/1.1, what follows a bad preface */
    H2_EVENT_NOTE,        /* TCP, TLS and other events; the text is in `octets` */
};

/* A decoded field line, in order. Octets are owned by the event. */
struct h2_field {
    enum hpack_kind kind;
    uint32_t index; /* of the field or of its name; 0 if literal */
    bool name_huffman, value_huffman;
    const uint8_t *name;
    uint32_t name_len;
    const uint8_t *value;
    uint32_t value_len;
    uint32_t offset, length; /* in the field block */
};

struct h2_event {
    struct h2_event *next_in_queue; /* private to the connection */
    struct h2_event *next_in_transcript;
    unsigned refs;
    enum h2_event_kind kind;
    enum h2_dir dir;
    uint64_t seq;          /* counts all events of the connection, from 1 */
    uint64_t time;         /* nanoseconds, as given to recv and sent */
    struct h2_frame frame; /* FRAME; its payload is the copy in `octets` */
    const uint8_t *octets; /* owned */
    size_t octets_len;
    size_t size; /* octets of memory that the event takes; private to the connection */
    /* When this frame completed a field block: */
    bool has_fields;
    struct h2_field *fields; /* owned; size updates included, in order */
    size_t field_count;
    uint8_t *block; /* owned: the whole field block */
    size_t block_len;
    struct hpack_error field_error; /* status HPACK_OK when it decoded */
    uint32_t block_stream;          /* stream of the block */
    uint8_t block_type;             /* HEADERS or PUSH_PROMISE: what opened it */
    bool block_end_stream;          /* END_STREAM of the HEADERS that opened it */
};

void h2_event_unref(struct h2_event *e);

/* Octets; a member that is 0 stands for its default. */
struct h2_limits {
    size_t frame;      /* octets kept of one payload (longer: fault OVERSIZED), default 1 MiB */
    size_t block;      /* octets of one field block, and of its decoded fields, default 256 KiB */
    size_t queue;      /* octets of unread events before h2_conn_full, default 4 MiB */
    size_t transcript; /* beyond it the middle is dropped (never the newest), default 1 MiB */
    size_t streams;    /* streams remembered, default 10,000; the oldest closed go first */
};

enum h2_auto {
    H2_AUTO_SETTINGS = 1, /* acknowledge SETTINGS */
    H2_AUTO_PING = 2,     /* answer PING */
    H2_AUTO_WINDOW = 4,   /* give back the octets of every DATA frame, connection and stream */
    H2_AUTO_ALL = 7,
};

struct h2_conn;

/* limits: NULL for the defaults. NULL: out of memory. */
struct h2_conn *h2_conn_new(enum h2_role role, const struct h2_limits *limits);
void h2_conn_free(struct h2_conn *c);

void h2_conn_set_auto(struct h2_conn *c, unsigned set);
unsigned h2_conn_get_auto(const struct h2_conn *c);

/* Octets arrived from the peer. Before h2_conn_start they are OCTETS events as they come. Frames
   become events on the queue; automatic replies are appended to h2_conn_replies. 0 or BUF_NOMEM:
   then octets are lost, and all that is left is to take the events and free the connection (recv
   and sent go on saying BUF_NOMEM). A bad preface ends HTTP/2 in its direction: BAD_PREFACE has the
   octets up to the first that is wrong, all further ones are OCTETS. */
int h2_conn_recv(struct h2_conn *c, const uint8_t *octets, size_t n, uint64_t time);
/* Octets that leave for the peer (automatic replies too): observed and put into the transcript. */
int h2_conn_sent(struct h2_conn *c, const uint8_t *octets, size_t n, uint64_t time);
/* Both directions speak HTTP/2 from the next octet on (a client's side begins with the preface;
   pass expect_preface false when it is already done). recv_first: octets received before that
   belong to HTTP/2 are passed by the caller to h2_conn_recv again. A second call does nothing. */
void h2_conn_start(struct h2_conn *c, bool expect_preface);
bool h2_conn_started(const struct h2_conn *c);

/* Automatic replies that wait to be sent; the caller sends them, passes them to h2_conn_sent, and
   clears the buffer. At most 1 MiB is kept; what does not fit is not replied to. */
struct buf *h2_conn_replies(struct h2_conn *c);

/* The next unread received event; the caller owns one reference. NULL: none. */
struct h2_event *h2_conn_next(struct h2_conn *c);
/* The queue passed its limit: stop reading from the peer until events were taken. */
bool h2_conn_full(const struct h2_conn *c);

/* Put a note or octets outside HTTP/2 into the transcript (not into the queue). */
int h2_conn_note(struct h2_conn *c, enum h2_event_kind kind, enum h2_dir dir, const void *text,
                 size_t n, uint64_t time);
/* First event of the transcript; follow next_in_transcript, until octets are passed in again.
   *dropped: events left out; they fell out between the first 64 KiB (half of a limit below 128 KiB)
   and the newest. */
const struct h2_event *h2_conn_transcript(const struct h2_conn *c, size_t *dropped);

/* After an Upgrade: stream 1 is there, half-closed on the client's side; the client's settings are
   those of HTTP2-Settings (a SETTINGS payload; needs no acknowledgement). 0 or BUF_NOMEM. */
int h2_conn_upgraded(struct h2_conn *c, const uint8_t *settings, size_t len);

/* Our encoder: it follows the peer's SETTINGS. */
struct hpack_encoder *h2_conn_encoder(struct h2_conn *c);
/* The table of the field blocks of one direction as its receiver has it. */
const struct hpack_table *h2_conn_table(const struct h2_conn *c, enum h2_dir dir);

/* A setting announced by one side: the value in force (acknowledged by the other) or, with
   announced true, the last one sent. 0 for identifiers that H2_SETTINGS does not have. */
uint32_t h2_conn_setting(const struct h2_conn *c, enum h2_dir by, uint16_t id, bool announced);
unsigned h2_conn_settings_unacknowledged(const struct h2_conn *c, enum h2_dir by);

enum h2_stream_state {
    H2_IDLE,
    H2_RESERVED_LOCAL,
    H2_RESERVED_REMOTE,
    H2_OPEN,
    H2_HALF_CLOSED_LOCAL,
    H2_HALF_CLOSED_REMOTE,
    H2_CLOSED
};
/* As seen from our side. Stream 0 is idle. */
enum h2_stream_state h2_conn_stream_state(const struct h2_conn *c, uint32_t stream);
const char *h2_stream_state_name(enum h2_stream_state state); /* "half-closed (local)" ... */
/* Octets that this side may still send; stream 0 is the connection. Negative is possible. The
   initial window is the one announced to us, or for the peer's side the one of ours that is in
   force. A stream that is not remembered (skipped or forgotten) has 0. */
int64_t h2_conn_window(const struct h2_conn *c, enum h2_dir by, uint32_t stream);
/* Lowest identifier that we may open next; 0 when none is left. */
uint32_t h2_conn_next_stream(const struct h2_conn *c);
/* Highest stream that the peer opened (for Last-Stream-ID), 0 for none. */
uint32_t h2_conn_last_peer_stream(const struct h2_conn *c);

#endif
