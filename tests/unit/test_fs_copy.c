/* Copying and moving: content, holes, modes, what cannot be copied, and what a failed copy leaves behind. */
#include "core/fs/internal.h"
#include "fs_help.h"
#include <sys/resource.h>

static void test_plain(void)
{
    bosun_err err = {0};
    uint64_t copied = 99;
    put("src", "content");
    must(chmod("src", 0640) == 0);
    ok(bosun_fs_copy("src", "dst", NULL, NULL, &copied, &err) == 0 && copied == 7 && holds("dst", "content"),
       "a file is copied");
    struct stat st;
    ok(stat("dst", &st) == 0 && (st.st_mode & 07777) == 0640, "with its permissions");
    bosun_fs_copy_options options = {.mode = 0666, .sync = true};
    ok(bosun_fs_copy("src", "other", &options, NULL, NULL, &err) == 0 && stat("other", &st) == 0 &&
           (st.st_mode & 07777) == 0666,
       "or those that were asked for");
    put("empty", "");
    ok(bosun_fs_copy("empty", "empty2", NULL, NULL, &copied, &err) == 0 && copied == 0 && holds("empty2", ""),
       "an empty file is copied");
    ok(bosun_fs_copy("/proc/version", "version", NULL, NULL, &copied, &err) == 0 && copied > 20,
       "a file whose length only reading tells is copied to its end: %s", err.message);
}

static void test_refused(void)
{
    static const char *const sources[] = {"missing", ".", "fifo", "/dev/zero"};
    bosun_err err = {0};
    must(mkfifo("fifo", 0600) == 0);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        ok(bosun_fs_copy(sources[i], "refused", NULL, NULL, NULL, &err) < 0, "%s", err.message);
        ok(!there("refused"), "nothing is left of the copy");
    }
    put("taken", "mine");
    ok(bosun_fs_copy("src", "taken", NULL, NULL, NULL, &err) < 0 && failed_with(&err, "EEXIST") &&
           holds("taken", "mine"),
       "%s", err.message);
    ok(bosun_fs_copy("src", "src", NULL, NULL, NULL, &err) < 0 && holds("src", "content"), "%s", err.message);
    must(symlink("nowhere", "dangling") == 0);
    ok(bosun_fs_copy("src", "dangling", NULL, NULL, NULL, &err) < 0 && !there("nowhere"), "%s", err.message);
    put("secret", "x");
    must(chmod("secret", 0) == 0 && chmod(".", 0777) == 0);
    if (geteuid() == 0)
        must(seteuid(65534) == 0); /* root may read everything */
    ok(bosun_fs_copy("secret", "refused", NULL, NULL, NULL, &err) < 0 && failed_with(&err, "EACCES"), "%s",
       err.message);
    if (getuid() == 0)
        must(seteuid(0) == 0);
}

static void test_cancelled(void)
{
    bosun_err err = {0};
    atomic_int cancelled = 1;
    bosun_wait wait = {.cancelled = &cancelled, .cancel_fd = -1, .deadline = BOSUN_NO_DEADLINE};
    ok(bosun_fs_copy("src", "stopped", NULL, &wait, NULL, &err) < 0 && failed_with(&err, BOSUN_ERR_CANCELLED),
       "%s", err.message);
    ok(!there("stopped"), "a copy that was stopped is removed");
}

static void put_at(const char *path, off_t at, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text) && close(fd) == 0);
}

static bool same_digest(const char *a, const char *b)
{
    unsigned char digests[2][32];
    must(bosun_fs_sha256(a, digests[0], NULL, NULL) == 0 && bosun_fs_sha256(b, digests[1], NULL, NULL) == 0);
    return memcmp(digests[0], digests[1], 32) == 0;
}

static void test_holes(void)
{
    bosun_err err = {0};
    struct stat st;
    put_at("sparse", 1000, "one");
    put_at("sparse", 10 << 20, "two");
    must(truncate("sparse", 20 << 20) == 0);
    ok(bosun_fs_copy("sparse", "sparse2", NULL, NULL, NULL, &err) == 0 && same_digest("sparse", "sparse2"),
       "a file with holes is copied");
    ok(stat("sparse2", &st) == 0 && st.st_size == 20 << 20 && st.st_blocks < 1024,
       "and the holes stay holes");
    put("hole", "");
    must(truncate("hole", 10 << 20) == 0);
    ok(bosun_fs_copy("hole", "hole2", NULL, NULL, NULL, &err) == 0 && same_digest("hole", "hole2"),
       "so is a file that is all hole");
}

static void put_big(const char *path, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0);
    for (size_t i = 0; i < len; i += sizeof i)
        must(write(fd, &i, sizeof i) == (ssize_t)sizeof i);
    must(close(fd) == 0);
}

/* Is the digest that a copy tells that of the copy, and of the source? */
static bool tells_digest(const char *src, const char *dst, bool sync)
{
    bosun_err err = {0};
    unsigned char told[32];
    unsigned char expected[32];
    bosun_fs_copy_options options = {.sync = sync, .sha256 = told};
    if (bosun_fs_copy(src, dst, &options, NULL, NULL, &err) < 0)
        note("%s", err.message);
    must(bosun_fs_sha256(dst, expected, NULL, &err) == 0);
    return memcmp(told, expected, sizeof told) == 0 && same_digest(src, dst);
}

