/* stream_internal.h - what the files of the stream share; nobody else includes it. */
#ifndef IO_STREAM_INTERNAL_H
#define IO_STREAM_INTERNAL_H

#include "io/stream.h"

enum {
    IO_QUEUE_MAX = 64 * 1024 * 1024,   /* octets of the user that may wait */
    IO_RECORD_SLACK = 1024 * 1024 * 8, /* room for what TLS adds to them */
    IO_NAME_SIZE = 128,
    IO_TEXT_SIZE = 256,
};

/* A libuv handle with a life of its own: one that failed to connect is still closing while the next
   address is tried. Its stream outlives it. */
struct io_wire {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct io_stream *owner;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    uv_write_t write;
    struct buf flying; /* what write sends */
    size_t captured;   /* octets of it that were recorded as sent */
};

/* Finds records in a stream of octets, for on_record. */
struct io_records {
    struct buf part; /* of a record that is not complete */
    bool lost;       /* what comes are no records */
};

struct io_stream {
    uv_loop_t *loop;
    struct io_handler handler;
    void *ctx;
    int open_handles;     /* wires and the timer; the memory goes with the last */
    uv_timer_t turn;      /* brings what happened within a call to the loop's next turn */
    struct io_wire *wire; /* NULL: none yet, or closed */

    struct io_search *search; /* while connecting */
    int connect_error;        /* to be reported in the next turn, with text */
    char text[IO_TEXT_SIZE];

    struct io_capture *capture; /* borrowed; NULL: nothing is recorded */
    struct tls_conn *tls;
    struct io_records received;
    struct buf plain; /* waits for TLS */
    size_t early;     /* octets of it that left as early data */
    struct buf out;   /* waits for the write under way */
    int write_error;

    int end_error; /* the transport's end, until it may be reported: UV_EOF or an error; else 0 */
    bool connecting, connected, secure, writing;
    bool queued; /* something had to wait: on_drained is due when all has left */
    bool has_handler, paused, reading;
    bool ended;      /* on_end was called */
    bool reset_seen; /* a write met the RST and took the kernel's notice of it away */
    bool notify_wanted, shutdown_wanted, shutdown_silent, shut;
    bool freed;
    char peer[IO_NAME_SIZE], local[IO_NAME_SIZE];
};

/* stream.c */
struct io_wire *io_wire_new(struct io_stream *s, bool pipe); /* not yet the stream's; NULL */
void io_wire_close(struct io_wire *w);
void io_stream_next_turn(struct io_stream *s);
void io_stream_connected(struct io_stream *s); /* its wire is; reading starts */
void io_stream_update_reading(struct io_stream *s);
void io_stream_end(struct io_stream *s, const struct io_end *end);
void io_stream_close_transport(struct io_stream *s, bool reset);

/* stream_write.c */
int io_stream_send(struct io_stream *s, const uint8_t *octets, size_t n);
/* Records of TLS to the transport, then what waited for them: plaintext, close_notify, FIN. */
void io_stream_flush(struct io_stream *s);
void io_stream_report_drained(struct io_stream *s);
/* Record what has left of the write under way. */
void io_stream_capture_flying(struct io_stream *s);

/* stream_tls.c */
void io_stream_tls_received(struct io_stream *s, const uint8_t *octets, size_t n);
void io_stream_tls_go_on(struct io_stream *s);
void io_stream_tls_sent(struct io_stream *s, const uint8_t *octets, size_t n); /* for on_record */

/* connect.c */
void io_search_cancel(struct io_stream *s);
/* "127.0.0.1:80", "[::1]:80" */
void io_address_name(const struct sockaddr *address, char *out, size_t size);
/* A numeric address (IPv6 also in brackets) without a resolver. 0, or UV_EINVAL. */
int io_address_parse(const char *host, int port, struct sockaddr_storage *out);

#endif
