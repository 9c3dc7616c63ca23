/* The action config: what it accepts, and all problems of a file in one message. */
#include "core/base/buf.h"
#include "core/config.h"
#include "err_text.h"
#include "tap.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/bosun-test-config-XXXXXX";
static bosun_config config;
static bosun_err err;

/* Writes the text to c.yaml in the working directory and reads it for an action. */
static int read_text(const char *text, const char *action)
{
    FILE *file = fopen("c.yaml", "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror("c.yaml");
        exit(1);
    }
    bosun_config_free(&config);
    err = (bosun_err){0};
    return bosun_config_read(&config, &(bosun_config_source){.path = "c.yaml"}, bosun_action_find(action),
                             &err);
}

static void rejects(const char *text, const char *action, const char *message, const char *name)
{
    int rc = read_text(text, action);
    is_text(rc < 0 ? err_text(&err) : "(accepted)", message, name);
}

static void accepted(void)
{
    ok(read_text("", "pe_status") == 0 && !config.pe && !config.plugin && !config.deployment,
       "an empty file");
    ok(read_text("pluginConfig:\npeInfo: ~\n", "plugin_start") == 0 && !config.plugin && !config.pe,
       "null sections");
    int rc = read_text(
        "pluginConfig: {name: x, MLOPS_FOO: 1}\n"
        "peInfo: {id: '0x2345', deployments: [a, {id: b, other: 1}], keyValueConfig: {max_models: 5}}\n"
        "deploymentInfo: {id: d, modelId: m, newModelId: ~, unknown: [1]}\nlater: 1\n",
        "deployment_start");
    ok(rc == 0, "a whole config with unknown keys");
    ok(bosun_value_get(config.plugin, "MLOPS_FOO") && bosun_value_get(config.pe, "deployments") &&
           bosun_value_get(config.deployment, "unknown"),
       "whose sections are there");
    bosun_config_free(&config);
    ok(bosun_config_read(&config, &(bosun_config_source){.path = NULL}, bosun_action_find("pe_status"),
                         &err) == 0,
       "no file where none is needed");
    ok(bosun_config_read(&config, &(bosun_config_source){.path = NULL}, bosun_action_find("deployment_stop"),
                         &err) < 0 &&
           strcmp(err_text(&err), "deploymentInfo: missing: deployment_stop needs it; no action config was "
                                  "given") == 0,
       "no file where one is needed");
}

static void rejected(void)
{
    rejects("[1]", "pe_status",
            "c.yaml:1:1: expected a mapping with pluginConfig, peInfo or deploymentInfo, found a list",
            "the root");
    rejects("a: 1\n", "deployment_start", "c.yaml:1:1: deploymentInfo: missing: deployment_start needs it",
            "no section");
    rejects("pluginConfig: {}\ndeploymentinfo: {id: x}\n", "deployment_start",
            "c.yaml:2:1: deploymentinfo: unknown key; did you mean \"deploymentInfo\"?",
            "a mistyped section");
    rejects("deploymentInfo: {Id: x}\n", "deployment_start",
            "c.yaml:1:18: deploymentInfo.Id: unknown key; did you mean \"id\"?", "a mistyped id");
    rejects("deployment Info: {id: x}\n", "deployment_start",
            "c.yaml:1:1: [\"deployment Info\"]: unknown key; did you mean \"deploymentInfo\"?",
            "a mistyped section that is not a word");
    rejects(
        "deploymentInfo: text\n", "deployment_start",
        "c.yaml:1:17: deploymentInfo: expected a mapping, found the string \"text\": write \"key: value\" "
        "lines below it",
        "a section that is text");
    rejects(
        "peInfo:\n  id: 0x2345\n  deployments: [1, {}, '', {id: 2.5}, [], a]\n  keyValueConfig: []\n"
        "deploymentInfo:\n  id: ''\n  modelId: \"a\\0b\"\n  name: yes\n",
        "deployment_start",
        "c.yaml:2:7: peInfo.id: expected a string, found the integer 9029: put it in quotes\n"
        "c.yaml:3:17: peInfo.deployments[0]: expected a string, found the integer 1: put it in quotes\n"
        "c.yaml:3:20: peInfo.deployments[1].id: missing: expected an id\n"
        "c.yaml:3:24: peInfo.deployments[2]: an id cannot be empty\n"
        "c.yaml:3:33: peInfo.deployments[3].id: expected a string, found the number 2.5: put it in quotes\n"
        "c.yaml:3:39: peInfo.deployments[4]: expected a string, found a list\n"
        "c.yaml:4:19: peInfo.keyValueConfig: expected a mapping, found a list: write \"key: value\" "
        "lines below it\n"
        "c.yaml:6:7: deploymentInfo.id: an id cannot be empty\n"
        "c.yaml:8:9: deploymentInfo.name: expected a string, found the boolean true: put it in quotes\n"
        "c.yaml:7:12: deploymentInfo.modelId: an id cannot contain a NUL character",
        "all problems at once");
    rejects("a: b: c\n", "pe_status",
            "c.yaml:1:5: a key is not allowed here: put text that contains \": \" in quotes, or correct the "
            "indentation",
            "YAML that is none");
}

static void many_problems(void)
{
    bosun_buf text = {0};
    bosun_buf_puts(&text, "peInfo:\n  deployments:\n");
    for (int i = 0; i < 500; i++)
        bosun_buf_puts(&text, "    - 1\n");
    read_text(bosun_buf_text(&text), "pe_status");
    bosun_buf_free(&text);
    const char *last = strrchr(err.message, '\n');
    size_t lines = 0;
    for (const char *at = err.message; *at; at++)
        lines += *at == '\n';
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\n… and %zu more", 500 - lines);
    is_text(last, wanted, "500 problems: those that fit, and how many more");
    ok(lines > 10 && strlen(err.message) < BOSUN_ERR_MESSAGE_MAX - 1, "none of them cut");
}

static void files(void)
{
    bosun_config_free(&config);
    ok(bosun_config_read(&config, &(bosun_config_source){.path = "missing.yaml"},
                         bosun_action_find("pe_status"), &err) < 0 &&
           strcmp(err.code, "ENOENT") == 0 && strstr(err.message, "missing.yaml"),
       "a file that is not there");
    bosun_config_free(&config);
    ok(bosun_config_read(&config, &(bosun_config_source){.path = "."}, bosun_action_find("pe_status"), &err) <
               0 &&
           strcmp(err.code, "EISDIR") == 0,
       "a folder");
    bosun_config_free(&config);
}

int main(void)
{
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    accepted();
    rejected();
    many_problems();
    files();
    bosun_config_free(&config);
    unlink("c.yaml");
    rmdir(folder);
    return done();
}
