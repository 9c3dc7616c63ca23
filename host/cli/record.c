/* Frames on the pipe between worker and supervisor: a fixed header, then the payload. Both ends are the same
 * program on the same machine, so the header is the struct itself. */
#define _GNU_SOURCE
#include "record.h"
#include "../core/yaml.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MAGIC      UINT32_C(0xB0509A01)
#define READ_SIZE  ((size_t)64 * 1024)
#define STATUS_MAX (BOSUN_YAML_MAX_WRITE_BYTES + 64 * 1024) /* data, and the lines around it */

enum frame_kind { FRAME_PHASE = 1, FRAME_STATUS = 2 };

typedef struct frame {
    uint32_t magic;
    uint8_t kind;
    uint8_t value; /* phase or outcome */
    uint16_t unused;
    uint64_t length;
    uint64_t checksum; /* of the payload */
} frame;

/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint64_t checksum(const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_frame(int fd, enum frame_kind kind, uint8_t value, const char *payload, size_t len)
{
    const frame head = {.magic = MAGIC,
                        .kind = (uint8_t)kind,
                        .value = value,
                        .length = len,
                        .checksum = checksum(payload, len)};
    if (write_all(fd, &head, sizeof head) < 0)
        return -1;
    return write_all(fd, payload, len);
}

int record_send_phase(int fd, bosun_phase phase)
{
    return send_frame(fd, FRAME_PHASE, (uint8_t)phase, "", 0);
}

int record_send_status(int fd, bosun_outcome outcome, const char *yaml, size_t len)
{
    return send_frame(fd, FRAME_STATUS, (uint8_t)outcome, yaml, len);
}

static void drop_front(bosun_buf *buf, size_t len)
{
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}

/* A status is taken when it is whole; then nothing may follow it. */
static void take_status(record *r, const frame *head)
{
    static const char first_key[] = "status: ";
    const char *payload = r->bytes.data + sizeof *head;
    if (head->value > BOSUN_UNKNOWN || checksum(payload, head->length) != head->checksum ||
        head->length < sizeof first_key || memcmp(payload, first_key, sizeof first_key - 1) != 0) {
        r->broken = true;
        return;
    }
    r->complete = true;
    r->outcome = (bosun_outcome)head->value;
    r->text_len = head->length;
}

/* Takes the frame at the front; false when there is no whole one. */
static bool take_frame(record *r)
{
    frame head;
    if (r->bytes.len < sizeof head)
        return false;
    memcpy(&head, r->bytes.data, sizeof head);
    if (head.magic != MAGIC || head.length > STATUS_MAX || (head.kind == FRAME_PHASE && head.length > 0)) {
        r->broken = true;
        return false;
    }
    if (r->bytes.len - sizeof head < head.length)
        return false;
    if (head.kind == FRAME_STATUS) {
        take_status(r, &head);
        return false;
    }
    r->phase = (bosun_phase)head.value;
    drop_front(&r->bytes, sizeof head);
    return true;
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
        if (n < 0)
            return errno == EAGAIN ? 1 : -1;
        if (n == 0)
            return 0;
        r->bytes.len += (size_t)n;
        if (r->complete)
            r->broken = true;
        while (!r->complete && !r->broken && take_frame(r))
            ;
        if (r->broken)
            r->bytes.len = 0; /* keep draining, keep nothing */
        if ((size_t)n < READ_SIZE)
            return 1; /* that was all, for now */
    }
}

const char *record_text(const record *r)
{
    return r->bytes.data + sizeof(frame);
}

void record_free(record *r)
{
    bosun_buf_free(&r->bytes);
}
