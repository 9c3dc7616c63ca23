/* run.json: the facts of a run that --keep-runs keeps. */
#ifndef BOSUN_CLI_RUNNER_KEEP_FACTS_H
#define BOSUN_CLI_RUNNER_KEEP_FACTS_H

#include "keep.h"

/* Appends them, as JSON. */
void keep_facts_write(bosun_buf *out, const keep_run *run);

/* Adds what can be known to be secret without the plugin: in the configs, and the values of variables whose
 * names say so. 0, or -1: out of memory. */
int keep_facts_secrets(bosun_secrets *secrets, const options *opt);

#endif
