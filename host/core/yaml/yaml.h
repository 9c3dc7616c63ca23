/* Reads and writes YAML (https://yaml.org/spec/1.1/). Reading: limited in size, depth and aliases; scalars
 * mean what they mean to PyYAML's safe_load, with the exceptions listed in docs/configuration.md. Writing:
 * every string double-quoted, so that no reader of YAML 1.1 or 1.2 mistakes it for anything else. */
#ifndef BOSUN_CORE_YAML_YAML_H
#define BOSUN_CORE_YAML_YAML_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/value.h"

#define BOSUN_YAML_MAX_BYTES       1048576
#define BOSUN_YAML_MAX_DEPTH       64
#define BOSUN_YAML_MAX_EVENTS      100000
#define BOSUN_YAML_MAX_ANCHORS     100
#define BOSUN_YAML_MAX_ALIAS_NODES 100000 /* nodes that all aliases together expand to */
#define BOSUN_YAML_MAX_WRITE_DEPTH 50
#define BOSUN_YAML_MAX_WRITE_BYTES 67108864 /* 64 MiB */
#define BOSUN_YAML_TOO_LARGE       "the data is too large: more than 64 MiB"

/* Reads one document. `source` is the name of the text in messages ("/etc/x.yaml"). On success the result
 * lives in `arena`; an empty document is a value of kind BOSUN_NULL. Values that aliases refer to are
 * shared, not copied. On failure: NULL, and the error names file (`source`), line and column. Frees whatever
 * it allocates outside the arena. */
bosun_value *bosun_yaml_read(bosun_arena *arena, const char *text, size_t len, const char *source,
                             bosun_err *err);

/* The same for a document of at most `max` bytes. Above BOSUN_YAML_MAX_BYTES its size alone limits how many
 * parts it has. */
bosun_value *bosun_yaml_read_max(bosun_arena *arena, const char *text, size_t len, const char *source,
                                 size_t max, bosun_err *err);

/* What the text of a plain scalar means: sets kind and content of `out`; a string is borrowed. -1: an
 * integer that does not fit in 64 bits. */
int bosun_yaml_resolve(const char *text, size_t len, bosun_value *out);

/* Appends `value` as block-style YAML, with a newline at the end. `indent`: spaces before each line. Fails
 * on too much depth or size (BOSUN_ERR_TOO_LARGE), and if the buffer has failed. */
int bosun_yaml_write(bosun_buf *out, const bosun_value *value, int indent, bosun_err *err);

/* Appends one scalar (not a sequence or mapping) without a newline. inf and nan become "inf", "-inf",
 * "nan". */
void bosun_yaml_write_scalar(bosun_buf *out, const bosun_value *scalar);

/* Appends text as a double-quoted YAML scalar; bytes that are not UTF-8 become U+FFFD. Allocates only
 * through the buffer. */
void bosun_yaml_write_string(bosun_buf *out, const char *text, size_t len);

/* Text from outside, made safe for a message: double-quoted, escaped, truncated if it is long. */
typedef struct bosun_excerpt {
    char text[256];
} bosun_excerpt;
bosun_excerpt bosun_yaml_excerpt(const char *text, size_t len);

#endif
