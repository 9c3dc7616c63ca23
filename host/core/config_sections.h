/* The sections of the action config and their keys, and finding keys that lost their indentation. */
#ifndef BOSUN_CORE_CONFIG_SECTIONS_H
#define BOSUN_CORE_CONFIG_SECTIONS_H

#include "core/base/err.h"
#include "core/base/value.h"

typedef struct bosun_config_section {
    const char *name;
    const char *const *keys; /* the known ones; the last is NULL. An agent may write others */
} bosun_config_section;

/* The last one's name is NULL. */
extern const bosun_config_section bosun_config_sections[];

/* A key that stands beside the mapping it belongs into. */
typedef struct bosun_config_flat {
    const char *parent;           /* the mapping: "peInfo" or "keyValueConfig" */
    const char *section;          /* where the key stands; "": at the root */
    char key[BOSUN_ERR_PATH_MAX]; /* a long one lacks its end */
    bosun_mark mark;
} bosun_config_flat;

/* Finds the first section whose keys are not indented. Looks at the text, because such a config often is not
 * YAML: two sections have the key "id". */
bool bosun_config_find_flat_section(const char *text, bosun_config_flat *out);

/* Finds keys of a keyValueConfig that stand beside it: it has no value, and an unknown key follows. `text` is
 * what `root` was read from. */
bool bosun_config_find_flat_values(const bosun_value *root, const char *text, bosun_config_flat *out);

#endif
