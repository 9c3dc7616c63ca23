/* bosun.fs: folders, their entries, and temporary files. */
#include "core/base/crypto.h"
#include "fs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* fs.mkdir(path, {parents=false, mode=}) -> true | nil, err */
static int fs_mkdir(lua_State *L)
{
    static const char *const known[] = {"parents", "mode", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    bool parents = bind_option_bool(L, 2, "parents", false);
    mode_t mode = bind_option_mode(L, 2);
    bosun_err err = {0};
    int rc = 0;
    if (bind_fs_begin_mkdir(L, path, parents))
        rc = bosun_fs_mkdir(path, mode, parents, &err);
    return bind_push_done(L, rc, &err);
}

/* fs.remove(path, {recursive=false}) -> true, was_there | nil, err */
static int fs_remove(lua_State *L)
{
    static const char *const known[] = {"recursive", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    bool recursive = bind_option_bool(L, 2, "recursive", false);
    bosun_err err = {0};
    bool removed;
    if (bind_fs_begin_remove(L, path, recursive, &removed) &&
        bosun_fs_remove(path, recursive, bind_wait(L), &removed, &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushboolean(L, 1);
    lua_pushboolean(L, removed);
    return 2;
}

/* Pushes a sequence of NUL-terminated strings, leaving out the first `skip` bytes of each. [-0, +1, m] */
static void push_strings(lua_State *L, const bosun_buf *strings, size_t skip)
{
    lua_newtable(L);
    bind_mark_array(L);
    lua_Integer n = 0;
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1) {
        lua_pushstring(L, strings->data + at + skip);
        lua_rawseti(L, -2, ++n);
    }
}

/* fs.list(path) -> names, sorted | nil, err */
static int fs_list(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    bosun_buf *entries = bind_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_list(path, entries, &err) < 0)
        return bind_push_failure(L, &err);
    push_strings(L, entries, 1);
    bosun_buf_free(entries);
    return 1;
}

/* fs.glob(pattern) -> paths, sorted | nil, err */
static int fs_glob(lua_State *L)
{
    const char *pattern = bind_check_path(L, 1);
    bosun_buf *paths = bind_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_glob(pattern, paths, &err) < 0)
        return bind_push_failure(L, &err);
    push_strings(L, paths, 0);
    bosun_buf_free(paths);
    return 1;
}

static lua_Integer count_strings(const bosun_buf *strings)
{
    lua_Integer count = 0;
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1)
        count++;
    return count;
}

/* Appends the entries of `folder`, each a letter for its type and its path, to the *count items of the
 * sequence `pending`. In reverse order, because walk_next takes the last item. Returns 0 or -1.
 * [-0, +1, m] */
static int push_entries(lua_State *L, int pending, lua_Integer *count, const char *folder, bosun_err *err)
{
    bosun_buf *entries = bind_push_buf(L);
    if (bosun_fs_list(folder, entries, err) < 0)
        return -1;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    *count += count_strings(entries);
    lua_Integer place = *count;
    for (size_t at = 0; at < entries->len; at += strlen(entries->data + at) + 1) {
        const char *entry = entries->data + at;
        lua_pushfstring(L, "%c%s%s%s", entry[0], folder, slash, entry + 1);
        lua_rawseti(L, pending, place--);
    }
    bosun_buf_free(entries);
    return 0;
}

const char *bind_fs_type_name(char letter)
{
    static const char letters[] = "fdlpscb";
    static const char *const names[] = {"file", "directory", "symlink", "fifo", "socket", "char", "block"};
    const char *at = strchr(letters, letter);
    return at && *at ? names[at - letters] : "unknown";
}

static void set_count(lua_State *L, lua_Integer count)
{
    lua_pushinteger(L, count);
    lua_replace(L, lua_upvalueindex(2));
}

/* The iterator of fs.walk. No folder is open between two calls. upvalues: pending entries, their count */
static int walk_next(lua_State *L)
{
    int pending = lua_upvalueindex(1);
    lua_Integer count = lua_tointeger(L, lua_upvalueindex(2));
    if (count == 0)
        return 0;
    lua_rawgeti(L, pending, count);
    lua_pushnil(L);
    lua_rawseti(L, pending, count--);
    set_count(L, count); /* before anything that may raise: the item is gone */
    const char *entry = lua_tostring(L, -1);
    bosun_err err = {0};
    int rc = entry[0] == 'd' ? push_entries(L, pending, &count, entry + 1, &err) : 0;
    set_count(L, count);
    lua_pushstring(L, entry + 1);
    lua_pushstring(L, bind_fs_type_name(entry[0]));
    return rc < 0 ? 2 + bind_push_error(L, &err) : 2;
}

