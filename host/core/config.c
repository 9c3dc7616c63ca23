/* The action config: reading it, and its sections. */
#include "config.h"
#include "config_check.h"
#include "config_settings.h"
#include "core/fs/fs.h"
#include "core/yaml/yaml.h"
#include <string.h>

static bosun_value *section(const bosun_value *root, const char *name)
{
    bosun_value *value = bosun_value_get(root, name);
    return value && value->kind != BOSUN_NULL ? value : NULL;
}

int bosun_config_read_text(const bosun_config_source *source, bosun_buf *text, bosun_err *err)
{
    if (source->text) {
        bosun_buf_append(text, source->text, source->len);
        return text->failed ? bosun_err_nomem(err, "read the action config") : 0;
    }
    if (bosun_fs_read(source->path, BOSUN_YAML_MAX_BYTES, text, source->wait, err) == 0)
        return 0;
    bosun_err_context(err, "the action config: ");
    return bosun_err_at(err, source->path, 0, 0, NULL);
}

static int show(const bosun_config_source *source, const bosun_buf *text, const bosun_value *root,
                bosun_err *err)
{
    if (source->seen && source->seen(source->data, bosun_buf_text(text), text->len, root) < 0)
        return bosun_err_nomem(err, "read the action config");
    return 0;
}

/* Indentation that was lost explains whatever else is wrong, so it is the only problem then. Returns the
 * root, or NULL: *err is filled, or there is a problem. */
static bosun_value *read_root(bosun_arena *arena, const bosun_config_source *source, const bosun_buf *text,
                              bosun_config_problems *p, bosun_err *err)
{
    bosun_config_flat flat;
    bool is_flat = bosun_config_find_flat_section(bosun_buf_text(text), &flat);
    bosun_value *root =
        is_flat ? NULL : bosun_yaml_read(arena, bosun_buf_text(text), text->len, source->path, err);
    if (show(source, text, root, err) < 0)
        return NULL;
    if (root && bosun_config_find_flat_values(root, bosun_buf_text(text), &flat)) {
        is_flat = true;
        root = NULL;
    }
    if (is_flat)
        bosun_config_report_flat(p, &flat);
    return root;
}

/* The same for the source's file; without one, the root is empty. */
static bosun_value *read_file(bosun_arena *arena, const bosun_config_source *source, bosun_config_problems *p,
                              bosun_err *err)
{
    if (!source->path) {
        bosun_value *empty = bosun_value_new(arena, BOSUN_MAPPING);
        if (!empty)
            bosun_err_nomem(err, "read the action config");
        return empty;
    }
    bosun_buf text = {0};
    bosun_value *root =
        bosun_config_read_text(source, &text, err) == 0 ? read_root(arena, source, &text, p, err) : NULL;
    bosun_buf_free(&text);
    return root;
}

static bool has_settings(const bosun_config_source *source)
{
    return source->settings && *source->settings;
}

/* Settings do not help a root that is wrong. */
static int apply_settings(bosun_arena *arena, const bosun_config_source *source, bosun_value **root,
                          bosun_err *err)
{
    if (!has_settings(source) || ((*root)->kind != BOSUN_MAPPING && (*root)->kind != BOSUN_NULL))
        return 0;
    for (const char *const *setting = source->settings; *setting; setting++)
        if (bosun_config_set(arena, root, *setting, err) < 0)
            return -1;
    const bosun_buf none = {0};
    return show(source, &none, *root, err);
}

static int read_nothing(const bosun_action *action, bosun_err *err)
{
    if (!action || !action->subject)
        return 0;
    bosun_err_set(err, BOSUN_ERR_CONFIG, CHECK, "missing: %s needs it; no action config was given",
                  action->name);
    return bosun_err_at(err, "", 0, 0, action->subject);
}

/* An empty newModelId is an absent one. */
static void drop_empty_id(bosun_value *deployment)
{
    bosun_value *id = bosun_value_get(deployment, "newModelId");
    if (id && id->kind == BOSUN_STRING && id->as.string.len == 0)
        id->kind = BOSUN_NULL;
}

static int read_checked(bosun_config *config, const bosun_config_source *source, const bosun_action *action,
                        bosun_config_problems *p, bosun_err *err)
{
    if (!source->path && !has_settings(source))
        return read_nothing(action, err);
    config->arena = bosun_arena_new();
    if (!config->arena)
        return bosun_err_nomem(err, "read the action config");
    p->file = source->path ? source->path : "";
    p->lines = bosun_buf_fixed(p->storage, sizeof p->storage);
    bosun_value *root = read_file(config->arena, source, p, err);
    if (root && apply_settings(config->arena, source, &root, err) < 0)
        return -1;
    if (root)
        bosun_config_check_root(p, root, action);
    if (bosun_config_finish(p, err) < 0 || !root)
        return -1;
    config->plugin = section(root, "pluginConfig");
    config->pe = section(root, "peInfo");
    config->deployment = section(root, "deploymentInfo");
    config->endpoint = section(root, "endpointInfo");
    drop_empty_id(config->deployment);
    return 0;
}

const bosun_value *bosun_config_subject(const bosun_config *config, const bosun_action *action)
{
    if (!action->subject)
        return NULL;
    return strcmp(action->subject, "endpointInfo") == 0 ? config->endpoint : config->deployment;
}

int bosun_config_read(bosun_config *config, const bosun_config_source *source, const bosun_action *action,
                      bosun_err *err)
{
    *config = (bosun_config){0};
    bosun_config_problems p = {.count = 0};
    return read_checked(config, source, action, &p, err);
}

/* A failure before the checks: the file cannot be read, or is not YAML. */
static void tell_failure(const char *path, const bosun_err *err, bosun_problem_function *tell, void *data)
{
    const bosun_problem problem = {path, err->line, err->column, err->path, err->message + err->cause};
    tell(data, &problem);
}

size_t bosun_config_check(const bosun_config_source *source, const bosun_action *action,
                          bosun_problem_function *tell, void *data)
{
    bosun_config config = {0};
    bosun_err err = {0};
    bosun_config_problems p = {.tell = tell, .data = data};
    int rc = read_checked(&config, source, action, &p, &err);
    bosun_config_free(&config);
    if (rc == 0 || p.count > 0)
        return p.count;
    tell_failure(source->path, &err, tell, data);
    return 1;
}

void bosun_config_free(bosun_config *config)
{
    bosun_arena_free(config->arena);
    *config = (bosun_config){0};
}
