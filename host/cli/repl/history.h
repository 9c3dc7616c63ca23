/* The history of the prompt: $XDG_STATE_HOME/bosun/history, a line of the prompt on each line, mode 0600. */
#ifndef BOSUN_CLI_REPL_HISTORY_H
#define BOSUN_CLI_REPL_HISTORY_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include <stdbool.h>

/* Appends the file's path; false: there is no home folder. */
bool history_path(bosun_buf *path);

/* Appends the lines that are kept, each with a newline, the oldest first. A file that is not there has none.
 */
void history_read(bosun_buf *lines);

/* Keeps a line. Returns 0, or -1 with *err. */
int history_add(const char *line, bosun_err *err);

/* Whether a line looks as if it held a secret: a key or a variable whose name says so gets a value, a URL
 * has a password. */
bool history_hides(const char *line);

#endif
