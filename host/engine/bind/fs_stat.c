/* bosun.fs: properties, links, permissions and digests of files; free space and syncing of folders. */
#include "core/base/crypto.h"
#include "fs.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Pushes true, or nil and the error, for a system call that returned rc and set errno. */
static int push_outcome(lua_State *L, int rc, const char *op, const char *path)
{
    if (rc < 0)
        return bind_push_errno(L, errno, op, path);
    lua_pushboolean(L, 1);
    return 1;
}

static void set_time(lua_State *L, const char *key, const struct timespec *time)
{
    lua_pushnumber(L, (lua_Number)time->tv_sec + (lua_Number)time->tv_nsec / 1e9);
    lua_setfield(L, -2, key);
}

static void push_properties(lua_State *L, const struct stat *st)
{
    const char *type = bind_fs_type_name(bosun_fs_type(st->st_mode));
    lua_createtable(L, 0, 12);
    bind_set_text(L, "type", type, strlen(type));
    set_time(L, "mtime", &st->st_mtim);
    set_time(L, "ctime", &st->st_ctim);
    bind_set_integer(L, "size", (lua_Integer)st->st_size);
    bind_set_integer(L, "mode", (lua_Integer)(st->st_mode & 07777));
    bind_set_integer(L, "uid", (lua_Integer)st->st_uid);
    bind_set_integer(L, "gid", (lua_Integer)st->st_gid);
    bind_set_integer(L, "ino", (lua_Integer)st->st_ino);
    bind_set_integer(L, "dev", (lua_Integer)st->st_dev);
    bind_set_integer(L, "nlink", (lua_Integer)st->st_nlink);
}

/* fs.stat(path, {follow=true}) -> properties | nil, err */
static int fs_stat(lua_State *L)
{
    static const char *const known[] = {"follow", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    bool follow = bind_option_bool(L, 2, "follow", true);
    struct stat st;
    if ((follow ? stat(path, &st) : lstat(path, &st)) < 0)
        return bind_push_errno(L, errno, "stat", path);
    push_properties(L, &st);
    bind_set_boolean(L, "sized", !S_ISREG(st.st_mode) || bosun_fs_is_sized(-1, path, st.st_size));
    return 1;
}

/* fs.exists(path) -> boolean | nil, err */
static int fs_exists(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    struct stat st;
    int errnum = stat(path, &st) < 0 ? errno : 0;
    if (errnum && errnum != ENOENT && errnum != ENOTDIR)
        return bind_push_errno(L, errnum, "stat", path);
    lua_pushboolean(L, errnum == 0);
    return 1;
}

/* fs.symlink(target, path) -> true | nil, err */
static int fs_symlink(lua_State *L)
{
    const char *target = bind_check_path(L, 1);
    const char *path = bind_check_path(L, 2);
    int rc = 0;
    if (bind_fs_begin(L, "fs.symlink", path, lua_pushfstring(L, "symlink to %s", target)))
        rc = symlink(target, path);
    return push_outcome(L, rc, "create the symlink", path);
}

/* fs.readlink(path) -> target | nil, err */
static int fs_readlink(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target);
    if (len < 0)
        return bind_push_errno(L, errno, "read the symlink", path);
    if ((size_t)len == sizeof target)
        return bind_push_errno(L, ENAMETOOLONG, "read the symlink", path);
    lua_pushlstring(L, target, (size_t)len);
    return 1;
}

/* False: a dry run, or nothing to do in one. */
static bool begin_chmod(lua_State *L, const char *path, mode_t mode)
{
    struct stat st;
    char before[16];
    char after[16];
    if (!host_of(L)->options.dry_run)
        return true;
    bool known = stat(path, &st) == 0;
    if (known && (st.st_mode & 07777) == mode)
        return false;
    snprintf(before, sizeof before, "%04o", known ? (unsigned)st.st_mode & 07777 : 0);
    snprintf(after, sizeof after, "%04o", (unsigned)mode);
    return host_effect_begin(
        L, &(host_change){.op = "fs.chmod", .target = path, .before = known ? before : NULL, .after = after});
}

/* fs.chmod(path, mode) -> true | nil, err */
static int fs_chmod(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    mode_t mode = bind_check_mode(L, 2, luaL_checkinteger(L, 2));
    int rc = 0;
    if (begin_chmod(L, path, mode))
        rc = chmod(path, mode);
    return push_outcome(L, rc, "chmod", path);
}

/* Returns the ID at `arg`, or -1 for nil, which chown takes as "unchanged". */
static lua_Integer check_id(lua_State *L, int arg)
{
    lua_Integer id = luaL_optinteger(L, arg, -1);
    luaL_argcheck(L, id >= -1 && id < (lua_Integer)UINT_MAX, arg, "expected a user or group ID, or nil");
    return id;
}

/* False: a dry run, or nothing to do in one. */
static bool begin_chown(lua_State *L, const char *path, lua_Integer uid, lua_Integer gid)
{
    struct stat st;
    char before[64];
    char after[64];
    if (!host_of(L)->options.dry_run)
        return true;
    bool known = lstat(path, &st) == 0;
    if (known && (uid < 0 || st.st_uid == uid) && (gid < 0 || st.st_gid == gid))
        return false;
    snprintf(before, sizeof before, "owner %u:%u", known ? st.st_uid : 0, known ? st.st_gid : 0);
    snprintf(after, sizeof after, "owner %lld:%lld", uid, gid);
    return host_effect_begin(
        L, &(host_change){.op = "fs.chown", .target = path, .before = known ? before : NULL, .after = after});
}

/* fs.chown(path, uid, gid) -> true | nil, err */
static int fs_chown(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    lua_Integer uid = check_id(L, 2);
    lua_Integer gid = check_id(L, 3);
    int rc = 0;
    if (begin_chown(L, path, uid, gid))
        rc = lchown(path, (uid_t)uid, (gid_t)gid);
    return push_outcome(L, rc, "chown", path);
}

/* fs.sha256(path) -> hex | nil, err */
static int fs_sha256(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    unsigned char digest[BOSUN_SHA256_SIZE];
    char hex[2 * sizeof digest + 1];
    bosun_err err = {0};
    if (bosun_fs_sha256(path, digest, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    bosun_hex(hex, digest, sizeof digest);
    lua_pushstring(L, hex);
    return 1;
}

/* fs.disk_free(path) -> bytes available to this user, total bytes | nil, err */
static int fs_disk_free(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    struct statvfs fs;
    int rc;
    do
        rc = statvfs(path, &fs);
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return bind_push_errno(L, errno, "statvfs", path);
    lua_Integer block = (lua_Integer)fs.f_frsize;
    lua_pushinteger(L, (lua_Integer)fs.f_bavail * block);
    lua_pushinteger(L, (lua_Integer)fs.f_blocks * block);
    return 2;
}

/* fs.sync_dir(path) -> true | nil, err */
static int fs_sync_dir(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    bosun_err err = {0};
    int rc = 0;
    if (!host_of(L)->options.dry_run) /* nothing to change: what a plan has, it has not written */
        rc = bosun_fs_sync_dir(path, &err);
    return bind_push_done(L, rc, &err);
}

void bind_fs_add_properties(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"stat", fs_stat},         {"exists", fs_exists},
        {"symlink", fs_symlink},   {"readlink", fs_readlink},
        {"chmod", fs_chmod},       {"chown", fs_chown},
        {"sha256", fs_sha256},     {"disk_free", fs_disk_free},
        {"sync_dir", fs_sync_dir}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
