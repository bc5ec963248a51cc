/* http1_chunked.c - the chunked coding, octet by octet (RFC 9112 section 7.1). */
#include "h2/http1.h"

#include "h2/http1_text.h"

enum {
    BAD = -1,
    SIZE_FIRST, /* the initial state: all zero */
    SIZE,
    SIZE_END, /* white space after the size: an extension has to follow */
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_NAME_END, /* white space after the name */
    EXT_VALUE_FIRST,
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPED,
    EXT_END, /* after a quoted value or white space */
    LINE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    DONE,
};

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : BAD;
}

/* --- the line of a chunk: its size and extensions --- */

static int add_digit(struct http1_chunked *c, int digit) {
    if (digit < 0 || c->left > UINT64_MAX >> 4)
        return BAD;
    c->left = c->left << 4 | (uint64_t)digit;
    return SIZE;
}

static int in_size_first(struct http1_chunked *c, uint8_t octet) {
    c->left = 0;
    return add_digit(c, hex_digit(octet));
}

/* What may follow a complete part of the line: the next extension or the line's end. */
static int part_end(uint8_t octet) {
    if (octet == ';')
        return EXT_NAME_FIRST;
    return octet == '\r' ? LINE_LF : BAD;
}

static int in_size(struct http1_chunked *c, uint8_t octet) {
    if (http1_is_blank(octet))
        return SIZE_END;
    int digit = hex_digit(octet);
    return digit < 0 ? part_end(octet) : add_digit(c, digit);
}

static int in_size_end(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (http1_is_blank(octet))
        return SIZE_END;
    return octet == ';' ? EXT_NAME_FIRST : BAD;
}

static int in_ext_name_first(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (http1_is_blank(octet))
        return EXT_NAME_FIRST;
    return http1_is_tchar(octet) ? EXT_NAME : BAD;
}

static int in_ext_name_end(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (http1_is_blank(octet))
        return EXT_NAME_END;
    if (octet == '=')
        return EXT_VALUE_FIRST;
    return octet == ';' ? EXT_NAME_FIRST : BAD;
}

static int in_ext_name(struct http1_chunked *c, uint8_t octet) {
    if (http1_is_tchar(octet))
        return EXT_NAME;
    return octet == '\r' ? LINE_LF : in_ext_name_end(c, octet);
}

static int in_ext_value_first(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (http1_is_blank(octet))
        return EXT_VALUE_FIRST;
    if (octet == '"')
        return EXT_QUOTED;
    return http1_is_tchar(octet) ? EXT_VALUE : BAD;
}

static int in_ext_value(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (http1_is_tchar(octet))
        return EXT_VALUE;
    return http1_is_blank(octet) ? SIZE_END : part_end(octet);
}

static int in_ext_quoted(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (octet == '"')
        return EXT_END;
    if (octet == '\\')
        return EXT_ESCAPED;
    return http1_is_text(octet) ? EXT_QUOTED : BAD;
}

static int in_ext_escaped(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    return http1_is_text(octet) ? EXT_QUOTED : BAD;
}

static int in_ext_end(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    return http1_is_blank(octet) ? SIZE_END : part_end(octet);
}

static int in_line_lf(struct http1_chunked *c, uint8_t octet) {
    if (octet != '\n')
        return BAD;
    c->overhead = 0;
    return c->left ? DATA : TRAILER_FIRST;
}

/* --- after the content of a chunk --- */

static int in_data_cr(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    return octet == '\r' ? DATA_LF : BAD;
}

static int in_data_lf(struct http1_chunked *c, uint8_t octet) {
    c->overhead = 0;
    return octet == '\n' ? SIZE_FIRST : BAD;
}

/* --- the trailer section --- */

static int in_trailer_first(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (octet == '\r')
        return LAST_LF;
    return http1_is_tchar(octet) ? TRAILER_NAME : BAD;
}

static int in_trailer_name(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (octet == ':')
        return TRAILER_VALUE;
    return http1_is_tchar(octet) ? TRAILER_NAME : BAD;
}

static int in_trailer_value(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    if (octet == '\r')
        return TRAILER_LF;
    return http1_is_text(octet) ? TRAILER_VALUE : BAD;
}

static int in_trailer_lf(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    return octet == '\n' ? TRAILER_FIRST : BAD;
}

static int in_last_lf(struct http1_chunked *c, uint8_t octet) {
    (void)c;
    return octet == '\n' ? DONE : BAD;
}

/* Each takes one octet and tells the next state. DATA is not here: it comes in runs. */
static int (*const steps[])(struct http1_chunked *c, uint8_t octet) = {
    [SIZE_FIRST] = in_size_first,
    [SIZE] = in_size,
    [SIZE_END] = in_size_end,
    [EXT_NAME_FIRST] = in_ext_name_first,
    [EXT_NAME] = in_ext_name,
    [EXT_NAME_END] = in_ext_name_end,
    [EXT_VALUE_FIRST] = in_ext_value_first,
    [EXT_VALUE] = in_ext_value,
    [EXT_QUOTED] = in_ext_quoted,
    [EXT_ESCAPED] = in_ext_escaped,
    [EXT_END] = in_ext_end,
    [LINE_LF] = in_line_lf,
    [DATA_CR] = in_data_cr,
    [DATA_LF] = in_data_lf,
    [TRAILER_FIRST] = in_trailer_first,
    [TRAILER_NAME] = in_trailer_name,
    [TRAILER_VALUE] = in_trailer_value,
    [TRAILER_LF] = in_trailer_lf,
    [LAST_LF] = in_last_lf,
};

/* Content of the current chunk; octets taken. */
static size_t take_data(struct http1_chunked *c, const uint8_t *in, size_t len,
                        int (*fn)(void *ctx, const uint8_t *data, size_t n), void *ctx) {
    size_t n = c->left < len ? (size_t)c->left : len;
    c->left -= n;
    c->state = c->left ? DATA : DATA_CR;
    if (fn && fn(ctx, in, n) != 0)
        c->state = BAD;
    return n;
}

ssize_t http1_chunked_decode(struct http1_chunked *c, const uint8_t *in, size_t len, bool *done,
                             int (*fn)(void *ctx, const uint8_t *data, size_t n), void *ctx) {
    size_t at = 0;
    while (at < len && c->state != DONE && c->state != BAD) {
        if (c->state == DATA)
            at += take_data(c, in + at, len - at, fn, ctx);
        else
            c->state = ++c->overhead > HTTP1_MAX_HEAD ? BAD : steps[c->state](c, in[at++]);
    }
    *done = c->state == DONE;
    return c->state == BAD ? -1 : (ssize_t)at;
}
