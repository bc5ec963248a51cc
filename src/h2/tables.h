/* tables.h - RFC 9113 as tables: each row feeds the enums, the names and the Lua side alike. */
#ifndef H2_TABLES_H
#define H2_TABLES_H

#include <stdint.h>

/* X(name, type, RFC section) */
#define H2_FRAME_TYPES(X)                                                                          \
    X(DATA, 0x00, "RFC9113-6.1")                                                                   \
    X(HEADERS, 0x01, "RFC9113-6.2")                                                                \
    X(PRIORITY, 0x02, "RFC9113-6.3")                                                               \
    X(RST_STREAM, 0x03, "RFC9113-6.4")                                                             \
    X(SETTINGS, 0x04, "RFC9113-6.5")                                                               \
    X(PUSH_PROMISE, 0x05, "RFC9113-6.6")                                                           \
    X(PING, 0x06, "RFC9113-6.7")                                                                   \
    X(GOAWAY, 0x07, "RFC9113-6.8")                                                                 \
    X(WINDOW_UPDATE, 0x08, "RFC9113-6.9")                                                          \
    X(CONTINUATION, 0x09, "RFC9113-6.10")                                                          \
    X(ALTSVC, 0x0a, "RFC7838-4")                                                                   \
    X(ORIGIN, 0x0c, "RFC8336-2")                                                                   \
    X(PRIORITY_UPDATE, 0x10, "RFC9218-7.1")

/* X(name, bit, frame type) */
#define H2_FLAGS(X)                                                                                \
    X(END_STREAM, 0x01, DATA)                                                                      \
    X(PADDED, 0x08, DATA)                                                                          \
    X(END_STREAM, 0x01, HEADERS)                                                                   \
    X(END_HEADERS, 0x04, HEADERS)                                                                  \
    X(PADDED, 0x08, HEADERS)                                                                       \
    X(PRIORITY, 0x20, HEADERS)                                                                     \
    X(ACK, 0x01, SETTINGS)                                                                         \
    X(END_HEADERS, 0x04, PUSH_PROMISE)                                                             \
    X(PADDED, 0x08, PUSH_PROMISE)                                                                  \
    X(ACK, 0x01, PING)                                                                             \
    X(END_HEADERS, 0x04, CONTINUATION)

/* X(name, code) - RFC 9113 section 7 */
#define H2_ERRORS(X)                                                                               \
    X(NO_ERROR, 0x00)                                                                              \
    X(PROTOCOL_ERROR, 0x01)                                                                        \
    X(INTERNAL_ERROR, 0x02)                                                                        \
    X(FLOW_CONTROL_ERROR, 0x03)                                                                    \
    X(SETTINGS_TIMEOUT, 0x04)                                                                      \
    X(STREAM_CLOSED, 0x05)                                                                         \
    X(FRAME_SIZE_ERROR, 0x06)                                                                      \
    X(REFUSED_STREAM, 0x07)                                                                        \
    X(CANCEL, 0x08)                                                                                \
    X(COMPRESSION_ERROR, 0x09)                                                                     \
    X(CONNECT_ERROR, 0x0a)                                                                         \
    X(ENHANCE_YOUR_CALM, 0x0b)                                                                     \
    X(INADEQUATE_SECURITY, 0x0c)                                                                   \
    X(HTTP_1_1_REQUIRED, 0x0d)

/* X(name, identifier, initial value, lowest, highest, RFC section) */
#define H2_SETTINGS(X)                                                                             \
    X(HEADER_TABLE_SIZE, 0x01, 4096, 0, 0xffffffff, "RFC9113-6.5.2")                               \
    X(ENABLE_PUSH, 0x02, 1, 0, 1, "RFC9113-6.5.2")                                                 \
    X(MAX_CONCURRENT_STREAMS, 0x03, 0xffffffff, 0, 0xffffffff, "RFC9113-6.5.2")                    \
    X(INITIAL_WINDOW_SIZE, 0x04, 65535, 0, 0x7fffffff, "RFC9113-6.5.2")                            \
    X(MAX_FRAME_SIZE, 0x05, 16384, 16384, 16777215, "RFC9113-6.5.2")                               \
    X(MAX_HEADER_LIST_SIZE, 0x06, 0xffffffff, 0, 0xffffffff, "RFC9113-6.5.2")                      \
    X(ENABLE_CONNECT_PROTOCOL, 0x08, 0, 0, 1, "RFC8441-3")                                         \
    X(NO_RFC7540_PRIORITIES, 0x09, 0, 0, 1, "RFC9218-2.1")

/* X(enum, slug, what is wrong) - facts about one frame; the slug is the name that Lua sees.
   The first group is visible in the frame alone (frame.c), the second in the connection (conn.c).
 */
