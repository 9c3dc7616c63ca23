/* Starting programs: what they get, what they output, and why starting fails. */
#include "failing_malloc.h"
#include "process_help.h"
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static void test_ends(void)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options = program(SHELL("echo out; echo err >&2; exit 3"));
    ok(bosun_process_run(&p, &options, NULL, NULL) == 0 && p.code == 3 && p.signal == 0, "an exit status");
    ok(strcmp(bosun_buf_text(&p.out.text), "out\n") == 0 && strcmp(bosun_buf_text(&p.err.text), "err\n") == 0,
       "standard output and standard error, each for itself");
    bosun_process_close(&p);
    bosun_process_close(&p);
    ok(p.pid == 0, "closing twice does nothing");
    options = program(SHELL("kill -9 $$"));
    ok(bosun_process_run(&p, &options, NULL, NULL) == 0 && p.signal == 9 && p.code == 0, "a signal");
    char storage[100];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_process_describe(&text, &p);
    is_text(storage, "was killed by signal 9 (Killed)", "how it ended, in words");
    bosun_process_close(&p);
}

static void make_program(const char *path, const char *text, mode_t mode)
{
    put(path, text);
    must(chmod(path, mode) == 0);
}

/* PATH as su leaves it: with a folder that this user may not enter. */
static void test_closed_folder(void)
{
    must(mkdir("closed", 0) == 0);
    char here[PATH_MAX];
    char path[PATH_MAX + 32];
    must(getcwd(here, sizeof here) != NULL);
    snprintf(path, sizeof path, "%s/closed:/usr/bin:/bin", here);
    bosun_buf found = {0};
    uid_t user = geteuid();
    must(user != 0 || seteuid(65534) == 0);
    int missing = bosun_process_find(&found, "no-such-program", path);
    int there = bosun_process_find(&found, "env", path);
    must(user != 0 || seteuid(user) == 0);
    ok(missing == ENOENT && there == 0, "a folder of PATH that may not be entered");
    bosun_buf_free(&found);
    must(rmdir("closed") == 0);
}

static void test_refusals(void)
{
    bosun_process_options options = program(ARGV("no-such-program"));
    ok(refuses(options, "ENOENT", "no-such-program: not found in PATH"), "a name that PATH has not");
    ok(refuses(program(ARGV("/no/such/program")), "ENOENT", "/no/such/program"), "a path that is not there");
    ok(refuses(program(ARGV("")), "ENOENT", ""), "an empty name");
    make_program("plain", "text", 0644);
    ok(refuses(program(ARGV("./plain")), "EACCES", "./plain"), "a file that is no program");
    ok(refuses(program(ARGV("/tmp")), "EACCES", "/tmp"), "a folder");
    make_program("headless", "echo hello\n", 0755);
    ok(refuses(program(ARGV("./headless")), "ENOEXEC", "#!/bin/sh"), "a script without its first line");
    make_program("orphan", "#!/no/such/shell\n", 0755);
    ok(refuses(program(ARGV("./orphan")), "ENOENT", "the interpreter"),
       "a script whose interpreter is not there");
    options = program(ARGV("true"));
    options.cwd = "/no/such/folder";
    ok(refuses(options, "ENOENT", "its working directory is /no/such/folder"), "a folder that is not there");
    options.cwd = "plain";
    ok(refuses(options, "ENOTDIR", "plain"), "a folder that is a file");
    char *huge = malloc(4 << 20);
    must(huge);
    memset(huge, 'x', (4 << 20) - 1);
    huge[(4 << 20) - 1] = '\0';
    ok(refuses(program(ARGV("true", huge)), "E2BIG", "true: Argument list too long"), "too long an argument");
    free(huge);
}

/* Runs `check` in a child, which may change its limits and its user. */
static bool holds_in_child(bool (*check)(void))
{
    fflush(stdout);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0)
        _exit(!check());
    return reap(child) == 0;
}

/* Tries every number of free descriptors up to one that suffices. */
static bool starved_of_descriptors(void)
{
    bool fails = true;
    bool runs = false;
    for (rlim_t room = 3; room < 64 && fails && !runs; room++) {
        const struct rlimit limit = {room, 64};
        must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        bosun_process p = BOSUN_NO_PROCESS;
        bosun_err err = {0};
        bosun_process_options options = program(ARGV("/bin/echo", "x"));
        runs = bosun_process_run(&p, &options, NULL, &err) == 0;
        fails = runs || (strcmp(err.code, "EMFILE") == 0 && strstr(err.message, "/bin/echo"));
        bosun_process_close(&p);
    }
    return fails && runs && !has_children();
}

