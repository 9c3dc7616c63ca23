/* --gen-config: a sample action config, to try a plugin by hand. */
#ifndef BOSUN_CLI_RUNNER_GEN_CONFIG_H
#define BOSUN_CLI_RUNNER_GEN_CONFIG_H

#include "core/action.h"
#include "core/base/buf.h"

/* Appends the text of a config that has what the action needs. */
void gen_config_write(bosun_buf *out, const bosun_action *action);

#endif
