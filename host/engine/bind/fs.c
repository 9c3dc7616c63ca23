/* bosun.fs: reading, writing, copying and moving files. The other functions of the module are in bind_fs_*.c.
 */
#define _GNU_SOURCE
#include "fs.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define READ_MAX ((lua_Integer)64 * 1024 * 1024) /* unless max_bytes says otherwise */

int bosun_fs_push_done(lua_State *L, int rc, const bosun_err *err)
{
    if (rc < 0)
        return bosun_push_failure(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

mode_t bosun_fs_check_mode(lua_State *L, int arg, lua_Integer mode)
{
    luaL_argcheck(L, mode >= 0 && mode <= 07777, arg, "expected a mode from 0 to 4095 (octal 7777)");
    return (mode_t)mode;
}

mode_t bosun_fs_option_mode(lua_State *L, int arg)
{
    return bosun_fs_check_mode(L, arg, bosun_option_integer(L, arg, "mode", 0));
}

const bosun_wait *bosun_fs_wait(lua_State *L)
{
    return bosun_engine_wait(bosun_engine_host(L));
}

/* fs.read(path, {max_bytes=}) -> content | nil, err */
static int fs_read(lua_State *L)
{
    static const char *const known[] = {"max_bytes", NULL};
    const char *path = bosun_check_path(L, 1);
    bosun_check_options(L, 2, known);
    lua_Integer max = bosun_option_integer(L, 2, "max_bytes", READ_MAX);
    luaL_argcheck(L, max >= 0, 2, "option max_bytes: expected 0 or more");
    bosun_buf *content = bosun_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_read(path, (size_t)max, content, bosun_fs_wait(L), &err) < 0)
        return bosun_push_failure(L, &err);
    lua_pushlstring(L, bosun_buf_text(content), content->len);
    bosun_buf_free(content); /* now, rather than when it is collected */
    return 1;
}

/* fs.write(path, s, {mode=, atomic=true, sync=true}) -> true | nil, err */
static int fs_write(lua_State *L)
{
    static const char *const known[] = {"mode", "atomic", "sync", NULL};
    size_t len;
    const char *path = bosun_check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bosun_check_options(L, 3, known);
    bool atomic = bosun_option_bool(L, 3, "atomic", true);
    bosun_fs_write_options options = {.mode = bosun_fs_option_mode(L, 3)};
    options.no_sync = !bosun_option_bool(L, 3, "sync", true);
    bosun_err err = {0};
    int rc = 0;
    if (bosun_effect_begin(L, "fs.write", "%s (%zu bytes)", path, len))
        rc = atomic ? bosun_fs_write_atomic(path, bytes, len, &options, &err)
                    : bosun_fs_write_in_place(path, bytes, len, &options, &err);
    return bosun_fs_push_done(L, rc, &err);
}

/* fs.append(path, s, {mode=}) -> true | nil, err */
static int fs_append(lua_State *L)
{
    static const char *const known[] = {"mode", NULL};
    size_t len;
    const char *path = bosun_check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bosun_check_options(L, 3, known);
    mode_t mode = bosun_fs_option_mode(L, 3);
    bosun_err err = {0};
    int rc = 0;
    if (bosun_effect_begin(L, "fs.append", "%s (%zu bytes)", path, len))
        rc = bosun_fs_append(path, bytes, len, mode, &err);
    return bosun_fs_push_done(L, rc, &err);
}

/* What is told of a long copy: after a second, then every five. */
typedef struct copy_log {
    bosun_host *host;
    const char *path;
    int64_t start;
    int64_t next;
} copy_log;

static void format_size(char *out, size_t size, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        bytes /= 1024;
    snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

static void log_progress(void *data, uint64_t done, uint64_t total)
{
    copy_log *log = data;
    int64_t now = bosun_monotonic();
    if (now < log->next)
        return;
    log->next = now + 5 * BOSUN_SECOND;
    char copied[32];
    char size[32];
    char rate[32];
    format_size(copied, sizeof copied, (double)done);
    format_size(size, sizeof size, (double)total);
    format_size(rate, sizeof rate, (double)done * (double)BOSUN_SECOND / (double)(now - log->start));
    char message[512];
    snprintf(message, sizeof message, "copied %s of %s (%d %%, %s/s): %s", copied, size,
             (int)((double)done * 100 / (double)total), rate, log->path);
    bosun_engine_log(log->host, BOSUN_LOG_INFO, NULL, 0, message, strlen(message));
}

static copy_log start_log(lua_State *L, const char *path)
{
    return (copy_log){.host = bosun_engine_host(L), .path = path, .start = bosun_monotonic()};
}

static int push_source_size(lua_State *L, const char *path)
{
    struct stat st;
    bosun_err err = {0};
    if (stat(path, &st) < 0) {
        bosun_err_errno(&err, errno, "open", path);
        return bosun_push_failure(L, &err);
    }
    lua_pushinteger(L, (lua_Integer)st.st_size);
    return 1;
}

/* fs.copy(src, dst, {mode=, sync=false}) -> bytes | nil, err */
static int fs_copy(lua_State *L)
{
    static const char *const known[] = {"mode", "sync", NULL};
    const char *src = bosun_check_path(L, 1);
    const char *dst = bosun_check_path(L, 2);
    bosun_check_options(L, 3, known);
    copy_log log = start_log(L, src);
    bosun_fs_copy_options options = {
        .mode = bosun_fs_option_mode(L, 3), .progress = log_progress, .data = &log};
    options.sync = bosun_option_bool(L, 3, "sync", false);
    if (!bosun_effect_begin(L, "fs.copy", "%s -> %s", src, dst))
        return push_source_size(L, src);
    bosun_err err = {0};
    uint64_t copied;
    if (bosun_fs_copy(src, dst, &options, bosun_fs_wait(L), &copied, &err) < 0)
        return bosun_push_failure(L, &err);
    lua_pushinteger(L, (lua_Integer)copied);
    return 1;
}

/* fs.move(from, to) -> true | nil, err */
static int fs_move(lua_State *L)
{
    const char *from = bosun_check_path(L, 1);
    const char *to = bosun_check_path(L, 2);
    copy_log log = start_log(L, from);
    const bosun_fs_copy_options options = {.progress = log_progress, .data = &log};
    bosun_err err = {0};
    int rc = 0;
    if (bosun_effect_begin(L, "fs.move", "%s -> %s", from, to))
        rc = bosun_fs_move(from, to, &options, bosun_fs_wait(L), &err);
    return bosun_fs_push_done(L, rc, &err);
}

/* fs.exchange(a, b) -> true | nil, err */
static int fs_exchange(lua_State *L)
{
    const char *a = bosun_check_path(L, 1);
    const char *b = bosun_check_path(L, 2);
    bosun_err err = {0};
    int rc = 0;
    if (bosun_effect_begin(L, "fs.exchange", "%s <-> %s", a, b))
        rc = bosun_fs_exchange(a, b, &err);
    return bosun_fs_push_done(L, rc, &err);
}

int bosun_open_fs(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", fs_read}, {"write", fs_write},       {"append", fs_append}, {"copy", fs_copy},
        {"move", fs_move}, {"exchange", fs_exchange}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    bosun_fs_add_folders(L);
    bosun_fs_add_properties(L);
    bosun_fs_add_lock(L);
    return 1;
}
