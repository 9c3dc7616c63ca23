/* Paths as text. Nothing here looks at the file system, so symlinks are not resolved. */
#include "path.h"
#include <string.h>

static const char *skip_slashes(const char *s)
{
    return s + strspn(s, "/");
}

void bosun_path_join(bosun_buf *out, const char *a, const char *b)
{
    if (*b != '/' && *a != '\0') {
        bosun_buf_puts(out, a);
        if (a[strlen(a) - 1] != '/')
            bosun_buf_putc(out, '/');
    }
    bosun_buf_puts(out, b);
}

static void cut(bosun_buf *out, size_t len)
{
    if (out->failed || len == out->len)
        return;
    out->len = len;
    out->data[len] = '\0';
}

/* Drops the last component of out[start..] for a "..". False: there is none, or it is a ".." itself. */
static bool drop_last(bosun_buf *out, size_t start)
{
    if (out->failed || out->len == start)
        return false;
    size_t at = out->len;
    while (at > start && out->data[at - 1] != '/')
        at--;
    if (strcmp(out->data + at, "..") == 0)
        return false;
    cut(out, at > start ? at - 1 : start);
    return true;
}

static void append_component(bosun_buf *out, size_t start, const char *name, size_t len)
{
    if (out->len > start)
        bosun_buf_putc(out, '/');
    bosun_buf_append(out, name, len);
}

void bosun_path_norm(bosun_buf *out, const char *path)
{
    bool absolute = *path == '/';
    size_t first = out->len;
    if (absolute)
        bosun_buf_putc(out, '/');
    size_t start = out->len;
    for (const char *s = skip_slashes(path); *s; s = skip_slashes(s)) {
        size_t len = strcspn(s, "/");
        bool dot = len == 1 && s[0] == '.';
        bool up = len == 2 && s[0] == '.' && s[1] == '.';
        if (!dot && !(up && (drop_last(out, start) || absolute)))
            append_component(out, start, s, len);
        s += len;
    }
    if (out->len == first)
        bosun_buf_putc(out, '.');
}

const char *bosun_path_basename(const char *path, size_t *len)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *len = end - start;
    return path + start;
}

static bool climbs(const char *path)
{
    return strncmp(path, "..", 2) == 0 && (path[2] == '/' || path[2] == '\0');
}

/* Both paths are normalised. */
static bool starts_with_path(const char *base, const char *p)
{
    if ((*base == '/') != (*p == '/'))
        return false;
    if (strcmp(base, ".") == 0)
        return !climbs(p);
    size_t len = strlen(base);
    if (strncmp(base, p, len) != 0)
        return false;
    if (p[len] == '\0' || base[len - 1] == '/')
        return true;
    return p[len] == '/' && !climbs(p + len + 1); /* "../.." is above "..", not in it */
}

bool bosun_path_is_within(const char *base, const char *p)
{
    bosun_buf b = {0};
    bosun_buf q = {0};
    bosun_path_norm(&b, base);
    bosun_path_norm(&q, p);
    bool within = !b.failed && !q.failed && starts_with_path(b.data, q.data);
    bosun_buf_free(&b);
    bosun_buf_free(&q);
    return within;
}

static bool is_control(const char *s, size_t size)
{
    unsigned char c = (unsigned char)s[0];
    bool c1 = size == 2 && c == 0xC2 && (unsigned char)s[1] < 0xA0;
    return c < 0x20 || c == 0x7F || c1;
}

static int check_characters(const char *text, size_t len, const char *what, bosun_err *err)
{
    for (size_t at = 0, size; at < len; at += size) {
        size = bosun_utf8_sequence(text + at, len - at);
        if (size == 0)
            return bosun_err_set(err, BOSUN_ERR_INVALID, "check", "%s is not valid UTF-8 (at byte %zu)", what,
                                 at + 1);
        if (text[at] == '/')
            return bosun_err_set(err, BOSUN_ERR_INVALID, "check", "%s contains a '/' (at byte %zu)", what,
                                 at + 1);
        if (is_control(text + at, size))
            return bosun_err_set(err, BOSUN_ERR_INVALID, "check",
                                 "%s contains a control character (at byte %zu)", what, at + 1);
    }
    return 0;
}

int bosun_path_check_component(const char *text, size_t len, size_t max, const char *what, bosun_err *err)
{
    if (len == 0)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "check", "%s is empty", what);
    if (len > max)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "check", "%s is too long: %zu bytes, at most %zu", what,
                             len, max);
    if (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')))
        return bosun_err_set(err, BOSUN_ERR_INVALID, "check", "%s cannot be \"%.*s\"", what, (int)len, text);
    return check_characters(text, len, what, err);
}
