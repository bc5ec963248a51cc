/* http1.h - HTTP/1.1 message heads (RFC 9112 sections 2 to 5), strict, for the Upgrade exchange. */
#ifndef H2_HTTP1_H
#define H2_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP1_MAX_FIELDS 100
#define HTTP1_MAX_HEAD 65536

struct http1_text {
    const char *at; /* borrowed from the input */
    size_t len;
};

struct http1_field {
    struct http1_text name, value; /* value without outer white space */
};

struct http1_head {
    bool request;
    unsigned major, minor;
    struct http1_text method, target; /* request line */
    unsigned status;                  /* status line */
    struct http1_text reason;
    struct http1_field fields[HTTP1_MAX_FIELDS];
    size_t field_count;
    size_t raw_len; /* octets of the head with its empty line */
};

struct http1_error {
    size_t offset;
    const char *rule; /* "RFC9112-2.2" ... */
    const char *text;
};

/* Octets of the head, 0 while it is incomplete, -1 on an error. Errors are found as early as the
   octets show them, also in a line that has not ended. The syntax alone is looked at: which version
   it is, what form the target has, whether Host is there are the caller's matter. A head with more
   than HTTP1_MAX_FIELDS fields or HTTP1_MAX_HEAD octets is an error. */
ssize_t http1_parse(const uint8_t *in, size_t len, bool request, struct http1_head *out,
                    struct http1_error *error);

/* The index-th field with this name (case-insensitively), or NULL. */
const struct http1_field *http1_field_find(const struct http1_head *h, const char *name,
                                           size_t index);
/* Is the token a member of the comma-separated lists of all fields with this name? */
bool http1_has_token(const struct http1_head *h, const char *name, const char *token);

/* How the content of a message is delimited (RFC 9112 section 6.3). INVALID is what a recipient
   must or may refuse: both Transfer-Encoding and Content-Length, a length that is not one number, a
   request whose last coding is not chunked. A 2xx answer to CONNECT is the caller's matter. */
enum http1_body {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,
    HTTP1_BODY_CHUNKED,
    HTTP1_BODY_CLOSE,
    HTTP1_BODY_INVALID,
};
/* head_request: the response answers HEAD. *length is 0 unless the kind is LENGTH. */
enum http1_body http1_body_kind(const struct http1_head *h, bool head_request, uint64_t *length);

/* Incremental chunked decoding (RFC 9112 section 7.1). Starts from all zero. */
struct http1_chunked {
    uint64_t left;   /* octets left of this chunk */
    size_t overhead; /* octets of this chunk's line or of the trailers, HTTP1_MAX_HEAD at most */
    int state;
};
/* Feed octets; content goes to fn, which returns 0 to go on (NULL: drop the content). Octets
   consumed (all that belong to the body), *done set at its end; -1, then and ever after, on an
   error or where fn wants to stop. */
ssize_t http1_chunked_decode(struct http1_chunked *c, const uint8_t *in, size_t len, bool *done,
                             int (*fn)(void *ctx, const uint8_t *data, size_t n), void *ctx);

#endif
