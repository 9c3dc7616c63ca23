/* The action config: reading it, and checking what every action relies on. All problems are reported at once,
 * so that a file can be corrected in one go. What single actions need beyond this is up to the plugins. */
#include "config.h"
#include "core/base/buf.h"
#include "core/base/suggest.h"
#include "core/fs/fs.h"
#include "core/yaml/yaml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK "check the action config"

/* What a key of a path consists of when it needs no quotes. */
#define WORD "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

/* The problems so far: passed to `tell`, and kept as an error: a single one as it is, several as the lines of
 * one message. Those that no longer fit are counted. */
typedef struct problems {
    const char *file;
    bosun_problem_function *tell; /* NULL: nobody asked */
    void *data;
    bosun_err first;
    bosun_buf lines;
    size_t count;
    size_t hidden;
    char storage[BOSUN_ERR_MESSAGE_MAX - 64]; /* the rest is for "and N more" */
} problems;

static void add_line(problems *p, const bosun_err *problem)
{
    size_t before = p->lines.len;
    if (before > 0)
        bosun_buf_putc(&p->lines, '\n');
    bosun_err_text(&p->lines, problem);
    if (p->lines.failed || p->hidden > 0) {
        p->lines.failed = false;
        p->lines.len = before;
        p->lines.data[before] = '\0';
        p->hidden++;
    }
}

/* path: of the key; "": the whole file */
__attribute__((format(printf, 4, 5))) static void report(problems *p, bosun_mark mark, const char *path,
                                                         const char *format, ...)
{
    char message[1024]; /* what it quotes are excerpts */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    bosun_err problem = {0};
    bosun_err_set(&problem, BOSUN_ERR_INVALID, CHECK, "%s", message);
    bosun_err_at(&problem, p->file, mark.line, mark.column, path);
    if (p->count++ == 0)
        p->first = problem;
    add_line(p, &problem);
    const bosun_problem told = {p->file, mark.line, mark.column, path, message};
    if (p->tell)
        p->tell(p->data, &told);
}

static int finish(const problems *p, bosun_err *err)
{
    if (p->count == 0)
        return 0;
    if (p->count == 1) {
        if (err)
            *err = p->first;
        return -1;
    }
    bosun_err_set(err, BOSUN_ERR_INVALID, CHECK, "%s", bosun_buf_text(&p->lines));
    if (p->hidden > 0)
        bosun_err_set(err, BOSUN_ERR_INVALID, CHECK, "%s\n… and %zu more", bosun_buf_text(&p->lines),
                      p->hidden);
    return bosun_err_at(err, p->file, 0, 0, NULL);
}

/* "the integer 9029": what was found instead of what is expected, as lua/lib/bosun/config/check.lua says it
 * of a private config. */
static bosun_excerpt describe(const bosun_value *value)
{
    static const char *const nouns[] = {"null",        "the boolean ", "the integer ", "the number ",
                                        "the string ", "a list",       "a mapping"};
    bosun_excerpt found = {""};
    bosun_buf out = bosun_buf_fixed(found.text, sizeof found.text);
    bosun_buf_puts(&out, nouns[value->kind]);
    if (value->kind == BOSUN_STRING)
        bosun_buf_puts(&out, bosun_yaml_excerpt(value->as.string.bytes, value->as.string.len).text);
    else if (value->kind != BOSUN_NULL && value->kind < BOSUN_STRING)
        bosun_yaml_write_scalar(&out, value);
    return found;
}

static bool is_absent(const bosun_value *value)
{
    return !value || value->kind == BOSUN_NULL;
}

static void check_mapping(problems *p, const bosun_value *value, const char *path)
{
    if (!is_absent(value) && value->kind != BOSUN_MAPPING)
        report(p, value->mark, path, "expected a mapping, found %s: write \"key: value\" lines below it",
               describe(value).text);
}

