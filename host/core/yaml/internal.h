/* What the files of the YAML reader and writer share, and nobody else includes. */
#ifndef BOSUN_CORE_YAML_INTERNAL_H
#define BOSUN_CORE_YAML_INTERNAL_H

#include "yaml.h"
#include <yaml.h>

/* strtod, whatever the locale. */
double bosun_yaml_parse_double(const char *text);

static inline int bosun_yaml_nomem(bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_NOMEM, "parse", "cannot parse YAML: out of memory");
}

/* A formatted message about a place in `source` into err. Returns -1. */
int bosun_yaml_fail(bosun_err *err, const char *code, const char *source, bosun_mark mark, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* What libyaml found wrong, in plain words; parser->error is set. `text` is what it was parsing. Returns -1.
 */
int bosun_yaml_parser_failure(bosun_err *err, const yaml_parser_t *parser, const char *source,
                              const char *text, size_t len);

/* Where byte `offset` of the text stands. */
bosun_mark bosun_yaml_locate(const char *text, size_t len, size_t offset);

static inline bosun_mark bosun_yaml_mark(yaml_mark_t mark)
{
    return (bosun_mark){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

/* The value of a scalar with an explicit tag ("tag:yaml.org,2002:int"); a string is copied or decoded into
 * `arena`. NULL with *problem: what is wrong, a static text; NULL without: out of memory. */
bosun_value *bosun_yaml_tagged(bosun_arena *arena, const char *tag, const char *text, size_t len,
                               const char **problem);

/* Gives a mapping that was read whole the pairs of `merge` (the value of its "<<", or NULL), which cost their
 * number of *budget, and finds keys that are there twice. */
int bosun_yaml_finish_mapping(bosun_arena *arena, bosun_value *mapping, const bosun_value *merge,
                              size_t *budget, const char *source, bosun_err *err);

#endif
