/* Colour on terminals: one rule for both programs. */
#ifndef BOSUN_CLI_COLOR_H
#define BOSUN_CLI_COLOR_H

#include "args.h"
#include "core/base/buf.h"
#include <stdbool.h>

/* The values of --color, and their names. */
typedef enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_when;
extern const char *const color_names[3];

/* The row of --color; `target` is the struct that args_parse fills, with a color_when `color`. */
#define COLOR_OPTION(target)                                                                                 \
    {                                                                                                        \
        .name = "--color", .argument = "WHEN", .type = ARGS_CHOICE, .field = offsetof(target, color),        \
        .choices = color_names, .choice_count = 3, .fallback = "auto",                                       \
        .help = "use colours: " ARGS_LISTED "; auto does on a terminal, unless NO_COLOR is set or TERM is "  \
                "dumb"                                                                                       \
    }

#define COLOR_ERROR "\033[1;31m"
#define COLOR_BOLD  "\033[1m"
#define COLOR_END   "\033[0m"

/* Keeps the choice for this process. Until then, it is COLOR_AUTO. */
void color_choose(color_when when);

/* Is what is written to this descriptor to be in colour? NO_COLOR counts when it is not empty
 * (https://no-color.org). */
bool color_wanted(int fd);

/* Appends the text of a status file, its first line, "status: …", in colour where standard output is. */
void color_add_status(bosun_buf *out, const char *status, size_t len);

/* Prints "PROGRAM: message" on standard error. */
void color_report(const char *program, const char *message);

#endif
