/* Programs that do not end, or leave others behind: none blocks this process, and none survives. */
#include "process_help.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* A script with `sleep <nap>`, whose number identifies it among all processes. */
static char nap[32];

static const char *napping(const char *script)
{
    static char text[1024];
    const char *at = strstr(script, "NAP");
    text[0] = '\0';
    for (; at; script = at + 3, at = strstr(script, "NAP"))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s%s", (int)(at - script), script, nap);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s", script);
    return text;
}

/* Runs a script with "NAP" as the seconds of its sleeps. No sleep may be left afterwards. */
static bool run_napping(const char *script, int64_t timeout, bosun_process *p)
{
    bosun_err err = {0};
    bosun_process_options options = program(ARGV("/bin/sh", "-c", napping(script)));
    options.timeout = timeout;
    int rc = bosun_process_run(p, &options, NULL, &err);
    int alive = alive_with(nap);
    if (rc < 0 || alive)
        note("%s, %d alive", rc < 0 ? err.message : "ran", alive);
    return rc == 0 && alive == 0 && !has_children();
}

static void leaves_nobody(const char *name, const char *script, const char *output)
{
    bosun_process p = BOSUN_NO_PROCESS;
    ok(run_napping(script, 0, &p) && p.code == 0 && strcmp(bosun_buf_text(&p.out.text), output) == 0, "%s",
       name);
    bosun_process_close(&p);
}

static void test_left_behind(void)
{
    leaves_nobody("a child in the background", "sleep NAP & echo x", "x\n");
    leaves_nobody("one that does not hold the output", "sleep NAP </dev/null >/dev/null 2>&1 & echo x",
                  "x\n");
    leaves_nobody("one in a session of its own", "setsid sleep NAP & echo x", "x\n");
    leaves_nobody("a double fork", "(sleep NAP &) & (sleep NAP >/dev/null 2>&1 &); echo x", "x\n");
    leaves_nobody("a double fork and a session of its own",
                  "(setsid sleep NAP </dev/null >/dev/null 2>&1 &); echo x", "x\n");
    leaves_nobody("one that cleans its environment", "env -i sleep NAP & echo x", "x\n");
    leaves_nobody("the children of one that escaped",
                  "(setsid sh -c 'env -i sleep NAP; :' >/dev/null 2>&1 &); echo x", "x\n");
    leaves_nobody("forty of them",
                  "for i in 1 2 3 4; do for j in 1 2 3 4 5 6 7 8 9 10; do setsid sleep NAP & done; done", "");
    leaves_nobody("one that stops itself", "sh -c 'kill -STOP $$; sleep NAP' & echo x", "x\n");
}

static void times_out(const char *name, const char *script, int signal)
{
    bosun_process p = BOSUN_NO_PROCESS;
    ok(run_napping(script, BOSUN_SECOND / 5, &p) && p.timed_out && p.signal == signal, "%s", name);
    bosun_process_close(&p);
}

