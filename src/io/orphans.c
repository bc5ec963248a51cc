/* orphans.c - a subreaper's children, found in /proc. */
#include "io/orphans.h"

#ifdef __linux__

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool adopting;

void orphans_adopt(void) {
    adopting = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

/* From /proc/NAME/stat: "PID (COMMAND) STATE PARENT ...", where the command may hold anything. */
static pid_t parent_of(const char *name) {
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *after = strrchr(text, ')');
    return after && strlen(after) > 4 ? (pid_t)strtol(after + 4, NULL, 10) : -1;
}

/* Is it gone? */
static bool ended(pid_t pid, bool killing) {
    if (killing)
        kill(pid, SIGKILL);
    return waitpid(pid, NULL, WNOHANG) == pid;
}

size_t orphans_end(bool (*known)(pid_t pid), bool killing) {
    DIR *proc = adopting ? opendir("/proc") : NULL;
    size_t left = 0;
    const struct dirent *entry;
    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name) != getpid())
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        left += !known(pid) && !ended(pid, killing);
    }
    if (proc)
        closedir(proc);
    return left;
}

#else

void orphans_adopt(void) {
}

size_t orphans_end(bool (*known)(pid_t pid), bool killing) {
    (void)known;
    (void)killing;
    return 0;
}

#endif
