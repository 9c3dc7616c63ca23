/* The record in its memory file: a header, then the text. Both ends are the same program on the same machine,
 * so the header is the struct itself. */
#include "record.h"
#include "core/base/hash.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC UINT32_C(0xB0509A01)

typedef struct header {
    uint32_t magic;
    uint32_t outcome;
    uint64_t length;
    uint64_t checksum; /* of the text */
} header;

int record_create(bosun_err *err)
{
    int fd = memfd_create("bosun-record", MFD_CLOEXEC);
    return fd < 0 ? bosun_err_errno(err, errno, "create", "a memory file for the worker's record") : fd;
}

static struct iovec part(const void *bytes, size_t len, size_t done)
{
    size_t skip = done < len ? done : len;
    return (struct iovec){(char *)bytes + skip, len - skip};
}

int record_write(int fd, bosun_outcome outcome, const char *text, size_t len, bosun_err *err)
{
    const header head = {
        .magic = MAGIC, .outcome = (uint32_t)outcome, .length = len, .checksum = bosun_hash(text, len)};
    size_t done = 0;
    int rc = 0;
    while (rc == 0 && done < sizeof head + len) {
        size_t in_text = done > sizeof head ? done - sizeof head : 0;
        const struct iovec parts[2] = {part(&head, sizeof head, done), part(text, len, in_text)};
        ssize_t n = pwritev(fd, parts, 2, (off_t)done);
        rc = n < 0 && errno != EINTR ? -1 : 0;
        done += n > 0 ? (size_t)n : 0;
    }
    if (rc < 0)
        return bosun_err_errno_as(err, errno, "write", "hand the supervisor", "the status of the action");
    return 0;
}

int record_open(record *r, int fd, bosun_err *err)
{
    struct stat st;
    *r = (record){0};
    if (fstat(fd, &st) < 0)
        return bosun_err_errno(err, errno, "stat", "the worker's record");
    if (st.st_size == 0)
        return 0;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return bosun_err_errno(err, errno, "map", "the worker's record");
    *r = (record){.bytes = bytes, .len = (size_t)st.st_size};
    return 0;
}

bool record_check(const record *r, bosun_outcome *outcome, const char **text, size_t *len)
{
    static const char first_key[] = "status: ";
    header head;
    if (r->len < sizeof head)
        return false;
    memcpy(&head, r->bytes, sizeof head);
    *text = r->bytes + sizeof head;
    *len = (size_t)head.length;
    *outcome = (bosun_outcome)head.outcome;
    return head.magic == MAGIC && head.outcome <= BOSUN_UNKNOWN && head.length <= r->len - sizeof head &&
           head.checksum == bosun_hash(*text, *len) && *len >= sizeof first_key &&
           memcmp(*text, first_key, sizeof first_key - 1) == 0;
}

void record_close(record *r)
{
    if (r->bytes)
        munmap((char *)r->bytes, r->len);
    *r = (record){0};
}
