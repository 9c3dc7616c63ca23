/* The errors of libyaml in plain words, with what to do about them, and at the place where a reader would
 * look. The table's left side is the text in libyaml 0.2.5's scanner.c, parser.c and reader.c; what is not in
 * it is passed on. */
#include "internal.h"
#include <stdio.h>
#include <string.h>

typedef struct explanation {
    const char *problem;
    const char *context; /* NULL: any */
    enum { AT_PROBLEM, AT_CONTEXT, AT_PROBLEM_NAMING_CONTEXT } place;
    const char *words; /* AT_PROBLEM_NAMING_CONTEXT: followed by "line N" */
} explanation;

static const explanation explanations[] = {
    {"could not find expected ':'", NULL, AT_CONTEXT,
     "expected \"key: value\": put ':' and a space after the key, or quotes around the text"},
    {"mapping values are not allowed in this context", NULL, AT_PROBLEM,
     "a key is not allowed here: put text that contains \": \" in quotes, or correct the indentation"},
    {"block sequence entries are not allowed in this context", NULL, AT_PROBLEM,
     "a list item (\"- \") is not allowed here: start it on a new line"},
    {"mapping keys are not allowed in this context", NULL, AT_PROBLEM,
     "a key (\"? \") is not allowed here: put the text in quotes"},
    {"did not find expected key", NULL, AT_PROBLEM_NAMING_CONTEXT,
     "expected the next key here: correct the indentation, or close a quote or bracket; the mapping begins "
     "on "},
    {"did not find expected '-' indicator", NULL, AT_PROBLEM_NAMING_CONTEXT,
     "expected the next list item (\"- \") here: correct the indentation; the list begins on "},
    {"did not find expected ',' or ']'", NULL, AT_PROBLEM_NAMING_CONTEXT,
     "expected ',' or ']' here, for the list that begins on "},
    {"did not find expected ',' or '}'", NULL, AT_PROBLEM_NAMING_CONTEXT,
     "expected ',' or '}' here, for the mapping that begins on "},
    {"did not find expected node content", NULL, AT_PROBLEM, "a value is missing here"},
    {"did not find expected <document start>", NULL, AT_PROBLEM,
     "the document ended before this line: check the indentation, quotes and brackets above"},
    {"found unexpected end of stream", "while scanning a quoted scalar", AT_CONTEXT,
     "the quoted text that begins here is never closed: add the closing quote"},
    {"found unexpected document indicator", "while scanning a quoted scalar", AT_CONTEXT,
     "the quoted text that begins here is not closed before a line of --- or ...: add the closing quote"},
    {"found unknown escape character", NULL, AT_PROBLEM,
     "unknown escape after '\\': write \\\\ for a backslash, or use single quotes"},
    {"did not find expected hexdecimal number", NULL, AT_PROBLEM,
     "\\x, \\u and \\U are followed by 2, 4 and 8 hexadecimal digits: write \\\\ for a backslash"},
    {"found invalid Unicode character escape code", NULL, AT_PROBLEM,
     "this is not the number of a Unicode character"},
    {"found a tab character that violates indentation", NULL, AT_PROBLEM,
     "a tab is not allowed in indentation: use spaces"},
    {"found a tab character where an indentation space is expected", NULL, AT_PROBLEM,
     "a tab is not allowed in indentation: use spaces"},
    {"found unexpected ':'", NULL, AT_PROBLEM, "':' is not allowed here: put the text in quotes"},
    {"found undefined tag handle", NULL, AT_PROBLEM, "unknown prefix of a tag: remove the tag"},
    {"did not find expected whitespace or line break", NULL, AT_PROBLEM,
     "expected a space here: add one, or put the text in quotes"},
    {"did not find expected alphabetic or numeric character", "while scanning an anchor", AT_CONTEXT,
     "'&' begins the name of an anchor, of letters and digits: put the text in quotes if it is not one"},
    {"did not find expected alphabetic or numeric character", "while scanning an alias", AT_CONTEXT,
     "'*' begins the name of an alias, of letters and digits: put the text in quotes if it is not one"},
    {"did not find expected comment or line break", NULL, AT_PROBLEM,
     "only a comment can follow on this line: put the text on the next line, or in quotes"},
    {"found an indentation indicator equal to 0", NULL, AT_PROBLEM,
     "an indentation of 0 is not allowed: use 1 to 9"},
    {"found incompatible YAML document", NULL, AT_PROBLEM,
     "only %YAML 1.1 and 1.2 are supported: remove the line"},
};

