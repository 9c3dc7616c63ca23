/* Command lines. A program describes its command line in one table, an args_command: parsing, suggestions,
 * the text of --help, and through that the reference page (tools/command-line-docs) all come from it. Options
 * come in any order, as --name value or --name=value. Of an option that is given twice, the last counts. A
 * name can be abbreviated, as long as it is one option's. */
#ifndef BOSUN_CLI_ARGS_H
#define BOSUN_CLI_ARGS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* What an option takes, and the type of its field. */
typedef enum args_type {
    ARGS_FLAG,    /* no value; bool, true when the option is given */
    ARGS_INFO,    /* like ARGS_FLAG, but asks for information instead of a run: nothing is required then */
    ARGS_TEXT,    /* const char *: the value, which is argv's */
    ARGS_ASK,     /* like ARGS_INFO, with an optional value; const char *: the value, "" without one */
    ARGS_SECONDS, /* double: above 0 */
    ARGS_ACTION,  /* const bosun_action * */
    ARGS_WORDS,   /* args_words: the positional arguments that are left over, which are argv's */
    ARGS_CHOICE,  /* an enum that counts up from 0: the index of the value in `choices` */
} args_type;

typedef struct args_words {
    const char *const *items; /* ends with NULL */
    size_t count;
} args_words;

typedef struct args_synonym {
    const char *word;
    const char *choice;
} args_synonym;

typedef struct args_option {
    const char *name;     /* "--plugin"; a name without dashes is a positional argument */
    const char *alias;    /* another name of the option, or NULL */
    const char *argument; /* what --help calls the value; NULL: there is none, or `name` says it */
    args_type type;
    size_t field; /* offset in the struct that args_parse fills */
    const char *const *choices;
    size_t choice_count;
    const args_synonym *synonyms; /* other words for choices; the last has NULLs. NULL: none */
    const char *fallback;         /* the value when the option is not given; NULL: the field stays as it is */
    const char *required;         /* what to give, for the message when it is missing; NULL: optional */
    const char *section;          /* the heading in --help that begins with this option; NULL: none */
    const char *help;             /* what it means; ARGS_LISTED in it becomes the list of choices */
} args_option;

#define ARGS_LISTED         "{choices}"
#define ARGS_CHOICES(names) .choices = (names), .choice_count = sizeof(names) / sizeof(names)[0]

/* The rows that every program has; `target` is the struct that args_parse fills. */
#define ARGS_HELP(target)                                                                                    \
    {                                                                                                        \
        .name = "--help", .alias = "-h", .type = ARGS_INFO, .field = offsetof(target, help),                 \
        .help = "print this help"                                                                            \
    }
#define ARGS_VERSION(target)                                                                                 \
    {                                                                                                        \
        .name = "--version", .type = ARGS_INFO, .field = offsetof(target, version),                          \
        .help = "print the version"                                                                          \
    }

typedef struct args_exit {
    const char *status;
    const char *meaning;
} args_exit;

typedef struct args_command {
    const char *program;
    const char *subcommand;     /* NULL: this is the program itself */
    const char *summary;        /* of a subcommand: a line for the program's --help */
    const char *about;          /* a paragraph */
    const args_option *options; /* at most 32 */
    size_t option_count;
    const struct args_command *const *subcommands; /* ends with NULL; NULL: there are none */
    const args_exit *exits;
    size_t exit_count;
    const char *examples; /* lines, printed as they are; NULL: none */
    const char *sample;   /* what follows the program in a command for the samples' folder; NULL: none */
    int (*run)(int argc, char **argv); /* of a subcommand: argv[0] is its name; returns the exit status */
} args_command;

#define ARGS_OPTIONS(table) .options = (table), .option_count = sizeof(table) / sizeof(table)[0]
#define ARGS_EXITS(table)   .exits = (table), .exit_count = sizeof(table) / sizeof(table)[0]

/* Reads argv[1] and what follows into *out, which is zeroed before. 0, or -1: *err is the first mistake, and
 * the words after it are parsed all the same. Moves the words of an ARGS_WORDS to the front of argv. */
int args_parse(const args_command *command, void *out, int argc, char **argv, bosun_err *err);

/* The subcommand of that name, or NULL. */
const args_command *args_subcommand(const args_command *command, const char *name);

/* Appends the text of --help. */
void args_write_help(bosun_buf *out, const args_command *command);

#endif
