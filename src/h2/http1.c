/* http1.c - HTTP/1.1 message heads (RFC 9112 sections 2 to 5), strict. */
#include "h2/http1.h"

#include <string.h>

#include "h2/http1_text.h"

struct parser {
    const uint8_t *in;
    size_t len;
    struct http1_head *out;
    struct http1_error *error;
};

/* A line without its end, at its offset in the head. */
struct line {
    size_t at, len;
};

enum { FAILED = -1, INCOMPLETE = 0, PARSED = 1 };

static int fail(struct parser *p, size_t offset, const char *rule, const char *text) {
    *p->error = (struct http1_error){offset, rule, text};
    return FAILED;
}

static struct http1_text text_at(const struct parser *p, size_t at, size_t len) {
    return (struct http1_text){(const char *)p->in + at, len};
}

/* Octets of the token that begins there. */
static size_t token_len(const struct parser *p, size_t at, size_t end) {
    size_t n = 0;
    while (at + n < end && http1_is_tchar(p->in[at + n]))
        n++;
    return n;
}

/* --- lines --- */

/* HTAB is the one control character that a line may have; a CR is not even a part of its end here.
 */
static int check_octets(struct parser *p, struct line line) {
    for (size_t i = line.at; i < line.at + line.len; i++) {
        uint8_t c = p->in[i];
        if (c == '\r')
            return fail(p, i, "RFC9112-2.2", "a CR that no LF follows");
        if (!http1_is_text(c))
            return fail(p, i, "RFC9110-5.5", "a control character");
    }
    return PARSED;
}

/* What can be said of a start line before its end is there: enough to tell other protocols. */
static int check_start(struct parser *p, struct line line) {
    static const char name[] = "HTTP/";
    if (p->out->request) {
        size_t n = token_len(p, line.at, line.at + line.len);
        if (n < line.len && (n == 0 || p->in[line.at + n] != ' '))
            return fail(p, line.at + n, "RFC9112-3.1", "the method is not a token");
        return PARSED;
    }
    for (size_t i = 0; i < line.len && i < sizeof(name) - 1; i++)
        if (p->in[line.at + i] != (uint8_t)name[i])
            return fail(p, line.at + i, "RFC9112-4", "the status line does not begin with HTTP/");
    return PARSED;
}

/* What there is of a line that has not ended: errors in it need not wait for the rest. */
static int check_unended(struct parser *p, struct line line) {
    if (line.at + line.len == HTTP1_MAX_HEAD)
        return fail(p, HTTP1_MAX_HEAD, "RFC9110-5.4", "the head passes the limit");
    if (line.len > 0 && p->in[line.at + line.len - 1] == '\r')
        line.len--;
    if (check_octets(p, line) == FAILED)
        return FAILED;
    if (line.at == 0 && check_start(p, line) == FAILED)
        return FAILED;
    return INCOMPLETE;
}

/* Find the line that begins at `at`. PARSED: it is complete and has no octet that no line may have.
 */
static int next_line(struct parser *p, size_t at, struct line *line) {
    size_t limit = p->len < HTTP1_MAX_HEAD ? p->len : HTTP1_MAX_HEAD;
    const uint8_t *end = at < limit ? memchr(p->in + at, '\n', limit - at) : NULL;
    *line = (struct line){at, end ? (size_t)(end - p->in) - at : limit - at};
    if (!end)
        return check_unended(p, *line);
    if (line->len == 0 || end[-1] != '\r')
        return fail(p, at + line->len, "RFC9112-2.2", "a line ends with LF alone");
    line->len--;
    return check_octets(p, *line);
}

/* --- the start line --- */

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* "HTTP/" DIGIT "." DIGIT */
static int parse_version(struct parser *p, size_t at, size_t end) {
    const uint8_t *v = p->in + at;
    if (end - at < 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
        !is_digit(v[7]))
        return fail(p, at, "RFC9112-2.3", "not an HTTP version");
    p->out->major = v[5] - '0';
    p->out->minor = v[7] - '0';
    return PARSED;
}

