/* Locks between processes: they exclude, end with their holder, and survive the removal of their file. */
#include "fs_help.h"
#include <signal.h>

static pid_t hold(const char *path, int ready)
{
    pid_t child = fork();
    must(child >= 0);
    if (child > 0)
        return child;
    bosun_fs_lock lock;
    must(bosun_fs_lock_acquire(&lock, path, 0, NULL, NULL) == 0);
    tell(ready);
    for (;;)
        pause();
}

static void test_exclusion(void)
{
    int ready[2];
    bosun_err err = {0};
    bosun_fs_lock lock;
    must(pipe(ready) == 0);
    pid_t holder = hold("lock", ready[1]);
    await(ready[0]);
    ok(bosun_fs_lock_acquire(&lock, "lock", 0, NULL, &err) < 0 && failed_with(&err, BOSUN_ERR_TIMEOUT), "%s",
       err.message);
    ok(bosun_fs_lock_acquire(&lock, "lock", BOSUN_SECOND / 10, NULL, &err) < 0 &&
           failed_with(&err, BOSUN_ERR_TIMEOUT),
       "%s", err.message);
    bosun_wait wait = {.cancel_fd = -1, .deadline = bosun_wait_after(BOSUN_SECOND / 20)};
    ok(bosun_fs_lock_acquire(&lock, "lock", BOSUN_NO_DEADLINE, &wait, &err) < 0 &&
           failed_with(&err, BOSUN_ERR_DEADLINE) && strstr(err.message, "another process holds the lock"),
       "%s", err.message);
    kill(holder, SIGKILL);
    ok(bosun_fs_lock_acquire(&lock, "lock", 10 * BOSUN_SECOND, NULL, &err) == 0,
       "a killed holder's lock is free");
    reap(holder);
    ok(bosun_fs_lock_release(&lock, true, &err) == 0 && !there("lock"), "released, with its file");
    ok(bosun_fs_lock_release(&lock, true, &err) == 0, "releasing again does nothing");
    must(close(ready[0]) == 0 && close(ready[1]) == 0);
}

static void test_refused(void)
{
    bosun_err err = {0};
    bosun_fs_lock lock;
    put("target", "");
    must(symlink("target", "link") == 0);
    ok(bosun_fs_lock_acquire(&lock, "link", 0, NULL, &err) < 0 && failed_with(&err, "ELOOP"), "%s",
       err.message);
    ok(bosun_fs_lock_acquire(&lock, "none/lock", 0, NULL, &err) < 0 && failed_with(&err, "ENOENT"), "%s",
       err.message);
    ok(bosun_fs_lock_acquire(&lock, ".", 0, NULL, &err) < 0 && failed_with(&err, "EISDIR"), "%s",
       err.message);
}

enum { PROCESSES = 8, ROUNDS = 100 };

/* Adds one to a number in a file, in two steps that others could interrupt. */
static void increment(void)
{
    bosun_buf content = {0};
    char text[32];
    must(bosun_fs_read("number", 100, &content, NULL, NULL) == 0);
    snprintf(text, sizeof text, "%ld", strtol(bosun_buf_text(&content), NULL, 10) + 1);
    put("number", text);
    bosun_buf_free(&content);
}

static pid_t increment_often(bool remove)
{
    pid_t child = fork();
    must(child >= 0);
    if (child > 0)
        return child;
    for (int i = 0; i < ROUNDS; i++) {
        bosun_fs_lock lock;
        must(bosun_fs_lock_acquire(&lock, "number.lock", 60 * BOSUN_SECOND, NULL, NULL) == 0);
        increment();
        must(bosun_fs_lock_release(&lock, remove, NULL) == 0);
    }
    _exit(0);
}

static void test_contended(bool remove)
{
    pid_t children[PROCESSES];
    char expected[16];
    int failures = 0;
    put("number", "0");
    for (int i = 0; i < PROCESSES; i++)
        children[i] = increment_often(remove);
    for (int i = 0; i < PROCESSES; i++)
        failures += reap(children[i]) != 0;
    snprintf(expected, sizeof expected, "%d", PROCESSES * ROUNDS);
    ok(failures == 0 && holds("number", expected), "%d processes count to %s%s", PROCESSES, expected,
       remove ? ", removing the lock file each time" : "");
}

int main(void)
{
    enter_scratch();
    test_exclusion();
    test_refused();
    test_contended(false);
    test_contended(true);
    leave_scratch();
    return done();
}
