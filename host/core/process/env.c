/* The environment of a child, and finding programs in PATH.
 *
 * Unless clear_env is set, a child inherits PATH, HOME, USER, LOGNAME, TMPDIR, TZ, LANG, LANGUAGE and LC_*;
 * the proxies http_proxy, https_proxy, ftp_proxy, all_proxy and no_proxy in either case; SSL_CERT_FILE and
 * SSL_CERT_DIR, which go with them; and BOSUN_RUN_ID, for programs that write a log. TRACEPARENT is that of
 * the call. Everything else, credentials above all, has to be passed by name, or with whole_env.
 *
 * Every child also gets BOSUN_CHILD: one random word for each process of this library that it descends from.
 * tree.c uses it to find descendants that have left their session and parent. */
#include "core/base/trace_context.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_NAME  "BOSUN_CHILD"
#define MARKERS_MAX  1024 /* length of an inherited value; a longer one is dropped */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static bool same_name(const char *entry, const char *name)
{
    size_t len = strcspn(name, "=");
    return strncmp(entry, name, len) == 0 && (entry[len] == '=' || entry[len] == '\0');
}

static bool is_allowed(const char *entry)
{
    static const char *const exact[] = {"PATH",          "HOME",         "USER",        "LOGNAME",
                                        "TMPDIR",        "TZ",           "LANG",        "LANGUAGE",
                                        "SSL_CERT_FILE", "SSL_CERT_DIR", "BOSUN_RUN_ID"};
    static const char *const any_case[] = {
        "http_proxy=", "https_proxy=", "ftp_proxy=", "all_proxy=", "no_proxy="};
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
        if (same_name(entry, exact[i]))
            return true;
    for (size_t i = 0; i < sizeof any_case / sizeof any_case[0]; i++)
        if (strncasecmp(entry, any_case[i], strlen(any_case[i])) == 0)
            return true;
    return strncmp(entry, "LC_", 3) == 0;
}

static bool is_changed(const bosun_process_options *options, const char *entry)
{
    for (size_t at = 0; at < options->env_len; at += strlen(options->env + at) + 1)
        if (same_name(entry, options->env + at))
            return true;
    return false;
}

/* The child gets another value than this process. */
static bool is_replaced(const bosun_process_options *options, const char *entry)
{
    return same_name(entry, MARKER_NAME) || (options->traceparent && same_name(entry, BOSUN_TRACE_VARIABLE));
}

static void add(bosun_buf *text, const char *entry)
{
    bosun_buf_append(text, entry, strlen(entry) + 1);
}

static void add_inherited(bosun_buf *text, const bosun_process_options *options)
{
    for (char **entry = environ; entry && *entry; entry++)
        if ((options->whole_env || is_allowed(*entry)) && !is_changed(options, *entry) &&
            !is_replaced(options, *entry))
            add(text, *entry);
}

static void add_traceparent(bosun_buf *text, const bosun_process_options *options)
{
    if (!options->traceparent || is_changed(options, BOSUN_TRACE_VARIABLE))
        return;
    bosun_buf_printf(text, BOSUN_TRACE_VARIABLE "=%s", options->traceparent);
    bosun_buf_putc(text, '\0');
}

static void add_changes(bosun_buf *text, const bosun_process_options *options)
{
    for (size_t at = 0; at < options->env_len; at += strlen(options->env + at) + 1)
        if (strchr(options->env + at, '=') && !same_name(options->env + at, MARKER_NAME))
            add(text, options->env + at);
}

static void add_marker(bosun_buf *text, const char *marker)
{
    const char *inherited = getenv(MARKER_NAME);
    bool known = inherited && *inherited && strlen(inherited) < MARKERS_MAX;
    bosun_buf_printf(text, "%s=%s%s%s", MARKER_NAME, known ? inherited : "", known ? ":" : "", marker);
    bosun_buf_putc(text, '\0');
}

static int make_list(bosun_process_env *env)
{
    size_t count = 0;
    for (size_t at = 0; at < env->text.len; at++)
        count += env->text.data[at] == '\0';
    env->list = env->text.failed ? NULL : calloc(count + 1, sizeof *env->list);
    if (!env->list)
        return -1;
    char *entry = env->text.data;
    for (size_t i = 0; i < count; i++, entry += strlen(entry) + 1)
        env->list[i] = entry;
    return 0;
}

int bosun_process_env_make(bosun_process_env *env, const bosun_process_options *options, const char *marker)
{
    if (!options->clear_env) {
        add_inherited(&env->text, options);
        add_traceparent(&env->text, options);
    }
    add_changes(&env->text, options);
    add_marker(&env->text, marker);
    return make_list(env);
}

void bosun_process_env_free(bosun_process_env *env)
{
    if (env->text.data)
        explicit_bzero(env->text.data, env->text.cap);
    bosun_buf_free(&env->text);
    free(env->list);
    *env = (bosun_process_env){0};
}

const char *bosun_process_env_get(const bosun_process_env *env, const char *name)
{
    for (char **entry = env->list; *entry; entry++)
        if (same_name(*entry, name))
            return *entry + strlen(name) + 1;
    return NULL;
}

/* 0, or the errno value that says why the path is not an executable program. */
static int check_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == EACCES ? EACCES : ENOENT;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? EACCES : 0;
}

/* The same for the program `name` in one folder. Its path replaces the content of `out` from `start` on. */
static int try_folder(bosun_buf *out, size_t start, const char *folder, size_t len, const char *name)
{
    out->len = start;
    bosun_buf_append(out, folder, len);
    bosun_buf_putc(out, '/');
    bosun_buf_puts(out, name);
    struct stat st;
    if (out->failed)
        return ENOMEM;
    /* A folder of somebody else's PATH, /root/bin after su, may not be entered: nothing is found there. */
    return stat(out->data + start, &st) < 0 ? ENOENT : check_program(out->data + start);
}

/* Like execvp: a program that is not executable does not end the search, but makes it fail with EACCES if no
 * other is found. */
static int search(bosun_buf *out, const char *name, const char *path)
{
    size_t start = out->len;
    int result = ENOENT;
    while (*path) {
        size_t len = strcspn(path, ":");
        int found = path[0] == '/' ? try_folder(out, start, path, len, name) : ENOENT;
        if (found == 0 || found == ENOMEM)
            return found;
        result = found == EACCES ? EACCES : result;
        path += len + (path[len] == ':');
    }
    return result;
}

int bosun_process_find(bosun_buf *out, const char *name, const char *path)
{
    if (!*name)
        return ENOENT;
    if (!strchr(name, '/'))
        return search(out, name, path ? path : DEFAULT_PATH);
    bosun_buf_puts(out, name);
    return out->failed ? ENOMEM : check_program(name);
}
