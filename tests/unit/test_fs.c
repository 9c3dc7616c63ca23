/* Reading, appending, folders and lists: files, pipes and devices, limits, cancellation, and error
 * messages. */
#include "fs_help.h"

static void check_read(const char *path, size_t max, const char *expected)
{
    bosun_buf content = {0};
    bosun_err err = {0};
    int rc = bosun_fs_read(path, max, &content, NULL, &err);
    ok(rc == 0 && strcmp(bosun_buf_text(&content), expected) == 0, "read %s, at most %zu bytes", path, max);
    bosun_buf_free(&content);
}

static void check_unreadable(const char *path, size_t max, const bosun_wait *wait, const char *code)
{
    bosun_buf content = {0};
    bosun_err err = {0};
    int64_t start = bosun_monotonic();
    bosun_buf_puts(&content, "kept");
    int rc = bosun_fs_read(path, max, &content, wait, &err);
    ok(rc < 0 && failed_with(&err, code) && strcmp(bosun_buf_text(&content), "kept") == 0, "%s", err.message);
    ok(bosun_monotonic() - start < BOSUN_SECOND, "the failure comes at once");
    bosun_buf_free(&content);
}

static void test_read(void)
{
    put("five", "12345");
    put("empty", "");
    check_read("five", 100, "12345");
    check_read("five", 5, "12345");
    check_read("empty", 0, "");
    check_read("/proc/sys/kernel/ostype", 100, "Linux\n"); /* stat reports 0 bytes */
    check_unreadable("five", 4, NULL, BOSUN_ERR_TOO_LARGE);
    check_unreadable("/dev/zero", 1 << 20, NULL, BOSUN_ERR_TOO_LARGE);
    check_unreadable("missing", 9, NULL, "ENOENT");
    check_unreadable("five/x", 9, NULL, "ENOTDIR");
    check_unreadable(".", 9, NULL, "EISDIR");
    atomic_int cancelled = 1;
    bosun_wait wait = {.cancelled = &cancelled, .cancel_fd = -1, .deadline = BOSUN_NO_DEADLINE};
    check_unreadable("five", 9, &wait, BOSUN_ERR_CANCELLED);
}

static void test_fifo(void)
{
    must(mkfifo("fifo", 0600) == 0);
    check_unreadable("fifo", 100, NULL, BOSUN_ERR_INVALID);
    int silent = open("fifo", O_RDWR | O_CLOEXEC);
    must(silent >= 0);
    bosun_wait wait = {.cancel_fd = -1, .deadline = bosun_wait_after(BOSUN_SECOND / 20)};
    check_unreadable("fifo", 100, &wait, BOSUN_ERR_DEADLINE);
    must(close(silent) == 0);
    bosun_err err = {0};
    ok(bosun_fs_append("fifo", "x", 1, 0, &err) < 0 && failed_with(&err, "ENXIO"), "%s", err.message);
}

static void test_slow_pipe(void)
{
    int ends[2];
    must(pipe(ends) == 0);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        for (const char *s = "slow"; *s; s++) {
            usleep(20000); /* the test is about a slow writer */
            must(write(ends[1], s, 1) == 1);
        }
        _exit(0);
    }
    must(close(ends[1]) == 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    check_read(path, 100, "slow");
    must(close(ends[0]) == 0);
    reap(child);
}

static void test_sha256(void)
{
    unsigned char digest[32];
    bosun_err err = {0};
    put("abc", "abc");
    ok(bosun_fs_sha256("abc", digest, NULL, &err) == 0 && memcmp(digest, "\xba\x78\x16\xbf", 4) == 0,
       "SHA-256 of a file");
    ok(bosun_fs_sha256(".", digest, NULL, &err) < 0 && failed_with(&err, "EISDIR"), "%s", err.message);
}

static void test_append(void)
{
    bosun_err err = {0};
    ok(bosun_fs_append("log", "one", 3, 0600, &err) == 0, "append makes the file");
    ok(bosun_fs_append("log", " two", 4, 0, &err) == 0 && holds("log", "one two"), "append adds to it");
    ok(bosun_fs_write_in_place("log", "3", 1, NULL, &err) == 0 && holds("log", "3"),
       "writing in place truncates");
    ok(bosun_fs_write_in_place("/dev/full", "3", 1, NULL, &err) < 0 && failed_with(&err, "ENOSPC"), "%s",
       err.message);
}

static void test_mkdir(void)
{
    bosun_err err = {0};
    struct stat st;
    ok(bosun_fs_mkdir("new", 0750, false, &err) == 0 && stat("new", &st) == 0 && (st.st_mode & 0777) == 0750,
       "mkdir with a mode");
    ok(bosun_fs_mkdir("new", 0, false, &err) < 0 && failed_with(&err, "EEXIST"), "%s", err.message);
    ok(bosun_fs_mkdir("new/a//b/../c/", 0, true, &err) == 0 && there("new/a/c"), "mkdir with parents");
    ok(bosun_fs_mkdir("new/a/c", 0, true, &err) == 0, "with parents, a folder that is there is no error");
    put("new/file", "");
    ok(bosun_fs_mkdir("new/file", 0, true, &err) < 0 && failed_with(&err, "EEXIST"), "%s", err.message);
    ok(bosun_fs_mkdir("new/file/x", 0, true, &err) < 0 && strstr(err.message, "new/file"), "%s", err.message);
    ok(bosun_fs_sync_dir("new", &err) == 0, "a folder is synced");
    ok(bosun_fs_sync_dir("new/file", &err) < 0 && failed_with(&err, "ENOTDIR"), "%s", err.message);
}

static void test_list(void)
{
    static const char expected[] = "fB\0da\0lb\0pc";
    bosun_buf out = {0};
    bosun_err err = {0};
    must(mkdir("list", 0755) == 0 && mkdir("list/a", 0755) == 0 && symlink("nowhere", "list/b") == 0);
    must(mkfifo("list/c", 0600) == 0);
    put("list/B", "");
    ok(bosun_fs_list("list", &out, &err) == 0 && out.len == sizeof expected &&
           memcmp(out.data, expected, sizeof expected) == 0,
       "a list is sorted and has types");
    bosun_buf_clear(&out);
    ok(bosun_fs_list("list/a", &out, &err) == 0 && out.len == 0, "an empty folder has an empty list");
    ok(bosun_fs_list("list/B", &out, &err) < 0 && failed_with(&err, "ENOTDIR"), "%s", err.message);
    ok(bosun_fs_glob("list/[ab]", &out, &err) == 0 && out.len == 14 &&
           memcmp(out.data, "list/a\0list/b", 14) == 0,
       "glob finds what matches, dangling symlinks too");
    bosun_buf_clear(&out);
    ok(bosun_fs_glob("list/none*", &out, &err) == 0 && out.len == 0, "glob that matches nothing is no error");
    bosun_buf_free(&out);
}

static void test_rename(void)
{
    bosun_err err = {0};
    put("x", "x");
    put("y", "y");
    ok(bosun_fs_exchange("x", "y", &err) == 0 && holds("x", "y") && holds("y", "x"),
       "exchange swaps two files");
    ok(bosun_fs_exchange("x", "none", &err) < 0 && failed_with(&err, "ENOENT") && strstr(err.message, "none"),
       "%s", err.message);
}

int main(void)
{
    enter_scratch();
    test_read();
    test_fifo();
    test_slow_pipe();
    test_sha256();
    test_append();
    test_mkdir();
    test_list();
    test_rename();
    leave_scratch();
    return done();
}
