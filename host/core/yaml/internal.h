/* Shared by the files of this room only. */
#ifndef BOSUN_CORE_YAML_INTERNAL_H
#define BOSUN_CORE_YAML_INTERNAL_H

#include "yaml.h"
#include <yaml.h>

/* strtod that ignores the locale. */
double bosun_yaml_parse_double(const char *text);

static inline int bosun_yaml_nomem(bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_NOMEM, "parse", "cannot parse YAML: out of memory");
}

/* Sets err to a formatted message about a place in `source`. Returns -1. */
int bosun_yaml_fail(bosun_err *err, const char *code, const char *source, bosun_mark mark, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* Explains in plain words why libyaml failed; parser->error is set. `text` is what it was parsing. Returns
 * -1. */
int bosun_yaml_parser_failure(bosun_err *err, const yaml_parser_t *parser, const char *source,
                              const char *text, size_t len);

/* The line and column of byte `offset` of the text. */
bosun_mark bosun_yaml_locate(const char *text, size_t len, size_t offset);

static inline bosun_mark bosun_yaml_mark(yaml_mark_t mark)
{
    return (bosun_mark){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

/* The value of a scalar with an explicit tag ("tag:yaml.org,2002:int"); a string is copied or decoded into
 * `arena`. NULL: *problem says what is wrong (a static text), or is NULL too if memory ran out. */
bosun_value *bosun_yaml_tagged(bosun_arena *arena, const char *tag, const char *text, size_t len,
                               const char **problem);

/* Completes a mapping: adds the pairs of `merge` (the value of its "<<", or NULL), subtracting their number
 * from *budget, and rejects duplicate keys. */
int bosun_yaml_finish_mapping(bosun_arena *arena, bosun_value *mapping, const bosun_value *merge,
                              size_t *budget, const char *source, bosun_err *err);

#endif
