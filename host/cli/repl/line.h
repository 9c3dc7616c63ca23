/* Reading lines: with libedit on a terminal, plain ones otherwise. libedit is loaded when the first line is
 * read, so that no other command pays for it; where it is missing, lines on a terminal are plain, too. */
#ifndef BOSUN_CLI_REPL_LINE_H
#define BOSUN_CLI_REPL_LINE_H

#include "core/base/buf.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct line_reader line_reader;

typedef enum line_result {
    LINE_READ,
    LINE_END,         /* Ctrl-D on an empty line, or the input ends */
    LINE_INTERRUPTED, /* Ctrl-C */
} line_result;

/* Offers what may stand at the end of the first `point` bytes of a line: appends words, each with a newline,
 * and sets *start to where in the line they begin. A word that ends in " ", "/", "." or the like is followed
 * by nothing. */
typedef void line_complete(void *data, const char *line, size_t point, bosun_buf *words, size_t *start);

/* terminal: edit lines. NULL: out of memory. */
line_reader *line_open(bool terminal, line_complete *complete, void *data);
void line_close(line_reader *reader);

/* Reads a line, without its newline, into `out`. The prompt is shown on a terminal only. */
line_result line_read(line_reader *reader, const char *prompt, bosun_buf *out);

/* Adds a line to what the arrow keys and Ctrl-R find. */
void line_remember(line_reader *reader, const char *line);

/* Safe in a signal handler: the terminal has another size, or was somebody else's for a while. */
void line_terminal_changed(void);

/* Safe in a signal handler: Ctrl-C. The next or present line_read returns LINE_INTERRUPTED, unless
 * line_forget_interrupt comes first. */
void line_interrupt(void);
void line_forget_interrupt(void);

/* Safe in a signal handler: the present line_read and all later ones return LINE_END. */
void line_end(void);

/* How many columns standard output has; 80 if it is no terminal. */
int line_columns(void);

#endif
