/* bosun.fs: locks between processes, as objects that `local lock <close>` releases. */
#include "fs.h"
#include <string.h>

#define LOCK_METATABLE "bosun.fs.lock"

typedef struct lock_box {
    bosun_fs_lock lock;
    bool remove; /* remove the lock file on release */
} lock_box;

static lock_box *check_lock(lua_State *L)
{
    return luaL_checkudata(L, 1, LOCK_METATABLE);
}

/* Releases the lock. The trace records it, because that may remove the lock file. */
static int release(bosun_host *host, lock_box *box, bosun_err *err)
{
    bosun_buf path = {0};
    int64_t start = bosun_monotonic();
    if (box->lock.fd >= 0 && host_traces(host))
        bosun_buf_printf(&path, "%s%s", box->lock.path, box->remove ? " (removed)" : "");
    int rc = bosun_fs_lock_release(&box->lock, box->remove, err);
    const char *outcome = rc < 0 ? err->message : "ok";
    if (path.len > 0)
        host_trace(host, &(host_span){.op = "fs.unlock",
                                      .args = bosun_buf_text(&path),
                                      .args_len = path.len,
                                      .start = start,
                                      .outcome = outcome,
                                      .outcome_len = strlen(outcome),
                                      .error = rc < 0 ? err->code : NULL});
    bosun_buf_free(&path);
    return rc;
}

/* lock:release() -> true | nil, err */
static int lock_release(lua_State *L)
{
    bosun_err err = {0};
    int rc = release(host_of(L), check_lock(L), &err);
    return bind_push_done(L, rc, &err);
}

/* lock:held() -> boolean */
static int lock_held(lua_State *L)
{
    lua_pushboolean(L, check_lock(L)->lock.fd >= 0);
    return 1;
}

/* __close and __gc. An error can only mean that the lock file is still there, which harms nobody: the lock
 * itself is always released. */
static int lock_close(lua_State *L)
{
    bosun_err err = {0};
    (void)release(host_of(L), check_lock(L), &err);
    return 0;
}

static int lock_tostring(lua_State *L)
{
    const lock_box *box = check_lock(L);
    lua_pushfstring(L, "lock (%s)", box->lock.fd >= 0 ? box->lock.path : "not held");
    return 1;
}

static lock_box *push_box(lua_State *L, bool remove)
{
    lock_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (lock_box){.lock = BOSUN_FS_UNLOCKED, .remove = remove};
    luaL_setmetatable(L, LOCK_METATABLE);
    return box;
}

/* fs.lock(path, {timeout=, remove=false}) -> lock | nil, err. A dry run takes no lock: it changes nothing
 * that a lock would protect. */
static int fs_lock(lua_State *L)
{
    static const char *const known[] = {"timeout", "remove", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    int64_t timeout = bind_option_seconds(L, 2, "timeout", "limit", BOSUN_NO_DEADLINE);
    lock_box *box = push_box(L, bind_option_bool(L, 2, "remove", false));
    bosun_err err = {0};
    if (!host_of(L)->options.dry_run &&
        bosun_fs_lock_acquire(&box->lock, path, timeout, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    return 1;
}

void bind_fs_add_lock(lua_State *L)
{
    static const luaL_Reg methods[] = {{"release", lock_release}, {"held", lock_held}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", lock_close},
        {"__close", lock_close},
        {"__tostring", lock_tostring},
        {NULL, NULL},
    };
    bind_push_class(L, LOCK_METATABLE, methods, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, fs_lock);
    lua_setfield(L, -2, "lock");
}