static void test_timeout(void)
{
    times_out("a program that takes too long", "exec sleep NAP", SIGTERM);
    times_out("one that ignores SIGTERM", "trap '' TERM; while :; do sleep NAP; done", SIGKILL);
    times_out("one that is stopped", "kill -STOP $$; sleep NAP", SIGTERM);
    times_out("one whose children went away", "setsid sleep NAP & (setsid sleep NAP &); sleep NAP", SIGTERM);
    times_out("one that floods its output", "exec cat /dev/zero", SIGTERM);
    bosun_process p = BOSUN_NO_PROCESS;
    ok(run_napping("trap 'echo bye; exit 4' TERM; sleep NAP & wait", BOSUN_SECOND / 5, &p) && p.timed_out &&
           p.code == 4 && strcmp(bosun_buf_text(&p.out.text), "bye\n") == 0,
       "one that takes leave when asked to");
    bosun_process_close(&p);
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    must(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_maxrss;
}

static void test_output(void)
{
    long before = peak_kilobytes();
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options = program(ARGV("head", "-c", "1073741824", "/dev/zero"));
    ok(bosun_process_run(&p, &options, NULL, NULL) == 0 && p.code == 0 && p.out.truncated &&
           !p.err.truncated && p.out.text.len == options.max_output,
       "1 GiB of output: the cap is kept, the rest is dropped");
    ok(peak_kilobytes() - before < 16L * 1024, "in little memory (%ld KiB more)", peak_kilobytes() - before);
    bosun_process_close(&p);
    options.max_output = 0;
    options.argv = SHELL("echo x");
    ok(bosun_process_run(&p, &options, NULL, NULL) == 0 && p.out.truncated && p.out.text.len == 0,
       "a cap of 0");
    bosun_process_close(&p);
}

static bool runs_with_input(const char *const *argv, const char *input, size_t len, bosun_process *p)
{
    bosun_process_options options = program(argv);
    options.input = input;
    options.input_len = len;
    bosun_err err = {0};
    bool ran = bosun_process_run(p, &options, NULL, &err) == 0;
    if (!ran)
        note("%s", err.message);
    return ran;
}

static void test_input(void)
{
    enum { MANY = 1 << 20 };
    static char input[MANY];
    for (size_t i = 0; i < MANY; i++)
        input[i] = (char)('a' + i % 23);
    bosun_process p = BOSUN_NO_PROCESS;
    ok(runs_with_input(ARGV("cat"), input, MANY, &p) && p.out.text.len == MANY &&
           memcmp(p.out.text.data, input, MANY) == 0,
       "1 MiB through cat");
    bosun_process_close(&p);
    ok(runs_with_input(ARGV("true"), input, MANY, &p) && p.code == 0,
       "1 MiB to a program that reads nothing");
    bosun_process_close(&p);
    ok(runs_with_input(ARGV("head", "-c", "10"), input, MANY, &p) && p.out.text.len == 10,
       "to one that reads a little");
    bosun_process_close(&p);
    bosun_process_options options = program(ARGV("sleep", nap));
    options.input = input;
    options.input_len = MANY;
    options.timeout = BOSUN_SECOND / 5;
    ok(bosun_process_run(&p, &options, NULL, NULL) == 0 && p.timed_out, "to one that neither reads nor ends");
    bosun_process_close(&p);
}

static bool says(bosun_process *p, const char *text)
{
    size_t len = strlen(text);
    bool same = bosun_process_read(p, len, NULL, NULL) == 1 && p->out.text.len == len &&
                memcmp(p->out.text.data, text, len) == 0;
    bosun_buf_clear(&p->out.text);
    return same;
}

static void test_conversation(void)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bosun_process_options options = program(SHELL("while read x; do echo got $x; done; echo end; exit 2"));
    options.keep_stdin = true;
    must(bosun_process_start(&p, &options, &err) == 0);
    ok(bosun_process_write(&p, "a\n", 2, NULL, &err) == 0 && says(&p, "got a\n"), "a question and an answer");
    ok(bosun_process_wait(&p, bosun_wait_after(BOSUN_SECOND / 50), NULL, &err) == 0, "it still runs");
    ok(bosun_process_write(&p, "b\nc\n", 4, NULL, &err) == 0 && says(&p, "got b\ngot c\n"), "two more");
    bosun_process_close_stdin(&p);
    ok(says(&p, "end\n") && bosun_process_read(&p, 1, NULL, &err) == 0, "the end");
    ok(bosun_process_wait(&p, BOSUN_NO_DEADLINE, NULL, &err) == 1 && p.code == 2, "its exit status");
    ok(bosun_process_write(&p, "d", 1, NULL, &err) < 0 && failed_with(&err, "EPIPE"), "%s", err.message);
    ok(bosun_process_signal(&p, SIGTERM, &err) < 0 && failed_with(&err, "ESRCH"), "%s", err.message);
    bosun_process_close(&p);
}

static void test_write_failures(void)
{
    static const char zeros[1 << 20];
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bosun_process_options options = program(SHELL("exec <&-; echo closed; sleep 1000"));
    options.keep_stdin = true;
    must(bosun_process_start(&p, &options, &err) == 0 && says(&p, "closed\n"));
    ok(bosun_process_write(&p, "x", 1, NULL, &err) < 0 && failed_with(&err, "EPIPE"), "%s", err.message);
    ok(bosun_process_signal(&p, SIGKILL, &err) == 0 &&
           bosun_process_wait(&p, BOSUN_NO_DEADLINE, NULL, &err) == 1 && p.signal == SIGKILL,
       "a signal of choice");
    bosun_process_close(&p);
    options.argv = ARGV("cat");
    options.max_output = (size_t)64 * 1024;
    must(bosun_process_start(&p, &options, &err) == 0);
    ok(bosun_process_write(&p, zeros, sizeof zeros, NULL, &err) < 0 && failed_with(&err, BOSUN_ERR_TOO_LARGE),
       "%s", err.message);
    bosun_process_close(&p);
    ok(!has_children(), "closing kills");
}

