/* embedded.c - files inside the binary, or of the source tree in H2PROBE_ROOT. */
#include "bind/embedded.h"

#include <dirent.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind/engine.h"

enum { PATH_SIZE = 4096, MAX_DEPTH = 8 };

static struct {
    bool chosen;
    const char *dir;
} root;

void embedded_set_root(const char *dir) {
    root.chosen = true;
    root.dir = dir && *dir ? dir : NULL;
}

const char *embedded_root(void) {
    if (!root.chosen)
        embedded_set_root(getenv("H2PROBE_ROOT"));
    return root.dir;
}

/* --- one file --- */

static size_t table_size(void) {
    return &embedded_count && embedded_files ? embedded_count : 0;
}

static int compare(const void *name, const void *file) {
    return strcmp(name, ((const struct embedded_file *)file)->name);
}

static const struct embedded_file *find(const char *name) {
    if (table_size() == 0)
        return NULL;
    return bsearch(name, embedded_files, table_size(), sizeof *embedded_files, compare);
}

static struct { uintptr_t from, end; } pages; /* that hold the files */

static void widen_pages(const unsigned char *octets, size_t n) {
    uintptr_t at = (uintptr_t)octets;
    pages.from = n > 0 && at < pages.from ? at : pages.from;
    pages.end = n > 0 && at + n > pages.end ? at + n : pages.end;
}

static void find_pages(void) {
    pages.from = UINTPTR_MAX;
    for (size_t i = 0; i < table_size(); i++) {
        widen_pages(embedded_files[i].data, embedded_files[i].len);
        widen_pages(embedded_files[i].code, embedded_files[i].code_len);
    }
    pages.from -= pages.from % (uintptr_t)sysconf(_SC_PAGESIZE);
}

/* Lua has its own copy now: the pages are the file's, which gives them again where they are read.
   All of them, since the kernel maps those around one that is read, too. */
static void forget(void) {
    if (pages.end == 0)
        find_pages();
    (void)madvise((void *)pages.from, pages.end - pages.from, MADV_DONTNEED);
}

/* A name may not lead out of the root. */
static bool inside(const char *name) {
    if (*name == '/')
        return false;
    for (const char *at = name; (at = strstr(at, "..")) != NULL; at += 2)
        if ((at == name || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return false;
    return true;
}

static FILE *open_in_root(const char *name) {
    char path[PATH_SIZE];
    struct stat st;
    const char *dir = embedded_root();
    if (!dir || !inside(name))
        return NULL;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return NULL;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    return fopen(path, "rbe");
}

static int close_file(lua_State *L) {
    FILE **f = lua_touserdata(L, 1);
    if (*f)
        fclose(*f);
    *f = NULL;
    return 0;
}

/* The file is owned by a userdata, since the buffer may raise. */
static int push_from_root(lua_State *L, const char *name) {
    luaL_Buffer b;
    size_t n;
    FILE **f = lua_newuserdatauv(L, sizeof *f, 0);
    *f = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, close_file);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    *f = open_in_root(name);
    if (!*f) {
        lua_pop(L, 1);
        return 0;
    }
    luaL_buffinit(L, &b);
    do {
        char *at = luaL_prepbuffer(&b);
        n = fread(at, 1, LUAL_BUFFERSIZE, *f);
        luaL_addsize(&b, n);
    } while (n > 0);
    luaL_pushresult(&b);
    fclose(*f);
    *f = NULL;
    lua_remove(L, -2);
    return 1;
}

int embedded_push(lua_State *L, const char *name) {
    if (embedded_root() && push_from_root(L, name))
        return 1;
    const struct embedded_file *file = find(name);
    if (!file) {
        lua_pushnil(L);
        return 0;
    }
    lua_pushlstring(L, file->len ? (const char *)file->data : "", file->len);
    forget();
    return 1;
}

static int embedded(lua_State *L) {
    embedded_push(L, luaL_checkstring(L, 1));
    return 1;
}

/* The compiled file, or NULL: a source tree was chosen, it is no Lua, or another Lua has compiled
 * it. */
static const struct embedded_file *compiled(const char *name) {
    const struct embedded_file *file = embedded_root() ? NULL : find(name);
    return file && file->code && strcmp(&LUA_RELEASE[4], embedded_release) == 0 ? file : NULL;
}

/* engine.embedded_code(name) -> octets for load, or nil */
static int embedded_code(lua_State *L) {
    const struct embedded_file *file = compiled(luaL_checkstring(L, 1));
    if (!file)
        return 0;
    lua_pushlstring(L, (const char *)file->code, file->code_len);
    forget();
    return 1;
}

/* --- listing --- */

static void list_directory(lua_State *L, const char *prefix, const char *name, int depth);

static void list_entry(lua_State *L, const char *prefix, const char *name, int depth) {
    char path[PATH_SIZE];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", embedded_root(), name) >= (int)sizeof path ||
        stat(path, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode))
        list_directory(L, prefix, name, depth + 1);
    else if (S_ISREG(st.st_mode) && strncmp(name, prefix, strlen(prefix)) == 0) {
        lua_pushboolean(L, 1);
        lua_setfield(L, 2, name);
    }
}