static void test_digest(void)
{
    put("small", "a small file");
    ok(tells_digest("small", "small-1", false), "the digest is told: of a small file");
    put("none", "");
    ok(tells_digest("none", "none-1", false), "of an empty one");
    ok(tells_digest("/proc/version", "version-1", false), "of one that has no size");
    put_big("big", (size_t)40 << 20);
    ok(tells_digest("big", "big-1", true), "of a big one, which a thread reads");
    ok(tells_digest("big", "big-2", false), "also when nothing waits for the disk");
    ok(tells_digest("sparse", "sparse-1", true), "of one with holes");
    ok(tells_digest("hole", "hole-1", false), "of one that is all hole");
}

static void test_digest_without_thread(void)
{
    struct rlimit before;
    int next = dup(0);
    must(next >= 0 && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit few = {.rlim_cur = (rlim_t)next + 2, .rlim_max = before.rlim_max};
    must(setrlimit(RLIMIT_NOFILE, &few) == 0);
    bool told = tells_digest("big", "big-3", true);
    must(setrlimit(RLIMIT_NOFILE, &before) == 0);
    ok(told, "the digest of a big file is told without a thread");
}

static void test_digest_cancelled(void)
{
    bosun_err err = {0};
    unsigned char digest[32];
    atomic_int cancelled = 1;
    bosun_wait wait = {.cancelled = &cancelled, .cancel_fd = -1, .deadline = BOSUN_NO_DEADLINE};
    bosun_fs_copy_options options = {.sha256 = digest};
    ok(bosun_fs_copy("big", "stopped", &options, &wait, NULL, &err) < 0 && !there("stopped") &&
           failed_with(&err, BOSUN_ERR_CANCELLED),
       "a copy with a digest is stopped: %s", err.message);
    int fd = open("big-1", O_RDONLY | O_CLOEXEC);
    bosun_fs_follower *follower = bosun_fs_follow(fd, "big-1", (off_t)40 << 20, &err);
    must(follower);
    bosun_fs_follow_grown(follower, (off_t)40 << 20);
    ok(bosun_fs_follow_end(follower, digest, &wait, &err) < 0 && failed_with(&err, BOSUN_ERR_CANCELLED),
       "so is waiting for the digest");
    follower = bosun_fs_follow(fd, "big-1", (off_t)80 << 20, &err);
    must(follower);
    bosun_fs_follow_grown(follower, (off_t)80 << 20);
    ok(bosun_fs_follow_end(follower, digest, NULL, &err) < 0 && strstr(err.message, "cut short"), "%s",
       err.message);
    must(close(fd) == 0);
}

/* copy_file_range often does not work between two kinds of file systems. */
static void test_across(const char *other)
{
    char path[64];
    bosun_err err = {0};
    struct stat here;
    struct stat beyond;
    must(stat(".", &here) == 0);
    if (stat(other, &beyond) < 0 || here.st_dev == beyond.st_dev || access(other, W_OK) < 0) {
        skip("across file systems", "there is no second one to write to");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", other, strrchr(scratch, '/') + 1);
    ok(bosun_fs_copy("sparse", path, NULL, NULL, NULL, &err) == 0 && same_digest("sparse", path),
       "a copy across file systems");
    ok(bosun_fs_move(path, "back", NULL, NULL, &err) == 0 && !there(path) && same_digest("sparse", "back"),
       "a file is moved across file systems");
    put("old", "old");
    ok(bosun_fs_move("src", path, NULL, NULL, &err) == 0 &&
           bosun_fs_move(path, "old", NULL, NULL, &err) == 0 && holds("old", "content"),
       "and replaces what is there");
    must(mkdir("folder", 0755) == 0);
    ok(bosun_fs_move("folder", path, NULL, NULL, &err) < 0 && failed_with(&err, "EXDEV"), "%s", err.message);
    ok(count(".bosun-*") == 0, "no temporary file is left");
}

static void check_changed(const char *what, off_t size_now)
{
    bosun_err err = {0};
    bosun_fs_copy_options options = {0};
    bosun_fs_source source;
    put("changing", "0123456789");
    must(bosun_fs_source_open(&source, "changing", &err) == 0);
    must(truncate("changing", size_now) == 0);
    int out = open("changed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ok(bosun_fs_copy_content(&source, out, "changed", &options, NULL, NULL, NULL, &err) < 0 &&
           strstr(err.message, "changed while"),
       "%s: %s", what, err.message);
    must(close(out) == 0 && close(source.fd) == 0);
}

int main(void)
{
    enter_scratch();
    test_plain();
    test_refused();
    test_cancelled();
    test_holes();
    test_digest();
    test_digest_without_thread();
    test_digest_cancelled();
    check_changed("truncated", 4);
    check_changed("grown", 40);
    test_across("/dev/shm");
    leave_scratch();
    return done();
}
