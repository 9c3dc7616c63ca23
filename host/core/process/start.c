/* Starting a program: pipes, environment, lookup, posix_spawn. */
#include "core/base/crypto.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is needed only while starting. */
typedef struct launch {
    const bosun_process_options *options;
    bosun_process_env env;
    bosun_buf path; /* of the program */
    int ends[3];    /* the child's descriptors 0 to 2 */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
} launch;

static int failed(const bosun_process *p, int errnum, bosun_err *err)
{
    return bosun_err_errno(err, errnum, "start", p->name);
}

/* Moves a descriptor above 2, where setting up the child's descriptors cannot overwrite it. -1 with errno. */
static int raise_fd(int *fd)
{
    if (*fd < 0 || *fd > STDERR_FILENO)
        return *fd < 0 ? -1 : 0;
    int raised = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int errnum = errno;
    bosun_process_shut(fd);
    *fd = raised;
    errno = errnum;
    return raised < 0 ? -1 : 0;
}

/* A pipe. This process keeps the end `mine`, non-blocking; the child gets the other. */
static int make_pipe(int *ours, int *theirs, int mine)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *ours = ends[mine];
    *theirs = ends[1 - mine];
    if (raise_fd(ours) < 0 || raise_fd(theirs) < 0)
        return -1;
    return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int make_stdin(bosun_process *p, launch *l)
{
    if (p->input_len > 0 || p->keep_stdin)
        return make_pipe(&p->in, &l->ends[0], 1);
    l->ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return raise_fd(&l->ends[0]);
}

static int make_pipes(bosun_process *p, launch *l, bosun_err *err)
{
    if (make_stdin(p, l) < 0 || make_pipe(&p->out.fd, &l->ends[1], 0) < 0 ||
        make_pipe(&p->err.fd, &l->ends[2], 0) < 0)
        return failed(p, errno, err);
    return 0;
}

/* 0, or an errno value. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attributes, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attributes,
                                      POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return rc;
}

static int set_actions(launch *l)
{
    int rc = 0;
    for (int fd = 0; fd < 3 && rc == 0; fd++)
        rc = posix_spawn_file_actions_adddup2(&l->actions, l->ends[fd], fd);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&l->actions, STDERR_FILENO + 1);
    if (rc == 0 && l->options->cwd)
        rc = posix_spawn_file_actions_addchdir_np(&l->actions, l->options->cwd);
    return rc;
}

/* posix_spawn returns only an errno value, which can be about the program or about its working directory. */
static bool is_about_folder(const char *cwd, int errnum)
{
    int folder = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int no_folder = folder < 0 ? errno : 0;
    bosun_process_shut(&folder);
    return no_folder == errnum || (errnum == EACCES && access(cwd, X_OK) < 0);
}

