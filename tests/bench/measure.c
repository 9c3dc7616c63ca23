/* Measures commands in turns, so that what disturbs one disturbs all.
 *
 *     measure ROUNDS [-b SHELL] -- COMMAND… [-- COMMAND…]…
 *
 * Runs the first command, the second, … and all that ROUNDS times, with standard input and output on
 * /dev/null; SHELL is run before each, unmeasured. Prints a line for each command: median of the times from
 * start to end in microseconds, and the largest peak memory of it and its descendants in KiB. A command that
 * does not exit with 0 ends the measurement with 1. */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 8

struct command {
    char **argv;
    int64_t *times; /* microseconds, one a round */
    long peak;      /* KiB */
};

static struct command commands[MAX_COMMANDS];
static size_t command_count;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static int fail(const char *what)
{
    fprintf(stderr, "measure: %s\n", what);
    return 1;
}

static int run(struct command *command, long round, const posix_spawn_file_actions_t *actions)
{
    extern char **environ;
    pid_t pid;
    int64_t start = now();
    if (posix_spawnp(&pid, command->argv[0], actions, NULL, command->argv, environ) != 0)
        return fail(command->argv[0]);
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail("a command did not exit with 0");
    command->times[round] = now() - start;
    if (usage.ru_maxrss > command->peak)
        command->peak = usage.ru_maxrss;
    return 0;
}

/* Runs a line of shell; its peak memory must not count for anything. */
static int prepare(const char *shell)
{
    return shell && system(shell) != 0 ? fail(shell) : 0; // NOLINT(cert-env33-c): the line is the caller's
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int measure(long rounds, const char *shell)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int rc = 0;
    for (long round = 0; round < rounds && !rc; round++)
        for (size_t i = 0; i < command_count && !rc; i++)
            rc = prepare(shell) || run(&commands[i], round, &actions);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Splits argv at each "--" into commands. */
static int split(char **argv, long rounds)
{
    while (*argv) {
        if (command_count == MAX_COMMANDS)
            return fail("too many commands");
        *argv++ = NULL;
        struct command *command = &commands[command_count++];
        command->argv = argv;
        command->times = calloc((size_t)rounds, sizeof *command->times);
        if (!command->times || !*argv)
            return fail("no command after --");
        while (*argv && strcmp(*argv, "--") != 0)
            argv++;
    }
    return 0;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    bool prepared = argc > 3 && strcmp(argv[2], "-b") == 0;
    char **rest = argv + (prepared ? 4 : 2);
    if (rounds < 1 || argc < 4 || !*rest || strcmp(*rest, "--") != 0)
        return fail("usage: measure ROUNDS [-b SHELL] -- COMMAND… [-- COMMAND…]…");
    if (split(rest, rounds) != 0 || measure(rounds, prepared ? argv[3] : NULL) != 0)
        return 1;
    for (size_t i = 0; i < command_count; i++) {
        qsort(commands[i].times, (size_t)rounds, sizeof *commands[i].times, by_size);
        printf("%lld %ld\n", (long long)commands[i].times[rounds / 2], commands[i].peak);
        free(commands[i].times);
    }
    return 0;
}
