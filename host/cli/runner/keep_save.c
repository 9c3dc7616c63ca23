/* The folder of a run: written under another name, and renamed once it is complete. */
#include "core/base/log.h"
#include "core/base/wait.h"
#include "core/fs/fs.h"
#include "keep.h"
#include "keep_facts.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODE_FOLDER 0700
#define MODE_FILE   0600

typedef struct saving {
    const char *where; /* the folder of all runs, for messages */
    int dir;           /* -1: not open */
    int folder;        /* of this run; -1: not open */
    char name[128];
    char unfinished[160];
    bosun_secrets secrets;
} saving;

static const char unknown_secrets[] =
    "# Not kept: the action ended before it was known which of the values are secret.\n";

/* 20261128T190001.123Z-deployment_start-4711: names in order are runs in order. */
static void make_names(saving *s, const keep_run *run)
{
    char when[32] = "";
    struct tm parts;
    time_t seconds = (time_t)(run->started / BOSUN_SECOND);
    if (gmtime_r(&seconds, &parts))
        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%S", &parts);
    int ms = (int)(run->started / 1000000 % 1000);
    snprintf(s->name, sizeof s->name, "%.20s.%03dZ-%.40s-%d", when, ms, run->options->action->name,
             (int)getpid());
    snprintf(s->unfinished, sizeof s->unfinished, KEEP_UNFINISHED "%s", s->name);
}

/* The path of a file of the run, or of its folder, for messages. */
static const char *path_of(const saving *s, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.3000s/%.160s%s%.100s", s->where, s->unfinished, name ? "/" : "", name ? name : "");
    return out;
}

static int failed(const saving *s, const char *name, bosun_err *err)
{
    char path[PATH_MAX];
    int errnum = errno;
    return bosun_err_errno(err, errnum, "write", path_of(s, name, path, sizeof path));
}

static int open_folders(saving *s, bosun_err *err)
{
    if (bosun_fs_mkdir(s->where, MODE_FOLDER, true, err) < 0)
        return -1;
    s->dir = open(s->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0)
        return bosun_err_errno(err, errno, "open", s->where);
    if (mkdirat(s->dir, s->unfinished, MODE_FOLDER) < 0)
        return failed(s, NULL, err);
    s->folder = openat(s->dir, s->unfinished, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return s->folder < 0 ? failed(s, NULL, err) : 0;
}

static int write_file(const saving *s, const char *name, const char *text, size_t len, bosun_err *err)
{
    int fd = openat(s->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_FILE);
    if (fd < 0)
        return failed(s, name, err);
    char path[PATH_MAX];
    int rc = bosun_fs_write_all(fd, text, len, path_of(s, name, path, sizeof path), err);
    if (close(fd) < 0 && rc == 0)
        rc = failed(s, name, err);
    return rc;
}

/* Writes a file without what is secret. */
static int write_clean(const saving *s, const char *name, const char *text, size_t len, bosun_err *err)
{
    bosun_buf clean = {0};
    bosun_redact(&clean, &s->secrets, text, len);
    int rc = clean.failed ? bosun_err_nomem(err, "keep the run")
                          : write_file(s, name, bosun_buf_text(&clean), clean.len, err);
    bosun_buf_free(&clean);
    return rc;
}

static int read_all(int fd, bosun_buf *out, bosun_err *err)
{
    char piece[16384];
    ssize_t n = 0;
    for (off_t at = 0; !out->failed && (n = pread(fd, piece, sizeof piece, at)) != 0; at += n > 0 ? n : 0) {
        if (n < 0 && errno != EINTR)
            return bosun_err_errno(err, errno, "read", "a memory file");
        bosun_buf_append(out, piece, n > 0 ? (size_t)n : 0);
    }
    return out->failed ? bosun_err_nomem(err, "keep the run") : 0;
}

static int save_part(const saving *s, const keep *k, keep_part part, const options *opt, bosun_err *err)
{
    bool is_config = part == KEEP_CONFIG || part == KEEP_PRIVATE;
    bool given = part == KEEP_CONFIG ? opt->config != NULL : opt->private_config != NULL;
    bosun_buf text = {0};
    int rc = read_all(k->fds[part], &text, err);
    if (rc == 0 && is_config && given && text.len == 0)
        rc = write_file(s, keep_names[part], unknown_secrets, sizeof unknown_secrets - 1, err);
    else if (rc == 0 && (!is_config || given))
        rc = write_clean(s, keep_names[part], bosun_buf_text(&text), text.len, err);
    bosun_buf_free(&text);
    return rc;
}

static int save_facts(const saving *s, const keep_run *run, bosun_err *err)
{
    bosun_buf text = {0};
    keep_facts_write(&text, run);
    int rc = text.failed ? bosun_err_nomem(err, "keep the run")
                         : write_clean(s, KEEP_FACTS, text.data, text.len, err);
    bosun_buf_free(&text);
    return rc;
}

static int save(saving *s, const keep *k, const keep_run *run, bosun_err *err)
{
    if (keep_facts_secrets(&s->secrets, run->options) < 0)
        return bosun_err_nomem(err, "keep the run");
    if (open_folders(s, err) < 0 || save_facts(s, run, err) < 0)
        return -1;
    for (keep_part part = 0; part < KEEP_PARTS; part++)
        if (save_part(s, k, part, run->options, err) < 0)
            return -1;
    return renameat(s->dir, s->unfinished, s->dir, s->name) < 0 ? failed(s, NULL, err) : 0;
}

/* What a failure has left: half a run would mislead. */
static void discard(const saving *s)
{
    for (keep_part part = 0; part < KEEP_PARTS; part++)
        (void)unlinkat(s->folder, keep_names[part], 0);
    (void)unlinkat(s->folder, KEEP_FACTS, 0);
    (void)unlinkat(s->dir, s->unfinished, AT_REMOVEDIR);
}

int keep_save(const keep *k, const keep_run *run, bosun_err *err)
{
    if (k->fds[0] < 0)
        return 0;
    char where[PATH_MAX];
    const options *opt = run->options;
    snprintf(where, sizeof where, "%.*s", (int)opt->keep_len, opt->keep_runs);
    saving s = {.where = where, .dir = -1, .folder = -1};
    make_names(&s, run);
    int rc = save(&s, k, run, err);
    if (rc < 0 && s.folder >= 0)
        discard(&s);
    else if (rc == 0)
        keep_prune(s.dir, opt->keep_count);
    if (s.folder >= 0)
        close(s.folder);
    if (s.dir >= 0)
        close(s.dir);
    bosun_secrets_free(&s.secrets);
    return rc;
}
