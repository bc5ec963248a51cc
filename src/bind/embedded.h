/* embedded.h - the Lua files, suites and tables inside the binary, or the source tree instead. */
#ifndef BIND_EMBEDDED_H
#define BIND_EMBEDDED_H

#include <lua.h>
#include <stddef.h>

struct embedded_file {
    const char *name; /* "lua/runner.lua" */
    const unsigned char *data;
    size_t len;
    const unsigned char *code; /* a Lua file, compiled; NULL: it is none */
    size_t code_len;
};

/* Made by the build, sorted by name (strcmp). The library for tests is linked without them. */
extern const struct embedded_file embedded_files[] __attribute__((weak));
extern const size_t embedded_count __attribute__((weak));
/* "5.4.4": whose code that is. Another Lua gets the text. */
extern const char embedded_release[] __attribute__((weak));

/* Read files from this directory before looking at the embedded ones; NULL: only those. Without a
   call it is the environment's H2PROBE_ROOT. The string is borrowed for good. */
void embedded_set_root(const char *dir);
const char *embedded_root(void);

/* Push the content of a file, or nil. */
int embedded_push(lua_State *L, const char *name);

/* A searcher for package.searchers: h2probe.X.Y is lua/X/Y.lua, h2probe.reports.X is reports/X.lua,
   argparse and dkjson are third_party/NAME.lua. */
int embedded_searcher(lua_State *L);

#endif
