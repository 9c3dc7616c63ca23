/* Runs a program and does something bad at one system call of one of its processes.
 *
 *     sysfault [-p PROCESS] [-c CALL,CALL…] [-n NUMBER] [-s SIGNAL | -e ERRNO] [-o REPORT] -- PROGRAM
 * ARGUMENT…
 *
 * Processes are numbered as they appear: 0 is the program, 1 the first that it or another of them forks. At
 * the entry of call NUMBER (1 is the first; with -c only calls of these names count) of PROCESS, sends it
 * SIGNAL, a number, or makes the call fail with ERRNO, a number. A call that fails is not carried out, close
 * excepted: Linux closes also when it reports an error. Without -n nothing bad happens. REPORT gets the names
 * of the calls that counted, one a line.
 *
 * Ends when all processes have ended, as the program did; 128+N when signal N killed it, 125 when tracing
 * failed. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* After the system's headers, which it repeats in part. */
#include <linux/ptrace.h>

#define MAX_PROCESSES 256
#define NO_CALL       UINT64_MAX

static const struct {
    uint64_t number;
    const char *name;
} call_names[] = {
    {SYS_write, "write"},
    {SYS_pwrite64, "pwrite64"},
    {SYS_writev, "writev"},
    {SYS_pwritev, "pwritev"},
    {SYS_read, "read"},
    {SYS_openat, "openat"},
    {SYS_close, "close"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_renameat2, "renameat2"},
    {SYS_unlinkat, "unlinkat"},
    {SYS_mkdirat, "mkdirat"},
    {SYS_copy_file_range, "copy_file_range"},
    {SYS_fchmod, "fchmod"},
    {SYS_ftruncate, "ftruncate"},
    {SYS_fallocate, "fallocate"},
    {SYS_sendfile, "sendfile"},
    {SYS_flock, "flock"},
    {SYS_execve, "execve"},
    {SYS_clone, "clone"},
#ifdef SYS_renameat
    {SYS_renameat, "renameat"},
#endif
#ifdef SYS_rename
    {SYS_rename, "rename"},
    {SYS_unlink, "unlink"},
    {SYS_mkdir, "mkdir"},
    {SYS_rmdir, "rmdir"},
#endif
};

struct process {
    pid_t pid;
    bool fail_at_exit; /* the call it is in has to report the error */
};

static struct {
    long process;
    const char *calls; /* ",write,fsync,"; NULL: every call counts */
    long number;
    int signal;
    int error;
    FILE *report;
} plan;

static struct process processes[MAX_PROCESSES];
static size_t process_count;
static long counted;
static bool started; /* the program has been exec'ed: what comes before is ours */

static void die(const char *what)
{
    fprintf(stderr, "sysfault: %s: %s\n", what, strerror(errno));
    exit(125);
}

static const char *call_name(uint64_t number)
{
    for (size_t i = 0; i < sizeof call_names / sizeof *call_names; i++)
        if (call_names[i].number == number)
            return call_names[i].name;
    return NULL;
}

static bool call_counts(uint64_t number)
{
    if (!plan.calls)
        return true;
    const char *name = call_name(number);
    char word[64];
    snprintf(word, sizeof word, ",%s,", name ? name : "?");
    return strstr(plan.calls, word) != NULL;
}

/* The process of that id; a new one when it has none yet. */
static struct process *process_find(pid_t pid, bool *is_new)
{
    for (size_t i = 0; i < process_count; i++)
        if (processes[i].pid == pid)
            return &processes[i];
    if (process_count == MAX_PROCESSES) {
        errno = EAGAIN;
        die("too many processes");
    }
    *is_new = true;
    processes[process_count] = (struct process){.pid = pid};
    return &processes[process_count++];
}

static void registers(pid_t pid, enum __ptrace_request request, struct user_regs_struct *regs)
{
    struct iovec area = {.iov_base = regs, .iov_len = sizeof *regs};
    if (ptrace(request, pid, (void *)NT_PRSTATUS, &area) < 0 && errno != ESRCH)
        die("registers");
}

