/* libedit as a table of functions. It is not linked: only a prompt on a terminal needs it. */
#ifndef BOSUN_CLI_REPL_EDIT_API_H
#define BOSUN_CLI_REPL_EDIT_API_H

#include <histedit.h>

/* clang-format off */
#define EDIT_FUNCTIONS(X)                                                                        \
    X(el_init) X(el_end) X(el_gets) X(el_set) X(el_wset) X(el_get) X(el_line) X(el_insertstr) X(el_resize)  \
    X(el_source) X(history_init) X(history_end) X(history)
/* clang-format on */

#define EDIT_FIELD(name) __typeof__(name) *(name);
typedef struct edit_api {
    EDIT_FUNCTIONS(EDIT_FIELD)
} edit_api;
#undef EDIT_FIELD

/* Loaded by the first call. NULL: libedit is not installed. */
const edit_api *edit_api_load(void);

#endif
