/* Results of a C test in TAP: ok() for each result, done() at the end of main. A test program is one file of
 * functions that call ok(). */
#ifndef BOSUN_TESTS_TAP_H
#define BOSUN_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count;
static int tap_failed;

/* One result; the name is a format. Returns the condition. */
__attribute__((format(printf, 2, 3), unused)) static bool ok(bool condition, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    printf("%sok %d - ", condition ? "" : "not ", ++tap_count);
    vprintf(name, args);
    putchar('\n');
    va_end(args);
    tap_failed += !condition;
    return condition;
}

/* A diagnostic line, shown with the failure before it. */
__attribute__((format(printf, 1, 2), unused)) static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("# ");
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

__attribute__((unused)) static bool is_text(const char *got, const char *wanted, const char *name)
{
    bool same = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
    ok(same, "%s", name);
    if (!same)
        note("wanted: %s\n# got:    %s", wanted ? wanted : "NULL", got ? got : "NULL");
    return same;
}

__attribute__((unused)) static bool starts_with(const char *got, const char *beginning, const char *name)
{
    bool same = got && strncmp(got, beginning, strlen(beginning)) == 0;
    ok(same, "%s", name);
    if (!same)
        note("wanted: %s…\n# got:    %s", beginning, got ? got : "NULL");
    return same;
}

__attribute__((unused)) static void skip(const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why);
}

/* Prints the plan and returns the exit status of main. */
__attribute__((unused)) static int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed > 0;
}

#endif
