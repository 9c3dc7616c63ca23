/* Helpers for file system tests: a scratch folder, which is the working directory during the tests, and
 * small files in it. Include it once per program. */
#ifndef BOSUN_TESTS_FS_HELP_H
#define BOSUN_TESTS_FS_HELP_H

#include "core/fs/fs.h"
#include "tap.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/bosun-test-XXXXXX";

/* A test that cannot go on stops the program. */
#define must(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, #cond);                                      \
            fflush(stdout);                                                                                  \
            _exit(99);                                                                                       \
        }                                                                                                    \
    } while (0)

static inline void enter_scratch(void)
{
    must(mkdtemp(scratch));
    must(chdir(scratch) == 0);
    umask(022);
}

static inline void leave_scratch(void)
{
    bosun_err err = {0};
    must(chdir("/") == 0);
    if (bosun_fs_remove(scratch, true, NULL, NULL, &err) < 0)
        note("%s", err.message);
}

static inline void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0);
    must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    must(close(fd) == 0);
}

/* Is this the content of the file? */
static inline bool holds(const char *path, const char *text)
{
    bosun_buf content = {0};
    bool same = bosun_fs_read(path, 1 << 20, &content, NULL, NULL) == 0 && content.len == strlen(text) &&
                memcmp(bosun_buf_text(&content), text, content.len) == 0;
    bosun_buf_free(&content);
    return same;
}

static inline bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* The number of files in the working directory that match the pattern. */
static inline int count(const char *pattern)
{
    int n = 0;
    bosun_buf found = {0};
    must(bosun_fs_glob(pattern, &found, NULL) == 0);
    for (size_t at = 0; at < found.len; at++)
        n += found.data[at] == '\0';
    bosun_buf_free(&found);
    return n;
}

static inline bool failed_with(const bosun_err *err, const char *code)
{
    bool same = strcmp(err->code, code) == 0;
    if (!same)
        note("code %s, message: %s", err->code, err->message);
    return same;
}

/* The exit status of a child; 128 + signal if it was killed. */
static inline int reap(pid_t child)
{
    int status;
    must(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Blocks until the other end writes a byte or closes. */
static inline void await(int fd)
{
    char byte;
    must(read(fd, &byte, 1) >= 0);
}

static inline void tell(int fd)
{
    must(write(fd, "x", 1) == 1);
}

#endif
