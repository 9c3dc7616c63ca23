/* Build tool: compiles Lua files and prints them as a C file, so the library needs neither a folder with them
 * nor time to parse them.
 *
 *     embed ROOT PREFIX [ROOT PREFIX ...] -- ROOT/a.lua ROOT/b/c.lua ... > embedded.c
 *
 * A file ROOT/b/c.lua gets the name PREFIXb/c.lua, which error messages show, too. Line numbers are kept. */
#include <lauxlib.h>
#include <lua.h>
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

static void print_file(lua_State *L, const file *f, size_t index, size_t *size)
{
    load(L, f);
    printf("static const unsigned char file_%zu[] = {\n", index);
    *size = 0;
    if (lua_dump(L, print_bytes, size, 0) != 0)
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
    int roots = 1;
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
        set_name(&files[i], argv + 1, roots - 1);
    }
    qsort(files, count, sizeof *files, by_name);
    printf("/* Made by tools/embed.c. */\n#include \"engine/host/embedded.h\"\n\n");
    for (size_t i = 0; i < count; i++)
        print_file(L, &files[i], i, &sizes[i]);
    printf("const bosun_embedded bosun_embedded_files[] = {\n");
    for (size_t i = 0; i < count; i++)
        printf("    {\"%s\", file_%zu, %zu},\n", files[i].name, i, sizes[i]);
    printf("};\nconst size_t bosun_embedded_count = %zu;\n", count);
    lua_close(L);
    free(sizes);
    free(files);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
