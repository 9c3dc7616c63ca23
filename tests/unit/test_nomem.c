/* Every allocation of the YAML reader and writer, the config and the status fails in turn. */
#include "core/base/redact.h"
#include "core/config.h"
#include "core/status.h"
#include "core/yaml/yaml.h"
#include "failing_malloc.h"
#include <unistd.h>

static const char rich[] = "base: &base {a: 1, b: [x, 'y', \"z\\n\"], c: !!binary aGk=}\n"
                           "other: &other {a: 2, d: 1.5}\n"
                           "merged:\n  <<: [*base, *other]\n  e: !!float 3\n"
                           "%s"
                           "text: |\n  a block\n  of lines\n"
                           "? long key\n: [[[[1, 2], 3], 4], *base]\n";

static char document[64 * 1024];

static void make_document(void)
{
    char many[40 * 1024] = "";
    size_t len = 0;
    for (int i = 0; i < 150; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, "key%d: value %d\n", i, i);
    snprintf(document, sizeof document, rich, many);
}

static int read_yaml(bosun_err *err)
{
    bosun_arena *arena = bosun_arena_new();
    if (!arena)
        return bosun_err_nomem(err, "test");
    const bosun_value *value = bosun_yaml_read(arena, document, strlen(document), "doc", err);
    bosun_arena_free(arena);
    return value ? 0 : -1;
}

static int read_and_write_yaml(bosun_err *err)
{
    bosun_buf out = {0};
    bosun_arena *arena = bosun_arena_new();
    const bosun_value *value = arena ? bosun_yaml_read(arena, document, strlen(document), "doc", err) : NULL;
    int rc = value ? bosun_yaml_write(&out, value, 0, err) : arena ? -1 : bosun_err_nomem(err, "test");
    bosun_buf_free(&out);
    bosun_arena_free(arena);
    return rc;
}

static const char *config_path;

static int read_config(bosun_err *err)
{
    bosun_config config;
    int rc = bosun_config_read(&config, &(bosun_config_source){.path = config_path},
                               bosun_action_find("deployment_start"), err);
    bosun_config_free(&config);
    return rc;
}

static int make_status(bosun_err *err)
{
    bosun_status *status = bosun_status_new();
    if (!status)
        return bosun_err_nomem(err, "test");
    status->data = bosun_value_new(status->arena, BOSUN_MAPPING);
    int rc = status->data && bosun_status_set_message(status, "hello", 5) == 0 &&
                     bosun_status_set_state(status, "ready") == 0 &&
                     bosun_value_set(status->arena, status->data, "key", status->data) == 0
                 ? 0
                 : -1;
    if (rc == 0)
        status->data->as.mapping.pairs[0].value = status->data->as.mapping.pairs[0].key;
    rc = rc == 0 && bosun_status_yaml(status, NULL) ? 0 : bosun_err_nomem(err, "test");
    bosun_status_free(status);
    return rc;
}

static int keep_secrets(bosun_err *err)
{
    bosun_secrets secrets = {0};
    int rc = 0;
    char text[16];
    for (int i = 0; i < 20 && rc == 0; i++) {
        snprintf(text, sizeof text, "secret %d", i);
        rc = bosun_secrets_add(&secrets, text, strlen(text));
    }
    bosun_secrets_free(&secrets);
    return rc == 0 ? 0 : bosun_err_nomem(err, "test");
}

/* What the supervisor relies on: this does not allocate. */
static int write_string_fixed(bosun_err *err)
{
    char storage[256];
    bosun_buf out = bosun_buf_fixed(storage, sizeof storage);
    bosun_yaml_write_string(&out, "a \"quoted\"\n\x01 \xC3\xA9 \xFF", 16);
    bosun_value number = {.kind = BOSUN_FLOAT, .as.number = 0.1};
    bosun_yaml_write_scalar(&out, &number);
    return out.failed ? bosun_err_nomem(err, "test") : 0;
}

static bool write_config(char *path)
{
    int fd = mkstemp(path);
    static const char text[] = "pluginConfig: {name: x}\npeInfo: {id: pe, deployments: [a, {id: b}]}\n"
                               "deploymentInfo: {id: d, modelId: m}\n";
    if (fd < 0)
        return false;
    bool written = write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1;
    return close(fd) == 0 && written;
}

int main(void)
{
    char path[] = "/tmp/bosun-test-nomem-XXXXXX";
    make_document();
    ok(write_config(path), "a config is there");
    config_path = path;
    sweep("reading YAML", read_yaml);
    sweep("reading and writing YAML", read_and_write_yaml);
    sweep("reading a config", read_config);
    sweep("a status", make_status);
    sweep("a list of secrets", keep_secrets);
    needs_no_memory("writing a string to a fixed buffer", write_string_fixed);
    unlink(path);
    return done();
}
