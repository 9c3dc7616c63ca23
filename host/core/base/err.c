/* Filling bosun_err: formatting, errno names, context. Nothing here allocates. */
#include "err.h"
#include "buf.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static void format_message(char *out, const char *format, va_list args)
{
    int n = vsnprintf(out, BOSUN_ERR_MESSAGE_MAX, format, args);
    if (n >= BOSUN_ERR_MESSAGE_MAX)
        out[whole_characters(out, BOSUN_ERR_MESSAGE_MAX - 1)] = '\0';
}

int bosun_err_set(bosun_err *err, const char *code, const char *op, const char *format, ...)
{
    if (!err)
        return -1;
    err->code = code;
    err->op = op;
    va_list args;
    va_start(args, format);
    format_message(err->message, format, args);
    va_end(args);
    return -1;
}

const char *bosun_err_name(int errnum)
{
    const char *name = strerrorname_np(errnum);
    return name ? name : "EUNKNOWN";
}

int bosun_err_errno(bosun_err *err, int errnum, const char *op, const char *path)
{
    const char *text = strerrordesc_np(errnum);
    return bosun_err_set(err, bosun_err_name(errnum), op, "cannot %s %s: %s (%s)", op, path,
                         text ? text : "unknown error", bosun_err_name(errnum));
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
    int n = vsnprintf(front, sizeof front, format, args);
    va_end(args);
    if (n < 0)
        return -1;
    size_t front_len = (size_t)n < sizeof front ? (size_t)n : whole_characters(front, sizeof front - 1);
    size_t len = strlen(err->message);
    if (front_len + len >= BOSUN_ERR_MESSAGE_MAX)
        len = whole_characters(err->message, BOSUN_ERR_MESSAGE_MAX - 1 - front_len);
    memmove(err->message + front_len, err->message, len);
    memcpy(err->message, front, front_len);
    err->message[front_len + len] = '\0';
    return -1;
}
