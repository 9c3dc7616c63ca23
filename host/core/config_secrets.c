/* The secrets of a config, which are known before anything can show them. */
#include "config_secrets.h"
#include "core/yaml/yaml.h"
#include <string.h>

typedef bool name_function(const char *name, size_t len);

/* Adds a number as YAML and Lua write it. */
static int add_number(bosun_secrets *secrets, const bosun_value *number)
{
    char storage[64];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_yaml_write_scalar(&text, number);
    if (bosun_secrets_add(secrets, storage, text.len) < 0 || number->kind != BOSUN_FLOAT)
        return text.failed ? -1 : 0;
    bosun_buf_clear(&text);
    bosun_buf_printf(&text, "%.14g", number->as.number);
    return bosun_secrets_add(secrets, storage, text.len);
}

static int add_scalar(bosun_secrets *secrets, const bosun_value *value)
{
    switch (value->kind) {
    case BOSUN_STRING: return bosun_secrets_add(secrets, value->as.string.bytes, value->as.string.len);
    case BOSUN_INT:
    case BOSUN_FLOAT: return add_number(secrets, value);
    default: return 0;
    }
}

/* Adds the scalars in the value that are secret: all, or those below a key whose name says so, and the
 * credentials in URLs. Returns 0, or -1: out of memory. */
static int add_value(bosun_secrets *secrets, const bosun_value *value, bool all, name_function *names_secret)
{
    int rc = 0;
    if (value->kind == BOSUN_SEQUENCE)
        for (size_t i = 0; i < value->as.sequence.count && rc == 0; i++)
            rc = add_value(secrets, value->as.sequence.items[i], all, names_secret);
    for (size_t i = 0; value->kind == BOSUN_MAPPING && i < value->as.mapping.count && rc == 0; i++) {
        const bosun_pair *pair = &value->as.mapping.pairs[i];
        const bosun_value *key = pair->key;
        bool secret = key->kind == BOSUN_STRING && names_secret(key->as.string.bytes, key->as.string.len);
        rc = add_value(secrets, pair->value, all || secret, names_secret);
    }
    if (rc == 0 && all)
        rc = add_scalar(secrets, value);
    if (rc == 0 && value->kind == BOSUN_STRING)
        rc = bosun_secrets_add_url(secrets, value->as.string.bytes, value->as.string.len);
    return rc;
}

/* The values of keys that name a secret, and credentials in URLs. pluginConfig is not written by people, so
 * that there more names count. */
int bosun_config_add_secrets(bosun_secrets *secrets, const bosun_value *root)
{
    if (root->kind != BOSUN_MAPPING)
        return add_value(secrets, root, false, bosun_names_secret);
    int rc = 0;
    for (size_t i = 0; i < root->as.mapping.count && rc == 0; i++) {
        const bosun_pair *pair = &root->as.mapping.pairs[i];
        const bosun_value *key = pair->key;
        bool of_plugin = key->kind == BOSUN_STRING && strcmp(key->as.string.bytes, "pluginConfig") == 0;
        bool secret =
            key->kind == BOSUN_STRING && bosun_names_secret(key->as.string.bytes, key->as.string.len);
        rc = add_value(secrets, pair->value, secret, of_plugin ? bosun_may_name_secret : bosun_names_secret);
    }
    return rc;
}

int bosun_config_add_text_secrets(bosun_secrets *secrets, const char *text, size_t len, bool broad)
{
    bosun_arena *arena = bosun_arena_new();
    if (!arena)
        return -1;
    const bosun_value *root = bosun_yaml_read(arena, text, len, "config", NULL);
    int rc;
    if (!root)
        rc = bosun_secrets_add_text(secrets, text, len, NULL, 0);
    else if (broad)
        rc = add_value(secrets, root, false, bosun_may_name_secret);
    else
        rc = bosun_config_add_secrets(secrets, root);
    bool is_config = root && (root->kind == BOSUN_MAPPING || root->kind == BOSUN_SEQUENCE);
    if (rc == 0)
        rc = bosun_secrets_add_lines(secrets, text, len, is_config);
    bosun_arena_free(arena);
    return rc;
}

int bosun_config_add_any_secrets(bosun_secrets *secrets, const char *text, size_t len)
{
    bosun_arena *arena = bosun_arena_new();
    if (!arena)
        return -1;
    const bosun_value *root = bosun_yaml_read(arena, text, len, "text", NULL);
    bool is_config = root && (root->kind == BOSUN_MAPPING || root->kind == BOSUN_SEQUENCE);
    int rc = root ? bosun_config_add_secrets(secrets, root) : 0;
    if (rc == 0)
        rc = bosun_secrets_add_lines(secrets, text, len, is_config);
    bosun_arena_free(arena);
    return rc;
}
