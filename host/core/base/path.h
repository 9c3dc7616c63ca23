/* Paths as text: nothing here touches the file system. Results go to a bosun_buf. */
#ifndef BOSUN_CORE_BASE_PATH_H
#define BOSUN_CORE_BASE_PATH_H

#include "buf.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* a + "/" + b, with one slash between; b alone if it is absolute or a is empty. Appends. */
void bosun_path_join(bosun_buf *out, const char *a, const char *b);

/* Lexical: "a//b/./c/../d" is "a/b/d", "" is ".". ".." above the root stays at the root. Appends. */
void bosun_path_norm(bosun_buf *out, const char *path);

/* The last component, ignoring trailing slashes; empty (*len is 0) for "" and "/". Borrowed from `path`. */
const char *bosun_path_basename(const char *path, size_t *len);

/* Lexical: is p the same as base, or below it? False if one is relative and the other absolute, or if memory
 * runs out. */
bool bosun_path_is_within(const char *base, const char *p);

/* Checks that text from outside can be one component of a path: valid UTF-8 of 1 to `max` bytes, not "." or
 * "..", without '/', NUL and control characters. The message says what is wrong and calls the text `what`
 * ("the id"). */
int bosun_path_check_component(const char *text, size_t len, size_t max, const char *what, bosun_err *err);

#endif
