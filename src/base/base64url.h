/* base64url.h - the URL-safe base64 of RFC 4648 section 5, without padding (HTTP2-Settings). */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)

/* Write BASE64URL_LEN(n) characters to out (not terminated). */
void base64url_encode(const uint8_t *in, size_t n, char *out);

/* Strict: no padding, no other alphabet, no stray bits in the last character; out has room for
   n * 3 / 4 octets. Octets written, or -1 - offset of the first character that is wrong. */
ssize_t base64url_decode(const char *in, size_t n, uint8_t *out);

#endif
