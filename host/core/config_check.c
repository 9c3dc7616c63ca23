/* Checking what every action relies on in an action config. All problems are reported at once, so that a file
 * can be corrected in one go. What single actions need beyond this is up to the plugins. */
#include "config_check.h"
#include "core/base/redact.h"
#include "core/base/suggest.h"
#include "core/yaml/yaml.h"
#include <stdio.h>
#include <string.h>

/* What a key of a path consists of when it needs no quotes. */
#define WORD "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

static void add_line(bosun_config_problems *p, const bosun_err *problem)
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
__attribute__((format(printf, 4, 5))) static void report(bosun_config_problems *p, bosun_mark mark,
                                                         const char *path, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    bosun_err problem = {0};
    bosun_err_set(&problem, BOSUN_ERR_CONFIG, CHECK, "%s", message);
    bosun_err_at(&problem, p->file, mark.line, mark.column, path);
    if (p->count++ == 0)
        p->first = problem;
    add_line(p, &problem);
    const bosun_problem told = {*p->file ? p->file : NULL, mark.line, mark.column, path, message};
    if (p->tell)
        p->tell(p->data, &told);
}

int bosun_config_finish(const bosun_config_problems *p, bosun_err *err)
{
    if (p->count == 0)
        return 0;
    if (p->count == 1) {
        if (err)
            *err = p->first;
        return -1;
    }
    bosun_err_set(err, BOSUN_ERR_CONFIG, CHECK, "%s", bosun_buf_text(&p->lines));
    if (p->hidden > 0)
        bosun_err_set(err, BOSUN_ERR_CONFIG, CHECK, "%s\n… and %zu more", bosun_buf_text(&p->lines),
                      p->hidden);
    if (err)
        err->several = true;
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

/* Appends the path of `key` in `section` ("": the root). */
static void put_path(bosun_buf *path, const char *section, const char *key, size_t len)
{
    if (strspn(key, WORD) == len)
        bosun_buf_printf(path, "%s%s%s", section, *section ? "." : "", key);
    else
        bosun_buf_printf(path, "%s[%s]", section, bosun_yaml_excerpt(key, len).text);
}

static bool is_absent(const bosun_value *value)
{
    return !value || value->kind == BOSUN_NULL;
}

static bool is_empty_text(const bosun_value *value)
{
    return value && value->kind == BOSUN_STRING && value->as.string.len == 0;
}

static void check_mapping(bosun_config_problems *p, const bosun_value *value, const char *path)
{
    if (!is_absent(value) && value->kind != BOSUN_MAPPING)
        report(p, value->mark, path, "expected a mapping, found %s: write \"key: value\" lines below it",
               describe(value).text);
}

static void check_text(bosun_config_problems *p, const bosun_value *value, const char *path)
{
    if (is_absent(value) || value->kind == BOSUN_STRING)
        return;
    bool scalar = value->kind < BOSUN_STRING;
    report(p, value->mark, path, "expected a string, found %s%s", describe(value).text,
           scalar ? ": put it in quotes" : "");
}

static void check_id(bosun_config_problems *p, const bosun_value *value, const char *path)
{
    check_text(p, value, path);
    if (is_absent(value) || value->kind != BOSUN_STRING)
        return;
    if (value->as.string.len == 0)
        report(p, value->mark, path, "an id cannot be empty");
    else if (memchr(value->as.string.bytes, '\0', value->as.string.len))
        report(p, value->mark, path, "an id cannot contain a NUL character");
}

/* The agent writes "" for an id that it does not have. */
static void check_optional_id(bosun_config_problems *p, const bosun_value *value, const char *path)
{
    if (!is_empty_text(value))
        check_id(p, value, path);
}

static void check_percents(bosun_config_problems *p, const bosun_value *value, const char *path)
{
    check_mapping(p, value, path);
    for (size_t i = 0; value && value->kind == BOSUN_MAPPING && i < value->as.mapping.count; i++) {
        const bosun_pair *pair = &value->as.mapping.pairs[i];
        char storage[BOSUN_ERR_PATH_MAX];
        bosun_buf name = bosun_buf_fixed(storage, sizeof storage);
        if (pair->value->kind == BOSUN_INT || pair->value->kind == BOSUN_FLOAT || is_absent(pair->value))
            continue;
        if (pair->key->kind == BOSUN_STRING)
            put_path(&name, path, pair->key->as.string.bytes, pair->key->as.string.len);
        report(p, pair->value->mark, pair->key->kind == BOSUN_STRING ? bosun_buf_text(&name) : path,
               "expected a number (percent), found %s", describe(pair->value).text);
    }
}

typedef void check_function(bosun_config_problems *p, const bosun_value *value, const char *path);

static void check_deployments(bosun_config_problems *p, const bosun_value *value, const char *path)
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
    {"deploymentInfo", "newModelId", "deploymentInfo.newModelId", check_optional_id},
    {"deploymentInfo", "modelArtifact", "deploymentInfo.modelArtifact", check_text},
    {"deploymentInfo", "keyValueConfig", "deploymentInfo.keyValueConfig", check_mapping},
    {"endpointInfo", "id", "endpointInfo.id", check_id},
    {"endpointInfo", "name", "endpointInfo.name", check_text},
    {"endpointInfo", "predictionEnvironmentId", "endpointInfo.predictionEnvironmentId", check_id},
    {"endpointInfo", "endpointType", "endpointInfo.endpointType", check_text},
    {"endpointInfo", "tags", "endpointInfo.tags", check_mapping},
    {"endpointInfo", "trafficSplit", "endpointInfo.trafficSplit", check_percents},
};

