/* http1_text.h - character classes and texts that heads and bodies share (RFC 9110 section 5.6). */
#ifndef H2_HTTP1_TEXT_H
#define H2_HTTP1_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "h2/http1.h"

static inline bool http1_is_tchar(uint8_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static inline bool http1_is_vchar(uint8_t c) {
    return c > 0x20 && c < 0x7f;
}

static inline bool http1_is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

/* What a field value or a reason phrase is made of: VCHAR, obs-text, SP and HTAB. */
static inline bool http1_is_text(uint8_t c) {
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* Without outer white space. */
static inline struct http1_text http1_trim(struct http1_text t) {
    while (t.len > 0 && http1_is_blank((uint8_t)t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && http1_is_blank((uint8_t)t.at[t.len - 1]))
        t.len--;
    return t;
}

#endif
