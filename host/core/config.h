/* The action config: reads it and checks what every action can rely on. Keys that are not known here are
 * passed through untouched; the agent may be newer than this host. */
#ifndef BOSUN_CORE_CONFIG_H
#define BOSUN_CORE_CONFIG_H

#include "action.h"
#include "bosun.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/value.h"
#include "core/base/wait.h"

typedef struct bosun_config {
    bosun_arena *arena;
    bosun_value *plugin;     /* pluginConfig; NULL: absent */
    bosun_value *pe;         /* peInfo; NULL: absent */
    bosun_value *deployment; /* deploymentInfo; NULL: absent */
    bosun_value *endpoint;   /* endpointInfo; NULL: absent */
} bosun_config;

/* Where a config comes from. */
typedef struct bosun_config_source {
    const char *path;       /* NULL: an empty config */
    const char *text;       /* its text, when `path` is only a name for messages; NULL: it is in the file */
    size_t len;             /* bytes of `text` */
    const bosun_wait *wait; /* for reading it */

    /* Replace what the file says: "deploymentInfo.id=d1", … The last is NULL; NULL: none. */
    const char *const *settings;

    /* Receives the text that was read, and its value, NULL if it is not valid YAML, before anything is said
     * about them; with settings again, without a text. Returns 0, or -1: out of memory. NULL: nobody wants
     * them. */
    int (*seen)(void *data, const char *text, size_t len, const bosun_value *root);
    void *data;
} bosun_config_source;

/* Reads the source's file, or copies its text. */
int bosun_config_read_text(const bosun_config_source *source, bosun_buf *text, bosun_err *err);

/* Reads and checks a config for `action`. On failure the message has a line for every problem:
 * "file:line:column: path.of.key: what". 0 or -1; free with bosun_config_free either way. */
int bosun_config_read(bosun_config *config, const bosun_config_source *source, const bosun_action *action,
                      bosun_err *err);

/* Checks a config as bosun_config_read does, and tells each problem. action NULL: only what holds for every
 * action. A file that cannot be read is a problem, too. Returns how many there are. */
size_t bosun_config_check(const bosun_config_source *source, const bosun_action *action,
                          bosun_problem_function *tell, void *data);
void bosun_config_free(bosun_config *config);

/* The section that the action's method gets; NULL: none. */
const bosun_value *bosun_config_subject(const bosun_config *config, const bosun_action *action);

#endif
