/* json_min.h - for tests: walks JSON text that is known to be sound (files of test data).
   An assertion of libcheck costs a system call, so what is done often only asks and aborts. */
#ifndef TESTS_JSON_MIN_H
#define TESTS_JSON_MIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

/* A position in a text that ends with a zero. */
struct json {
    const char *at;
};

static inline char json_peek(struct json *j) {
    j->at += strspn(j->at, " \t\r\n");
    return *j->at;
}

static inline void json_need(struct json *j, char c) {
    if (json_peek(j) != c)
        ck_abort_msg("JSON: expected %c before: %.40s", c, j->at);
    j->at++;
}

/* Before each member of an object or an array whose bracket was read: false at its end. */
static inline bool json_more(struct json *j, char close) {
    char c = json_peek(j);
    if (c == close || c == ',')
        j->at++;
    return c != close;
}

static inline size_t json_utf8(unsigned code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static inline size_t json_escape(struct json *j, char *out) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *j->at++;
    const char *known = strchr(from, c);
    if (c == 'u') {
        char digits[5] = {0};
        memcpy(digits, j->at, 4);
        j->at += 4;
        return json_utf8((unsigned)strtoul(digits, NULL, 16), out);
    }
    *out = c && known ? to[known - from] : c;
    return 1;
}

/* A string, into out, of which `room` octets are there. Its length. */
static inline size_t json_string(struct json *j, char *out, size_t room) {
    size_t n = 0;
    json_need(j, '"');
    while (*j->at != '"') {
        if (!*j->at || n + 4 >= room)
            ck_abort_msg("JSON: a string that does not end or is too long");
        if (*j->at == '\\') {
            j->at++;
            n += json_escape(j, out + n);
        } else {
            out[n++] = *j->at++;
        }
    }
    j->at++;
    out[n] = '\0';
    return n;
}

/* Past any value. */
static inline void json_skip(struct json *j) {
    int depth = 0;
    do {
        char c = json_peek(j);
        if (!c)
            ck_abort_msg("JSON: the text ends inside a value");
        if (c == '"') {
            for (j->at++; *j->at != '"'; j->at++)
                j->at += *j->at == '\\';
            j->at++;
        } else if (c == '{' || c == '[') {
            depth++;
            j->at++;
        } else if (c == '}' || c == ']') {
            depth--;
            j->at++;
        } else if (c == ',' || c == ':') {
            j->at++;
        } else {
            j->at += strcspn(j->at, ",:]}[{\" \t\r\n");
        }
    } while (depth > 0);
}

#endif
