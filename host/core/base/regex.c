/* regcomp and regexec of the C library, behind a reader of the pattern. The C library expands a counted
 * repetition
 * ("a{1,200}") and takes time that grows with the square of the text unless the pattern is anchored, so the
 * reader counts what the pattern expands to, and makes sure that it can be put into parentheses behind "^.*".
 */
#include "regex.h"
#include <regex.h>
#include <stdint.h>
#include <string.h>

#define OP         "regex"
#define MOST_DEPTH 32
#define MOST_ATOMS 2000 /* after repetitions are expanded; memory grows with the square */

/* What has been read of a pattern. */
typedef struct reader {
    const char *at, *end;
    uint32_t atoms[MOST_DEPTH];    /* in each open group, outermost first */
    uint32_t last;                 /* in the part that a repetition would repeat; 0: there is none */
    bool last_empty;               /* that part matches the empty text, too */
    bool before_empty[MOST_DEPTH]; /* so does all before it in the branch */
    bool some_empty[MOST_DEPTH];   /* so does an earlier branch of the group */
    bool repeated;                 /* the last character ended a repetition */
    int depth;
} reader;

static int refuse(bosun_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(bosun_err *err, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    bosun_buf buf = bosun_buf_fixed(text, sizeof text);
    bosun_buf_vprintf(&buf, format, args);
    va_end(args);
    return bosun_err_set(err, BOSUN_ERR_INVALID, OP, "%s", bosun_buf_text(&buf));
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Moves past a backslash and what follows it. */
static int skip_escape(reader *r, bosun_err *err)
{
    if (r->at + 1 >= r->end)
        return refuse(err, "a backslash at the end");
    char c = r->at[1];
    if (c == 'd' || c == 'w' || c == 's')
        return refuse(err, "\\%c is not part of POSIX extended regular expressions; expected %s", c,
                      c == 'd'   ? "[0-9]"
                      : c == 'w' ? "[[:alnum:]_]"
                                 : "[[:space:]]");
    if (c >= '1' && c <= '9')
        return refuse(err, "back references such as \\%c are not supported", c);
    if (is_letter_or_digit(c))
        return refuse(err, "\\%c is not part of POSIX extended regular expressions", c);
    r->at += 2;
    return 0;
}

/* Moves past "[…]": a "]" at its beginning and those of "[:alpha:]", "[.x.]" and "[=x=]" are part of it. */
static int skip_bracket(reader *r, bosun_err *err)
{
    const char *at = r->at + 1;
    at += at < r->end && *at == '^';
    at += at < r->end && *at == ']';
    for (; at < r->end && *at != ']'; at++) {
        if (*at == '\\' && at + 1 < r->end && is_letter_or_digit(at[1]))
            return refuse(err,
                          "a backslash within brackets is an ordinary character; [:digit:], [:alnum:] and "
                          "[:space:] are classes");
        if (*at != '[' || at + 1 >= r->end || !strchr(":.=", at[1]))
            continue;
        char close = at[1];
        for (at += 2; at + 1 < r->end && !(at[0] == close && at[1] == ']');)
            at++;
        at++;
    }
    if (at >= r->end)
        return refuse(err, "a [ has no ]");
    r->at = at + 1;
    return 0;
}

static uint32_t take_number(reader *r)
{
    uint32_t number = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
        number = number > MOST_ATOMS ? number : number * 10 + (uint32_t)(*r->at - '0');
    return number;
}

static int add_atoms(reader *r, uint64_t more, bosun_err *err)
{
    if (r->atoms[r->depth] + more > MOST_ATOMS)
        return refuse(err, "its repetitions, such as + and {1,200}, expand to more than %d parts",
                      MOST_ATOMS);
    r->atoms[r->depth] += (uint32_t)more;
    return 0;
}

/* The part before it is there `copies` times, and not at all where `least` is 0. */
static int repeat_last(reader *r, uint32_t least, uint32_t copies, bosun_err *err)
{
    uint64_t more = copies > 1 ? (uint64_t)r->last * (copies - 1) : 0;
    if (add_atoms(r, more, err) < 0)
        return -1;
    r->last += (uint32_t)more;
    r->last_empty = r->last_empty || least == 0;
    return 0;
}

/* Moves past "{2}", "{2,}" or "{2,5}". The C library says what is wrong with another. */
static int take_interval(reader *r, bosun_err *err)
{
    r->at++;
    uint32_t least = take_number(r);
    uint32_t copies = least;
    if (r->at < r->end && *r->at == ',') {
        r->at++;
        bool bounded = r->at < r->end && *r->at >= '0' && *r->at <= '9';
        uint32_t most = take_number(r);
        copies = !bounded ? least + 1 : most > least ? most : least;
    }
    while (r->at < r->end && *r->at++ != '}')
        continue;
    return repeat_last(r, least, copies, err);
}

static void begin_branch(reader *r)
{
    r->last = 0;
    r->last_empty = r->before_empty[r->depth] = true;
}

static bool is_branch_empty(const reader *r)
{
    return r->before_empty[r->depth] && r->last_empty;
}

static int take_parenthesis(reader *r, bosun_err *err)
{
    if (*r->at++ == '(') {
        if (r->depth + 1 >= MOST_DEPTH)
            return refuse(err, "its groups are nested more than %d deep", MOST_DEPTH - 1);
        r->before_empty[r->depth] = is_branch_empty(r);
        r->atoms[++r->depth] = 0;
        r->some_empty[r->depth] = false;
        begin_branch(r);
        return 0;
    }
    if (r->depth == 0)
        return refuse(err, "a ) has no (");
    r->last_empty = r->some_empty[r->depth] || is_branch_empty(r);
    r->last = r->atoms[r->depth--] + 1; /* an empty group counts, too */
    return add_atoms(r, r->last, err);
}

static int take_bar(reader *r, bosun_err *err)
{
    r->at++;
    r->some_empty[r->depth] = r->some_empty[r->depth] || is_branch_empty(r);
    begin_branch(r);
    return add_atoms(r, 1, err);
}

/* "^", "$" and GNU's "\<", "\>", "\`" and "\'" match no character. */
static bool is_anchor(const reader *r)
{
    bool escape = *r->at == '\\' && r->at + 1 < r->end;
    return *r->at == '^' || *r->at == '$' || (escape && strchr("<>`'", r->at[1]));
}

/* POSIX leaves undefined what "a**" means, and the C library takes time for it that doubles with each star.
 * The same holds for "(a*)*", and for the copies of "(a?){300}" it takes memory that grows with the square,
 * or more stack than there is. */
static int take_repetition(reader *r, bosun_err *err)
{
    if (r->repeated)
        return refuse(err, "two repetitions in a row, such as ** or +?");
    if (r->last > 0 && r->last_empty)
        return refuse(err, "a repetition of what may be empty, such as (a*)* or (a?){2}");
    r->repeated = true;
    if (*r->at == '{')
        return take_interval(r, err);
    char sign = *r->at++;
    return repeat_last(r, sign == '+', sign == '+' ? 2 : 1, err); /* the C library reads "a+" as "aa*" */
}

static int take_part(reader *r, bosun_err *err)
{
    if (strchr("*+?{", *r->at))
        return take_repetition(r, err);
    r->repeated = false;
    switch (*r->at) {
    case '(':
    case ')': return take_parenthesis(r, err);
    case '|': return take_bar(r, err);
    default: break;
    }
    bool before_empty = is_branch_empty(r);
    bool anchor = is_anchor(r);
    switch (*r->at) {
    case '\\':
        if (skip_escape(r, err) < 0)
            return -1;
        break;
    case '[':
        if (skip_bracket(r, err) < 0)
            return -1;
        break;
    default: r->at++;
    }
    r->before_empty[r->depth] = before_empty;
    r->last = 1;
    r->last_empty = anchor;
    return add_atoms(r, 1, err);
}

static int read_pattern(const char *pattern, size_t len, bosun_err *err)
{
    reader r = {.at = pattern, .end = pattern + len};
    if (len == 0)
        return refuse(err, "a regular expression is empty");
    if (len > BOSUN_REGEX_MOST_PATTERN)
        return refuse(err, "a regular expression is longer than %d bytes", BOSUN_REGEX_MOST_PATTERN);
    if (memchr(pattern, '\0', len))
        return refuse(err, "a regular expression contains a NUL byte");
    begin_branch(&r);
    while (r.at < r.end)
        if (take_part(&r, err) < 0)
            return -1;
    if (r.depth > 0)
        return refuse(err, "a ( has no )");
    return 0;
}

static int report(int code, const regex_t *compiled, bosun_err *err)
{
    char text[128];
    if (code == REG_ESPACE)
        return bosun_err_nomem(err, OP);
    regerror(code, compiled, text, sizeof text);
    if (text[0] >= 'A' && text[0] <= 'Z')
        text[0] = (char)(text[0] | 0x20);
    return bosun_err_set(err, BOSUN_ERR_INVALID, OP, "not a POSIX extended regular expression: %s", text);
}

/* Compiles the pattern so that it matches anywhere in time that grows with the text. */
static int compile(regex_t *compiled, const char *pattern, size_t len, bosun_err *err)
{
    char anchored[BOSUN_REGEX_MOST_PATTERN + 8];
    if (read_pattern(pattern, len, err) < 0)
        return -1;
    bosun_buf buf = bosun_buf_fixed(anchored, sizeof anchored);
    bosun_buf_puts(&buf, "^.*(");
    bosun_buf_append(&buf, pattern, len);
    bosun_buf_puts(&buf, ")");
    int code = regcomp(compiled, bosun_buf_text(&buf), REG_EXTENDED | REG_NOSUB);
    return code == 0 ? 0 : report(code, compiled, err);
}

int bosun_regex_check(const char *pattern, size_t len, bosun_err *err)
{
    regex_t compiled;
    if (compile(&compiled, pattern, len, err) < 0)
        return -1;
    regfree(&compiled);
    return 0;
}

int bosun_regex_match(const char *pattern, size_t pattern_len, const char *text, size_t len, bool *matches,
                      bosun_err *err)
{
    regex_t compiled;
    if (len > BOSUN_REGEX_MOST_TEXT)
        return bosun_err_set(
            err, BOSUN_ERR_TOO_LARGE, OP,
            "a text of %zu bytes is too long for a regular expression; at most %d are allowed", len,
            BOSUN_REGEX_MOST_TEXT);
    if (memchr(text, '\0', len))
        return refuse(err, "a text with a NUL byte cannot be compared with a regular expression");
    if (compile(&compiled, pattern, pattern_len, err) < 0)
        return -1;
    int code = regexec(&compiled, text, 0, NULL, 0);
    *matches = code == 0;
    int rc = code == 0 || code == REG_NOMATCH ? 0 : report(code, &compiled, err);
    regfree(&compiled);
    return rc;
}
