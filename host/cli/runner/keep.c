/* What is kept of a run, while it lasts. */
#include "keep.h"
#include "core/base/log.h"
#include "core/config_secrets.h"
#include "core/fs/fs.h"
#include "core/yaml/yaml.h"
#include "engine/host/redaction.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const keep_names[KEEP_PARTS] = {
    [KEEP_STATUS] = "status.yaml",
    [KEEP_LOG] = "log.jsonl",
    [KEEP_CONFIG] = "config.yaml",
    [KEEP_PRIVATE] = "private-config.yaml",
};

int keep_begin(keep *k, const options *opt, bosun_err *err)
{
    *k = KEEP_NOTHING;
    for (size_t i = 0; opt->keep_runs && i < KEEP_PARTS; i++) {
        k->fds[i] = memfd_create(keep_names[i], MFD_CLOEXEC);
        if (k->fds[i] < 0) {
            bosun_err_errno(err, errno, "create", "a memory file for --keep-runs");
            keep_end(k);
            return -1;
        }
    }
    return 0;
}

void keep_end(keep *k)
{
    for (size_t i = 0; i < KEEP_PARTS; i++)
        if (k->fds[i] >= 0)
            close(k->fds[i]);
    *k = KEEP_NOTHING;
}

/* Better nothing than a part. */
static void replace(int fd, const char *text, size_t len)
{
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) != (ssize_t)len && ftruncate(fd, 0) < 0)
        return;
}

void keep_status(const keep *k, const char *text, size_t len)
{
    if (k->fds[KEEP_STATUS] >= 0)
        replace(k->fds[KEEP_STATUS], text, len);
}

/* A regular file alone: a FIFO has no second copy. */
static int read_config(const char *path, bosun_buf *text)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    return bosun_fs_read(path, BOSUN_YAML_MAX_BYTES, text, NULL, NULL);
}

static void keep_config(int fd, const char *path, const bosun_host *host)
{
    bosun_buf text = {0};
    bosun_buf known = {0};
    bosun_buf clean = {0};
    bosun_secrets more = {0};
    int rc = read_config(path, &text);
    if (rc == 0)
        rc = bosun_config_add_text_secrets(&more, bosun_buf_text(&text), text.len, true);
    if (rc == 0) {
        host_redact(host, &known, bosun_buf_text(&text), text.len);
        bosun_redact(&clean, &more, bosun_buf_text(&known), known.len);
    }
    if (rc == 0 && !known.failed && !clean.failed)
        replace(fd, bosun_buf_text(&clean), clean.len);
    bosun_secrets_free(&more);
    bosun_buf_free(&text);
    bosun_buf_free(&known);
    bosun_buf_free(&clean);
}

void keep_configs(const keep *k, const options *opt, const bosun_host *host)
{
    if (k->fds[KEEP_CONFIG] >= 0 && opt->config)
        keep_config(k->fds[KEEP_CONFIG], opt->config, host);
    if (k->fds[KEEP_PRIVATE] >= 0 && opt->private_config)
        keep_config(k->fds[KEEP_PRIVATE], opt->private_config, host);
}
