/* Reads whole files, into a buffer or a digest. Files are opened without blocking, so a FIFO, a pipe or a
 * device never holds up an action for longer than PATIENCE. */
#include "core/base/crypto.h"
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define CHUNK    ((size_t)32 * 1024)
#define PATIENCE (5 * BOSUN_SECOND)

typedef struct source {
    int fd;
    const char *path;
    const bosun_wait *wait;
    bool fifo;
    bool started; /* something was read */
} source;

static int open_file(source *s, bosun_err *err)
{
    s->fd = bosun_fs_openat(AT_FDCWD, s->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (s->fd < 0)
        return bosun_err_errno(err, errno, "open", s->path);
    struct stat st;
    int errnum = fstat(s->fd, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (errnum) {
        bosun_fs_drop(s->fd);
        return bosun_err_errno(err, errnum, "read", s->path);
    }
    s->fifo = S_ISFIFO(st.st_mode);
    return 0;
}

static int wait_readable(const source *s, bosun_err *err)
{
    int ready = bosun_wait_fd(s->wait, s->fd, POLLIN, bosun_wait_after(PATIENCE), "read", err);
    if (ready == 0)
        return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "read", "cannot read %s: no data for 5 s", s->path);
    return ready < 0 ? -1 : 0;
}

/* Returns the number of bytes read, 0 at the end, -1 with err. */
static ssize_t read_some(source *s, char *into, size_t size, bosun_err *err)
{
    for (;;) {
        if (bosun_wait_check(s->wait, "read", err) < 0)
            return -1;
        ssize_t n = read(s->fd, into, size);
        if (n == 0 && s->fifo && !s->started)
            return bosun_err_set(err, BOSUN_ERR_INVALID, "read",
                                 "cannot read %s: it is a FIFO without a writer", s->path);
        if (n >= 0) {
            s->started = true;
            return n;
        }
        if (errno == EAGAIN) {
            if (wait_readable(s, err) < 0)
                return -1;
        } else if (errno != EINTR) {
            return bosun_err_errno(err, errno, "read", s->path);
        }
    }
}

static int read_into(source *s, size_t max, bosun_buf *out, bosun_err *err)
{
    for (size_t total = 0;;) {
        char *into = bosun_buf_reserve(out, CHUNK);
        if (!into)
            return bosun_err_nomem(err, "read");
        ssize_t n = read_some(s, into, CHUNK, err);
        if (n < 0)
            return -1;
        into[n] = '\0';
        if (n == 0)
            return 0;
        if ((size_t)n > max - total)
            return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "read",
                                 "cannot read %s: it is larger than %zu bytes", s->path, max);
        total += (size_t)n;
        out->len += (size_t)n;
    }
}

static int digest_into(source *s, unsigned char digest[32], bosun_err *err)
{
    char chunk[CHUNK];
    bosun_sha256 sha;
    bosun_sha256_init(&sha);
    ssize_t n;
    while ((n = read_some(s, chunk, sizeof chunk, err)) > 0)
        bosun_sha256_update(&sha, chunk, (size_t)n);
    bosun_sha256_final(&sha, digest);
    return n < 0 ? -1 : 0;
}

int bosun_fs_read(const char *path, size_t max, bosun_buf *out, const bosun_wait *wait, bosun_err *err)
{
    source s = {.path = path, .wait = wait};
    if (open_file(&s, err) < 0)
        return -1;
    size_t before = out->len;
    int rc = read_into(&s, max, out, err);
    if (rc < 0 && !out->failed) {
        out->len = before;
        if (out->data)
            out->data[before] = '\0';
    }
    bosun_fs_drop(s.fd); /* nothing was written, so close cannot lose anything */
    return rc;
}

int bosun_fs_sha256(const char *path, unsigned char digest[32], const bosun_wait *wait, bosun_err *err)
{
    source s = {.path = path, .wait = wait};
    if (open_file(&s, err) < 0)
        return -1;
    int rc = digest_into(&s, digest, err);
    bosun_fs_drop(s.fd);
    return rc;
}