static bool starved_of_processes(void)
{
    const struct rlimit limit = {1, 1};
    must(setrlimit(RLIMIT_NPROC, &limit) == 0 && setgroups(0, NULL) == 0 && setgid(65534) == 0 &&
         setuid(65534) == 0);
    pid_t other = fork(); /* uses up the limit, which may count this process too */
    if (other == 0)
        for (;;)
            pause();
    bool refused = refuses(program(ARGV("/bin/true")), "EAGAIN", "/bin/true");
    if (other > 0) {
        kill(other, SIGKILL);
        reap(other);
    }
    return refused;
}

static bool starts_without_descriptors(void)
{
    must(close(0) == 0 && close(1) == 0 && close(2) == 0);
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options = program(SHELL("cat; echo err >&2"));
    options.input = "in";
    options.input_len = 2;
    return bosun_process_run(&p, &options, NULL, NULL) == 0 &&
           strcmp(bosun_buf_text(&p.out.text), "in") == 0 &&
           strcmp(bosun_buf_text(&p.err.text), "err\n") == 0;
}

static void test_starved(void)
{
    ok(holds_in_child(starved_of_descriptors),
       "too few descriptors: EMFILE, and nothing left open or running");
    if (geteuid() == 0)
        ok(holds_in_child(starved_of_processes), "too many processes: EAGAIN");
    else
        skip("too many processes", "needs root");
    ok(holds_in_child(starts_without_descriptors), "this process has no descriptors 0 to 2");
}

static void test_inheritance(void)
{
    int extra = open("/dev/null", O_RDONLY); /* without close-on-exec, as in an embedding program */
    must(extra >= 0 && dup2(extra, 100) == 100);
    is_text(output_of("ls /proc/$$/fd; :"), "0\n1\n2\n", "it has descriptors 0 to 2 only");
    must(close(extra) == 0 && close(100) == 0);
    sigset_t set;
    sigset_t before;
    sigfillset(&set);
    must(sigprocmask(SIG_BLOCK, &set, &before) == 0 && signal(SIGHUP, SIG_IGN) == SIG_DFL);
    /* glibc keeps its two internal signals, 32 and 33, ignored. */
    is_text(output_with(
                program(ARGV("sed", "-nE", "s/^Sig(Blk|Ign|Cgt).*(.{8})$/\\1 \\2/p", "/proc/self/status"))),
            "Blk 00000000\nIgn 80000000\nCgt 00000000\n", "no signal is blocked, ignored or caught");
    must(signal(SIGHUP, SIG_DFL) == SIG_IGN && sigprocmask(SIG_SETMASK, &before, NULL) == 0);
    is_text(output_of("read pid name state parent group session rest </proc/$$/stat\n"
                      "[ $pid = $group ] && [ $pid = $session ] && echo leader"),
            "leader\n", "it leads a session and a group of its own");
    is_text(output_of("cat"), "", "there is nothing on its standard input");
}

static const char *environment(const char *changes, size_t len, bool clear)
{
    bosun_process_options options = program(SHELL("env | grep -Ev '^(BOSUN_CHILD|PWD|_)=' | sort"));
    options.env = changes;
    options.env_len = len;
    options.clear_env = clear;
    return output_with(options);
}

