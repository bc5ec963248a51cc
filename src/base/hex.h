/* hex.h - octets to hexadecimal digits and back. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Write 2*n lower-case digits to out (not terminated). */
void hex_encode(const uint8_t *in, size_t n, char *out);

/* Read digits, skipping blanks and line ends; out has room for n/2 octets.
   Octets written, or -1 - offset of the first character that does not belong (of the end, n, where
   half an octet is missing). */
ssize_t hex_decode(const char *in, size_t n, uint8_t *out);

#endif