static bool program_exists(const launch *l)
{
    int folder = open(l->options->cwd ? l->options->cwd : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool exists = folder >= 0 && faccessat(folder, bosun_buf_text(&l->path), F_OK, 0) == 0;
    bosun_process_shut(&folder);
    return exists;
}

/* What the text of the errno value does not say; NULL: nothing. */
static const char *spawn_hint(const launch *l, int errnum)
{
    if (errnum == ENOENT && program_exists(l))
        return "the interpreter named in its first line, or its loader, does not exist";
    if (errnum == ENOEXEC)
        return "it is not a program for this machine, or is a script without a first line such as #!/bin/sh";
    if (errnum == E2BIG)
        return "its arguments and environment are too long: pass long texts in standard input or a file";
    return NULL;
}

static int spawn_failed(const bosun_process *p, const launch *l, int errnum, bosun_err *err)
{
    const char *cwd = l->options->cwd && is_about_folder(l->options->cwd, errnum) ? l->options->cwd : NULL;
    const char *hint = cwd ? "its working directory is " : spawn_hint(l, errnum);
    failed(p, errnum, err);
    if (!err || !hint)
        return -1;
    size_t len = strlen(err->message);
    snprintf(err->message + len, sizeof err->message - len, ": %s%s", hint, cwd ? cwd : "");
    return -1;
}

static int find_program(const bosun_process *p, launch *l, bosun_err *err)
{
    const char *name = l->options->argv[0];
    const char *path = bosun_process_env_get(&l->env, "PATH");
    if (strchr(name, '/')) { /* left to the kernel, in the folder where the program will run */
        bosun_buf_puts(&l->path, name);
        return l->path.failed ? failed(p, ENOMEM, err) : 0;
    }
    int errnum = bosun_process_find(&l->path, name, path);
    if (errnum == ENOENT && path)
        return bosun_err_set(err, "ENOENT", "start",
                             "cannot start %s: not found in PATH, which is %s (ENOENT)", p->name, path);
    return errnum ? failed(p, errnum, err) : 0;
}

/* Something else has already reaped it. Its output can still be read. */
static int count_as_lost(bosun_process *p)
{
    p->lost = true;
    p->exited = true;
    p->drain_end = bosun_wait_after(BOSUN_SECOND);
    return 0;
}

/* A child without a pidfd cannot be watched: kills it. */
static int watch(bosun_process *p, bosun_err *err)
{
    p->pidfd = pidfd_open(p->pid, 0);
    if (p->pidfd >= 0)
        return 0;
    int errnum = errno;
    if (errnum == ESRCH)
        return count_as_lost(p);
    kill(-p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    return failed(p, errnum, err);
}

static int spawn(bosun_process *p, launch *l, bosun_err *err)
{
    int rc = set_attributes(&l->attributes);
    if (rc == 0)
        rc = set_actions(l);
    if (rc != 0)
        return failed(p, rc, err);
    char *const *argv = (char *const *)(uintptr_t)l->options->argv; /* posix_spawn does not change them */
    rc = posix_spawn(&p->pid, l->path.data, &l->actions, &l->attributes, argv, l->env.list);
    if (rc == 0)
        return watch(p, err);
    p->pid = 0;
    return spawn_failed(p, l, rc, err);
}

static int spawn_with_actions(bosun_process *p, launch *l, bosun_err *err)
{
    int rc = posix_spawn_file_actions_init(&l->actions);
    if (rc != 0)
        return failed(p, rc, err);
    rc = posix_spawnattr_init(&l->attributes);
    if (rc == 0) {
        rc = spawn(p, l, err);
        posix_spawnattr_destroy(&l->attributes);
    } else {
        rc = failed(p, rc, err);
    }
    posix_spawn_file_actions_destroy(&l->actions);
    return rc;
}

static int launch_program(bosun_process *p, launch *l, bosun_err *err)
{
    unsigned char random[8];
    if (bosun_random_bytes(random, sizeof random, err) < 0)
        return -1;
    bosun_hex(p->marker, random, sizeof random);
    if (bosun_process_env_make(&l->env, l->options, p->marker) < 0)
        return failed(p, ENOMEM, err);
    if (find_program(p, l, err) < 0 || make_pipes(p, l, err) < 0)
        return -1;
    return spawn_with_actions(p, l, err);
}

static bosun_process unstarted(const bosun_process_options *options)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_buf name = {0};
    size_t len = strlen(options->argv[0]);
    bool is_long = len >= sizeof p.name;
    bosun_buf_append_utf8(&name, options->argv[0], is_long ? sizeof p.name - sizeof "…" : len);
    bosun_buf_puts(&name, is_long ? "…" : "");
    snprintf(p.name, sizeof p.name, "%s", name.failed ? "a program" : bosun_buf_text(&name));
    bosun_buf_free(&name);
    p.input = options->input;
    p.input_len = options->input && !options->keep_stdin ? options->input_len : 0;
    p.keep_stdin = options->keep_stdin;
    p.max_output = options->max_output;
    return p;
}

int bosun_process_start(bosun_process *p, const bosun_process_options *options, bosun_err *err)
{
    *p = unstarted(options);
    launch l = {.options = options, .ends = {-1, -1, -1}};
    int rc = launch_program(p, &l, err);
    for (int i = 0; i < 3; i++)
        bosun_process_shut(&l.ends[i]);
    bosun_process_env_free(&l.env);
    bosun_buf_free(&l.path);
    p->deadline = options->timeout > 0 ? bosun_wait_after(options->timeout) : BOSUN_NO_DEADLINE;
    if (rc < 0)
        bosun_process_release(p);
    return rc;
}
