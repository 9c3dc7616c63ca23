/* Inspects a plugin without creating an object of its class: describes it, and validates its configs. Lua
 * makes the texts and checks the private config (describe.lua and validate.lua in lua/lib/bosun/host). */
#include "core/config.h"
#include "engine/bind/bind.h"
#include "host.h"
#include <stdlib.h>
#include <string.h>

static int check_loaded(const bosun_host *host, bosun_err *err)
{
    if (!host)
        return host_missing(err);
    if (host->loaded)
        return 0;
    *err = host->load_error;
    return -1;
}

typedef struct description {
    const char *format;
    bosun_buf text;
} description;

/* Pushes {{name, description}, …} for all actions. [-0, +1, m] */
static void push_actions(lua_State *L)
{
    lua_createtable(L, (int)bosun_action_count, 0);
    for (size_t i = 0; i < bosun_action_count; i++) {
        lua_createtable(L, 2, 0);
        lua_pushstring(L, bosun_actions[i].name);
        lua_rawseti(L, -2, 1);
        lua_pushstring(L, bosun_actions[i].description);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int describe(lua_State *L)
{
    description *d = lua_touserdata(L, 1);
    host_push_library(L, "bosun.host.describe", d->format);
    host_push_class(L);
    push_actions(L);
    lua_call(L, 2, 1);
    size_t len;
    const char *text = luaL_checklstring(L, -1, &len);
    bosun_buf_append_visible(&d->text, text, len);
    return 0;
}

static int describe_class(bosun_host *host, description *d, bosun_err *err)
{
    const char *what = "describing the plugin";
    host_enter(host);
    int rc = host_begin(host, what, err);
    if (rc == 0)
        rc = host_call(host, describe, d, what, err);
    if (rc == 0 && d->text.failed)
        rc = bosun_err_nomem(err, "describe the plugin");
    host_end(host);
    host_leave(host);
    return rc;
}

char *bosun_host_describe(bosun_host *host, bosun_describe_format format, bosun_error *error)
{
    static const char *const formats[] = {
        [BOSUN_DESCRIBE_TEXT] = "text",
        [BOSUN_DESCRIBE_JSON] = "json",
        [BOSUN_DESCRIBE_YAML_SAMPLE] = "yaml_sample",
    };
    bosun_err err = {0};
    description d = {.format = (size_t)format < sizeof formats / sizeof formats[0] ? formats[format] : NULL};
    int rc = check_loaded(host, &err);
    if (rc == 0 && !d.format)
        rc = bosun_err_set(&err, BOSUN_ERR_INVALID, "describe", "unknown format %d", (int)format);
    if (rc == 0)
        rc = describe_class(host, &d, &err);
    host_report_error(host, error, &err);
    if (rc == 0)
        return d.text.data;
    bosun_buf_free(&d.text);
    return NULL;
}

void bosun_text_free(char *text)
{
    free(text);
}

bool bosun_host_has_schema(bosun_host *host)
{
    return host && host->loaded && host->has_schema;
}

typedef struct validation {
    bosun_host *host;
    const char *config;         /* the action config; NULL: none */
    const bosun_action *action; /* NULL: any */
    bosun_problem_function *tell;
    void *data;
    int count;
} validation;

/* Counts a problem, redacts it, and passes it to the embedder. */
static void report(void *data, const bosun_problem *problem)
{
    validation *v = data;
    bosun_buf path = {0};
    bosun_buf message = {0};
    bosun_redact(&path, &v->host->secrets, problem->path, strlen(problem->path));
    bosun_redact(&message, &v->host->secrets, problem->message, strlen(problem->message));
    const bosun_host *host = v->host;
    bool in_memory = host->config_name && problem->file && strcmp(problem->file, host->private_config) == 0;
    const char *file = in_memory ? host->config_name : problem->file;
    const bosun_problem clean = {file, problem->line, problem->column, bosun_buf_text(&path),
                                 message.failed ? "out of memory" : bosun_buf_text(&message)};
    v->count++;
    host_leave(v->host);
    if (v->tell)
        v->tell(v->data, &clean);
    host_enter(v->host);
    bosun_buf_free(&path);
    bosun_buf_free(&message);
}

/* Returns an integer field of the table at the top of the stack, 0 if absent. [-0, +0, e] */
static unsigned integer_field(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    unsigned number = (unsigned)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number;
}

/* Pushes a text field of the table at `table`, "" if absent. [-0, +1, e] */
static const char *push_text_field(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    luaL_optstring(L, -1, ""); /* raises if it is not text */
    if (lua_isnil(L, -1))
        return "";
    bind_push_visible(L, -1);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* Reports the problem in the table at the top of the stack. [-0, +0, e] */
static void report_table(lua_State *L, validation *v)
{
    bosun_problem problem = {.file = v->host->private_config};
    problem.line = integer_field(L, "line");
    problem.column = integer_field(L, "column");
    const char *file = push_text_field(L, lua_gettop(L), "file");
    if (*file)
        problem.file = file;
    problem.path = push_text_field(L, lua_gettop(L) - 1, "path");
    problem.message = push_text_field(L, lua_gettop(L) - 2, "message");
    report(v, &problem);
    lua_pop(L, 3);
}

static int validate_plugin(lua_State *L)
{
    validation *v = lua_touserdata(L, 1);
    host_push_library(L, "bosun.host.validate", "problems");
    host_push_class(L);
    lua_pushstring(L, v->host->private_config);            /* nil when NULL */
    lua_pushstring(L, v->config);                          /* the same */
    lua_pushstring(L, v->action ? v->action->name : NULL); /* the same */
    lua_call(L, 4, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
        report_table(L, v);
        lua_pop(L, 1);
    }
    return 0;
}

/* Being stopped is a failure of the check, not a problem in a config. */
static int check_stopped(bosun_host *host, bosun_err *err)
{
    char text[128];
    const char *code = host_limits_stopped(&host->limits, text, sizeof text);
    if (!code)
        return 0;
    return bosun_err_set(err, code, "validate", "%s while checking the configs", text);
}

static int check_configs(validation *v, bosun_err *err)
{
    const char *what = "checking the configs";
    int rc = host_begin(v->host, what, err);
    if (rc == 0)
        rc = host_call(v->host, validate_plugin, v, what, err);
    if (rc == 0) {
        const bosun_config_source source = host_config_source(v->host, v->config);
        bosun_config_check(&source, v->action, report, v);
        rc = check_stopped(v->host, err);
    }
    host_end(v->host);
    return rc;
}

static int validate(validation *v, const char *action, bosun_err *err)
{
    if (check_loaded(v->host, err) < 0)
        return -1;
    v->action = action ? bosun_action_find(action) : NULL;
    if (action && !v->action)
        return bosun_action_unknown(action, err);
    host_enter(v->host);
    int rc = check_configs(v, err);
    host_leave(v->host);
    return rc;
}

int bosun_host_validate(bosun_host *host, const char *action, const char *config,
                        bosun_problem_function *tell, void *data, bosun_error *error)
{
    bosun_err err = {0};
    validation v = {.host = host, .config = config, .tell = tell, .data = data};
    int rc = validate(&v, action, &err);
    host_report_error(host, error, &err);
    return rc < 0 ? -1 : v.count;
}