static void set_environment(void)
{
    static const char *const names[] = {
        "HOME=/home/x", "LANG=C",         "LC_TIME=C",   "TZ=UTC",
        "AWS_KEY=no",   "LD_PRELOAD_X=1", "LCX=no",      "HTTPS_PROXY=http://p",
        "no_proxy=a",   "PATHX=no",       "TMPDIR=/tmp", "PATH=/usr/bin:/bin"};
    must(clearenv() == 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        must(putenv((char *)(uintptr_t)names[i]) == 0);
}

static void test_environment(void)
{
    static const char changes[] = "LANG\0TZ=CET\0NEW=a=b\0EMPTY=\0BOSUN_CHILD=mine";
    set_environment();
    is_text(environment(NULL, 0, false),
            "HOME=/home/x\nHTTPS_PROXY=http://p\nLANG=C\nLC_TIME=C\nPATH=/usr/bin:/bin\nTMPDIR=/tmp\nTZ=UTC\n"
            "no_proxy=a\n",
            "the allow-list");
    is_text(
        environment(changes, sizeof changes, false),
        "EMPTY=\nHOME=/home/x\nHTTPS_PROXY=http://p\nLC_TIME=C\nNEW=a=b\nPATH=/usr/bin:/bin\nTMPDIR=/tmp\n"
        "TZ=CET\nno_proxy=a\n",
        "set, changed and removed");
    is_text(environment(changes, sizeof changes, true), "EMPTY=\nNEW=a=b\nTZ=CET\n", "nothing inherited");
    must(setenv("BOSUN_CHILD", "0123456789abcdef", 1) == 0);
    starts_with(output_of("echo $BOSUN_CHILD"), "0123456789abcdef:", "markers of those above are handed on");
    must(unsetenv("BOSUN_CHILD") == 0);
}

static const char *found_with(const char *path)
{
    static char env[256];
    bosun_process_options options = program(ARGV("here"));
    snprintf(env, sizeof env, "PATH=%s", path);
    options.env = env;
    options.env_len = strlen(env) + 1;
    return output_with(options);
}

static void test_lookup(void)
{
    char path[128];
    must(mkdir("one", 0755) == 0 && mkdir("two", 0755) == 0);
    make_program("one/here", "#!/bin/sh\necho one", 0644);
    make_program("two/here", "#!/bin/sh\necho two", 0755);
    make_program("here", "#!/bin/sh\necho working directory", 0755);
    snprintf(path, sizeof path, "%s/one:%s/two", scratch, scratch);
    is_text(found_with(path), "two\n", "the first that may be started, in the child's PATH");
    is_text(found_with(".::two"), "", "entries that are not absolute do not count");
    bosun_buf found = {0};
    ok(bosun_process_find(&found, "here", path) == 0 && strstr(found.data, "/two/here"), "finding");
    bosun_buf_free(&found);
    snprintf(path, sizeof path, "%s/one", scratch);
    ok(bosun_process_find(&found, "here", path) == EACCES, "only one that may not be started");
    bosun_buf_free(&found);
    ok(bosun_process_find(&found, "here", "/no:/where") == ENOENT, "none");
    bosun_buf_free(&found);
    bosun_process_options options = program(ARGV("./here"));
    options.cwd = "two";
    is_text(output_with(options), "two\n", "a relative path is relative to the folder it runs in");
    options = program(ARGV("pwd"));
    options.cwd = "/";
    is_text(output_with(options), "/\n", "the folder");
}

static void test_quote(void)
{
    char storage[100];
    bosun_buf out = bosun_buf_fixed(storage, sizeof storage);
    bosun_process_quote(&out, ARGV("ls", "-l", "a b", "it's", "", "$x"));
    is_text(storage, "ls -l 'a b' 'it'\\''s' '' '$x'", "quoted as a shell would want it");
}

static void test_no_leak(void)
{
    int before = open_descriptors();
    bool fine = true;
    for (int i = 0; i < 200; i++) {
        bosun_process p = BOSUN_NO_PROCESS;
        bosun_process_options options = program(i % 4 == 0 ? ARGV("/no/program") : ARGV("cat"));
        options.input = "text";
        options.input_len = 4;
        int rc = bosun_process_run(&p, &options, NULL, NULL);
        fine = fine && (i % 4 == 0 ? rc < 0 : rc == 0 && p.out.text.len == 4);
        bosun_process_close(&p);
    }
    ok(fine && open_descriptors() == before, "no descriptor is left after 200 runs");
    ok(!has_children(), "and no zombie");
}

enum { THREADS = 8, RUNS = 25 };

static void *run_many(void *argument)
{
    long number = (long)(intptr_t)argument;
    char text[40];
    long failures = 0;
    for (int i = 0; i < RUNS; i++) {
        bosun_process p = BOSUN_NO_PROCESS;
        snprintf(text, sizeof text, "thread %ld run %d", number, i);
        bosun_process_options options = program(SHELL("cat; exit 5"));
        options.input = text;
        options.input_len = strlen(text);
        failures += bosun_process_run(&p, &options, NULL, NULL) < 0 || p.code != 5 ||
                    strcmp(bosun_buf_text(&p.out.text), text) != 0;
        bosun_process_close(&p);
    }
    return (void *)(intptr_t)failures;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    intptr_t failures = 0;
    int before = open_descriptors();
    for (intptr_t i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, run_many, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        must(pthread_join(threads[i], &result) == 0);
        failures += (intptr_t)result;
    }
    ok(failures == 0, "%d threads run %d processes each, at once", THREADS, RUNS);
    ok(open_descriptors() == before && !has_children(), "and leave nothing");
}

static int run_cat(bosun_err *err)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options = program(ARGV("sh", "-c", "cat; sleep 1000 </dev/null >/dev/null 2>&1 &"));
    options.input = "text";
    options.input_len = 4;
    options.env = "NAME=value";
    options.env_len = 11;
    int rc = bosun_process_run(&p, &options, NULL, err);
    bosun_process_close(&p);
    return rc;
}

int main(void)
{
    enter_scratch();
    test_ends();
    test_refusals();
    test_closed_folder();
    test_starved();
    test_inheritance();
    test_environment();
    test_lookup();
    test_quote();
    test_no_leak();
    sweep("running a program", run_cat);
    test_threads();
    leave_scratch();
    return done();
}
