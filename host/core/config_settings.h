/* Settings: values of the action config that are given beside the file, as "deploymentInfo.id=d1". */
#ifndef BOSUN_CORE_CONFIG_SETTINGS_H
#define BOSUN_CORE_CONFIG_SETTINGS_H

#include "core/base/err.h"
#include "core/base/value.h"

/* What a person types for an action, as a setting: a key without a section belongs to the action's subject,
 * so "id=d1" is "deploymentInfo.id=d1". `subject` NULL: the action has none. The caller frees it; NULL: out
 * of memory. */
char *bosun_config_whole_setting(const char *subject, const char *word);

/* 0, or -1: the text is not SECTION.KEY=VALUE with a known section, and a value that is YAML. */
int bosun_config_check_setting(const char *setting, bosun_err *err);

/* Puts the value into the config, in place of what is there. A value is YAML, but text where the config has
 * text: modelId=17 is the id "17". *root is replaced by a changed copy. */
int bosun_config_set(bosun_arena *arena, bosun_value **root, const char *setting, bosun_err *err);

#endif
