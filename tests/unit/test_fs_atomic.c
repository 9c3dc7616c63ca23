/* Replacing files: what readers see, what killed writers leave behind, a full disk. */
#include "core/fs/internal.h"
#include "fs_help.h"
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#define LEFTOVERS ".bosun-*.tmp"

static int replace(const char *path, const char *text, mode_t mode, bosun_err *err)
{
    bosun_fs_write_options options = {.mode = mode};
    return bosun_fs_write_atomic(path, text, strlen(text), &options, err);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    must(stat(path, &st) == 0);
    return st.st_mode & 07777;
}

static void test_mode(void)
{
    bosun_err err = {0};
    ok(replace("new", "one", 0, &err) == 0 && holds("new", "one"), "write makes a file");
    ok(mode_of("new") == 0644, "its mode follows the umask");
    ok(replace("new", "two", 0600, &err) == 0 && mode_of("new") == 0600, "the mode that was asked for");
    ok(replace("new", "two", 0444, &err) == 0 && mode_of("new") == 0444, "a read-only mode");
    ok(replace("new", "three", 0, &err) == 0 && holds("new", "three"), "and such a file is replaced again");
    ok(umask(022) == 022, "the umask is what it was");
    ok(count(LEFTOVERS) == 0, "no temporary file is left");
}

