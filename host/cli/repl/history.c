/* The history's file. Several sessions may append to it; a session that finds it long shortens it. */
#include "history.h"
#include "core/base/redact.h"
#include "core/base/url.h"
#include "core/fs/fs.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_BYTES ((size_t)256 * 1024) /* a longer file is halved */

static bool state_folder(bosun_buf *path)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state && state[0] == '/') /* the standard ignores relative ones */
        bosun_buf_printf(path, "%s/bosun", state);
    else if (home && home[0] == '/')
        bosun_buf_printf(path, "%s/.local/state/bosun", home);
    return path->len > 0 && !path->failed;
}

bool history_path(bosun_buf *path)
{
    bool found = state_folder(path);
    bosun_buf_puts(path, found ? "/history" : "");
    return found && !path->failed;
}

/* Halves a file that has grown long. */
static void shorten(const char *path, const bosun_buf *lines)
{
    bosun_err err = {0};
    const char *half = lines->data + lines->len / 2;
    const char *newline = strchr(half, '\n');
    const bosun_fs_write_options options = {.mode = 0600, .no_sync = true};
    if (newline && bosun_fs_write_atomic(path, newline + 1, strlen(newline + 1), &options, &err) < 0)
        return; /* it stays long: the next session tries again */
}

void history_read(bosun_buf *lines)
{
    bosun_buf path = {0};
    bosun_err err = {0};
    if (history_path(&path) && bosun_fs_read(path.data, KEPT_BYTES * 16, lines, NULL, &err) == 0 &&
        lines->len > KEPT_BYTES && !lines->failed)
        shorten(path.data, lines);
    bosun_buf_free(&path);
}

static int add_to(const char *path, const char *line, bosun_err *err)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s\n", line);
    int rc = text.failed ? bosun_err_nomem(err, "keep the history")
                         : bosun_fs_append(path, text.data, text.len, 0600, err);
    bosun_buf_free(&text);
    struct stat st;
    if (rc == 0 && stat(path, &st) == 0 && (st.st_mode & 077) && S_ISREG(st.st_mode) && chmod(path, 0600) < 0)
        return bosun_err_errno(err, errno, "make private", path);
    return rc;
}

int history_add(const char *line, bosun_err *err)
{
    bosun_buf folder = {0};
    bosun_buf path = {0};
    int rc = 0;
    if (state_folder(&folder) && history_path(&path)) {
        rc = bosun_fs_mkdir(folder.data, 0700, true, err);
        if (rc == 0)
            rc = add_to(path.data, line, err);
    }
    bosun_buf_free(&folder);
    bosun_buf_free(&path);
    return rc;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Does a value follow? `token = "x"`, `["token"]: x`, but not `token == x`. */
static bool gets_value(const char *after)
{
    after += strspn(after, "\"' ]");
    return (*after == '=' && after[1] != '=') || (*after == ':' && !is_word(after[1]));
}

static bool makes_secret(const char *word, size_t len, const char *after)
{
    return len == 6 && memcmp(word, "secret", 6) == 0 && strncmp(after, ".new", 4) == 0;
}

static bool has_credentials(const char *line)
{
    for (const char *at = line; (at = strstr(at, "://")); at += 3) {
        const char *start = at;
        while (start > line && is_word(start[-1]))
            start--;
        if (bosun_url_credentials(start, strcspn(start, " \"'")).at)
            return true;
    }
    return false;
}

bool history_hides(const char *line)
{
    for (const char *at = line; *at;) {
        size_t len = 0;
        while (is_word(at[len]))
            len++;
        if (len > 0 &&
            ((bosun_names_secret(at, len) && gets_value(at + len)) || makes_secret(at, len, at + len)))
            return true;
        at += len ? len : 1;
    }
    return has_credentials(line) || strstr(line, "Bearer ") || strstr(line, "Basic ");
}
