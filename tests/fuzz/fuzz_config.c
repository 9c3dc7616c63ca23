/* libFuzzer: whatever a private config contains, checking it against a schema finds either no problem, or
 * problems with a message and a place in the file, and the host survives. Run it in the root of the
 * repository: the plugin with the schema is tests/fuzz/config_plugin.lua. */
#include "bosun.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bosun_host *host;
static int file;

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

/* One host for all inputs. The config is a file in memory that is rewritten for each. */
static void set_up(void)
{
    char path[64];
    bosun_options options;
    bosun_error error;
    file = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    bosun_options_init(&options);
    host = bosun_host_new(&options, &error);
    if (!host || bosun_host_load(host, "tests/fuzz/config_plugin.lua", path, &error) < 0)
        fail("no plugin", error.message);
}

/* Line breaks of YAML 1.1: LF, CR, NEL, LS, PS; the last three by their last byte. */
static unsigned count_lines(const unsigned char *text, size_t size)
{
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r' || text[i] == 0x85 || text[i] == 0xA8 || text[i] == 0xA9;
    return lines;
}

static void look(void *data, const bosun_problem *problem)
{
    if (!*problem->message)
        fail("a problem without a message", problem->path);
    if (!problem->line && !strstr(problem->message, "too large"))
        fail("a problem without a place", problem->message);
    if (problem->line > *(unsigned *)data + 1)
        fail("a place behind the end", problem->message);
    if (strncmp(problem->message, "bosun/", 6) == 0 || strncmp(problem->message, "tests/", 6) == 0)
        fail("an error of the checker's own", problem->message);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    bosun_error error;
    if (!host)
        set_up();
    if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        fail("the file in memory", "cannot be written");
    unsigned lines = count_lines(data, size);
    if (bosun_host_validate(host, NULL, NULL, look, &lines, &error) < 0)
        fail("the check itself failed", error.message);
    return 0;
}
