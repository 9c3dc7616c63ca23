/* The record on the socket between worker and supervisor: a header, then the text. Both ends are the same
 * program on the same machine, so the header is the struct itself. */
#include "record.h"
#include "core/base/hash.h"
#include "core/yaml/yaml.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC     UINT32_C(0xB0509A01)
#define READ_SIZE ((size_t)64 * 1024)
#define TEXT_MAX  ((size_t)BOSUN_YAML_MAX_WRITE_BYTES + READ_SIZE) /* the data and the other keys */

typedef struct header {
    uint32_t magic;
    uint32_t outcome;
    uint64_t length;
    uint64_t checksum; /* of the text */
} header;

static struct iovec part(const void *bytes, size_t len, size_t done)
{
    size_t skip = done < len ? done : len;
    return (struct iovec){(char *)bytes + skip, len - skip};
}

int record_send(int fd, bosun_outcome outcome, const char *text, size_t len)
{
    const header head = {
        .magic = MAGIC, .outcome = (uint32_t)outcome, .length = len, .checksum = bosun_hash(text, len)};
    size_t done = 0;
    while (done < sizeof head + len) {
        size_t in_text = done > sizeof head ? done - sizeof head : 0;
        const struct iovec parts[2] = {part(&head, sizeof head, done), part(text, len, in_text)};
        ssize_t n = writev(fd, parts, 2);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* What record_receive returns when read failed. */
static int receive_failed(void)
{
    if (errno == EAGAIN)
        return 1;
    return errno == ECONNRESET ? 0 : -1; /* reset: the worker died before its release */
}

static void add_received(record *r, size_t len)
{
    r->bytes.len += len;
    r->too_long = r->too_long || r->bytes.len > sizeof(header) + TEXT_MAX;
    if (r->too_long)
        r->bytes.len = 0; /* read on, so the worker is not blocked */
}

int record_receive(record *r, int fd)
{
    for (;;) {
        char *to = bosun_buf_reserve(&r->bytes, READ_SIZE);
        if (!to) {
            errno = ENOMEM;
            return -1;
        }
        ssize_t n = read(fd, to, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? receive_failed() : 0;
        add_received(r, (size_t)n);
        if ((size_t)n < READ_SIZE)
            return 1; /* no more for now */
    }
}

bool record_check(const record *r, bosun_outcome *outcome, const char **text, size_t *len)
{
    static const char first_key[] = "status: ";
    header head;
    if (r->too_long || r->bytes.len < sizeof head + sizeof first_key)
        return false;
    memcpy(&head, r->bytes.data, sizeof head);
    *text = r->bytes.data + sizeof head;
    *len = r->bytes.len - sizeof head;
    *outcome = (bosun_outcome)head.outcome;
    return head.magic == MAGIC && head.outcome <= BOSUN_UNKNOWN && head.length == *len &&
           head.checksum == bosun_hash(*text, *len) && memcmp(*text, first_key, sizeof first_key - 1) == 0;
}

void record_free(record *r)
{
    bosun_buf_free(&r->bytes);
}
