/* Takes the SHA-256 of a file while it is being written: a thread reads what has been written so far, which
 * is still in the kernel's memory. Where there is no thread to be had, or the file is small, the writer reads
 * it itself. */
#include "core/base/crypto.h"
#include "internal.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHUNK     ((size_t)64 * 1024)
#define BIG       ((off_t)1024 * 1024) /* from this size on, a thread is worth its while */
#define STACK     ((size_t)256 * 1024)
#define UNHURRIED ((off_t)8 * 1024 * 1024) /* without a thread: read between two checks of the deadline */

struct bosun_fs_follower {
    int fd;
    const char *path;
    bosun_sha256 sha;
    off_t read;
    int errnum; /* why it could not be read; -1: it ended too early */
    bool threaded;
    pthread_t thread;
    int grown; /* eventfd: `written`, `complete` or `stopped` has changed */
    int done;  /* eventfd: the thread has ended */
    _Atomic off_t written;
    atomic_bool complete;
    atomic_bool stopped;
};

/* Reads up to `until`. False: it cannot. */
static bool read_to(bosun_fs_follower *f, off_t until)
{
    char chunk[CHUNK];
    while (f->read < until && !f->stopped) {
        off_t left = until - f->read;
        ssize_t n = pread(f->fd, chunk, left < (off_t)sizeof chunk ? (size_t)left : sizeof chunk, f->read);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            f->errnum = n < 0 ? errno : -1;
            return false;
        }
        bosun_sha256_update(&f->sha, chunk, (size_t)n);
        f->read += n;
    }
    return true;
}

static void *follow(void *data)
{
    bosun_fs_follower *f = data;
    for (;;) {
        bool last = f->complete; /* before `written`, which does not change any more after it */
        if (!read_to(f, f->written) || f->stopped || last)
            break;
        eventfd_t ignored;
        if (eventfd_read(f->grown, &ignored) < 0 && errno != EINTR) {
            f->errnum = errno;
            break;
        }
    }
    eventfd_write(f->done, 1);
    return NULL;
}

/* Starts the thread with all signals blocked: they are the host's. */
static bool start_thread(bosun_fs_follower *f)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    sigfillset(&all);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&f->thread, &attributes, follow, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return rc == 0;
}

static void drop_events(bosun_fs_follower *f)
{
    bosun_fs_drop(f->grown);
    bosun_fs_drop(f->done);
    f->grown = f->done = -1;
}

bosun_fs_follower *bosun_fs_follow(int fd, const char *path, off_t size, bosun_err *err)
{
    bosun_fs_follower *f = calloc(1, sizeof *f);
    if (!f) {
        bosun_err_nomem(err, "copy");
        return NULL;
    }
    f->fd = fd;
    f->path = path;
    f->grown = f->done = -1;
    bosun_sha256_init(&f->sha);
    if (size < BIG)
        return f;
    f->grown = eventfd(0, EFD_CLOEXEC);
    f->done = eventfd(0, EFD_CLOEXEC);
    f->threaded = f->grown >= 0 && f->done >= 0 && start_thread(f);
    if (!f->threaded)
        drop_events(f);
    return f;
}

void bosun_fs_follow_grown(bosun_fs_follower *f, off_t written)
{
    f->written = written;
    if (f->threaded)
        eventfd_write(f->grown, 1);
    else if (!f->errnum) /* no more than between two checks of the deadline: read_rest reads the rest */
        read_to(f, written - f->read < UNHURRIED ? written : f->read + UNHURRIED);
}

/* Waits until the thread has read everything, or the work has to stop. */
static int wait_for_thread(bosun_fs_follower *f, const bosun_wait *wait, bosun_err *err)
{
    f->complete = true;
    eventfd_write(f->grown, 1);
    int ready;
    do
        ready = bosun_wait_fd(wait, f->done, POLLIN, BOSUN_NO_DEADLINE, "copy", err);
    while (ready == 0);
    return ready < 0 ? -1 : 0;
}

/* The same without a thread. */
static int read_rest(bosun_fs_follower *f, const bosun_wait *wait, bosun_err *err)
{
    while (!f->errnum && f->read < f->written) {
        if (bosun_wait_check(wait, "copy", err) < 0)
            return -1;
        off_t left = f->written - f->read;
        read_to(f, f->read + (left < UNHURRIED ? left : UNHURRIED));
    }
    return 0;
}

int bosun_fs_follow_end(bosun_fs_follower *f, unsigned char digest[32], const bosun_wait *wait,
                        bosun_err *err)
{
    int rc = f->threaded ? wait_for_thread(f, wait, err) : read_rest(f, wait, err);
    f->stopped = rc < 0;
    if (f->threaded)
        pthread_join(f->thread, NULL);
    if (rc == 0 && f->errnum > 0)
        rc = bosun_err_errno(err, f->errnum, "read", f->path);
    else if (rc == 0 && f->errnum < 0)
        rc = bosun_err_set(err, BOSUN_ERR_INVALID, "copy",
                           "cannot read %s: it was cut short while it was written", f->path);
    bosun_sha256_final(&f->sha, digest);
    drop_events(f);
    free(f);
    return rc;
}

void bosun_fs_follow_abandon(bosun_fs_follower *f)
{
    if (!f)
        return;
    f->stopped = true;
    if (f->threaded) {
        eventfd_write(f->grown, 1);
        pthread_join(f->thread, NULL);
    }
    drop_events(f);
    free(f);
}
