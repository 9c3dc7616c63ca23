/* The memory file: a page that is mapped from the start, with the shared words, then the record, a header and
 * the text. A small record is in that page; a larger one is mapped once it is complete. All processes are the
 * same program on the same machine, so what is in the file are the structs themselves. */
#include "record.h"
#include "core/base/hash.h"
#include "core/base/wait.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT32_C(0xB0509A01)
#define START sizeof(record_shared) /* of the record in the file */
#define PAGE  ((size_t)4096)        /* or a part of a page where pages are larger */

typedef struct header {
    uint32_t magic;
    uint16_t outcome;
    uint16_t planned;
    uint64_t length;
    uint64_t checksum; /* of the text */
} header;

int record_create(record *r, bosun_err *err)
{
    *r = (record){.fd = memfd_create("bosun-record", MFD_CLOEXEC)};
    if (r->fd < 0 || ftruncate(r->fd, START) < 0)
        return bosun_err_errno(err, errno, "create", "a memory file for the worker's record");
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    if (page == MAP_FAILED)
        return bosun_err_errno(err, errno, "share", "memory with the worker");
    r->shared = page;
    return 0;
}

int64_t record_stood(record_shared *shared)
{
    int64_t since = atomic_load(&shared->stopped_since);
    int64_t stood = atomic_load(&shared->stood);
    return since ? stood + bosun_monotonic() - since : stood;
}

/* A part of the record, at its place in the file. */
static int write_at(const record *r, size_t at, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(r->fd, bytes + done, len - done, (off_t)(START + at + done));
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

void record_message(const record *r, const char *message)
{
    size_t len = strnlen(message, sizeof r->shared->message - 1);
    memcpy(r->shared->message, message, len);
    r->shared->message[len] = '\0';
}

record_text record_begin(const record *r)
{
    return (record_text){.record = r, .checksum = BOSUN_HASH_START};
}

int record_append(void *text, const char *bytes, size_t len)
{
    record_text *t = text;
    if (t->error == 0 && write_at(t->record, sizeof(header) + t->len, bytes, len) < 0)
        t->error = errno;
    if (t->error != 0)
        return -1;
    t->checksum = bosun_hash_more(t->checksum, bytes, len);
    t->len += len;
    return 0;
}

int record_finish(record_text *t, bosun_outcome outcome, bool planned, bosun_err *err)
{
    const header head = {.magic = MAGIC,
                         .outcome = (uint16_t)outcome,
                         .planned = planned,
                         .length = t->len,
                         .checksum = t->checksum};
    if (t->error == 0 && write_at(t->record, 0, (const char *)&head, sizeof head) < 0)
        t->error = errno;
    if (t->error == 0)
        return 0;
    return bosun_err_errno_as(err, t->error, "write", "hand the supervisor", "the status of the action");
}

int record_open(record *r, bosun_err *err)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return bosun_err_errno(err, errno, "stat", "the worker's record");
    size_t size = (size_t)st.st_size;
    void *bytes = size <= PAGE ? r->shared : mmap(NULL, size, PROT_READ, MAP_SHARED, r->fd, 0);
    if (bytes == MAP_FAILED)
        return bosun_err_errno(err, errno, "map", "the worker's record");
    r->bytes = (const char *)bytes + START;
    r->len = size - START;
    return 0;
}

bool record_check(const record *r, record_content *content)
{
    static const char first_key[] = "status: ";
    header head;
    if (r->len < sizeof head)
        return false;
    memcpy(&head, r->bytes, sizeof head);
    const char *text = r->bytes + sizeof head;
    size_t len = (size_t)head.length;
    *content = (record_content){
        .outcome = (bosun_outcome)head.outcome, .planned = head.planned != 0, .text = text, .len = len};
    return head.magic == MAGIC && head.outcome <= BOSUN_UNKNOWN && head.length <= r->len - sizeof head &&
           head.checksum == bosun_hash(text, len) && len >= sizeof first_key &&
           memcmp(text, first_key, sizeof first_key - 1) == 0;
}

void record_close(record *r)
{
    const char *page = (const char *)r->shared;
    if (r->bytes && r->bytes != page + START)
        munmap((char *)r->bytes - START, r->len + START);
    if (page)
        munmap(r->shared, PAGE);
    if (r->fd >= 0)
        close(r->fd);
    *r = RECORD_NONE;
}
