/* Paths as text: joining, normalising, containment, and components from outside. */
#include "core/base/path.h"
#include "tap.h"
#include <string.h>

static void check_join(const char *a, const char *b, const char *expected)
{
    bosun_buf out = {0};
    bosun_path_join(&out, a, b);
    ok(strcmp(bosun_buf_text(&out), expected) == 0, "join(\"%s\", \"%s\") is \"%s\"", a, b, expected);
    bosun_buf_free(&out);
}

static void check_norm(const char *path, const char *expected)
{
    bosun_buf out = {0};
    bosun_buf_puts(&out, "kept/.."); /* earlier content of the buffer is not part of the path */
    bosun_path_norm(&out, path);
    ok(strcmp(bosun_buf_text(&out) + 7, expected) == 0, "norm(\"%s\") is \"%s\"", path, expected);
    bosun_buf_free(&out);
}

static void check_basename(const char *path, const char *expected)
{
    size_t len;
    const char *name = bosun_path_basename(path, &len);
    ok(len == strlen(expected) && memcmp(name, expected, len) == 0, "basename(\"%s\") is \"%s\"", path,
       expected);
}

static void check_within(const char *base, const char *path, bool expected)
{
    ok(bosun_path_is_within(base, path) == expected, "\"%s\" is %swithin \"%s\"", path,
       expected ? "" : "not ", base);
}

static void check_component(const char *text, size_t len, const char *problem)
{
    bosun_err err = {0};
    int rc = bosun_path_check_component(text, len, 255, "the id", &err);
    if (problem)
        ok(rc < 0 && strstr(err.message, problem) && strncmp(err.message, "the id", 6) == 0, "component: %s",
           rc < 0 ? err.message : "accepted");
    else
        ok(rc == 0, "a component of %zu bytes is accepted", len);
}

static void test_join(void)
{
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("a", "/b", "/b");
    check_join("", "b", "b");
    check_join("a", "", "a/");
}

static void test_norm(void)
{
    check_norm("a//b/./c/../d", "a/b/d");
    check_norm("", ".");
    check_norm("/", "/");
    check_norm("/../..", "/");
    check_norm("/a/../../b/", "/b");
    check_norm("a/..", ".");
    check_norm("../a/../..", "../..");
    check_norm("..a/...", "..a/...");
    check_norm("./.", ".");
}

static void test_within(void)
{
    check_within("/a", "/a", true);
    check_within("/a", "/a/b", true);
    check_within("/a", "/ab", false);
    check_within("/a", "/a/../b", false);
    check_within("/a", "a/b", false);
    check_within("/", "/a", true);
    check_within(".", "a/b", true);
    check_within(".", "..", false);
    check_within(".", "..a", true);
    check_within("..", "../a", true);
    check_within("..", "../..", false);
    check_within("a", "a/b/../../c", false);
}

static void test_component(void)
{
    char longest[256];
    memset(longest, 'x', sizeof longest);
    check_component("a-b_c.1", 7, NULL);
    check_component("d\xC3\xA9ploy", 7, NULL);
    check_component("..a", 3, NULL);
    check_component(longest, 255, NULL);
    check_component(longest, 256, "too long: 256 bytes, at most 255");
    check_component("", 0, "empty");
    check_component(".", 1, "cannot be \".\"");
    check_component("..", 2, "cannot be \"..\"");
    check_component("../x", 4, "'/' (at byte 3)");
    check_component("a\0b", 3, "control character (at byte 2)");
    check_component("a\nb", 3, "control character");
    check_component("a\x7F", 2, "control character");
    check_component("a\xC2\x85", 3, "control character");
    check_component("a\xFF", 2, "UTF-8 (at byte 2)");
    check_component("\xC0\xAF", 2, "UTF-8");
}

int main(void)
{
    test_join();
    test_norm();
    check_basename("/a/b", "b");
    check_basename("a", "a");
    check_basename("a/b//", "b");
    check_basename("/", "");
    check_basename("", "");
    check_basename("a/.", ".");
    test_within();
    test_component();
    return done();
}