#define H2_FAULTS(X)                                                                               \
    X(LENGTH, "length", "the length does not fit the type")                                        \
    X(ACK_PAYLOAD, "ack-payload", "SETTINGS with ACK has a payload")                               \
    X(PADDING_LENGTH, "padding-length", "the padding is as long as the payload or longer")         \
    X(PADDING_OCTETS, "padding-octets", "the padding has octets other than zero")                  \
    X(STREAM_ZERO, "stream-zero", "the type belongs to a stream, the identifier is 0")             \
    X(STREAM_NONZERO, "stream-nonzero", "the type belongs to the connection, not to a stream")     \
    X(RESERVED_BIT, "reserved-bit", "the reserved bit of the frame header is set")                 \
    X(RESERVED_PAYLOAD, "reserved-bit-payload", "a reserved bit in the payload is set")            \
    X(UNDEFINED_FLAGS, "undefined-flags", "flags are set that the type does not define")           \
    X(INCREMENT_ZERO, "increment-zero", "WINDOW_UPDATE adds 0")                                    \
    X(SELF_DEPENDENCY, "self-dependency", "the stream depends on itself")                          \
    X(SETTING_VALUE, "setting-value", "a setting has a value outside its range")                   \
    X(OVERSIZED, "oversized", "the payload passes the tester's own limit and was not kept whole")  \
    X(FIRST_FRAME, "first-frame", "the first frame is not SETTINGS without ACK")                   \
    X(FRAME_SIZE, "frame-size", "longer than the receiver's SETTINGS_MAX_FRAME_SIZE")              \
    X(BLOCK_INTERRUPTED, "block-interrupted", "another frame inside an open field block")          \
    X(BLOCK_MISSING, "block-missing", "CONTINUATION without an open field block")                  \
    X(BLOCK_SIZE, "block-size", "the field block passes the tester's own limit")                   \
    X(COMPRESSION, "compression", "the field block cannot be decoded")                             \
    X(UPDATE_MISSING, "update-missing",                                                            \
      "no table size update after a reduction, although the table held entries")                   \
    X(UPDATE_MISSING_EMPTY, "update-missing-empty",                                                \
      "no table size update after a reduction; the table was empty")                               \
    X(IDLE_STREAM, "idle-stream", "the frame is not permitted on an idle stream")                  \
    X(RESERVED_STREAM, "reserved-stream", "the frame is not permitted on a reserved stream")       \
    X(HALF_CLOSED_STREAM, "half-closed-stream", "the sender had ended this stream")                \
    X(CLOSED_STREAM, "closed-stream", "the stream is closed: both sides had ended it")             \
    X(RESET_STREAM_SENT, "reset-stream-sent", "the sender had reset this stream itself")           \
    X(RESET_STREAM_RECEIVED, "reset-stream-received", "the receiver had reset this stream")        \
    X(SKIPPED_STREAM, "skipped-stream", "the identifier is lower than one that was opened")        \
    X(STREAM_PARITY, "stream-parity", "the sender may not open a stream with this identifier")     \
    X(CONCURRENCY, "concurrency", "more streams open than the receiver's limit")                   \
    X(WINDOW_STREAM, "window-stream", "DATA passes the stream's window")                           \
    X(WINDOW_CONNECTION, "window-connection", "DATA passes the connection's window")               \
    X(WINDOW_OVERFLOW, "window-overflow", "the window passes 2^31-1")                              \
    X(SETTINGS_OVERFLOW, "settings-overflow", "INITIAL_WINDOW_SIZE lifts a window past 2^31-1")    \
    X(SETTINGS_UNASKED, "settings-ack-unasked", "a SETTINGS ACK with no SETTINGS outstanding")     \
    X(PING_UNASKED, "ping-ack-unasked", "a PING ACK for a PING that was not sent")                 \
    X(GOAWAY_RISING, "goaway-rising", "Last-Stream-ID is higher than in the GOAWAY before")        \
    X(PUSH_FROM_CLIENT, "push-from-client", "a client sent PUSH_PROMISE")                          \
    X(PUSH_DISABLED, "push-disabled", "PUSH_PROMISE although ENABLE_PUSH is 0")                    \
    X(PUSH_STREAM, "push-stream",                                                                  \
      "the promised stream is not an idle even one, or the promise is not on a client's stream")   \
    X(TRAILERS_OPEN, "trailers-without-end-stream", "HEADERS after HEADERS without END_STREAM")

enum h2_frame_type {
#define X(name, type, section) H2_##name = type,
    H2_FRAME_TYPES(X)
#undef X
};

enum h2_flag {
    H2_FLAG_END_STREAM = 0x01,
    H2_FLAG_ACK = 0x01,
    H2_FLAG_END_HEADERS = 0x04,
    H2_FLAG_PADDED = 0x08,
    H2_FLAG_PRIORITY = 0x20,
};

enum h2_error {
#define X(name, code) H2_##name = code,
    H2_ERRORS(X)
#undef X
};

enum h2_setting {
#define X(name, id, initial, low, high, section) H2_SETTINGS_##name = id,
    H2_SETTINGS(X)
#undef X
};

/* A set of faults is a uint64_t; fault F is the bit H2_FAULT(F). */
enum h2_fault_index {
#define X(name, slug, text) H2_FAULT_##name,
    H2_FAULTS(X)
#undef X
        H2_FAULT_COUNT
};
#define H2_FAULT(name) (UINT64_C(1) << H2_FAULT_##name)

/* Names, NULL where the number is not in the table. */
const char *h2_frame_type_name(uint8_t type);
const char *h2_error_name(uint32_t code);
const char *h2_setting_name(uint16_t id);
const char *h2_fault_slug(enum h2_fault_index fault);
const char *h2_fault_text(enum h2_fault_index fault);

#endif