/* fs.walk(path) -> iterator of (path, type [, err]) | nil, err */
static int fs_walk(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    lua_newtable(L);
    int pending = lua_gettop(L);
    lua_Integer count = 0;
    bosun_err err = {0};
    if (push_entries(L, pending, &count, path, &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushvalue(L, pending);
    lua_pushinteger(L, count);
    lua_pushcclosure(L, walk_next, 2);
    return 1;
}

typedef struct temp_name {
    char path[PATH_MAX]; /* ends with XXXXXX and the suffix */
    int suffix_len;
} temp_name;

static const char *check_name_part(lua_State *L, const char *name, const char *otherwise)
{
    size_t len;
    const char *part = bind_option_string(L, 1, name, &len);
    if (!part)
        return otherwise;
    if (strlen(part) != len || strchr(part, '/'))
        luaL_argerror(L, 1, lua_pushfstring(L, "option %s: cannot contain '/' or a NUL byte", name));
    return part;
}

static void check_temp_name(lua_State *L, temp_name *temp)
{
    const char *dir = bind_option_path(L, 1, "dir");
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    const char *prefix = check_name_part(L, "prefix", "bosun-");
    const char *suffix = check_name_part(L, "suffix", "");
    int n = snprintf(temp->path, sizeof temp->path, "%s/%sXXXXXX%s", dir, prefix, suffix);
    if (n < 0 || (size_t)n >= sizeof temp->path)
        luaL_argerror(L, 1, "the path is too long");
    temp->suffix_len = (int)strlen(suffix);
}

/* For a dry run: pushes a path that looks like a real one. */
static int push_invented(lua_State *L, temp_name *temp, const char *op, const char *what)
{
    unsigned char bytes[3];
    char hex[7];
    bosun_err err = {0};
    if (bosun_random_bytes(bytes, sizeof bytes, &err) < 0)
        return bind_push_failure(L, &err);
    bosun_hex(hex, bytes, sizeof bytes);
    memcpy(temp->path + strlen(temp->path) - (size_t)temp->suffix_len - 6, hex, 6);
    (void)bind_fs_begin(L, op, temp->path, what);
    lua_pushstring(L, temp->path);
    return 1;
}

static int push_created(lua_State *L, const temp_name *temp, int rc, int errnum)
{
    if (rc < 0)
        return bind_push_errno(L, errnum, "create", temp->path);
    lua_pushstring(L, temp->path);
    return 1;
}

/* fs.tempdir({dir=, prefix=}) -> path | nil, err */
static int fs_tempdir(lua_State *L)
{
    static const char *const known[] = {"dir", "prefix", NULL};
    temp_name temp = {.suffix_len = 0};
    bind_check_options(L, 1, known);
    check_temp_name(L, &temp);
    if (host_of(L)->options.dry_run)
        return push_invented(L, &temp, "fs.tempdir", "folder");
    int rc = mkdtemp(temp.path) ? 0 : -1;
    return push_created(L, &temp, rc, errno);
}

/* fs.tempfile({dir=, prefix=, suffix=}) -> path of an empty file | nil, err */
static int fs_tempfile(lua_State *L)
{
    static const char *const known[] = {"dir", "prefix", "suffix", NULL};
    temp_name temp = {.suffix_len = 0};
    bind_check_options(L, 1, known);
    check_temp_name(L, &temp);
    if (host_of(L)->options.dry_run)
        return push_invented(L, &temp, "fs.tempfile", "0 bytes");
    int fd = mkostemps(temp.path, temp.suffix_len, O_CLOEXEC);
    int rc = fd < 0 ? -1 : close(fd);
    return push_created(L, &temp, rc, errno);
}

void bind_fs_add_folders(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"mkdir", fs_mkdir}, {"remove", fs_remove},   {"list", fs_list},         {"glob", fs_glob},
        {"walk", fs_walk},   {"tempdir", fs_tempdir}, {"tempfile", fs_tempfile}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
