/* bosun-plugin-runner: the agent's command prefix. */
#include "bosun.h"
#include "cli/options.h"
#include "core/fs/fs.h"
#include "supervisor.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The standard descriptors exist, so that no file of ours becomes one of them; what else was inherited does
 * not go on to a plugin's child processes. A full pipe or disk is an error of a write, not a signal. */
static int settle(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -1;
    close(fd);
    close_range(STDERR_FILENO + 1, ~0U,
                CLOSE_RANGE_CLOEXEC); /* an old kernel's refusal changes nothing of ours */
    if (signal(SIGCHLD, SIG_DFL) ==
        SIG_ERR) /* an ignored one, as some daemons leave it, would hide the worker's end */
        return -1;
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static int print(const char *text)
{
    bosun_err err = {0};
    if (bosun_fs_write_all(STDOUT_FILENO, text, strlen(text), "standard output", &err) == 0)
        return 0;
    fprintf(stderr, "bosun-plugin-runner: %s\n", err.message);
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

int main(int argc, char **argv)
{
    if (settle() < 0) {
        perror("bosun-plugin-runner: setting up descriptors and signals");
        return EXIT_STATUS_FILE;
    }
    options opt;
    bosun_err err = {0};
    if (options_parse(&opt, argc, argv, &err) < 0) {
        fprintf(stderr, "bosun-plugin-runner: %s\n", err.message);
        return opt.status_file ? supervisor_refuse(opt.status_file, err.message) : EXIT_USAGE;
    }
    if (opt.help)
        return print_help();
    if (opt.version)
        return print("bosun-plugin-runner " BOSUN_VERSION "\n");
    return opt.list_actions ? list_actions() : supervisor_run(&opt);
}