/* What an action needs of the section that its method gets. */
static const struct need {
    const char *section;
    const char *key;
} needs[] = {
    {"deploymentInfo", "id"},         {"endpointInfo", "id"},
    {"endpointInfo", "name"},         {"endpointInfo", "predictionEnvironmentId"},
    {"endpointInfo", "endpointType"},
};

bool bosun_config_takes_text(const char *path)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].path, path) == 0)
            return rules[i].check == check_id || rules[i].check == check_optional_id ||
                   rules[i].check == check_text;
    return bosun_may_name_secret(path, strlen(path)); /* no message about YAML may quote it */
}

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

/* Reports that `mapping`, which is at `section`, lacks `key`: at the key that is probably a misspelling of
 * it, if there is one. */
static void report_missing(bosun_config_problems *p, const bosun_value *mapping, const char *section,
                           const char *key, const bosun_action *action)
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

static void check_subject(bosun_config_problems *p, const bosun_value *root, const bosun_action *action)
{
    const bosun_value *subject = bosun_value_get(root, action->subject);
    if (is_absent(subject))
        report_missing(p, root, "", action->subject, action);
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (subject && subject->kind == BOSUN_MAPPING && strcmp(needs[i].section, action->subject) == 0 &&
            is_absent(bosun_value_get(subject, needs[i].key)))
            report_missing(p, subject, action->subject, needs[i].key, action);
}

void bosun_config_check_root(bosun_config_problems *p, const bosun_value *root, const bosun_action *action)
{
    if (!is_absent(root) && root->kind != BOSUN_MAPPING) {
        report(p, root->mark, "", "expected a mapping with pluginConfig, peInfo or deploymentInfo, found %s",
               describe(root).text);
        return;
    }
    for (size_t i = 0; bosun_config_sections[i].name; i++)
        check_mapping(p, bosun_value_get(root, bosun_config_sections[i].name), bosun_config_sections[i].name);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        rules[i].check(p, bosun_value_get(bosun_value_get(root, rules[i].section), rules[i].key),
                       rules[i].path);
    if (action && action->subject)
        check_subject(p, root, action);
}

void bosun_config_report_flat(bosun_config_problems *p, const bosun_config_flat *flat)
{
    char key[BOSUN_ERR_PATH_MAX];
    bosun_buf path = bosun_buf_fixed(key, sizeof key);
    put_path(&path, flat->section, flat->key, strlen(flat->key));
    report(p, flat->mark, bosun_buf_text(&path),
           "stands beside \"%s:\" instead of below it: indent the keys of %s (text that is copied from a web "
           "page can lose its indentation)",
           flat->parent, flat->parent);
}
