/* Removing: files, links, deep and wide trees, and everything that must survive. */
#include "fs_help.h"
#include <dirent.h>

static bool gone(const char *path, bool recursive)
{
    bosun_err err = {0};
    bool removed = false;
    if (bosun_fs_remove(path, recursive, NULL, &removed, &err) == 0)
        return removed && !there(path);
    note("%s", err.message);
    return false;
}

static void test_single(void)
{
    bosun_err err = {0};
    bool removed = true;
    put("file", "");
    must(mkdir("full", 0755) == 0);
    put("full/x", "");
    ok(gone("file", false), "a file is removed");
    ok(bosun_fs_remove("file", false, NULL, &removed, &err) == 0 && !removed,
       "one that is not there is no error");
    ok(bosun_fs_remove("none/file", true, NULL, &removed, &err) == 0 && !removed, "nor is a missing folder");
    ok(bosun_fs_remove("full", false, NULL, &removed, &err) < 0 && failed_with(&err, "ENOTEMPTY"), "%s",
       err.message);
    ok(gone("full", true), "with recursive it goes");
    must(mkdir("empty", 0755) == 0);
    ok(gone("empty", false), "an empty folder is removed");
}

static void test_links(void)
{
    must(mkdir("outside", 0755) == 0 && mkdir("tree", 0755) == 0 && mkdir("tree/sub", 0755) == 0);
    put("outside/precious", "x");
    must(symlink("../outside", "tree/link") == 0 && symlink("../../outside", "tree/sub/link") == 0);
    must(symlink("/", "tree/root") == 0 && symlink("..", "tree/up") == 0);
    must(symlink("outside", "link") == 0 && symlink("outside", "link2") == 0);
    ok(gone("tree", true), "a tree with symlinks is removed");
    ok(gone("link", true), "so is a symlink to a folder");
    bosun_err err = {0};
    bosun_fs_remove("link2/", true, NULL, NULL, &err);
    ok(holds("outside/precious", "x"), "what they point to stays");
}

static void test_refused(void)
{
    static const char *const refused[] = {
        "", "/", ".", "..", "outside/.", "outside/..", "outside/precious/x"};
    bosun_err err = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ok(bosun_fs_remove(refused[i], true, NULL, NULL, &err) < 0, "\"%s\": %s", refused[i], err.message);
    ok(holds("outside/precious", "x"), "nothing is touched");
    atomic_int cancelled = 1;
    bosun_wait wait = {.cancelled = &cancelled, .cancel_fd = -1, .deadline = BOSUN_NO_DEADLINE};
    ok(bosun_fs_remove("outside", true, &wait, NULL, &err) < 0 && failed_with(&err, BOSUN_ERR_CANCELLED) &&
           holds("outside/precious", "x"),
       "%s", err.message);
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    must(dir);
    while (readdir(dir))
        n++;
    must(closedir(dir) == 0);
    return n;
}

static void make_deep(const char *name, int levels)
{
    must(mkdir(name, 0755) == 0);
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < levels; i++) {
        must(mkdirat(fd, "d", 0755) == 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        must(next >= 0 && close(fd) == 0);
        fd = next;
    }
    must(close(openat(fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) == 0 && close(fd) == 0);
}

static void test_large(void)
{
    int before = open_files();
    make_deep("deep", 5000);
    ok(gone("deep", true), "a tree of 5000 levels is removed");
    must(mkdir("wide", 0755) == 0);
    for (int i = 0; i < 2000; i++) {
        char path[64];
        snprintf(path, sizeof path, "wide/%d", i);
        if (i % 2)
            must(mkdir(path, 0755) == 0);
        else
            put(path, "");
    }
    ok(gone("wide", true), "a folder of 2000 entries is removed");
    ok(open_files() == before, "no descriptor is left open");
}

static void test_stuck(void)
{
    bosun_err err = {0};
    must(mkdir("stuck", 0777) == 0 && mkdir("stuck/locked", 0755) == 0 && chmod(".", 0777) == 0);
    put("stuck/locked/file", "");
    must(chmod("stuck/locked", 0555) == 0);
    if (geteuid() == 0)
        must(seteuid(65534) == 0); /* root may remove everything */
    ok(bosun_fs_remove("stuck", true, NULL, NULL, &err) < 0 && failed_with(&err, "EACCES") &&
           strstr(err.message, "stuck/locked/file"),
       "%s", err.message);
    if (getuid() == 0)
        must(seteuid(0) == 0);
    must(chmod("stuck/locked", 0755) == 0);
}

int main(void)
{
    enter_scratch();
    test_single();
    test_links();
    test_refused();
    test_large();
    test_stuck();
    leave_scratch();
    return done();
}
