/* bosun.native.console: what the Lua side of the prompt (lua/lib/bosun/repl) asks the program and the host.
 */
#include "engine/console/console.h"
#include "bind.h"
#include <string.h>

static const host_console *check_console(lua_State *L)
{
    const host_console *console = host_of(L)->console;
    if (!console)
        luaL_error(L, "there is no console");
    return console;
}

/* console.write(text) */
static int console_write(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    check_console(L);
    host_print(host_of(L), text, len);
    return 0;
}

/* console.source(name) -> the text of an embedded file, or nil */
static int console_source(lua_State *L)
{
    const host_console *console = check_console(L);
    const char *found;
    size_t len;
    const char *text = console->source ? console->source(luaL_checkstring(L, 1), 0, &found, &len) : NULL;
    if (!text)
        return 0;
    lua_pushlstring(L, text, len);
    return 1;
}

/* console.source_names() -> {"bosun/action_status.lua", …} */
static int console_source_names(lua_State *L)
{
    const host_console *console = check_console(L);
    const char *name;
    size_t len;
    lua_newtable(L);
    for (size_t i = 0; console->source && console->source(NULL, i, &name, &len); i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* console.class() -> the loaded plugin's class, or nil */
static int console_class(lua_State *L)
{
    host_push_class(L);
    return 1;
}

/* console.actions() -> {{name, subject, description}, …} */
static int console_actions(lua_State *L)
{
    lua_createtable(L, (int)bosun_action_count, 0);
    for (size_t i = 0; i < bosun_action_count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, bosun_actions[i].name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, bosun_actions[i].subject); /* nil when NULL */
        lua_setfield(L, -2, "subject");
        lua_pushstring(L, bosun_actions[i].description);
        lua_setfield(L, -2, "description");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* console.settings() -> {width=, color=, depth=, config=, private_config=} */
static int console_settings(lua_State *L)
{
    const host_console *console = check_console(L);
    lua_createtable(L, 0, 5);
    bind_set_integer(L, "width", console->width(console->data));
    bind_set_integer(L, "depth", console->depth);
    bind_set_boolean(L, "color", console->color);
    lua_pushstring(L, console->config); /* nil when NULL */
    lua_setfield(L, -2, "config");
    lua_pushstring(L, host_of(L)->private_config); /* nil when NULL */
    lua_setfield(L, -2, "private_config");
    return 1;
}

/* The config in a userdata, which frees it. */
static int free_config(lua_State *L)
{
    bosun_config_free(lua_touserdata(L, 1));
    return 0;
}

static bosun_config *push_config(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__gc", free_config}, {NULL, NULL}};
    bosun_config *config = lua_newuserdatauv(L, sizeof *config, 0);
    *config = (bosun_config){0};
    bind_push_class(L, "bosun.console_config", NULL, metamethods);
    lua_setmetatable(L, -2);
    return config;
}

static void set_section(lua_State *L, const char *name, const bosun_value *section)
{
    if (!section)
        return;
    bind_push_value(L, section);
    lua_setfield(L, -2, name);
}

/* console.config() -> the action config with the settings, by its sections | nil, error */
static int console_config(lua_State *L)
{
    bosun_host *host = host_of(L);
    bosun_err err = {0};
    bosun_config_source source = host_config_source(host, check_console(L)->config);
    source.settings = host->options.settings;
    bosun_config *config = push_config(L);
    if (bosun_config_read(config, &source, NULL, &err) < 0)
        return bind_push_failure(L, &err);
    lua_newtable(L);
    set_section(L, "pluginConfig", config->plugin);
    set_section(L, "peInfo", config->pe);
    set_section(L, "deploymentInfo", config->deployment);
    set_section(L, "endpointInfo", config->endpoint);
    return 1;
}

int bind_console_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"write", console_write},
                                         {"source", console_source},
                                         {"source_names", console_source_names},
                                         {"class", console_class},
                                         {"actions", console_actions},
                                         {"settings", console_settings},
                                         {"config", console_config},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
