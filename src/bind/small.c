/* small.c - hex, base64url, SHA-256, clocks, the terminal, files that Lua's io cannot make. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/hex.h"
#include "bind/engine.h"

enum { RANDOM_MAX = 1 << 20 };

/* --- encodings --- */

static int hex(lua_State *L) {
    size_t n;
    luaL_Buffer b;
    const char *in = luaL_checklstring(L, 1, &n);
    char *out = luaL_buffinitsize(L, &b, 2 * n);
    hex_encode((const uint8_t *)in, n, out);
    luaL_pushresultsize(&b, 2 * n);
    return 1;
}

static int decoded(lua_State *L, luaL_Buffer *b, ssize_t n, const char *what) {
    if (n >= 0) {
        luaL_pushresultsize(b, (size_t)n);
        return 1;
    }
    lua_pushnil(L);
    lua_pushliteral(L, "protocol");
    lua_pushfstring(L, "not %s at offset %d", what, (int)(-1 - n));
    return 3;
}

static int unhex(lua_State *L) {
    size_t n;
    luaL_Buffer b;
    const char *in = luaL_checklstring(L, 1, &n);
    char *out = luaL_buffinitsize(L, &b, n / 2 + 1);
    return decoded(L, &b, hex_decode(in, n, (uint8_t *)out), "hexadecimal");
}

static int base64url(lua_State *L) {
    size_t n;
    luaL_Buffer b;
    const char *in = luaL_checklstring(L, 1, &n);
    char *out = luaL_buffinitsize(L, &b, BASE64URL_LEN(n));
    base64url_encode((const uint8_t *)in, n, out);
    luaL_pushresultsize(&b, BASE64URL_LEN(n));
    return 1;
}

static int unbase64url(lua_State *L) {
    size_t n;
    luaL_Buffer b;
    const char *in = luaL_checklstring(L, 1, &n);
    char *out = luaL_buffinitsize(L, &b, n * 3 / 4 + 1);
    return decoded(L, &b, base64url_decode(in, n, (uint8_t *)out), "base64url");
}

static int sha256(lua_State *L) {
    size_t n;
    unsigned size = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    const char *in = luaL_checklstring(L, 1, &n);
    if (!EVP_Digest(in, n, digest, &size, EVP_sha256(), NULL))
        return luaL_error(L, "OpenSSL has no SHA-256");
    lua_pushlstring(L, (const char *)digest, size);
    return 1;
}

/* --- clocks and the machine --- */

static int now(lua_State *L) {
    lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
    return 1;
}

static int waited(lua_State *L) {
    lua_pushnumber(L, (lua_Number)clock_now(&engine_get(L)->clock) / 1e9);
    return 1;
}

static int cpu_clock(lua_State *L) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
    return 1;
}

static int random_octets(lua_State *L) {
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_Buffer b;
    luaL_argcheck(L, n >= 0 && n <= RANDOM_MAX, 1, "from 0 to 1048576 octets");
    char *out = luaL_buffinitsize(L, &b, (size_t)n);
    for (size_t done = 0; done < (size_t)n;) {
        ssize_t got = getrandom(out + done, (size_t)n - done, 0);
        if (got < 0 && errno != EINTR)
            return luaL_error(L, "no random octets: %s", strerror(errno));
        done += got > 0 ? (size_t)got : 0;
    }
    luaL_pushresultsize(&b, (size_t)n);
    return 1;
}

static int rss(lua_State *L) {
    size_t octets = 0;
    uv_resident_set_memory(&octets);
    lua_pushinteger(L, (lua_Integer)octets);
    return 1;
}

static int is_tty(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

static int terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 0;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

/* --- files --- */

/* Wait until fd, which somebody made non-blocking, takes octets again. */
static void wait_writable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    (void)poll(&p, 1, -1);
}

static int write_all(lua_State *L) {
    size_t n;
    int fd = (int)luaL_checkinteger(L, 1);
    const char *octets = luaL_checklstring(L, 2, &n);
    while (n > 0) {
        ssize_t written = write(fd, octets, n);
        if (written < 0 && errno == EAGAIN)
            wait_writable(fd);
        else if (written < 0 && errno != EINTR)
            return engine_fail(L, "io", strerror(errno));
        if (written > 0) {
            octets += written;
            n -= (size_t)written;
        }
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* engine.mkstemp(prefix) -> path, fd; the file is private and new */
static int make_temporary(lua_State *L) {
    luaL_Buffer b;
    luaL_checkstring(L, 1);
    luaL_buffinit(L, &b);
    lua_pushvalue(L, 1);
    luaL_addvalue(&b);
    luaL_addlstring(&b, "XXXXXX", 7); /* with its zero: mkostemp writes into the buffer */
    char *path = luaL_buffaddr(&b);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return engine_fail(L, "io", strerror(errno));
    luaL_buffsub(&b, 1);
    luaL_pushresult(&b);
    lua_pushinteger(L, fd);
    return 2;
}

/* engine.mkdir(path); one that is there already is as good */
static int make_directory(lua_State *L) {
    struct stat st;
    const char *path = luaL_checkstring(L, 1);
    if (mkdir(path, 0777) != 0) {
        int error = errno;
        if (stat(path, &st) != 0)
            return engine_fail(L, "io", strerror(error));
        if (!S_ISDIR(st.st_mode))
            return engine_fail(L, "io", strerror(ENOTDIR));
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int close_fd(lua_State *L) {
    lua_pushboolean(L, close((int)luaL_checkinteger(L, 1)) == 0);
    return 1;
}

void engine_open_small(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"hex", hex},
        {"unhex", unhex},
        {"base64url", base64url},
        {"unbase64url", unbase64url},
        {"sha256", sha256},
        {"now", now},
        {"waited", waited},
        {"clock", cpu_clock},
        {"random", random_octets},
        {"rss", rss},
        {"isatty", is_tty},
        {"terminal_width", terminal_width},
        {"write", write_all},
        {"mkstemp", make_temporary},
        {"mkdir", make_directory},
        {"close_fd", close_fd},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
