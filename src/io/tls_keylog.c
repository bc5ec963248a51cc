/* tls_keylog.c - secrets for Wireshark: SSLKEYLOGFILE, one file per process, and the captures of
   single connections. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/tls_internal.h"

static int keylog_fd = -1;

/* One write per line, so that several processes may append to one file. */
static void append_to_file(const char *line, size_t n) {
    char end[] = "\n";
    struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)line, .iov_len = n},
                            {.iov_base = end, .iov_len = 1}};
    while (writev(keylog_fd, parts, 2) < 0 && errno == EINTR)
        continue;
}

/* A line that has no room is left out: without it there is less to read, and nothing is wrong. */
static void log_line(const SSL *ssl, const char *line) {
    struct tls_conn *t = SSL_get_app_data(ssl);
    size_t n = strlen(line);
    if (keylog_fd >= 0)
        append_to_file(line, n);
    if (t && t->keys && n < t->keys->max - t->keys->len && buf_append(t->keys, line, n) == 0)
        (void)buf_append(t->keys, "\n", 1);
}

void tls_keylog_use(SSL_CTX *context, bool kept) {
    static bool tried;
    if (!tried) {
        tried = true;
        const char *path = secure_getenv("SSLKEYLOGFILE");
        if (path && *path)
            keylog_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    }
    if (kept || keylog_fd >= 0)
        SSL_CTX_set_keylog_callback(context, log_line);
}
