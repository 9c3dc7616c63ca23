/* Trace contexts: reading and making them. */
#include "trace_context.h"
#include "crypto.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX     "0123456789abcdef"
#define SAMPLED 1u

/* Where the fields of a traceparent begin; each but the last is followed by a dash. */
enum { AT_TRACE = 3, AT_SPAN = 36, AT_FLAGS = 53 };

/* So many hexadecimal digits in lower case, and what follows. */
static bool is_hex(const char *text, size_t len, char follows)
{
    return strspn(text, HEX) == len && text[len] == follows;
}

static bool is_zero(const char *text, size_t len)
{
    return strspn(text, "0") >= len;
}

/* A later version may add fields behind a dash. */
static bool is_valid(const char *text)
{
    bool first = strncmp(text, "00", 2) == 0;
    if (!is_hex(text, 2, '-') || strncmp(text, "ff", 2) == 0 || !is_hex(text + AT_TRACE, 32, '-') ||
        !is_hex(text + AT_SPAN, 16, '-'))
        return false;
    if (is_zero(text + AT_TRACE, 32) || is_zero(text + AT_SPAN, 16))
        return false;
    return is_hex(text + AT_FLAGS, 2, '\0') || (!first && is_hex(text + AT_FLAGS, 2, '-'));
}

/* Ids of zeros are invalid. */
static void make_id(char *out, const unsigned char *random, size_t len)
{
    bosun_hex(out, random, len);
    if (is_zero(out, len * 2))
        out[len * 2 - 1] = '1';
}

/* A new trace counts as sampled: a server behind would otherwise not record what it records for others. */
void bosun_trace_begin(bosun_trace *trace, const char *parent, const unsigned char random[BOSUN_TRACE_RANDOM])
{
    *trace = (bosun_trace){.flags = SAMPLED};
    make_id(trace->span, random + 16, 8);
    if (!parent || !is_valid(parent)) {
        make_id(trace->id, random, 16);
        return;
    }
    memcpy(trace->id, parent + AT_TRACE, BOSUN_TRACE_ID_SIZE - 1);
    memcpy(trace->parent, parent + AT_SPAN, BOSUN_SPAN_ID_SIZE - 1);
    trace->flags = (unsigned)strtoul((char[]){parent[AT_FLAGS], parent[AT_FLAGS + 1], '\0'}, NULL, 16);
}

/* Ids of a run differ from each other, as an odd step meets each number once, and from those of others, as
 * the first is random. */
void bosun_trace_next_span(bosun_trace *trace, char span[BOSUN_SPAN_ID_SIZE])
{
    uint64_t id = strtoull(trace->span, NULL, 16) + ++trace->calls * UINT64_C(0x9E3779B97F4A7C15);
    if (id == 0)
        id = strtoull(trace->span, NULL, 16) + ++trace->calls * UINT64_C(0x9E3779B97F4A7C15);
    snprintf(span, BOSUN_SPAN_ID_SIZE, "%016" PRIx64, id);
}

/* Version 00 knows the flags "sampled" and, in its second edition, "random". */
void bosun_trace_write(const bosun_trace *trace, const char *span, char out[BOSUN_TRACEPARENT_SIZE])
{
    snprintf(out, BOSUN_TRACEPARENT_SIZE, "00-%s-%s-%02x", trace->id, span, trace->flags & 3u);
}