int bosun_yaml_fail(bosun_err *err, const char *code, const char *source, bosun_mark mark, const char *format,
                    ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bosun_err_set(err, code, "parse", "%s", text);
    return bosun_err_at(err, source, mark.line, mark.column, NULL);
}

static const explanation *explain(const yaml_parser_t *parser)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        const explanation *e = &explanations[i];
        if (strcmp(e->problem, parser->problem) == 0 &&
            (!e->context || (parser->context && strcmp(e->context, parser->context) == 0)))
            return e;
    }
    return NULL;
}

/* The character number `index` of the text, which is UTF-8 up to there; *size its bytes, 0 at the end. */
static const char *character_at(const char *text, size_t len, size_t index, size_t *size)
{
    const char *at = text;
    const char *end = text + len;
    while ((*size = bosun_utf8_sequence(at, (size_t)(end - at))) > 0 && index-- > 0)
        at += *size;
    return at;
}

static int bad_start(bosun_err *err, const yaml_parser_t *parser, const char *source, const char *text,
                     size_t len)
{
    size_t size;
    const char *at = character_at(text, len, parser->problem_mark.index, &size);
    bosun_mark mark = bosun_yaml_mark(parser->problem_mark);
    if (size == 1 && *at == '\t')
        return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, mark,
                               "a tab is not allowed in indentation: use spaces");
    return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, mark,
                           "'%.*s' cannot begin a value: put the text in quotes", (int)size, at);
}

static int syntax_failure(bosun_err *err, const yaml_parser_t *parser, const char *source, const char *text,
                          size_t len)
{
    const explanation *e = explain(parser);
    bosun_mark problem = bosun_yaml_mark(parser->problem_mark);
    bosun_mark context = bosun_yaml_mark(parser->context_mark);
    if (strcmp(parser->problem, "found character that cannot start any token") == 0)
        return bad_start(err, parser, source, text, len);
    if (!e)
        return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, problem, "%s%s%s", parser->problem,
                               parser->context ? " " : "", parser->context ? parser->context : "");
    if (e->place == AT_PROBLEM_NAMING_CONTEXT)
        return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, problem, "%sline %u", e->words, context.line);
    return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, e->place == AT_CONTEXT ? context : problem, "%s",
                           e->words);
}

bosun_mark bosun_yaml_locate(const char *text, size_t len, size_t offset)
{
    bosun_mark mark = {1, 1};
    for (size_t i = 0; i < offset && i < len; i++) {
        bool line_ends = text[i] == '\n' || (text[i] == '\r' && (i + 1 == len || text[i + 1] != '\n'));
        if (line_ends) {
            mark.line++;
            mark.column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80 && text[i] != '\r') {
            mark.column++;
        }
    }
    return mark;
}

static int reader_failure(bosun_err *err, const yaml_parser_t *parser, const char *source, const char *text,
                          size_t len)
{
    bosun_mark mark = bosun_yaml_locate(text, len, parser->problem_offset);
    if (strcmp(parser->problem, "control characters are not allowed") == 0)
        return bosun_yaml_fail(
            err, BOSUN_ERR_SYNTAX, source, mark,
            "the control character U+%04X is not allowed: remove it, or write it as an escape in "
            "double quotes",
            (unsigned)parser->problem_value);
    if (strcmp(parser->problem, "incomplete UTF-8 octet sequence") == 0)
        return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, mark,
                               "the text ends inside a UTF-8 character: save the file as UTF-8");
    return bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, mark,
                           "the text is not UTF-8 here (byte 0x%02X): save the file as UTF-8",
                           (unsigned)parser->problem_value & 0xFF);
}

int bosun_yaml_parser_failure(bosun_err *err, const yaml_parser_t *parser, const char *source,
                              const char *text, size_t len)
{
    switch (parser->error) {
    case YAML_MEMORY_ERROR: return bosun_err_nomem(err, "parse YAML");
    case YAML_READER_ERROR: return reader_failure(err, parser, source, text, len);
    default: return syntax_failure(err, parser, source, text, len);
    }
}
