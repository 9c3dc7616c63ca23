/* --keep-runs: what a run leaves behind for whoever has to find out later what happened. It is collected in
 * memory files, and written to a folder of its own once the status file is complete: so a slow, full or
 * missing disk delays and fails nothing but that. Secrets are replaced, as in the log. */
#ifndef BOSUN_CLI_RUNNER_KEEP_H
#define BOSUN_CLI_RUNNER_KEEP_H

#include "cli/options.h"
#include "core/base/redact.h"

/* The files in the folder of a run, beside run.json. */
typedef enum keep_part { KEEP_STATUS, KEEP_LOG, KEEP_CONFIG, KEEP_PRIVATE, KEEP_PARTS } keep_part;

typedef struct keep {
    int fds[KEEP_PARTS]; /* -1: nothing is kept */
} keep;

#define KEEP_NOTHING ((keep){.fds = {-1, -1, -1, -1}})

extern const char *const keep_names[KEEP_PARTS];

typedef struct keep_run {
    const options *options;
    const run_id *ids;
    int64_t started; /* nanoseconds since the epoch */
    int exit_status;
} keep_run;

/* Makes the memory files, if the options say so. 0, or -1 with *err filled: nothing is kept. */
int keep_begin(keep *k, const options *opt, bosun_err *err);
void keep_end(keep *k);

/* The worker's part: copies of the configs, without what the host knows to be secret. May be called again,
 * when the host knows more. Failures leave the configs out. */
void keep_configs(const keep *k, const options *opt, const bosun_host *host);

/* The text of the status file. */
void keep_status(const keep *k, const char *text, size_t len);

/* Writes the folder, and removes the oldest ones beyond the number that the options say. 0, or -1 with *err
 * filled. Does nothing without memory files. */
int keep_save(const keep *k, const keep_run *run, bosun_err *err);

/* Removes the oldest folders of runs in `dir`, an open folder, beyond `limit`. Folders with another name, or
 * with files that are not a run's, are left alone. */
void keep_prune(int dir, unsigned limit);

/* The name that a run's file or folder has, and a part of it. */
#define KEEP_FACTS      "run.json"
#define KEEP_UNFINISHED ".new-" /* in front of the name, until the folder is complete */
#define KEEP_REMOVED    ".old-" /* the same, while it is being removed */

#endif
