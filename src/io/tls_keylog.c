/* tls_keylog.c - SSLKEYLOGFILE: secrets for Wireshark, appended to one file per process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/tls_internal.h"

static int keylog_fd = -1;

/* One write per line, so that several processes may append to one file. */
static void log_line(const SSL *ssl, const char *line) {
    (void)ssl;
    char end[] = "\n";
    struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)line, .iov_len = strlen(line)},
                            {.iov_base = end, .iov_len = 1}};
    while (writev(keylog_fd, parts, 2) < 0 && errno == EINTR)
        continue;
}

SSL_CTX_keylog_cb_func tls_keylog(void) {
    static bool tried;
    if (!tried) {
        tried = true;
        const char *path = secure_getenv("SSLKEYLOGFILE");
        if (path && *path)
            keylog_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    }
    return keylog_fd >= 0 ? log_line : NULL;
}
