/* http1_body.c - fields by name, and how the content of a message is delimited (RFC 9112 section
 * 6). */
#include "h2/http1.h"

#include <string.h>
#include <strings.h>

#include "h2/http1_text.h"

static bool text_is(struct http1_text t, const char *name) {
    return t.len == strlen(name) && strncasecmp(t.at, name, t.len) == 0;
}

const struct http1_field *http1_field_find(const struct http1_head *h, const char *name,
                                           size_t index) {
    for (size_t i = 0; i < h->field_count; i++)
        if (text_is(h->fields[i].name, name) && index-- == 0)
            return &h->fields[i];
    return NULL;
}

/* Octets up to the first `stop` outside a quoted string. */
static size_t span_to(struct http1_text t, char stop) {
    bool quoted = false;
    size_t i = 0;
    for (; i < t.len && (quoted || t.at[i] != stop); i++) {
        if (t.at[i] == '"')
            quoted = !quoted;
        else if (quoted && t.at[i] == '\\' && i + 1 < t.len)
            i++;
    }
    return i;
}

/* Take the next member of a comma-separated list; false at its end. Members may be empty. */
static bool next_member(struct http1_text *rest, struct http1_text *member) {
    if (!rest->at)
        return false;
    size_t n = span_to(*rest, ',');
    *member = http1_trim((struct http1_text){rest->at, n});
    *rest = n < rest->len ? (struct http1_text){rest->at + n + 1, rest->len - n - 1}
                          : (struct http1_text){NULL, 0};
    return true;
}

bool http1_has_token(const struct http1_head *h, const char *name, const char *token) {
    const struct http1_field *field;
    for (size_t i = 0; (field = http1_field_find(h, name, i)); i++) {
        struct http1_text rest = field->value, member;
        while (next_member(&rest, &member))
            if (text_is(member, token))
                return true;
    }
    return false;
}

/* --- the kind of body --- */

/* 1*DIGIT, below 2^64. */
static bool parse_length(struct http1_text t, uint64_t *out) {
    uint64_t value = 0;
    for (size_t i = 0; i < t.len; i++) {
        unsigned digit = (unsigned)(uint8_t)t.at[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return t.len > 0;
}

/* One number, or the same number several times. */
static enum http1_body length_kind(const struct http1_head *h, uint64_t *length) {
    const struct http1_field *field;
    bool found = false;
    uint64_t first = 0, value;
    for (size_t i = 0; (field = http1_field_find(h, "content-length", i)); i++) {
        struct http1_text rest = field->value, member;
        while (next_member(&rest, &member)) {
            if (!parse_length(member, &value) || (found && value != first))
                return HTTP1_BODY_INVALID;
            first = value;
            found = true;
        }
    }
    *length = first;
    return found ? HTTP1_BODY_LENGTH : HTTP1_BODY_INVALID;
}

struct codings {
    bool bad;     /* not a list of codings, or chunked not used as it may be */
    bool chunked; /* the last one is chunked */
    size_t count;
};

static bool is_token(struct http1_text t) {
    for (size_t i = 0; i < t.len; i++)
        if (!http1_is_tchar((uint8_t)t.at[i]))
            return false;
    return t.len > 0;
}

/* Add one transfer coding. chunked comes once and takes no parameters (RFC 9112 section 7.1). */
static void add_coding(struct codings *all, struct http1_text coding, bool *seen_chunked) {
    size_t n = span_to(coding, ';');
    struct http1_text name = http1_trim((struct http1_text){coding.at, n});
    all->chunked = text_is(name, "chunked");
    all->bad |= !is_token(name) || (all->chunked && (*seen_chunked || n < coding.len));
    *seen_chunked |= all->chunked;
    all->count++;
}

static struct codings find_codings(const struct http1_head *h) {
    struct codings all = {0};
    bool seen_chunked = false;
    const struct http1_field *field;
    for (size_t i = 0; (field = http1_field_find(h, "transfer-encoding", i)); i++) {
        struct http1_text rest = field->value, member;
        while (next_member(&rest, &member))
            if (member.len > 0) /* empty members are to be ignored (RFC 9110 section 5.6.1.2) */
                add_coding(&all, member, &seen_chunked);
    }
    return all;
}

/* A sender of HTTP/1.0 cannot know of codings: its framing is faulty (RFC 9112 section 6.1). */
static enum http1_body coding_kind(const struct http1_head *h) {
    struct codings all = find_codings(h);
    bool old = h->major < 1 || (h->major == 1 && h->minor < 1);
    if (old || all.bad || all.count == 0 || http1_field_find(h, "content-length", 0))
        return HTTP1_BODY_INVALID;
    if (all.chunked)
        return HTTP1_BODY_CHUNKED;
    return h->request ? HTTP1_BODY_INVALID : HTTP1_BODY_CLOSE;
}

enum http1_body http1_body_kind(const struct http1_head *h, bool head_request, uint64_t *length) {
    *length = 0;
    bool bodiless = head_request || h->status / 100 == 1 || h->status == 204 || h->status == 304;
    if (!h->request && bodiless)
        return HTTP1_BODY_NONE;
    if (http1_field_find(h, "transfer-encoding", 0))
        return coding_kind(h);
    if (http1_field_find(h, "content-length", 0))
        return length_kind(h, length);
    return h->request ? HTTP1_BODY_NONE : HTTP1_BODY_CLOSE;
}
