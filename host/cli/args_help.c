/* The text of --help. tools/command-line-docs reads it: a heading at the left margin ends with ':', a row is
 * two spaces, what is given, at least two spaces, and what that means. */
#include "args_value.h"
#include "core/base/program.h"
#include "core/process/process.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define WIDTH 80 /* columns */

/* Appends text, broken at spaces. It begins at `column`; further lines are indented by `indent`. */
static void add_wrapped(bosun_buf *out, const char *text, size_t column, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (!first && column + 1 + len > WIDTH) {
            bosun_buf_putc(out, '\n');
            bosun_buf_repeat(out, ' ', indent);
            column = indent;
        } else if (!first) {
            bosun_buf_putc(out, ' ');
            column++;
        }
        bosun_buf_append(out, text, len);
        column += len;
        text += len + strspn(text + len, " ");
        first = false;
    }
    bosun_buf_putc(out, '\n');
}

static void add_row(bosun_buf *out, const char *given, size_t width, const char *meaning)
{
    bosun_buf_printf(out, "  %-*s  ", (int)width, given);
    add_wrapped(out, meaning, width + 4, width + 4);
}

/* "--help, -h" or "--plugin P" */
static const char *describe_given(const args_option *option, char *text, size_t size)
{
    bosun_buf out = bosun_buf_fixed(text, size);
    bosun_buf_puts(&out, option->name);
    if (option->argument)
        bosun_buf_printf(&out, " %s", option->argument);
    if (option->alias)
        bosun_buf_printf(&out, ", %s", option->alias);
    return bosun_buf_text(&out);
}

static const char *describe_meaning(const args_option *option, char *text, size_t size)
{
    bosun_buf out = bosun_buf_fixed(text, size);
    const char *at = strstr(option->help, ARGS_LISTED);
    bosun_buf_append(&out, option->help, at ? (size_t)(at - option->help) : strlen(option->help));
    if (at) {
        args_value_list(&out, option->choices, option->choice_count, option->fallback);
        bosun_buf_puts(&out, at + strlen(ARGS_LISTED));
    } else if (option->fallback) {
        bosun_buf_printf(&out, " (default: %s)", option->fallback);
    }
    return bosun_buf_text(&out);
}

static size_t longest(size_t a, const char *text)
{
    return strlen(text) > a ? strlen(text) : a;
}

/* The columns that the left side of all rows needs. */
static size_t row_width(const args_command *command)
{
    size_t width = 0;
    char given[64];
    for (size_t i = 0; i < command->option_count; i++)
        width = longest(width, describe_given(&command->options[i], given, sizeof given));
    for (const args_command *const *at = command->subcommands; at && *at; at++)
        width = longest(width, (*at)->subcommand);
    return width;
}

static void add_usage(bosun_buf *out, const args_command *command)
{
    bosun_buf_printf(out, "usage: %s", command->program);
    if (command->subcommand)
        bosun_buf_printf(out, " %s", command->subcommand);
    if (command->subcommands)
        bosun_buf_puts(out, " COMMAND");
    char given[64];
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].required)
            bosun_buf_printf(out, " %s", describe_given(&command->options[i], given, sizeof given));
    bosun_buf_puts(out, " [option ...]\n\n");
    add_wrapped(out, command->about, 0, 0);
}

static void add_subcommands(bosun_buf *out, const args_command *command, size_t width)
{
    if (!command->subcommands)
        return;
    bosun_buf_puts(out, "\nCommands:\n");
    for (const args_command *const *at = command->subcommands; *at; at++)
        add_row(out, (*at)->subcommand, width, (*at)->summary);
}

static void add_options(bosun_buf *out, const args_command *command, size_t width)
{
    char given[64];
    char meaning[512];
    for (size_t i = 0; i < command->option_count; i++) {
        const args_option *option = &command->options[i];
        if (option->section)
            bosun_buf_printf(out, "\n%s:\n", option->section);
        add_row(out, describe_given(option, given, sizeof given), width,
                describe_meaning(option, meaning, sizeof meaning));
    }
}

static void add_exits(bosun_buf *out, const args_command *command)
{
    size_t width = 0;
    for (size_t i = 0; i < command->exit_count; i++)
        width = longest(width, command->exits[i].status);
    bosun_buf_puts(out, command->exit_count ? "\nExit status:\n" : "");
    for (size_t i = 0; i < command->exit_count; i++)
        add_row(out, command->exits[i].status, width, command->exits[i].meaning);
}

/* The folder of the samples: that of an installation, or the repository around a folder of builds. */
static bool find_samples(bosun_buf *out)
{
    static const char *const places[] = {"../share/doc/bosun", "..", "../.."};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char storage[PATH_MAX];
        bosun_buf folder = bosun_buf_fixed(storage, sizeof storage);
        bosun_buf_printf(&folder, "%s/sample_configs", places[i]);
        bosun_buf found = {0};
        bool here = bosun_program_beside(&found, bosun_buf_text(&folder));
        bosun_buf_free(&found);
        if (here)
            return bosun_program_beside(out, places[i]);
    }
    return false;
}

/* A command that works as printed, for whoever can call the program now: by name if it was found by name. */
static void add_sample(bosun_buf *out, const args_command *command)
{
    char folder[PATH_MAX];
    char program[PATH_MAX];
    bosun_buf samples = bosun_buf_fixed(folder, sizeof folder);
    bosun_buf path = bosun_buf_fixed(program, sizeof program);
    if (!command->sample || !find_samples(&samples))
        return;
    bool by_path = strchr(program_invocation_name, '/') && bosun_program_path(&path);
    bosun_buf_puts(out, "\nTo try it with the samples:\n  cd ");
    bosun_process_quote(out, (const char *const[]){folder, NULL});
    bosun_buf_puts(out, "\n  ");
    bosun_process_quote(out, (const char *const[]){by_path ? program : command->program, NULL});
    bosun_buf_puts(out, command->sample);
}

void args_write_help(bosun_buf *out, const args_command *command)
{
    size_t width = row_width(command);
    add_usage(out, command);
    add_subcommands(out, command, width);
    add_options(out, command, width);
    add_exits(out, command);
    if (command->examples)
        bosun_buf_printf(out, "\nExamples:\n%s", command->examples);
    add_sample(out, command);
}
