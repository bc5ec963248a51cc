/* stream.h - one transport connection: TCP or a Unix socket, with TLS on top when asked.

   Everything arrives through the handler, on the loop's thread, never from within a call of the
   user, with one exception that each function names. How the peer ended its side is reported once,
   by on_end, after everything that was readable before it was handed over by on_read. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "io/capture.h"
#include "io/tls.h"

enum io_end_how {
    IO_END_FIN,          /* TCP end of stream (after TLS: without close_notify) */
    IO_END_RST,          /* TCP reset */
    IO_END_CLOSE_NOTIFY, /* TLS close_notify */
    IO_END_ALERT,        /* fatal TLS alert from the peer */
    IO_END_TLS_ERROR,    /* our TLS gave up: verification, protocol ... */
    IO_END_ERROR,        /* any other error of the transport */
};
const char *io_end_name(enum io_end_how how); /* "fin", "rst", "close_notify", "alert", ... */

struct io_end {
    enum io_end_how how;
    int alert;              /* number, with ALERT (and TLS_ERROR: the one we sent), else -1 */
    const char *alert_name; /* "no_application_protocol" ..., or NULL */
    const char *text;       /* one line: what happened; valid during the call */
};

struct io_handler { /* any may be NULL */
    /* 0 or a negative uv error; text: "127.0.0.1:81: connection refused" */
    void (*on_connect)(void *ctx, int error, const char *text);
    void (*on_secure)(void *ctx); /* handshake complete; a failure arrives as on_end */
    void (*on_read)(void *ctx, const uint8_t *octets, size_t n);
    void (*on_end)(void *ctx, const struct io_end *end);
    /* A raw TLS record with its header; also a piece of what is no record. */
    void (*on_record)(void *ctx, bool sent, const uint8_t *record, size_t n);
    /* What had to be queued has left for the kernel, or is lost since a write failed (then
       io_stream_write tells the error). Not called where nothing was queued. */
    void (*on_drained)(void *ctx);
    void (*on_closed)(void *ctx); /* after io_stream_free: no more calls; ctx may go */
};

struct io_stream;

struct io_target {
    const char *host; /* name or address; or */
    int port;
    const char *unix_path; /* a Unix socket instead, or NULL */
    const char *source;    /* source address, or NULL */
};

/* NULL: out of memory. The handler is copied. */
struct io_stream *io_stream_new(uv_loop_t *loop, const struct io_handler *handler, void *ctx);
/* Close (what was written is lost if it did not leave yet) and free; on_closed comes later. */
void io_stream_free(struct io_stream *s);

/* Record what goes over the transport from here on, and the secrets of a TLS that is started later.
   The capture is the caller's and stays until on_closed. */
void io_stream_capture(struct io_stream *s, struct io_capture *capture);

/* Resolve and connect (TCP_NODELAY on). on_connect tells. Each address is tried in turn, families
   alternating (RFC 8305 section 4); with a source address those of its family. Once per stream. */
void io_stream_connect(struct io_stream *s, const struct io_target *target);

/* Start TLS as client or server over the connected stream; octets go through TLS from here on.
   Octets that were read past an earlier protocol are given in `ahead`. The handshake begins in the
   loop's next turn; what is written before it is complete waits for it. 0, or -1 with a text in
   *error (static, valid until the next call) when the options are not usable. Of the options only
   ctx is needed after the call. */
int io_stream_start_tls(struct io_stream *s, const struct tls_options *options, bool server,
                        const uint8_t *ahead, size_t ahead_len, const char **error);
const struct tls_info *io_stream_tls(const struct io_stream *s); /* NULL before start_tls */
struct tls_conn *io_stream_tls_conn(struct io_stream *s);        /* NULL before start_tls */

/* Send octets: one write to the kernel (tried at once; the rest is queued). 0, or a negative uv
   error; UV_ENOBUFS when they would make more than 64 MiB queued. Never calls the handler but
   on_record. A failed write does not stop reading. */
int io_stream_write(struct io_stream *s, const uint8_t *octets, size_t n);
/* The same past TLS: raw octets on the transport. */
int io_stream_write_raw(struct io_stream *s, const uint8_t *octets, size_t n);
size_t io_stream_unsent(const struct io_stream *s);

/* Half-close: after the queue, close_notify if TLS (unless without_notify), then FIN. */
void io_stream_shutdown(struct io_stream *s, bool without_notify);
/* close_notify alone, after what was written; TCP stays open. Nothing without TLS, or after
 * io_stream_shutdown. */
void io_stream_close_notify(struct io_stream *s);
/* RST instead of FIN (SO_LINGER 0), at once. Nothing is reported after it. A Unix socket closes. */
void io_stream_reset(struct io_stream *s);

/* TLS actions, sent at once, but KeyUpdate with what is written next or in the next turn. 0, or -1
 * with *error telling why it cannot be done now. */
int io_stream_renegotiate(struct io_stream *s, const char **error);
int io_stream_key_update(struct io_stream *s, bool request, const char **error);
int io_stream_request_certificate(struct io_stream *s, const char **error);

/* Stop and go on reading (backpressure). */
void io_stream_pause(struct io_stream *s, bool paused);

/* "127.0.0.1:8080", "[::1]:8080", "unix:/path"; empty before the connection. Written to out, cut to
   size and terminated. They stay after the end. */
void io_stream_peer(const struct io_stream *s, char *out, size_t size);
void io_stream_local(const struct io_stream *s, char *out, size_t size);

/* --- listening --- */

struct io_listener;
/* on_accept gets a connected stream that has no handler yet (reading is stopped): the callee gives
   it one with io_stream_set_handler, or frees it. */
typedef void (*io_accept_fn)(void *ctx, struct io_stream *s);
/* Bind and listen; port 0 picks a free one; unix_path is removed by io_listener_free. A name is
   resolved at once. NULL with *error set to a negative uv error. */
struct io_listener *io_listen(uv_loop_t *loop, const char *host, int port, const char *unix_path,
                              io_accept_fn on_accept, void *ctx, int *error);
int io_listener_port(const struct io_listener *l);
/* on_closed may be NULL. Streams that were accepted live on. */
void io_listener_free(struct io_listener *l, void (*on_closed)(void *ctx), void *ctx);
void io_stream_set_handler(struct io_stream *s, const struct io_handler *handler, void *ctx);

#endif
