/* The sections of the action config, and keys that lost their indentation. */
#include "config_sections.h"
#include <stdio.h>
#include <string.h>

static const char *const plugin_keys[] = {"name",    "type",     "platform",      "commandPrefix",
                                          "command", "mlopsUrl", "mlopsApiToken", NULL};
static const char *const pe_keys[] = {"id",        "name",        "description",    "createdOn",
                                      "createdBy", "deployments", "keyValueConfig", NULL};
static const char *const deployment_keys[] = {"id",
                                              "name",
                                              "description",
                                              "modelId",
                                              "newModelId",
                                              "modelArtifact",
                                              "modelFormat",
                                              "modelExecutionType",
                                              "keyValueConfig",
                                              NULL};
static const char *const endpoint_keys[] = {
    "id",   "name",         "description", "predictionEnvironmentId", "endpointType", "authType",
    "tags", "trafficSplit", NULL};

const bosun_config_section bosun_config_sections[] = {
    {"pluginConfig", plugin_keys},   {"peInfo", pe_keys}, {"deploymentInfo", deployment_keys},
    {"endpointInfo", endpoint_keys}, {NULL, NULL},
};

static bool is_one_of(const char *const *words, const char *word, size_t len)
{
    for (; *words; words++)
        if (strlen(*words) == len && memcmp(*words, word, len) == 0)
            return true;
    return false;
}

/* The section that this line begins, with nothing behind its colon. */
static const bosun_config_section *bare_section(const char *line)
{
    for (const bosun_config_section *section = bosun_config_sections; section->name; section++) {
        size_t len = strlen(section->name);
        if (strncmp(line, section->name, len) != 0 || line[len] != ':')
            continue;
        const char *rest = line + len + 1 + strspn(line + len + 1, " \t\r");
        return *rest == '\n' || *rest == '#' || *rest == '\0' ? section : NULL;
    }
    return NULL;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool is_blank(const char *line)
{
    return strchr("#\r\n", line[strspn(line, " \t")]) != NULL && *line;
}

bool bosun_config_find_flat_section(const char *text, bosun_config_flat *out)
{
    const bosun_config_section *above = NULL;
    uint32_t number = 1;
    for (const char *line = text; *line; line = next_line(line), number++) {
        if (is_blank(line))
            continue;
        size_t len = strcspn(line, ": \t\r\n");
        bool belongs = above && (is_one_of(above->keys, line, len) || strncmp(line, "MLOPS_", 6) == 0);
        if (belongs && line[len] == ':') {
            *out = (bosun_config_flat){.parent = above->name, .section = "", .mark = {number, 1}};
            snprintf(out->key, sizeof out->key, "%.*s", (int)len, line);
            return true;
        }
        above = bare_section(line);
    }
    return false;
}

/* Is a null written as such ("null", "~"), not just left out? */
static bool is_written(const bosun_value *null, const char *text)
{
    for (uint32_t line = 1; line < null->mark.line; line++)
        text = next_line(text);
    size_t len = strcspn(text, "\r\n");
    const char *colon = memchr(text, ':', len);
    return colon && !strchr("#\r\n", colon[1 + strspn(colon + 1, " \t")]);
}

static bool find_in_section(const bosun_value *section, const bosun_config_section *known, const char *text,
                            bosun_config_flat *out)
{
    size_t count = section && section->kind == BOSUN_MAPPING ? section->as.mapping.count : 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const bosun_pair *pair = &section->as.mapping.pairs[i];
        const bosun_value *next = pair[1].key;
        if (pair->value->kind != BOSUN_NULL || pair->key->kind != BOSUN_STRING ||
            next->kind != BOSUN_STRING || strcmp(pair->key->as.string.bytes, "keyValueConfig") != 0 ||
            is_written(pair->value, text) ||
            is_one_of(known->keys, next->as.string.bytes, next->as.string.len))
            continue;
        *out = (bosun_config_flat){.parent = "keyValueConfig", .section = known->name, .mark = next->mark};
        snprintf(out->key, sizeof out->key, "%s", next->as.string.bytes);
        return true;
    }
    return false;
}

bool bosun_config_find_flat_values(const bosun_value *root, const char *text, bosun_config_flat *out)
{
    for (const bosun_config_section *known = bosun_config_sections; known->name; known++)
        if (find_in_section(bosun_value_get(root, known->name), known, text, out))
            return true;
    return false;
}
