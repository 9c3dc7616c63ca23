/* Helpers for process tests: options in one line, running a program and checking the result, and finding
 * what is still alive. Include it once per program. */
#ifndef BOSUN_TESTS_PROCESS_HELP_H
#define BOSUN_TESTS_PROCESS_HELP_H

#include "core/process/process.h"
#include "fs_help.h"
#include <dirent.h>
#include <poll.h>

#define PATIENCE (60 * BOSUN_SECOND) /* anything slower counts as never */

#define ARGV(...)     ((const char *const[]){__VA_ARGS__, NULL})
#define SHELL(script) ARGV("/bin/sh", "-c", script)

static inline bosun_process_options program(const char *const *argv)
{
    return (bosun_process_options){.argv = argv, .max_output = 1 << 20};
}

/* What a program wrote to standard output; "" if it could not be run. Valid until the next call. */
static inline const char *output_with(bosun_process_options options)
{
    static char text[64 * 1024];
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bool ran = bosun_process_run(&p, &options, NULL, &err) == 0;
    if (!ran)
        note("%s", err.message);
    snprintf(text, sizeof text, "%s", ran ? bosun_buf_text(&p.out.text) : "");
    bosun_process_close(&p);
    return text;
}

static inline const char *output_of(const char *script)
{
    return output_with(program(SHELL(script)));
}

/* Does starting fail with this code, and a message that contains these words? */
static inline bool refuses(bosun_process_options options, const char *code, const char *words)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bool failed = bosun_process_run(&p, &options, NULL, &err) < 0;
    bool said = failed && failed_with(&err, code) && strstr(err.message, words);
    if (!said)
        note("%s", failed ? err.message : "it ran");
    bosun_process_close(&p);
    return said;
}

static inline bool has_word(const char *path, const char *word)
{
    static char text[256 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text);
    must(close(fd) == 0);
    return n > 0 && memmem(text, (size_t)n, word, strlen(word));
}

/* The number of processes with the word in their environment or command line, which zombies do not have. */
static inline int alive_with(const char *word)
{
    int found = 0;
    char path[300];
    DIR *proc = opendir("/proc");
    must(proc);
    const struct dirent *entry;
    while ((entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
        bool has = has_word(path, word);
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        found += has || has_word(path, word);
    }
    closedir(proc);
    return found;
}

/* Polls until a file exists. */
static inline bool appears(const char *path)
{
    int64_t end = bosun_wait_after(PATIENCE);
    while (!there(path) && bosun_monotonic() < end)
        poll(NULL, 0, 2);
    return there(path);
}

/* The number of open descriptors of this process. */
static inline int open_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    must(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

/* Does this process have any child, ended or not? */
static inline bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

#endif
