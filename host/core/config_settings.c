/* Settings of the action config. */
#include "config_settings.h"
#include "config_check.h"
#include "core/base/buf.h"
#include "core/yaml/yaml.h"
#include <stdio.h>
#include <string.h>

static int not_a_setting(const char *setting, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_CONFIG, CHECK,
                         "%s: expected SECTION.KEY=VALUE, such as deploymentInfo.id=d1 (the sections are "
                         "pluginConfig, peInfo, deploymentInfo and endpointInfo)",
                         bosun_yaml_excerpt(setting, strlen(setting)).text);
}

static bool has_section(const char *path, size_t len)
{
    for (const bosun_config_section *section = bosun_config_sections; section->name; section++)
        if (strlen(section->name) == len && memcmp(section->name, path, len) == 0)
            return true;
    return false;
}

/* NULL: *err is filled. */
static bosun_value *read_value(bosun_arena *arena, const char *path, const char *text, bosun_err *err)
{
    bosun_value *value = bosun_config_takes_text(path)
                             ? bosun_value_string(arena, text, strlen(text))
                             : bosun_yaml_read(arena, text, strlen(text), path, err);
    if (!value && (!err || !*err->code))
        bosun_err_nomem(err, "read a setting");
    return value;
}

/* Splits "SECTION.KEY=VALUE" at its "=" into `path` and the value, which is returned; NULL: *err is filled.
 */
static const char *split(const char *setting, char path[BOSUN_ERR_PATH_MAX], bosun_err *err)
{
    const char *equals = strchr(setting, '=');
    size_t len = equals ? (size_t)(equals - setting) : 0;
    size_t section = strcspn(setting, ".=");
    bool complete = equals && len < BOSUN_ERR_PATH_MAX && has_section(setting, section) && section + 1 < len;
    const char *dots = strstr(setting, "..");
    if (!complete || equals[-1] == '.' || (dots && dots < equals)) {
        not_a_setting(setting, err);
        return NULL;
    }
    snprintf(path, BOSUN_ERR_PATH_MAX, "%.*s", (int)len, setting);
    return equals + 1;
}

char *bosun_config_whole_setting(const char *subject, const char *word)
{
    const char *equals = strchr(word, '=');
    const char *dot = strchr(word, '.');
    bool is_short = subject && equals && equals > word && (!dot || dot > equals);
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s%s%s", is_short ? subject : "", is_short ? "." : "", word);
    return text.failed ? NULL : text.data;
}

int bosun_config_check_setting(const char *setting, bosun_err *err)
{
    bosun_arena *arena = bosun_arena_new();
    bosun_value *root = arena ? bosun_value_new(arena, BOSUN_MAPPING) : NULL;
    int rc = root ? bosun_config_set(arena, &root, setting, err) : bosun_err_nomem(err, "read a setting");
    bosun_arena_free(arena);
    return rc;
}

/* A copy of a mapping, which aliases may share; of anything else, an empty mapping. NULL: out of memory. */
static bosun_value *copy_mapping(bosun_arena *arena, const bosun_value *mapping)
{
    bosun_value *copy = bosun_value_new(arena, BOSUN_MAPPING);
    size_t count = mapping && mapping->kind == BOSUN_MAPPING ? mapping->as.mapping.count : 0;
    if (copy && mapping)
        copy->mark = mapping->mark;
    for (size_t i = 0; copy && i < count; i++)
        if (bosun_value_put(arena, copy, mapping->as.mapping.pairs[i].key,
                            mapping->as.mapping.pairs[i].value) < 0)
            return NULL;
    return copy;
}

static int put(bosun_arena *arena, bosun_value *mapping, const char *key, bosun_value *value)
{
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        bosun_pair *pair = &mapping->as.mapping.pairs[i];
        if (pair->key->kind == BOSUN_STRING && strcmp(pair->key->as.string.bytes, key) == 0) {
            pair->value = value;
            return 0;
        }
    }
    return bosun_value_set(arena, mapping, key, value);
}

/* Puts the value at `path`, whose dots it overwrites, below a copy of `root`. NULL: out of memory. */
static bosun_value *with_value(bosun_arena *arena, const bosun_value *root, char *path, bosun_value *value)
{
    bosun_value *copy = copy_mapping(arena, root);
    bosun_value *container = copy;
    char *key = path;
    for (char *dot = strchr(key, '.'); container && dot; dot = strchr(key, '.')) {
        *dot = '\0';
        bosun_value *inner = copy_mapping(arena, bosun_value_get(container, key));
        if (!inner || put(arena, container, key, inner) < 0)
            return NULL;
        container = inner;
        key = dot + 1;
    }
    return container && put(arena, container, key, value) == 0 ? copy : NULL;
}

int bosun_config_set(bosun_arena *arena, bosun_value **root, const char *setting, bosun_err *err)
{
    char path[BOSUN_ERR_PATH_MAX];
    const char *text = split(setting, path, err);
    bosun_value *value = text ? read_value(arena, path, text, err) : NULL;
    if (!value)
        return -1;
    bosun_value *changed = with_value(arena, *root, path, value);
    if (!changed)
        return bosun_err_nomem(err, "change the action config");
    *root = changed;
    return 0;
}
