/* Modules that the embedder gives to plugins: sources and functions that were added, and those that its
 * search function finds. */
#include "host.h"
#include <stdlib.h>
#include <string.h>

typedef struct host_module {
    struct host_module *next;
    char *name;
    char *source; /* NULL: it is written in C */
    size_t len;
    lua_CFunction open;
    void *data;
} host_module;

static const host_module *find_module(const bosun_host *host, const char *name)
{
    const host_module *module = host->modules;
    while (module && strcmp(module->name, name) != 0)
        module = module->next;
    return module;
}

static void free_module(host_module *module)
{
    free(module->name);
    free(module->source);
    free(module);
}

void host_free_modules(bosun_host *host)
{
    while (host->modules) {
        host_module *module = host->modules;
        host->modules = module->next;
        free_module(module);
    }
}

static int check_name(const bosun_host *host, const char *name, bosun_err *err)
{
    static const char op[] = "add a module";
    if (!host)
        return host_missing(err);
    if (!name || !*name)
        return bosun_err_set(err, BOSUN_ERR_INVALID, op, "the module has no name");
    if (strcmp(name, "bosun") == 0 || strncmp(name, "bosun.", 6) == 0)
        return bosun_err_set(err, BOSUN_ERR_INVALID, op,
                             "the module cannot be named %s: such names belong to the library", name);
    if (find_module(host, name))
        return bosun_err_set(err, BOSUN_ERR_INVALID, op, "the module %s was already added", name);
    return 0;
}

static int add(bosun_host *host, const char *name, const host_module *what, bosun_err *err)
{
    host_module *module = malloc(sizeof *module);
    if (!module)
        return bosun_err_nomem(err, "add a module");
    *module = *what;
    module->name = strdup(name);
    module->source = what->source ? malloc(what->len + 1) : NULL;
    if (!module->name || (what->source && !module->source)) {
        free_module(module);
        return bosun_err_nomem(err, "add a module");
    }
    if (what->source)
        memcpy(module->source, what->source, what->len);
    module->next = host->modules;
    host->modules = module;
    return 0;
}

int bosun_host_add_module(bosun_host *host, const char *name, const char *source, size_t len,
                          bosun_error *error)
{
    bosun_err err = {0};
    const host_module module = {.source = (char *)(source ? source : ""), .len = source ? len : 0};
    int rc = check_name(host, name, &err);
    if (rc == 0 && !source)
        rc = bosun_err_set(&err, BOSUN_ERR_INVALID, "add a module", "the module %s has no source", name);
    if (rc == 0)
        rc = add(host, name, &module, &err);
    host_report_error(host, error, &err);
    return rc;
}

int bosun_host_add_c_module(bosun_host *host, const char *name, bosun_opener open, void *data,
                            bosun_error *error)
{
    bosun_err err = {0};
    const host_module module = {.open = open, .data = data};
    int rc = check_name(host, name, &err);
    if (rc == 0 && !open)
        rc = bosun_err_set(&err, BOSUN_ERR_INVALID, "add a module", "the module %s has no function", name);
    if (rc == 0)
        rc = host_check_opener(name, open, &err);
    if (rc == 0)
        rc = add(host, name, &module, &err);
    host_report_error(host, error, &err);
    return rc;
}

/* Asks the embedder's search function. */
static const char *ask(bosun_host *host, const char *name, size_t *len)
{
    if (!host->options.find_module)
        return NULL;
    host_leave(host);
    const char *source = host->options.find_module(host->options.find_module_data, name, len);
    host_enter(host);
    return source;
}

int host_search_given(lua_State *L)
{
    bosun_host *host = host_of(L);
    const char *name = lua_tostring(L, 1);
    const host_module *module = find_module(host, name);
    size_t len = module ? module->len : 0;
    const char *source = module ? module->source : ask(host, name, &len);
    if (!module && !source)
        return 0;
    if (source) {
        host_load_memory(L, source, len, name);
        lua_insert(L, -2);
    } else {
        lua_pushcfunction(L, module->open);
        lua_pushlightuserdata(L, module->data);
    }
    return 2;
}