/* The call that the process is about to make becomes one that does not exist. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    registers(pid, PTRACE_GETREGSET, &regs);
    regs.orig_rax = NO_CALL;
    registers(pid, PTRACE_SETREGSET, &regs);
#elif defined(__aarch64__)
    int none = -1;
    struct iovec area = {.iov_base = &none, .iov_len = sizeof none};
    if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &area) < 0 && errno != ESRCH)
        die("system call");
#else
#error "sysfault knows x86-64 and aarch64"
#endif
}

static void set_result(pid_t pid, int error)
{
    struct user_regs_struct regs;
    registers(pid, PTRACE_GETREGSET, &regs);
#if defined(__x86_64__)
    regs.rax = (unsigned long long)-(long long)error;
#elif defined(__aarch64__)
    regs.regs[0] = (unsigned long long)-(long long)error;
#endif
    registers(pid, PTRACE_SETREGSET, &regs);
}

static void at_entry(struct process *process, uint64_t call)
{
    if (!started || process != &processes[plan.process] || !call_counts(call))
        return;
    counted++;
    if (plan.report) {
        const char *name = call_name(call);
        fprintf(plan.report, "%s\n", name ? name : "other");
        fflush(plan.report);
    }
    if (counted != plan.number)
        return;
    if (plan.signal) {
        kill(process->pid, plan.signal);
    } else if (plan.error) {
        process->fail_at_exit = true;
        if (call != SYS_close)
            skip_call(process->pid);
    }
}

static void at_call(struct process *process)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, (void *)sizeof info, &info) < 0)
        return; /* killed meanwhile */
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        at_entry(process, info.entry.nr);
    } else if (process->fail_at_exit) {
        process->fail_at_exit = false;
        set_result(process->pid, plan.error);
    }
}

/* What happened to a stopped process; returns the signal to hand on to it. */
static int at_stop(pid_t pid, int status)
{
    bool is_new = false;
    struct process *process = process_find(pid, &is_new);
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80))
        at_call(process);
    else if (status >> 16 == PTRACE_EVENT_EXEC)
        started = true;
    else if (status >> 16 == 0)
        return is_new && signal == SIGSTOP ? 0 : signal;
    return 0;
}

static int trace(pid_t program)
{
    int result = 125;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (pid < 0)
            continue;
        if (WIFSTOPPED(status)) {
            long signal = at_stop(pid, status);
            ptrace(PTRACE_SYSCALL, pid, NULL,
                   (void *)signal); /* ESRCH: killed meanwhile, its end comes next */
        } else if (pid == program) {
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
    return result;
}

static pid_t start(char **argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    int status;
    bool is_new;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        die("start");
    process_find(pid, &is_new);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0 ||
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
        die("trace");
    return pid;
}

static long number_of(const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0) {
        errno = EINVAL;
        die(text);
    }
    return value;
}

static void set_calls(const char *names)
{
    static char calls[1024];
    snprintf(calls, sizeof calls, ",%s,", names);
    plan.calls = calls;
}

int main(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+p:c:n:s:e:o:")) != -1) {
        switch (option) {
        case 'p': plan.process = number_of(optarg) % MAX_PROCESSES; break;
        case 'c': set_calls(optarg); break;
        case 'n': plan.number = number_of(optarg); break;
        case 's': plan.signal = (int)number_of(optarg); break;
        case 'e': plan.error = (int)number_of(optarg); break;
        case 'o':
            plan.report = fopen(optarg, "we");
            if (!plan.report)
                die(optarg);
            break;
        default: return 125;
        }
    }
    if (optind == argc) {
        fputs("usage: sysfault [-p PROCESS] [-c CALLS] [-n NUMBER] [-s SIGNAL | -e ERRNO] [-o REPORT] -- "
              "PROGRAM …\n",
              stderr);
        return 125;
    }
    return trace(start(argv + optind));
}