static void check_text(problems *p, const bosun_value *value, const char *path)
{
    if (is_absent(value) || value->kind == BOSUN_STRING)
        return;
    bool scalar = value->kind < BOSUN_STRING;
    report(p, value->mark, path, "expected a string, found %s%s", describe(value).text,
           scalar ? ": put it in quotes" : "");
}

static void check_id(problems *p, const bosun_value *value, const char *path)
{
    check_text(p, value, path);
    if (is_absent(value) || value->kind != BOSUN_STRING)
        return;
    if (value->as.string.len == 0)
        report(p, value->mark, path, "an id cannot be empty");
    else if (memchr(value->as.string.bytes, '\0', value->as.string.len))
        report(p, value->mark, path, "an id cannot contain a NUL character");
}

typedef void check_function(problems *p, const bosun_value *value, const char *path);

static void check_deployments(problems *p, const bosun_value *value, const char *path)
{
    if (is_absent(value))
        return;
    if (value->kind != BOSUN_SEQUENCE) {
        report(p, value->mark, path, "expected a list of deployment ids, found %s", describe(value).text);
        return;
    }
    for (size_t i = 0; i < value->as.sequence.count; i++) {
        char name[80];
        const bosun_value *item = value->as.sequence.items[i];
        const bosun_value *id = item->kind == BOSUN_MAPPING ? bosun_value_get(item, "id") : item;
        snprintf(name, sizeof name, "%s[%zu]%s", path, i, item->kind == BOSUN_MAPPING ? ".id" : "");
        if (is_absent(id))
            report(p, item->mark, name, "missing: expected an id");
        else
            check_id(p, id, name);
    }
}

static const struct rule {
    const char *section;
    const char *key;
    const char *path;
    check_function *check;
} rules[] = {
    {"peInfo", "id", "peInfo.id", check_id},
    {"peInfo", "deployments", "peInfo.deployments", check_deployments},
    {"peInfo", "keyValueConfig", "peInfo.keyValueConfig", check_mapping},
    {"deploymentInfo", "id", "deploymentInfo.id", check_id},
    {"deploymentInfo", "name", "deploymentInfo.name", check_text},
    {"deploymentInfo", "modelId", "deploymentInfo.modelId", check_id},
    {"deploymentInfo", "newModelId", "deploymentInfo.newModelId", check_id},
    {"deploymentInfo", "modelArtifact", "deploymentInfo.modelArtifact", check_text},
    {"deploymentInfo", "keyValueConfig", "deploymentInfo.keyValueConfig", check_mapping},
};

/* The key of `mapping` that may be a mistyped `wanted`, or NULL. */
static const bosun_value *near_miss(const bosun_value *mapping, const char *wanted)
{
    for (size_t i = 0; mapping->kind == BOSUN_MAPPING && i < mapping->as.mapping.count; i++) {
        const bosun_value *key = mapping->as.mapping.pairs[i].key;
        bool other_section = key->kind == BOSUN_STRING && strcmp(key->as.string.bytes, wanted) != 0;
        if (other_section && bosun_suggest(key->as.string.bytes, &wanted, 1))
            return key;
    }
    return NULL;
}

/* Appends the path of `key` in `section` ("": the root). */
static void put_path(bosun_buf *path, const char *section, const char *key, size_t len)
{
    if (strspn(key, WORD) == len)
        bosun_buf_printf(path, "%s%s%s", section, *section ? "." : "", key);
    else
        bosun_buf_printf(path, "%s[%s]", section, bosun_yaml_excerpt(key, len).text);
}

/* Reports that `mapping`, which is at `section`, lacks `key`: at the key that is probably a misspelling of
 * it, if there is one. */
static void report_missing(problems *p, const bosun_value *mapping, const char *section, const char *key,
                           const bosun_action *action)
{
    char storage[BOSUN_ERR_PATH_MAX];
    bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
    const bosun_value *mistyped = near_miss(mapping, key);
    if (mistyped) {
        put_path(&path, section, mistyped->as.string.bytes, mistyped->as.string.len);
        report(p, mistyped->mark, bosun_buf_text(&path), "unknown key; did you mean \"%s\"?", key);
    } else {
        put_path(&path, section, key, strlen(key));
        report(p, mapping->mark, bosun_buf_text(&path), "missing: %s needs it", action->name);
    }
}

