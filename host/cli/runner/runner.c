/* bosun-plugin-runner: the program that a management agent runs for every action. */
#include "bosun.h"
#include "cli/options.h"
#include "core/fs/fs.h"
#include "gen_config.h"
#include "supervisor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print(const char *text)
{
    bosun_err err = {0};
    if (bosun_fs_write_all(STDOUT_FILENO, text, strlen(text), "standard output", &err) == 0)
        return 0;
    color_report("bosun-plugin-runner", err.message);
    return EXIT_STATUS_FILE;
}

static int print_help(void)
{
    bosun_buf text = {0};
    args_write_help(&text, &options_command);
    int status = print(bosun_buf_text(&text));
    bosun_buf_free(&text);
    return status;
}

static int list_actions(void)
{
    int status = 0;
    for (size_t i = 0; i < bosun_action_count && status == 0; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s\n", bosun_actions[i].name);
        status = print(line);
    }
    return status;
}

static void add_line(void *data, const char *names)
{
    bosun_buf_printf(data, "%s\n", names);
}

/* Prints a text and frees it; returns the exit status. */
static int print_text(bosun_buf *text)
{
    int status = text->failed ? EXIT_STATUS_FILE : print(bosun_buf_text(text));
    bosun_buf_free(text);
    return status;
}

static int list_plugins(void)
{
    bosun_buf text = {0};
    bosun_options where;
    bosun_options_init(&where);
    where.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    if (bosun_list_plugins(&where, add_line, &text) < 0)
        text.failed = true;
    return print_text(&text);
}

static int generate_config(const options *opt)
{
    bosun_buf text = {0};
    gen_config_write(&text, opt->action);
    if (!*opt->gen_config || text.failed)
        return print_text(&text);
    bosun_err err = {0};
    int rc = bosun_fs_write_in_place(opt->gen_config, text.data, text.len, NULL, &err);
    if (rc < 0)
        fprintf(stderr, "bosun-plugin-runner: --gen-config: %s\n", err.message);
    bosun_buf_free(&text);
    return rc < 0 ? EXIT_STATUS_FILE : 0;
}

int main(int argc, char **argv)
{
    if (supervisor_set_up_process() < 0) {
        perror("bosun-plugin-runner: cannot set up descriptors and signals");
        return EXIT_STATUS_FILE;
    }
    options opt;
    bosun_err err = {0};
    if (options_parse(&opt, argc, argv, &err) < 0) {
        color_report("bosun-plugin-runner", err.message);
        return opt.status_file ? supervisor_report_usage(opt.status_file, &err) : EXIT_USAGE;
    }
    if (opt.help)
        return print_help();
    if (opt.version)
        return print("bosun-plugin-runner " BOSUN_VERSION "\n");
    if (opt.gen_config)
        return generate_config(&opt);
    if (opt.list_plugins)
        return list_plugins();
    return opt.list_actions ? list_actions() : supervisor_run(&opt);
}
