/* The least that a program with Lua and YAML can do: opens both and exits. The measure of the runner's
 * start-up. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <yaml.h>

int main(void)
{
    lua_State *L = luaL_newstate();
    yaml_parser_t parser;
    if (!L || !yaml_parser_initialize(&parser))
        return 1;
    luaL_openlibs(L);
    yaml_parser_delete(&parser);
    lua_close(L);
    return 0;
}
