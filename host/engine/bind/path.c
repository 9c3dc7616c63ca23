/* bosun.path: paths as text. Only `abs` uses more than its arguments: the working directory. */
#include "core/base/path.h"
#include "bind.h"
#include "core/base/buf.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define COMPONENT_MAX 255 /* bytes: NAME_MAX on Linux */

/* Returns argument `arg` as a string without NUL bytes, which may be empty. */
static const char *check_text(lua_State *L, int arg)
{
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, strlen(text) == len, arg, "a path cannot contain a NUL byte");
    return text;
}

/* path.join(first, ...) -> path */
static int path_join(lua_State *L)
{
    int n = lua_gettop(L);
    check_text(L, 1);
    for (int i = 2; i <= n; i++)
        check_text(L, i);
    bosun_buf *joined = bind_push_buf(L);
    for (int i = 2; i <= n; i++) {
        bosun_path_join(joined, lua_tostring(L, 1), lua_tostring(L, i));
        bind_push_text(L, joined);
        lua_replace(L, 1);
    }
    lua_pushvalue(L, 1);
    return 1;
}

/* path.basename(p) -> the last component */
static int path_basename(lua_State *L)
{
    size_t len;
    const char *name = bosun_path_basename(check_text(L, 1), &len);
    lua_pushlstring(L, name, len);
    return 1;
}

/* path.dirname(p) -> the path without its last component */
static int path_dirname(lua_State *L)
{
    const char *path = check_text(L, 1);
    size_t ignored;
    size_t len = (size_t)(bosun_path_basename(path, &ignored) - path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0)
        lua_pushstring(L, *path == '/' ? "/" : ".");
    else
        lua_pushlstring(L, path, len);
    return 1;
}

/* path.ext(p) -> ".gz" for "a.tar.gz"; "" if there is no extension */
static int path_ext(lua_State *L)
{
    size_t len;
    const char *name = bosun_path_basename(check_text(L, 1), &len);
    size_t dot = len;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    size_t leading = 0;
    while (leading < len && name[leading] == '.')
        leading++;
    if (dot <= leading) /* ".profile" has no extension */
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, name + dot - 1, len - dot + 1);
    return 1;
}

/* path.norm(p) -> path */
static int path_norm(lua_State *L)
{
    const char *path = check_text(L, 1);
    bosun_buf *normal = bind_push_buf(L);
    bosun_path_norm(normal, path);
    return bind_push_text(L, normal);
}

/* path.abs(p) -> path | nil, err */
static int path_abs(lua_State *L)
{
    const char *path = check_text(L, 1);
    char cwd[PATH_MAX] = "/";
    if (*path != '/' && !getcwd(cwd, sizeof cwd))
        return bind_push_errno(L, errno, "find", "the working directory");
    bosun_buf *joined = bind_push_buf(L);
    bosun_buf *normal = bind_push_buf(L);
    bosun_path_join(joined, cwd, path);
    bosun_path_norm(normal, bosun_buf_text(joined));
    if (joined->failed)
        return luaL_error(L, "out of memory");
    return bind_push_text(L, normal);
}

/* path.is_within(base, p) -> boolean */
static int path_is_within(lua_State *L)
{
    const char *base = check_text(L, 1);
    const char *path = check_text(L, 2);
    lua_pushboolean(L, bosun_path_is_within(base, path));
    return 1;
}

/* path.safe_component(s, max, what) -> true | nil, err */
static int path_safe_component(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer max = luaL_optinteger(L, 2, COMPONENT_MAX);
    const char *what = luaL_optstring(L, 3, "the name");
    luaL_argcheck(L, max > 0, 2, "expected more than 0 bytes");
    bosun_err err = {0};
    int rc = bosun_path_check_component(text, len, (size_t)max, what, &err);
    return bind_push_done(L, rc, &err);
}

int bind_path_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"join", path_join},
        {"basename", path_basename},
        {"dirname", path_dirname},
        {"ext", path_ext},
        {"norm", path_norm},
        {"abs", path_abs},
        {"is_within", path_is_within},
        {"safe_component", path_safe_component},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
