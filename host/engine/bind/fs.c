/* bosun.fs: reading, writing, copying and moving files. fs_folder.c, fs_stat.c and fs_lock.c have the other
 * functions of the module. */
#include "fs.h"
#include "core/base/crypto.h"
#include "core/base/size.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX ((lua_Integer)64 * 1024 * 1024) /* default of max_bytes */

/* fs.read(path, {max_bytes=}) -> content | nil, err */
static int fs_read(lua_State *L)
{
    static const char *const known[] = {"max_bytes", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    lua_Integer max = bind_option_integer(L, 2, "max_bytes", READ_MAX);
    luaL_argcheck(L, max >= 0, 2, "option max_bytes: expected 0 or more bytes");
    bosun_buf *content = bind_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_read(path, (size_t)max, content, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    return bind_push_text(L, content);
}

/* fs.write(path, s, {mode=, atomic=true, sync=true}) -> true | nil, err */
static int fs_write(lua_State *L)
{
    static const char *const known[] = {"mode", "atomic", "sync", NULL};
    size_t len;
    const char *path = bind_check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bind_check_options(L, 3, known);
    bool atomic = bind_option_bool(L, 3, "atomic", true);
    bosun_fs_write_options options = {.mode = bind_option_mode(L, 3)};
    options.no_sync = !bind_option_bool(L, 3, "sync", true);
    bosun_err err = {0};
    int rc = 0;
    if (bind_fs_begin_write(L, path, bytes, len))
        rc = atomic ? bosun_fs_write_atomic(path, bytes, len, &options, &err)
                    : bosun_fs_write_in_place(path, bytes, len, &options, &err);
    return bind_push_done(L, rc, &err);
}

/* fs.append(path, s, {mode=}) -> true | nil, err */
static int fs_append(lua_State *L)
{
    static const char *const known[] = {"mode", NULL};
    size_t len;
    const char *path = bind_check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bind_check_options(L, 3, known);
    mode_t mode = bind_option_mode(L, 3);
    char after[64];
    snprintf(after, sizeof after, "%zu more byte%s", len, len == 1 ? "" : "s");
    bosun_err err = {0};
    int rc = 0;
    if (bind_fs_begin(L, "fs.append", path, after))
        rc = bosun_fs_append(path, bytes, len, mode, &err);
    return bind_push_done(L, rc, &err);
}

/* Progress of a long copy in the log: after a second, then every five seconds. */
typedef struct copy_log {
    bosun_host *host;
    const char *path;
    int64_t start;
    int64_t next;
} copy_log;

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
    double rate_now = (double)done * (double)BOSUN_SECOND / (double)(now - log->start);
    bosun_size_show(copied, sizeof copied, done);
    bosun_size_show(size, sizeof size, total);
    bosun_size_show(rate, sizeof rate, (uint64_t)rate_now);
    char message[512];
    snprintf(message, sizeof message, "copied %s of %s (%d %%, %s/s): %s", copied, size,
             (int)((double)done * 100 / (double)total), rate, log->path);
    host_log(log->host, BOSUN_LOG_INFO, NULL, 0, message, strlen(message));
}

static copy_log start_log(lua_State *L, const char *path)
{
    return (copy_log){.host = host_of(L), .path = path, .start = bosun_monotonic()};
}

static void push_hex(lua_State *L, const unsigned char digest[BOSUN_SHA256_SIZE])
{
    char hex[2 * BOSUN_SHA256_SIZE + 1];
    bosun_hex(hex, digest, BOSUN_SHA256_SIZE);
    lua_pushstring(L, hex);
}

/* What a copy would return. */
static int push_planned_copy(lua_State *L, const char *path, unsigned char *digest)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return bind_push_errno(L, errno, "open", path);
    bosun_err err = {0};
    if (digest && bosun_fs_sha256(path, digest, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushinteger(L, (lua_Integer)st.st_size);
    if (!digest)
        return 1;
    push_hex(L, digest);
    return 2;
}

/* fs.copy(src, dst, {mode=, sync=false, sha256=false}) -> bytes, digest | nil, err */
static int fs_copy(lua_State *L)
{
    static const char *const known[] = {"mode", "sync", "sha256", NULL};
    const char *src = bind_check_path(L, 1);
    const char *dst = bind_check_path(L, 2);
    bind_check_options(L, 3, known);
    unsigned char digest[BOSUN_SHA256_SIZE];
    copy_log log = start_log(L, src);
    bosun_fs_copy_options options = {.mode = bind_option_mode(L, 3), .progress = log_progress, .data = &log};
    options.sync = bind_option_bool(L, 3, "sync", false);
    options.sha256 = bind_option_bool(L, 3, "sha256", false) ? digest : NULL;
    if (!bind_fs_begin(L, "fs.copy", dst, lua_pushfstring(L, "copy of %s", src)))
        return push_planned_copy(L, src, options.sha256);
    bosun_err err = {0};
    uint64_t copied;
    if (bosun_fs_copy(src, dst, &options, bind_wait(L), &copied, &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushinteger(L, (lua_Integer)copied);
    if (!options.sha256)
        return 1;
    push_hex(L, digest);
    return 2;
}

/* fs.move(from, to) -> true | nil, err */
static int fs_move(lua_State *L)
{
    const char *from = bind_check_path(L, 1);
    const char *to = bind_check_path(L, 2);
    copy_log log = start_log(L, from);
    const bosun_fs_copy_options options = {.progress = log_progress, .data = &log};
    bosun_err err = {0};
    int rc = 0;
    if (bind_fs_begin_move(L, "fs.move", from, to, "moved to"))
        rc = bosun_fs_move(from, to, &options, bind_wait(L), &err);
    return bind_push_done(L, rc, &err);
}

/* The plan is about the one that is there now: the other may be what the plan has made. */
static bool begin_exchange(lua_State *L, const char *a, const char *b)
{
    bool swap = access(a, F_OK) < 0 && access(b, F_OK) == 0;
    return bind_fs_begin_move(L, HOST_EXCHANGE, swap ? b : a, swap ? a : b, "exchanged with");
}

/* fs.exchange(a, b) -> true | nil, err */
static int fs_exchange(lua_State *L)
{
    const char *a = bind_check_path(L, 1);
    const char *b = bind_check_path(L, 2);
    bosun_err err = {0};
    int rc = 0;
    if (begin_exchange(L, a, b))
        rc = bosun_fs_exchange(a, b, &err);
    return bind_push_done(L, rc, &err);
}

int bind_fs_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", fs_read}, {"write", fs_write},       {"append", fs_append}, {"copy", fs_copy},
        {"move", fs_move}, {"exchange", fs_exchange}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    bind_fs_add_folders(L);
    bind_fs_add_properties(L);
    bind_fs_add_lock(L);
    return 1;
}
