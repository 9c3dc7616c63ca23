/* The secrets that a config shows by itself: the values of keys that name a secret, and credentials in URLs.
 */
#ifndef BOSUN_CORE_CONFIG_SECRETS_H
#define BOSUN_CORE_CONFIG_SECRETS_H

#include "core/base/redact.h"
#include "core/base/value.h"

/* Adds those of an action config. Returns 0, or -1: out of memory. */
int bosun_config_add_secrets(bosun_secrets *secrets, const bosun_value *root);

/* The same for the text of any config, also if it is not valid YAML. broad: also the values of keys that may
 * name a secret, where a value hidden for nothing does no harm. */
int bosun_config_add_text_secrets(bosun_secrets *secrets, const char *text, size_t len, bool broad);

/* The same for a text of any format: a config, or lines that say "name = value" (bosun_secrets_add_lines). */
int bosun_config_add_any_secrets(bosun_secrets *secrets, const char *text, size_t len);

#endif
