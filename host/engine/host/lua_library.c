/* Which Lua this is. A program can have another one (LuaJIT, Lua 5.1), whose functions have the same names.
 * When libbosun shares a Lua with the program, the linker may mix the two; modules written in C find whatever
 * the program has. */
#include "host.h"
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#define SEE "see docs/how-to/embed-libbosun.md, \"Programs with a Lua of their own\""

typedef void any_function(void);

/* The object file that a function is in. */
static Dl_info object_of(any_function *function)
{
    Dl_info info = {0};
    void *address;
    memcpy(&address, &function, sizeof address);
    dladdr(address, &info);
    return info;
}

static const char *name_of(const Dl_info *object)
{
    return object->dli_fname ? object->dli_fname : "the program";
}

/* Lua 5.4 alone has lua_setwarnf; the others are in any Lua. */
int host_check_lua(bosun_err *err)
{
    const Dl_info own = object_of((any_function *)lua_setwarnf);
    const Dl_info others[] = {object_of((any_function *)lua_newstate),
                              object_of((any_function *)luaL_openlibs)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].dli_fbase != own.dli_fbase)
            return bosun_err_set(
                err, BOSUN_ERR_INVALID, "create a host",
                "the program has another Lua than 5.4, %s, which hides parts of the one that "
                "libbosun needs, %s: " SEE,
                name_of(&others[i]), name_of(&own));
    return 0;
}

/* Returns the function that modules in C find under that name: a program's, or one of a library that all
 * share. NULL: none. */
static void *visible(const char *name)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    void *address = program ? dlsym(program, name) : NULL;
    if (program)
        dlclose(program);
    return address;
}

static bool is_own(const void *address)
{
    any_function *own = (any_function *)lua_newstate;
    return memcmp(&address, &own, sizeof own) == 0;
}

/* A program that has loaded libbosun for itself alone, with dlopen, keeps a shared Lua to itself, too. */
static void share_library(void)
{
    const Dl_info lua = object_of((any_function *)lua_newstate);
    const Dl_info library = object_of((any_function *)host_check_lua);
    if (lua.dli_fname && lua.dli_fbase != library.dli_fbase)
        dlopen(lua.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL); /* it stays loaded with libbosun */
}

int host_check_c_module(const char *name, bosun_err *err)
{
    const void *found = visible("lua_newstate");
    if (!found) {
        share_library();
        found = visible("lua_newstate");
    }
    if (is_own(found))
        return 0;
    if (!found)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "load a module",
                             "the module %s is written in C, and libbosun keeps its Lua to itself: " SEE,
                             name);
    Dl_info other = {0};
    dladdr(found, &other);
    return bosun_err_set(
        err, BOSUN_ERR_INVALID, "load a module",
        "the module %s is written in C and would call another Lua than libbosun's, that of %s: " SEE, name,
        name_of(&other));
}

int host_check_opener(const char *name, int (*open)(lua_State *L), bosun_err *err)
{
    const Dl_info opener = object_of((any_function *)open);
    const Dl_info lua = object_of((any_function *)lua_newstate);
    return opener.dli_fbase == lua.dli_fbase ? 0 : host_check_c_module(name, err);
}
