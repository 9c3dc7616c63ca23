/* Starts "true" so many times, one after the other, and waits for each: what process.run cannot be faster
 * than. Argument: times. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

static int run_true(void)
{
    extern char **environ;
    char name[] = "true";
    char *argv[] = {name, NULL};
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, name, NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    long times = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    while (times > 0 && run_true() == 0)
        times--;
    return times != 0 || argc < 2;
}
