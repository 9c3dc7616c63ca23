/* What the programs here share: results in TAP, a folder of their own, hosts. */
#ifndef BOSUN_TESTS_EMBED_TAP_H
#define BOSUN_TESTS_EMBED_TAP_H

#include <bosun.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tests;
static int failures;
static char folder[] = "/tmp/bosun-embed-XXXXXX";

static inline bool ok(bool good, const char *name)
{
    tests++;
    failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", tests, name);
    return good;
}

/* As ok(), and shows the two texts when they differ: `text` has to contain `part`. */
static inline void contains(const char *text, const char *part, const char *name)
{
    if (!ok(text && strstr(text, part), name))
        printf("# expected '%s' in: %s\n", part, text ? text : "(null)");
}

static inline void begin(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
}

/* Removes the folder, which has to be empty. Returns the exit status. */
static inline int end(void)
{
    ok(rmdir(folder) == 0, "nothing is left in the folder");
    printf("1..%d\n", tests);
    return failures != 0;
}

/* Writes a file of the folder. Returns its path, to be freed. */
static inline char *write_file(const char *name, const char *text)
{
    char *path = malloc(sizeof folder + 1 + strlen(name));
    if (!path)
        abort();
    sprintf(path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

static inline void remove_file(char *path)
{
    unlink(path);
    free(path);
}

static inline bosun_host *make_host(const bosun_options *options, const char *plugin)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(options, &error);
    if (!host || (plugin && bosun_host_load(host, plugin, NULL, &error) < 0))
        printf("# %s\n", error.message);
    return host;
}

/* Checks outcome and message of a status, and frees it. */
static inline void check_status(bosun_status *status, bosun_outcome outcome, const char *part,
                                const char *name)
{
    const char *message = bosun_status_message(status);
    if (!ok(bosun_status_outcome(status) == outcome && message && strstr(message, part), name))
        printf("# expected %s, '%s'; got %s, %s\n", bosun_outcome_name(outcome), part,
               bosun_outcome_name(bosun_status_outcome(status)), message ? message : "(null)");
    bosun_status_free(status);
}

#endif
