/* Secrets that must not leave the process: a list of them, and texts with each replaced by "[redacted]". */
#ifndef BOSUN_CORE_BASE_REDACT_H
#define BOSUN_CORE_BASE_REDACT_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct bosun_secrets {
    struct bosun_secret *items;
    size_t count;
    size_t cap;
} bosun_secrets;

/* Remembers a copy; texts under 4 bytes are too common to hide and are ignored. -1: out of memory. */
int bosun_secrets_add(bosun_secrets *secrets, const char *text, size_t len);
void bosun_secrets_free(bosun_secrets *secrets); /* wipes them */

/* Appends text with every secret in it replaced, also where a "…" has cut off its end or its
 * beginning. */
void bosun_redact(bosun_buf *out, const bosun_secrets *secrets, const char *text, size_t len);

/* Does the name of a key, a parameter or a variable say that its value is secret? It ends in one of a list of
 * words: "access_token", "X-Amz-Signature", "dbPassword". */
bool bosun_names_secret(const char *name, size_t len);

#endif