static void check_deployment(problems *p, const bosun_value *root, const bosun_action *action)
{
    const bosun_value *deployment = bosun_value_get(root, "deploymentInfo");
    if (is_absent(deployment))
        report_missing(p, root, "", "deploymentInfo", action);
    else if (deployment->kind == BOSUN_MAPPING && is_absent(bosun_value_get(deployment, "id")))
        report_missing(p, deployment, "deploymentInfo", "id", action);
}

static void check_root(problems *p, const bosun_value *root, const bosun_action *action)
{
    static const char *const sections[] = {"pluginConfig", "peInfo", "deploymentInfo"};
    if (!is_absent(root) && root->kind != BOSUN_MAPPING) {
        report(p, root->mark, "", "expected a mapping with pluginConfig, peInfo or deploymentInfo, found %s",
               describe(root).text);
        return;
    }
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        check_mapping(p, bosun_value_get(root, sections[i]), sections[i]);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        rules[i].check(p, bosun_value_get(bosun_value_get(root, rules[i].section), rules[i].key),
                       rules[i].path);
    if (action && action->takes_deployment)
        check_deployment(p, root, action);
}

static bosun_value *section(const bosun_value *root, const char *name)
{
    bosun_value *value = bosun_value_get(root, name);
    return is_absent(value) ? NULL : value;
}

static int parse(bosun_arena *arena, const bosun_config_source *source, const bosun_buf *text,
                 bosun_value **root, bosun_err *err)
{
    const char *bytes = bosun_buf_text(text);
    *root = bosun_yaml_read(arena, bytes, text->len, source->path, err);
    if (source->seen && source->seen(source->data, bytes, text->len, *root) < 0)
        return bosun_err_nomem(err, "read the action config");
    return *root ? 0 : -1;
}

static int read_file(bosun_arena *arena, const bosun_config_source *source, bosun_value **root,
                     bosun_err *err)
{
    if (!arena)
        return bosun_err_nomem(err, "read the action config");
    bosun_buf text = {0};
    int rc = bosun_fs_read(source->path, BOSUN_YAML_MAX_BYTES, &text, source->wait, err);
    if (rc < 0) {
        bosun_err_context(err, "the action config: ");
        bosun_err_at(err, source->path, 0, 0, NULL);
    } else {
        rc = parse(arena, source, &text, root, err);
    }
    bosun_buf_free(&text);
    return rc;
}

static int read_nothing(const bosun_action *action, bosun_err *err)
{
    if (!action || !action->takes_deployment)
        return 0;
    bosun_err_set(err, BOSUN_ERR_INVALID, CHECK, "missing: %s needs it; no action config was given",
                  action->name);
    return bosun_err_at(err, "", 0, 0, "deploymentInfo");
}

static int read_checked(bosun_config *config, const bosun_config_source *source, const bosun_action *action,
                        problems *p, bosun_err *err)
{
    if (!source->path)
        return read_nothing(action, err);
    bosun_value *root = NULL;
    config->arena = bosun_arena_new();
    if (read_file(config->arena, source, &root, err) < 0)
        return -1;
    p->file = source->path;
    p->lines = bosun_buf_fixed(p->storage, sizeof p->storage);
    check_root(p, root, action);
    if (finish(p, err) < 0)
        return -1;
    config->plugin = section(root, "pluginConfig");
    config->pe = section(root, "peInfo");
    config->deployment = section(root, "deploymentInfo");
    return 0;
}

int bosun_config_read(bosun_config *config, const bosun_config_source *source, const bosun_action *action,
                      bosun_err *err)
{
    *config = (bosun_config){0};
    problems p = {.count = 0};
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
    problems p = {.tell = tell, .data = data};
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
