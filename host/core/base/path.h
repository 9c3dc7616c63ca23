/* Paths as text: nothing here touches the file system. Results go to a bosun_buf. */
#ifndef BOSUN_CORE_BASE_PATH_H
#define BOSUN_CORE_BASE_PATH_H

#include "buf.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* a + "/" + b, with one slash between; b alone when it is absolute or a is empty. Appends. */
void bosun_path_join(bosun_buf *out, const char *a, const char *b);

/* Lexical: "a//b/./c/../d" is "a/b/d", "" is ".". ".." above the root stays at the root. Appends. */
void bosun_path_norm(bosun_buf *out, const char *path);

/* The last component, slashes at the end aside; nothing (*len 0) for "" and "/". Borrowed from `path`. */
const char *bosun_path_basename(const char *path, size_t *len);

/* Lexical: is p, normalised, base or below it? Both relative or both absolute, else false. False too when
 * memory ran out. */
bool bosun_path_is_within(const char *base, const char *p);

/* Can this text from outside be one component of a path? Not empty, ".", "..", longer than `max` bytes; no
 * '/', NUL or control character; valid UTF-8. -1 with a message that says what is wrong, naming it `what`. */
int bosun_path_check_component(const char *text, size_t len, size_t max, const char *what, bosun_err *err);

#endif
