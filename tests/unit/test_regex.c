/* Regular expressions: what matches, what is refused with which words, and that no text takes long. */
#include "core/base/regex.h"
#include "tap.h"
#include <stdlib.h>
#include <string.h>

static void check(const char *pattern, const char *text, bool wanted)
{
    bool matches = !wanted;
    bosun_err err = {0};
    int rc = bosun_regex_match(pattern, strlen(pattern), text, strlen(text), &matches, &err);
    if (!ok(rc == 0 && matches == wanted, "%s %s", pattern, wanted ? "matches" : "does not match"))
        note("rc %d: %s", rc, err.message);
}

static void check_refused(const char *pattern, size_t len, const char *message)
{
    bosun_err err = {0};
    int rc = bosun_regex_check(pattern, len, &err);
    ok(rc < 0 && strcmp(err.code, BOSUN_ERR_INVALID) == 0, "%s is refused", pattern);
    is_text(err.message, message, message);
}

static void refused(const char *pattern, const char *message)
{
    check_refused(pattern, strlen(pattern), message);
}

static void test_matches(void)
{
    check("b+", "abbc", true);
    check("^b+", "abbc", false);
    check("^abbc$", "abbc", true);
    check("a|^c", "xc", false);
    check("a|c$", "xc", true);
    check("one.two", "one\ntwo", true);
    check("\"prediction\": *[0-9.]+", "{\"prediction\":  0.25}", true);
    check("a{2,3}$", "aaaa", true);
    check("^(ab){2}$", "abab", true);
    check("[]a]", "]", true);
    check("[^])(]", ")(", false);
    check("[[:digit:](]{2}", "x1(", true);
    check("\\(\\)", "f()", true);
    check("\\.", "x", false);
    check("b$", "ab\nc", false);
}

static void test_refusals(void)
{
    refused("", "a regular expression is empty");
    check_refused("a\0b", 3, "a regular expression contains a NUL byte");
    refused("\\d+", "\\d is not part of POSIX extended regular expressions; expected [0-9]");
    refused("\\w", "\\w is not part of POSIX extended regular expressions; expected [[:alnum:]_]");
    refused("\\b", "\\b is not part of POSIX extended regular expressions");
    refused("(a)\\1", "back references such as \\1 are not supported");
    refused("[\\d]",
            "a backslash within brackets is an ordinary character; [:digit:], [:alnum:] and [:space:] "
            "are classes");
    refused("a)", "a ) has no (");
    refused("a)(b", "a ) has no (");
    refused("(a", "a ( has no )");
    refused("[a", "a [ has no ]");
    refused("[[:digit:", "a [ has no ]");
    refused("*a", "not a POSIX extended regular expression: invalid preceding regular expression");
    refused("(?:a)", "not a POSIX extended regular expression: invalid preceding regular expression");
    refused("a**", "two repetitions in a row, such as ** or +?");
    refused("a.*?b", "two repetitions in a row, such as ** or +?");
    refused("a{2}+", "two repetitions in a row, such as ** or +?");
    refused("a{2,1}", "not a POSIX extended regular expression: invalid content of \\{\\}");
    refused("a\\", "a backslash at the end");
    refused("((a{1,200}){1,200}){1,200}",
            "its repetitions, such as + and {1,200}, expand to more than 2000 parts");
    refused("((){300}){300}", "a repetition of what may be empty, such as (a*)* or (a?){2}");
    refused("(a?|b?){400}", "a repetition of what may be empty, such as (a*)* or (a?){2}");
    refused("((a*)*)*b", "a repetition of what may be empty, such as (a*)* or (a?){2}");
    refused("(.{99999999999})", "its repetitions, such as + and {1,200}, expand to more than 2000 parts");
}

static void test_bounds(void)
{
    char *text = malloc(BOSUN_REGEX_MOST_TEXT + 2);
    char deep[128];
    bool matches = true;
    bosun_err err = {0};
    if (!text)
        abort();
    memset(text, 'a', BOSUN_REGEX_MOST_TEXT + 1);
    text[BOSUN_REGEX_MOST_TEXT + 1] = '\0';
    ok(bosun_regex_match("a", 1, text, BOSUN_REGEX_MOST_TEXT + 1, &matches, &err) < 0 &&
           strcmp(err.code, BOSUN_ERR_TOO_LARGE) == 0,
       "a longer text is refused");
    text[BOSUN_REGEX_MOST_TEXT] = '\0';
    check("(a|aa)*b", text, false);
    check("((a+)|b)+c", text, false);
    ok(bosun_regex_match("a", 1, "a\0b", 3, &matches, &err) < 0, "a text with a NUL byte is refused");
    memset(deep, '(', 64);
    memset(deep + 64, ')', 64);
    ok(bosun_regex_check(deep, sizeof deep, &err) < 0, "deep nesting is refused");
    memset(text, 'a', BOSUN_REGEX_MOST_PATTERN + 1);
    ok(bosun_regex_check(text, BOSUN_REGEX_MOST_PATTERN, &err) == 0, "the longest pattern");
    ok(bosun_regex_check(text, BOSUN_REGEX_MOST_PATTERN + 1, &err) < 0, "a longer pattern is refused");
    free(text);
}

int main(void)
{
    test_matches();
    test_refusals();
    test_bounds();
    return done();
}
