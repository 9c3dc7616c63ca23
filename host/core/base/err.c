/* Filling bosun_err, and its text. Nothing here allocates, but for what bosun_err_text appends. */
#include "err.h"
#include <stdio.h>
#include <string.h>

#define CUT "…"

/* Length of the longest prefix of text[0..len) that does not end inside a UTF-8 sequence. */
static size_t whole_characters(const char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
        return len;
    return bosun_utf8_sequence(text + start - 1, len - start + 1) ? len : start - 1;
}

/* Lets the text of `len` bytes end in CUT and a NUL, within `size`. Returns the new length. */
static size_t cut(char *text, size_t len, size_t size)
{
    size_t kept = whole_characters(text, len < size - sizeof CUT ? len : size - sizeof CUT);
    memcpy(text + kept, CUT, sizeof CUT);
    return kept + sizeof CUT - 1;
}

/* Formats into `out`. Returns the length; a text that is too long is cut. */
static size_t format_text(char *out, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(out, size, format, args);
    if (n < 0) {
        out[0] = '\0';
        return 0;
    }
    return (size_t)n < size ? (size_t)n : cut(out, size - 1, size);
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size);
    memcpy(out, text, len < size ? len + 1 : size);
    if (len == size)
        cut(out, size - 1, size);
}

int bosun_err_set(bosun_err *err, const char *code, const char *op, const char *format, ...)
{
    if (!err)
        return -1;
    char message[BOSUN_ERR_MESSAGE_MAX]; /* the arguments may be parts of *err */
    va_list args;
    va_start(args, format);
    size_t len = format_text(message, sizeof message, format, args);
    va_end(args);
    memmove(err->code, code, strnlen(code, sizeof err->code - 1) + 1);
    err->code[sizeof err->code - 1] = '\0';
    memmove(err->op, op, strnlen(op, sizeof err->op - 1) + 1);
    err->op[sizeof err->op - 1] = '\0';
    memcpy(err->message, message, len + 1);
    err->cause = 0;
    err->several = false;
    err->line = err->column = 0;
    err->file[0] = err->path[0] = err->hint[0] = '\0';
    err->retry = BOSUN_RETRY_BY_CODE;
    return -1;
}

const char *bosun_err_name(int errnum)
{
    const char *name = strerrorname_np(errnum);
    return name ? name : "EUNKNOWN";
}

int bosun_err_errno_as(bosun_err *err, int errnum, const char *op, const char *words, const char *path)
{
    const char *text = strerrordesc_np(errnum);
    return bosun_err_set(err, bosun_err_name(errnum), op, "cannot %s %s: %s (%s)", words, path,
                         text ? text : "unknown error", bosun_err_name(errnum));
}

int bosun_err_errno(bosun_err *err, int errnum, const char *op, const char *path)
{
    return bosun_err_errno_as(err, errnum, op, op, path);
}

int bosun_err_nomem(bosun_err *err, const char *op)
{
    return bosun_err_set(err, BOSUN_ERR_NOMEM, op, "cannot %s: out of memory", op);
}

int bosun_err_context(bosun_err *err, const char *format, ...)
{
    if (!err)
        return -1;
    char front[512];
    va_list args;
    va_start(args, format);
    size_t front_len = format_text(front, sizeof front, format, args);
    va_end(args);
    size_t len = strlen(err->message);
    if (front_len + len >= BOSUN_ERR_MESSAGE_MAX)
        len = cut(err->message, len, BOSUN_ERR_MESSAGE_MAX - front_len);
    memmove(err->message + front_len, err->message, len);
    memcpy(err->message, front, front_len);
    err->message[front_len + len] = '\0';
    err->cause += front_len;
    return -1;
}

/* The end of a long file name says more than its beginning; it starts at a folder when that can be. */
static const char *shown_file(const char *file)
{
    size_t len = strlen(file);
    if (len < BOSUN_ERR_FILE_MAX)
        return file;
    const char *end = file + len - (BOSUN_ERR_FILE_MAX - 1);
    const char *slash = strchr(end, '/');
    return slash && slash[1] ? slash + 1 : end;
}

int bosun_err_at(bosun_err *err, const char *file, unsigned line, unsigned column, const char *path)
{
    if (!err)
        return -1;
    copy_text(err->file, sizeof err->file, shown_file(file));
    err->line = line;
    err->column = column;
    copy_text(err->path, sizeof err->path, path ? path : "");
    return -1;
}

void bosun_err_text(bosun_buf *out, const bosun_err *err)
{
    if (err->file[0] && (err->line > 0 || err->path[0])) {
        bosun_buf_puts(out, err->file);
        if (err->line > 0)
            bosun_buf_printf(out, ":%u", err->line);
        if (err->line > 0 && err->column > 0)
            bosun_buf_printf(out, ":%u", err->column);
        bosun_buf_puts(out, ": ");
    }
    if (err->path[0])
        bosun_buf_printf(out, "%s: ", err->path);
    bosun_buf_puts(out, err->message);
}