static int parse_request_line(struct parser *p, struct line line) {
    size_t end = line.at + line.len;
    size_t at = line.at + token_len(p, line.at, end);
    p->out->method = text_at(p, line.at, at - line.at);
    if (at == line.at || at == end || p->in[at] != ' ')
        return fail(p, at, "RFC9112-3.1", "the method is not a token");
    size_t target = ++at;
    while (at < end && http1_is_vchar(p->in[at]))
        at++;
    p->out->target = text_at(p, target, at - target);
    if (at == target || at == end || p->in[at] != ' ')
        return fail(p, at, "RFC9112-3.2", "the request target has no end");
    if (parse_version(p, at + 1, end) == FAILED)
        return FAILED;
    if (end - at != 9)
        return fail(p, at + 9, "RFC9112-3", "octets after the HTTP version");
    return PARSED;
}

static int parse_status_line(struct parser *p, struct line line) {
    size_t at = line.at, end = line.at + line.len;
    if (parse_version(p, at, end) == FAILED)
        return FAILED;
    if (line.len < 9 || p->in[at + 8] != ' ')
        return fail(p, at + 8, "RFC9112-4", "no space after the HTTP version");
    for (size_t i = at + 9; i < at + 12; i++) {
        if (i >= end || !is_digit(p->in[i]))
            return fail(p, i, "RFC9112-4", "the status code is not three digits");
        p->out->status = p->out->status * 10 + (p->in[i] - (unsigned)'0');
    }
    if (line.len < 13 || p->in[at + 12] != ' ')
        return fail(p, at + 12, "RFC9112-4", "no space after the status code");
    p->out->reason = text_at(p, at + 13, line.len - 13);
    return PARSED;
}

static int parse_start_line(struct parser *p, struct line line) {
    if (line.len == 0)
        return fail(p, line.at, "RFC9112-2.2", "an empty line before the start line");
    return p->out->request ? parse_request_line(p, line) : parse_status_line(p, line);
}

/* --- fields --- */

static int parse_field(struct parser *p, struct line line) {
    size_t end = line.at + line.len;
    bool folded = http1_is_blank(p->in[line.at]);
    if (folded && p->out->field_count == 0)
        return fail(p, line.at, "RFC9112-2.2", "white space before the first field");
    if (folded)
        return fail(p, line.at, "RFC9112-5.2", "line folding");
    size_t colon = line.at + token_len(p, line.at, end);
    if (colon < end && http1_is_blank(p->in[colon]))
        return fail(p, colon, "RFC9112-5.1", "white space in or after a field name");
    if (colon == line.at || colon == end || p->in[colon] != ':')
        return fail(p, colon, "RFC9112-5", "the field name is not a token");
    if (p->out->field_count == HTTP1_MAX_FIELDS)
        return fail(p, line.at, "RFC9110-5.4", "the head has too many fields");
    p->out->fields[p->out->field_count++] = (struct http1_field){
        .name = text_at(p, line.at, colon - line.at),
        .value = http1_trim(text_at(p, colon + 1, end - colon - 1)),
    };
    return PARSED;
}

static ssize_t parse_head(struct parser *p) {
    struct line line;
    int status = next_line(p, 0, &line);
    if (status == PARSED)
        status = parse_start_line(p, line);
    while (status == PARSED) {
        size_t at = line.at + line.len + 2;
        status = next_line(p, at, &line);
        if (status == PARSED && line.len == 0) {
            p->out->raw_len = at + 2;
            return (ssize_t)p->out->raw_len;
        }
        if (status == PARSED)
            status = parse_field(p, line);
    }
    return status;
}

ssize_t http1_parse(const uint8_t *in, size_t len, bool request, struct http1_head *out,
                    struct http1_error *error) {
    struct parser p = {in, len, out, error};
    *out = (struct http1_head){.request = request};
    *error = (struct http1_error){0};
    return parse_head(&p);
}
