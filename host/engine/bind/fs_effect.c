/* bosun.fs: what the plan of a dry run says about a change to a file. */
#include "fs.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTION 64

/* What is at a path: "12 bytes", "folder". NULL: nothing, or it cannot be seen. */
static const char *describe(const char *path, char out[DESCRIPTION])
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return NULL;
    if (S_ISREG(st.st_mode))
        snprintf(out, DESCRIPTION, "%lld byte%s", (long long)st.st_size, st.st_size == 1 ? "" : "s");
    else
        snprintf(out, DESCRIPTION, "%s",
                 S_ISDIR(st.st_mode)   ? "folder"
                 : S_ISLNK(st.st_mode) ? "symlink"
                                       : "special file");
    return out;
}

bool bind_fs_begin(lua_State *L, const char *op, const char *path, const char *after)
{
    char before[DESCRIPTION];
    if (!host_of(L)->options.dry_run)
        return true;
    return host_effect_begin(
        L, &(host_change){.op = op, .target = path, .before = describe(path, before), .after = after});
}

bool bind_fs_begin_move(lua_State *L, const char *op, const char *from, const char *to, const char *words)
{
    char before[DESCRIPTION];
    if (!host_of(L)->options.dry_run)
        return true;
    return host_effect_begin(L, &(host_change){.op = op,
                                               .target = from,
                                               .before = describe(from, before),
                                               .after = lua_pushfstring(L, "%s %s", words, to),
                                               .other = to});
}

/* Is this what the file contains? */
static bool has_content(const char *path, const char *bytes, size_t len)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size != len)
        return false;
    bosun_buf found = {0};
    bool same = bosun_fs_read(path, len, &found, NULL, NULL) == 0 && found.len == len &&
                memcmp(bosun_buf_text(&found), bytes, len) == 0;
    bosun_buf_free(&found);
    return same;
}

bool bind_fs_begin_write(lua_State *L, const char *path, const char *bytes, size_t len)
{
    char after[DESCRIPTION];
    if (!host_of(L)->options.dry_run)
        return true;
    if (has_content(path, bytes, len))
        return false;
    snprintf(after, sizeof after, "%zu byte%s", len, len == 1 ? "" : "s");
    return bind_fs_begin(L, "fs.write", path, after);
}

bool bind_fs_begin_mkdir(lua_State *L, const char *path, bool parents)
{
    struct stat st;
    if (!host_of(L)->options.dry_run)
        return true;
    if (parents && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return false;
    return bind_fs_begin(L, "fs.mkdir", path, "folder");
}

bool bind_fs_begin_remove(lua_State *L, const char *path, bool recursive, bool *there)
{
    char before[DESCRIPTION];
    if (!host_of(L)->options.dry_run)
        return true;
    const char *now = describe(path, before);
    if (now && recursive && strcmp(now, "folder") == 0)
        now = "folder with everything in it";
    const char *was = NULL;
    *there = now != NULL || host_effect_undo(L, path, &was);
    if (was)
        now = lua_pushfstring(L, "what %s is now", was);
    if (now)
        (void)host_effect_begin(L, &(host_change){.op = "fs.remove", .target = path, .before = now});
    return false;
}