/* Far more output than a slow reader takes at once: nothing is lost, and little is in memory. */
static void test_streaming(void)
{
    size_t total = 0;
    size_t largest = 0;
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options = program(ARGV("head", "-c", "50000000", "/dev/zero"));
    must(bosun_process_start(&p, &options, NULL) == 0);
    while (bosun_process_read(&p, 1, NULL, NULL) == 1) {
        total += p.out.text.len;
        largest = p.out.text.len > largest ? p.out.text.len : largest;
        bosun_buf_clear(&p.out.text);
    }
    ok(total == 50000000 && largest <= 2 << 20, "50 MB, at most %zu bytes at once", largest);
    bosun_process_close(&p);
}

static atomic_int cancelled;
static int cancel_pipe[2];

static void *cancel_once_ready(void *argument)
{
    must(appears(argument));
    atomic_store(&cancelled, 1);
    tell(cancel_pipe[1]);
    return NULL;
}

static void test_cancel(void)
{
    pthread_t thread;
    must(pipe(cancel_pipe) == 0);
    must(pthread_create(&thread, NULL, cancel_once_ready, (void *)(uintptr_t) "ready") == 0);
    const bosun_wait wait = {
        .cancelled = &cancelled, .cancel_fd = cancel_pipe[0], .deadline = BOSUN_NO_DEADLINE};
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bosun_process_options options =
        program(ARGV("/bin/sh", "-c", napping("trap '' TERM; setsid sleep NAP & echo x >ready; sleep NAP")));
    ok(bosun_process_run(&p, &options, &wait, &err) < 0 && failed_with(&err, BOSUN_ERR_CANCELLED) &&
           strstr(err.message, "sh"),
       "%s", err.message);
    ok(alive_with(nap) == 0 && !has_children(), "and nobody is left");
    bosun_process_close(&p);
    must(pthread_join(thread, NULL) == 0);
    ok(bosun_process_run(&p, &options, &wait, &err) < 0 && p.pid == 0, "cancelled before: not started");
    bosun_process_close(&p);
    const bosun_wait late = {.cancel_fd = -1, .deadline = bosun_wait_after(BOSUN_SECOND / 5)};
    ok(bosun_process_run(&p, &options, &late, &err) < 0 && failed_with(&err, BOSUN_ERR_DEADLINE) &&
           alive_with(nap) == 0,
       "%s", err.message);
    bosun_process_close(&p);
}

static void test_stop(void)
{
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_process_options options =
        program(ARGV("/bin/sh", "-c", napping("(setsid sleep NAP &); echo x; sleep NAP")));
    must(bosun_process_start(&p, &options, NULL) == 0 && says(&p, "x\n"));
    bosun_process_stop(&p, NULL);
    ok(p.over && p.signal == SIGTERM && alive_with(nap) == 0, "stopping");
    bosun_process_close(&p);
    must(bosun_process_start(&p, &options, NULL) == 0 && says(&p, "x\n"));
    bosun_process_close(&p);
    ok(alive_with(nap) == 0 && !has_children(), "closing");
}

static void test_lost(void)
{
    must(signal(SIGCHLD, SIG_IGN) == SIG_DFL);
    bosun_process p = BOSUN_NO_PROCESS;
    bosun_err err = {0};
    bosun_process_options options = program(ARGV("/bin/sh", "-c", napping("(setsid sleep NAP &); echo x")));
    ok(bosun_process_run(&p, &options, NULL, &err) < 0 && failed_with(&err, "ECHILD"), "%s", err.message);
    ok(strcmp(bosun_buf_text(&p.out.text), "x\n") == 0 && alive_with(nap) == 0,
       "its output is there, and nobody else");
    bosun_process_close(&p);
    must(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

int main(void)
{
    snprintf(nap, sizeof nap, "100000.%d", (int)getpid());
    enter_scratch();
    int before = open_descriptors();
    test_left_behind();
    test_timeout();
    test_output();
    test_input();
    test_conversation();
    test_write_failures();
    test_streaming();
    test_stop();
    test_lost();
    ok(open_descriptors() == before, "no descriptor is left");
    test_cancel();
    leave_scratch();
    return done();
}
