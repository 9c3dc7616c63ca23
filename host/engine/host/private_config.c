/* Where the plugin's private config is. One that the embedder has in memory becomes a file in memory, which
 * plugins read as any other. Its path, "/proc/self/fd/7", would tell people nothing: texts for them have a
 * name in its place. */
#include "core/fs/fs.h"
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_SIZE 40

/* Makes the file, which nobody can change afterwards. */
static int make_file(bosun_host *host, const bosun_load_options *options, bosun_err *err)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    host->config_fd = memfd_create("private config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (host->config_fd < 0)
        return bosun_err_errno(err, errno, "create", "the private config in memory");
    if (bosun_fs_write_all(host->config_fd, options->private_config_text, options->private_config_len,
                           "the private config in memory", err) < 0)
        return -1;
    if (fcntl(host->config_fd, F_ADD_SEALS, seals) < 0)
        return bosun_err_errno(err, errno, "seal", "the private config in memory");
    return 0;
}

int host_keep_private_config(bosun_host *host, const bosun_load_options *options, bosun_err *err)
{
    char path[PATH_SIZE];
    const char *given = options->private_config;
    if (!options->private_config_text) {
        host->private_config = given ? strdup(given) : NULL;
        return given && !host->private_config ? bosun_err_nomem(err, "load the plugin") : 0;
    }
    if (make_file(host, options, err) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", host->config_fd);
    host->private_config = strdup(path);
    host->config_name = strdup(given ? given : "private config");
    if (!host->private_config || !host->config_name)
        return bosun_err_nomem(err, "load the plugin");
    host->secrets.hidden_path = host->private_config;
    host->secrets.shown_name = host->config_name;
    return 0;
}

void host_forget_private_config(bosun_host *host)
{
    if (host->config_fd >= 0)
        close(host->config_fd);
    host->config_fd = -1;
    host->secrets.hidden_path = host->secrets.shown_name = NULL;
    free(host->private_config);
    free(host->config_name);
    host->private_config = host->config_name = NULL;
}
