/* Secrets that must not leave the process: a list of them, and texts with each replaced by "[redacted]".
 *
 * A secret is recognised as it is, with any of its characters escaped as in URLs, JSON, YAML or Lua, inside
 * base64, and where a "…" has cut off its end or its beginning. Of a secret with several lines, such as a key
 * in PEM format, each line is one, too. */
#ifndef BOSUN_CORE_BASE_REDACT_H
#define BOSUN_CORE_BASE_REDACT_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the shortest text that is replaced: anything shorter is too common. */
#define BOSUN_SECRET_MIN 4

typedef struct bosun_secrets {
    struct bosun_secret *items;
    size_t count;
    size_t cap;
    uint32_t first[256]; /* by first byte: 1 + the index of the latest item that begins with it; 0: none */
    const char *hidden_path; /* that of a file that has none for people, "/proc/self/fd/7"; NULL: none */
    const char *shown_name;  /* takes its place in every text; both are borrowed */
} bosun_secrets;

/* Remembers a copy, without blanks at both ends. A text under BOSUN_SECRET_MIN bytes is ignored. Returns 0,
 * or -1: out of memory. */
int bosun_secrets_add(bosun_secrets *secrets, const char *text, size_t len);

/* The secret number `index`, as it was added; NULL: there are not so many. Borrowed. */
const char *bosun_secrets_get(const bosun_secrets *secrets, size_t index, size_t *len);

void bosun_secrets_free(bosun_secrets *secrets); /* wipes them */

/* Appends text with every secret in it replaced. */
void bosun_redact(bosun_buf *out, const bosun_secrets *secrets, const char *text, size_t len);

/* Adds user and password of a URL, if the text is one that has them. Returns as bosun_secrets_add. */
int bosun_secrets_add_url(bosun_secrets *secrets, const char *url, size_t len);

/* Adds user and password of the proxies in the environment. */
int bosun_secrets_add_proxies(bosun_secrets *secrets);

/* Adds these, the values of variables whose names say that they are secret, and credentials in the values of
 * others. */
int bosun_secrets_add_environment(bosun_secrets *secrets);

/* Adds what the arguments of a command, which end with NULL, show by the names of options and assignments,
 * and the credentials of their URLs: "--password X", "--token=X", "PGPASSWORD=X". */
int bosun_secrets_add_arguments(bosun_secrets *secrets, const char *const *argv);

/* Adds whatever looks like the value of a secret key in a text that is not valid YAML. names: of keys that
 * are secret although their names do not say so. */
int bosun_secrets_add_text(bosun_secrets *secrets, const char *text, size_t len, const char *const *names,
                           size_t count);

/* Adds the values in lines that say "name = value" or "name: value", where the name says for sure that it is
 * secret; comments_only: in lines that are comments alone. */
int bosun_secrets_add_lines(bosun_secrets *secrets, const char *text, size_t len, bool comments_only);

/* Does the name of a key, a parameter or a variable say that its value is secret? It ends in one of a list of
 * words: "access_token", "X-Amz-Signature", "dbPassword". */
bool bosun_names_secret(const char *name, size_t len);

/* The same with words that also have other meanings, "key" and "code" for example: for places where few names
 * are used, and a value that is hidden for nothing does no harm. */
bool bosun_may_name_secret(const char *name, size_t len);

#endif