/* A directory is looked into when the prefix leads into it or begins it. */
static bool leads(const char *prefix, const char *name) {
    size_t a = strlen(prefix), b = strlen(name);
    return strncmp(prefix, name, a < b ? a : b) == 0;
}

static void list_directory(lua_State *L, const char *prefix, const char *name, int depth) {
    char path[PATH_SIZE], child[PATH_SIZE];
    struct dirent **entries;
    if (depth > MAX_DEPTH || !leads(prefix, name))
        return;
    if (snprintf(path, sizeof path, "%s/%s", embedded_root(), name) >= (int)sizeof path)
        return;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *entry = entries[i]->d_name;
        int len = snprintf(child, sizeof child, "%s%s%s", name, *name ? "/" : "", entry);
        if (*entry != '.' && len < (int)sizeof child)
            list_entry(L, prefix, child, depth);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void list_table(lua_State *L, const char *prefix) {
    for (size_t i = 0; i < table_size(); i++) {
        if (strncmp(embedded_files[i].name, prefix, strlen(prefix)) != 0)
            continue;
        lua_pushboolean(L, 1);
        lua_setfield(L, 2, embedded_files[i].name);
    }
}

/* engine.embedded_list(prefix) -> names, sorted */
static int embedded_list(lua_State *L) {
    const char *prefix = luaL_optstring(L, 1, "");
    lua_settop(L, 1);
    lua_newtable(L); /* names as keys: a file of the root hides the embedded one */
    if (embedded_root() && inside(prefix) && *prefix)
        list_directory(L, prefix, "", 0);
    list_table(L, prefix);
    lua_getglobal(L, "table");
    lua_newtable(L);
    lua_Integer i = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawseti(L, 4, ++i);
    }
    lua_getfield(L, 3, "sort");
    lua_pushvalue(L, 4);
    lua_call(L, 1, 0);
    return 1;
}

/* --- require --- */

/* The file of a module, or NULL if it is none of ours. Pushed, to keep it. */
static const char *module_file(lua_State *L, const char *name) {
    if (strcmp(name, "argparse") == 0 || strcmp(name, "dkjson") == 0)
        return lua_pushfstring(L, "third_party/%s.lua", name);
    if (strncmp(name, "h2probe.", 8) != 0)
        return NULL;
    const char *path = luaL_gsub(L, name + 8, ".", "/");
    if (strncmp(path, "reports/", 8) == 0)
        return lua_pushfstring(L, "%s.lua", path);
    return lua_pushfstring(L, "lua/%s.lua", path);
}

/* The name of a file's chunk: where it was read. Pushed, to keep it. */
static const char *chunk_name(lua_State *L, const char *file) {
    const char *dir = embedded_root();
    return dir ? lua_pushfstring(L, "@%s/%s", dir, file) : lua_pushfstring(L, "@%s", file);
}

/* Push the file's function; false when there is no such file. Raises what Lua says of it. */
static bool load_file(lua_State *L, const char *file, const char *chunk) {
    const struct embedded_file *c = compiled(file);
    size_t len;
    int status;
    if (c) {
        status = luaL_loadbufferx(L, (const char *)c->code, c->code_len, chunk, "b");
        forget();
    } else {
        if (!embedded_push(L, file))
            return false;
        const char *text = lua_tolstring(L, -1, &len);
        status = luaL_loadbufferx(L, text, len, chunk, "t");
    }
    if (status != LUA_OK)
        luaL_error(L, "cannot load module '%s':\n\t%s", lua_tostring(L, 1), lua_tostring(L, -1));
    return true;
}

int embedded_searcher(lua_State *L) {
    const char *file = module_file(L, luaL_checkstring(L, 1));
    if (!file)
        return 0;
    const char *chunk = chunk_name(L, file);
    if (load_file(L, file, chunk)) {
        lua_pushstring(L, chunk + 1);
        return 2;
    }
    lua_pushfstring(L, "no file '%s' in %s", file,
                    embedded_root() ? embedded_root() : "the binary");
    return 1;
}

void engine_open_embedded(lua_State *L) {
    static const luaL_Reg functions[] = {{"embedded", embedded},
                                         {"embedded_code", embedded_code},
                                         {"embedded_list", embedded_list},
                                         {"searcher", embedded_searcher},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
