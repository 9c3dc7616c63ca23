/* Build tool: compiles Lua files and prints them as a C file, so the library needs neither a folder with them
 * nor time to parse them.
 *
 *     embed ROOT PREFIX [ROOT PREFIX ...] -- ROOT/a.lua ROOT/b/c.lua ... > embedded.c
 *
 * With --text before ROOT, the texts are printed, as they are.
 *
 * A file ROOT/b/c.lua gets the name PREFIXb/c.lua, which error messages show, too. Line numbers are kept. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct file {
    char name[256];
    const char *path;
} file;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const file *)a)->name, ((const file *)b)->name);
}

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "embed: %s %s\n", what, path);
    exit(1);
}

/* A lua_Writer that prints the bytes of a chunk as elements of a C array. */
static int print_bytes(lua_State *L, const void *bytes, size_t len, void *data)
{
    (void)L;
    size_t *total = data;
    for (size_t i = 0; i < len; i++)
        printf("%u,%s", ((const unsigned char *)bytes)[i], ++*total % 24 == 0 ? "\n" : "");
    return 0;
}

/* Reads the file and compiles it under its embedded name. */
static void load(lua_State *L, const file *f)
{
    FILE *in = fopen(f->path, "rb");
    if (!in)
        fail("cannot open", f->path);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    size_t n;
    while ((n = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, in)) > 0)
        luaL_addsize(&text, n);
    if (ferror(in))
        fail("cannot read", f->path);
    fclose(in);
    luaL_pushresult(&text);
    const char *name = lua_pushfstring(L, "@%s", f->name);
    size_t len;
    const char *source = lua_tolstring(L, -2, &len);
    if (luaL_loadbufferx(L, source, len, name, "t") != LUA_OK)
        fail("cannot compile", lua_tostring(L, -1));
}

/* Prints the text of the file, which load has left on the stack, with a NUL byte that does not count. */
static void print_text(lua_State *L, size_t *size)
{
    size_t len;
    size_t total = 0;
    const char *text = lua_tolstring(L, 1, &len);
    print_bytes(L, text, len + 1, &total);
    *size = len;
}

static void print_file(lua_State *L, const file *f, bool as_text, size_t index, size_t *size)
{
    load(L, f);
    printf("static const unsigned char file_%zu[] = {\n", index);
    *size = 0;
    if (as_text)
        print_text(L, size);
    else if (lua_dump(L, print_bytes, size, 0) != 0)
        fail("cannot dump", f->path);
    printf("};\n");
    lua_settop(L, 0);
}

/* Sets the name: the path with the ROOT it begins with replaced by its PREFIX. */
static void set_name(file *f, char **roots, int root_count)
{
    for (int i = 0; i + 1 < root_count; i += 2) {
        size_t len = strlen(roots[i]);
        if (strncmp(f->path, roots[i], len) != 0 || f->path[len] != '/')
            continue;
        if (snprintf(f->name, sizeof f->name, "%s%s", roots[i + 1], f->path + len + 1) >= (int)sizeof f->name)
            fail("name too long:", f->path);
        return;
    }
    fail("not below any ROOT:", f->path);
}

int main(int argc, char **argv)
{
    bool as_text = argc > 1 && strcmp(argv[1], "--text") == 0;
    int first = as_text ? 2 : 1;
    int roots = first;
    while (roots < argc && strcmp(argv[roots], "--") != 0)
        roots++;
    size_t count = roots < argc ? (size_t)(argc - roots - 1) : 0;
    file *files = calloc(count ? count : 1, sizeof *files);
    size_t *sizes = calloc(count ? count : 1, sizeof *sizes);
    lua_State *L = luaL_newstate();
    if (!files || !sizes || !L)
        fail("out of", "memory");
    for (size_t i = 0; i < count; i++) {
        files[i].path = argv[(size_t)roots + 1 + i];
        set_name(&files[i], argv + first, roots - first);
    }
    qsort(files, count, sizeof *files, by_name);
    printf("/* Made by tools/embed.c. */\n#include \"%s\"\n\n",
           as_text ? "cli/repl/sources.h" : "engine/host/embedded.h");
    for (size_t i = 0; i < count; i++)
        print_file(L, &files[i], as_text, i, &sizes[i]);
    const char *name = as_text ? "repl_source" : "bosun_embedded";
    printf("const %s%s %s_files[] = {\n", name, as_text ? "_file" : "", name);
    for (size_t i = 0; i < count; i++)
        printf("    {\"%s\", file_%zu, %zu},\n", files[i].name, i, sizes[i]);
    printf("};\nconst size_t %s_count = %zu;\n", name, count);
    lua_close(L);
    free(sizes);
    free(files);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
