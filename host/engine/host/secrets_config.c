/* The secrets of an action config, which are known before anything can show them. */
#include "core/yaml/yaml.h"
#include "host.h"
#include <string.h>

typedef bool name_function(const char *name, size_t len);

/* Adds a number as YAML and Lua write it. */
static int add_number(bosun_host *host, const bosun_value *number)
{
    char storage[64];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_yaml_write_scalar(&text, number);
    if (host_add_secret(host, storage, text.len) < 0 || number->kind != BOSUN_FLOAT)
        return text.failed ? -1 : 0;
    bosun_buf_clear(&text);
    bosun_buf_printf(&text, "%.14g", number->as.number);
    return host_add_secret(host, storage, text.len);
}

static int add_scalar(bosun_host *host, const bosun_value *value)
{
    switch (value->kind) {
    case BOSUN_STRING: return host_add_secret(host, value->as.string.bytes, value->as.string.len);
    case BOSUN_INT:
    case BOSUN_FLOAT: return add_number(host, value);
    default: return 0;
    }
}

/* Adds the scalars in the value that are secret: all, or those below a key whose name says so, and the
 * credentials in URLs. Returns 0, or -1: out of memory. */
static int add_value(bosun_host *host, const bosun_value *value, bool all, name_function *names_secret)
{
    int rc = 0;
    if (value->kind == BOSUN_SEQUENCE)
        for (size_t i = 0; i < value->as.sequence.count && rc == 0; i++)
            rc = add_value(host, value->as.sequence.items[i], all, names_secret);
    for (size_t i = 0; value->kind == BOSUN_MAPPING && i < value->as.mapping.count && rc == 0; i++) {
        const bosun_pair *pair = &value->as.mapping.pairs[i];
        const bosun_value *key = pair->key;
        bool secret = key->kind == BOSUN_STRING && names_secret(key->as.string.bytes, key->as.string.len);
        rc = add_value(host, pair->value, all || secret, names_secret);
    }
    if (rc == 0 && all)
        rc = add_scalar(host, value);
    if (rc == 0 && value->kind == BOSUN_STRING)
        rc = host_add_url_secrets(host, value->as.string.bytes, value->as.string.len);
    return rc;
}

/* The values of keys that name a secret, and credentials in URLs. pluginConfig is not written by people, so
 * that there more names count. */
static int add_config(bosun_host *host, const bosun_value *root)
{
    if (root->kind != BOSUN_MAPPING)
        return add_value(host, root, false, bosun_names_secret);
    int rc = 0;
    for (size_t i = 0; i < root->as.mapping.count && rc == 0; i++) {
        const bosun_pair *pair = &root->as.mapping.pairs[i];
        const bosun_value *key = pair->key;
        bool of_plugin = key->kind == BOSUN_STRING && strcmp(key->as.string.bytes, "pluginConfig") == 0;
        bool secret =
            key->kind == BOSUN_STRING && bosun_names_secret(key->as.string.bytes, key->as.string.len);
        rc = add_value(host, pair->value, secret, of_plugin ? bosun_may_name_secret : bosun_names_secret);
    }
    return rc;
}

static int seen(void *data, const char *text, size_t len, const bosun_value *root)
{
    return root ? add_config(data, root) : host_add_text_secrets(data, text, len, NULL, 0);
}

bosun_config_source host_config_source(bosun_host *host, const char *path)
{
    return (bosun_config_source){.path = path, .wait = &host->limits.wait, .seen = seen, .data = host};
}