static void test_reader_keeps_old(void)
{
    bosun_err err = {0};
    char byte;
    put("held", "a");
    int fd = open("held", O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    ok(replace("held", "b", 0, &err) == 0 && read(fd, &byte, 1) == 1 && byte == 'a',
       "who reads, reads the old file on");
    must(close(fd) == 0);
    must(symlink("held", "link") == 0);
    ok(replace("link", "c", 0, &err) == 0 && holds("held", "b") && holds("link", "c"),
       "a symlink is replaced");
}

static void test_refused(void)
{
    bosun_err err = {0};
    ok(replace("none/file", "x", 0, &err) < 0 && failed_with(&err, "ENOENT"), "%s", err.message);
    ok(replace("new/file", "x", 0, &err) < 0 && failed_with(&err, "ENOTDIR"), "%s", err.message);
    ok(replace("dir/", "x", 0, &err) < 0 && failed_with(&err, "EISDIR"), "%s", err.message);
    ok(replace("..", "x", 0, &err) < 0 && failed_with(&err, BOSUN_ERR_INVALID), "%s", err.message);
    must(mkdir("dir", 0755) == 0);
    ok(replace("dir", "x", 0, &err) < 0 && failed_with(&err, "EISDIR"), "%s", err.message);
    ok(replace("/proc/self/x", "x", 0, &err) < 0 && err.code[0], "%s", err.message);
    ok(count(LEFTOVERS) == 0, "failures leave no temporary file");
}

/* The check that the runner does before it first writes its status file. */
static int check(const char *path, bosun_err *err)
{
    bosun_fs_target target;
    if (bosun_fs_target_open(&target, path, err) < 0)
        return -1;
    int rc = bosun_fs_target_check(&target, err);
    bosun_fs_target_close(&target);
    return rc;
}

static void test_check(void)
{
    static const char *const refused[] = {"a-link", "a-dir", "a-fifo", "/dev/null", "none/x", "a-dir/", ""};
    bosun_err err = {0};
    must(symlink("nowhere", "a-link") == 0 && mkdir("a-dir", 0755) == 0 && mkfifo("a-fifo", 0600) == 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ok(check(refused[i], &err) < 0, "%s", err.message);
    put("regular", "");
    ok(check("regular", &err) == 0, "a regular file can be replaced");
    ok(check("not-there-yet", &err) == 0, "so can one that is not there yet");
}

static void test_relative(void)
{
    bosun_err err = {0};
    bosun_fs_target target;
    must(bosun_fs_target_open(&target, "relative", &err) == 0);
    must(chdir("/") == 0);
    ok(bosun_fs_target_replace(&target, "here", 4, NULL, &err) == 0, "a target is written after chdir");
    must(chdir(scratch) == 0);
    ok(holds("relative", "here"), "in the folder where it was opened");
    bosun_fs_target_close(&target);
}

/* A child with a half-written temporary file next to `path`. It reports on `ready` and waits for a byte on
 * `go`. */
static pid_t write_half(const char *path, int ready, int go)
{
    pid_t child = fork();
    must(child >= 0);
    if (child > 0)
        return child;
    bosun_fs_target target;
    bosun_fs_temp temp;
    must(bosun_fs_target_open(&target, path, NULL) == 0);
    must(bosun_fs_temp_create(&target, 0666, &temp, NULL) == 0);
    must(bosun_fs_write_all(temp.fd, "half", 4, path, NULL) == 0);
    tell(ready);
    await(go);
    _exit(bosun_fs_temp_commit(&target, &temp, true, NULL) < 0);
}

static void test_killed_writers(void)
{
    int ready[2];
    int go[2];
    pid_t children[4];
    bosun_err err = {0};
    must(pipe(ready) == 0 && pipe(go) == 0);
    for (int i = 0; i < 4; i++) {
        children[i] = write_half("status", ready[1], go[0]);
        await(ready[0]);
    }
    ok(count(LEFTOVERS) == 4, "four writers have a temporary file each");
    for (int i = 0; i < 3; i++) {
        kill(children[i], SIGKILL);
        reap(children[i]);
    }
    ok(count(LEFTOVERS) == 4, "killed, they leave them");
    ok(replace("status", "whole", 0, &err) == 0 && holds("status", "whole"), "the next writer writes");
    ok(count(LEFTOVERS) == 1, "and sweeps those of the dead, not of the living");
    tell(go[1]);
    ok(reap(children[3]) == 0 && holds("status", "half"), "who can still finish");
    ok(count(LEFTOVERS) == 0, "no temporary file is left");
    for (int i = 0; i < 2; i++)
        must(close(ready[i]) == 0 && close(go[i]) == 0);
}

enum { WRITERS = 16, WRITES = 25, SIZE = 20000 };

static void write_often(int number)
{
    pid_t child = fork();
    must(child >= 0);
    if (child > 0)
        return;
    char text[SIZE];
    memset(text, 'a' + number, sizeof text);
    bosun_err err = {0};
    bosun_fs_write_options options = {.no_sync = number % 2 == 0};
    for (int i = 0; i < WRITES; i++) {
        if (bosun_fs_write_atomic("shared", text, sizeof text, &options, &err) < 0) {
            note("%s", err.message);
            fflush(stdout);
            _exit(1);
        }
    }
    _exit(0);
}

static bool is_whole(const char *path)
{
    bosun_buf content = {0};
    must(bosun_fs_read(path, 1 << 20, &content, NULL, NULL) == 0);
    bool whole = content.len == SIZE;
    for (size_t i = 1; whole && i < content.len; i++)
        whole = content.data[i] == content.data[0];
    bosun_buf_free(&content);
    return whole;
}

static void test_concurrent(void)
{
    char first[SIZE];
    memset(first, 'z', sizeof first);
    must(bosun_fs_write_atomic("shared", first, sizeof first, NULL, NULL) == 0);
    for (int i = 0; i < WRITERS; i++)
        write_often(i);
    int running = WRITERS;
    int failures = 0;
    int torn = 0;
    while (running > 0) {
        torn += !is_whole("shared");
        int status;
        if (waitpid(-1, &status, WNOHANG) <= 0)
            continue;
        running--;
        failures += status != 0;
    }
    ok(failures == 0, "%d writers of one file all succeed", WRITERS);
    ok(torn == 0, "a reader never sees a torn file");
    ok(count(LEFTOVERS) == 0, "no temporary file is left");
}

static bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int on_a_full_disk(void)
{
    if (!own_mounts())
        return 77;
    must(mkdir("small", 0755) == 0);
    if (mount("tmpfs", "small", "tmpfs", 0, "size=16k") < 0)
        return 77;
    must(chdir("small") == 0);
    static char large[64 * 1024];
    bosun_err err = {0};
    put("status", "old");
    int rc = bosun_fs_write_atomic("status", large, sizeof large, NULL, &err);
    note("%s", err.message);
    return !(rc < 0 && failed_with(&err, "ENOSPC") && holds("status", "old") && count(LEFTOVERS) == 0);
}

/* Is it written only where that was asked for, then also a second time? */
static int on_a_mount_point(void)
{
    if (!own_mounts())
        return 77;
    put("point", "old");
    if (mount("point", "point", NULL, MS_BIND, NULL) < 0)
        return 77;
    bosun_err err = {0};
    bosun_fs_target target;
    const bosun_fs_write_options how = {.or_in_place = true};
    must(bosun_fs_target_open(&target, "point", &err) == 0);
    bool good = bosun_fs_target_replace(&target, "new", 3, NULL, &err) < 0 && failed_with(&err, "EBUSY") &&
                !target.changed && holds("point", "old");
    for (int i = 0; i < 2; i++)
        good = good && bosun_fs_target_replace(&target, i ? "2" : "first", i ? 1 : 5, &how, &err) == 0 &&
               target.changed && holds("point", i ? "2" : "first");
    bosun_fs_target_close(&target);
    return !(good && count(LEFTOVERS) == 0);
}

/* Runs a check in a child, where it can mount. */
static void check_mounted(int (*check_it)(void), const char *what)
{
    fflush(stdout);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        int status = check_it();
        fflush(stdout);
        _exit(status);
    }
    int status = reap(child);
    if (status == 77)
        skip(what, "may not mount");
    else
        ok(status == 0, "%s", what);
}

int main(void)
{
    enter_scratch();
    test_mode();
    test_reader_keeps_old();
    test_refused();
    test_check();
    test_relative();
    test_killed_writers();
    test_concurrent();
    check_mounted(on_a_full_disk, "a full disk leaves the old file and no temporary one");
    check_mounted(on_a_mount_point, "a mount point is written in place, when that is allowed");
    leave_scratch();
    return done();
}
