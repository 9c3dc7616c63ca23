/* The files that a command line names. The runner writes the status file and the trace, and must not write to
 * another file that it is given, whatever name, symbolic link or hard link that goes by. */
#include "core/fs/fs.h"
#include "options.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    int has_a = stat(a, &x);
    int has_b = stat(b, &y);
    if (has_a == 0 && has_b == 0) /* a character device, such as /dev/null, can be written and read at once */
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino && !S_ISCHR(x.st_mode);
    char new_a[PATH_MAX];
    char new_b[PATH_MAX];
    return has_a == has_b && bosun_fs_resolve_new(a, new_a) && bosun_fs_resolve_new(b, new_b) &&
           strcmp(new_a, new_b) == 0;
}

/* A plugin's path may lack the ".lua" of its file. A name is looked up elsewhere. */
static bool is_plugin_file(const char *plugin, const char *path)
{
    size_t len = strlen(plugin);
    if (!strchr(plugin, '/') && (len < 4 || strcmp(plugin + len - 4, ".lua") != 0))
        return false;
    char file[PATH_MAX];
    bosun_buf out = bosun_buf_fixed(file, sizeof file);
    bosun_buf_printf(&out, "%s.lua", plugin);
    return same_file(path, plugin) || (!out.failed && same_file(path, file));
}

static int refuse(const char *output, const char *other, const char *path, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "%s and %s are the same file, %s, which would be overwritten: choose another for %s",
                         output, other, path, output);
}

/* Refuses to write to a file that is read. */
static int check_output(const options *opt, const char *name, const char *path, bosun_err *err)
{
    if (opt->config && same_file(path, opt->config))
        return refuse(name, "--config", path, err);
    if (opt->private_config && same_file(path, opt->private_config))
        return refuse(name, "--private-config", path, err);
    if (opt->plugin && is_plugin_file(opt->plugin, path))
        return refuse(name, "--plugin", path, err);
    return 0;
}

static int check_status_file(const options *opt, bosun_err *err)
{
    if (!opt->status_file)
        return 0;
    if (opt->trace_file && same_file(opt->trace_file, opt->status_file))
        return refuse("--trace", "--status-file", opt->trace_file, err);
    return check_output(opt, "--status-file", opt->status_file, err);
}

int options_check_files(options *opt, bosun_err *err)
{
    if (check_status_file(opt, err) < 0) {
        opt->status_file = NULL; /* not even the status that reports this goes there */
        return -1;
    }
    return opt->trace_file ? check_output(opt, "--trace", opt->trace_file, err) : 0;
}
