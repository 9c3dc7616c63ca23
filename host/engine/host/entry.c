/* A call of the embedder into the host. host_begin gives it limits of its own, and refuses it where the stack
 * is too small; host_end ends it. host_close is the last one. */
#include "host.h"
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* Lua nests at most 200 calls of C functions (LUAI_MAXCCALLS). The most expensive, string.gsub with a
 * callback, takes 2.2 KiB each; the rest is for what a call may do at that depth: a TLS handshake, a log
 * function. */
#define STACK_NEEDED ((size_t)640 * 1024)

/* A main thread whose stack may be larger is not told from others: its stack is mapped where theirs are. */
#define MAIN_STACK_MAX ((size_t)64 * 1024 * 1024)

#define STACK_UNKNOWN SIZE_MAX

#define CLOSE_TIME 5.0 /* seconds for the plugin's finalizers, if the timeout is not shorter */

/* Returns the bytes left of the main thread's stack, which grows up to a limit; STACK_UNKNOWN: another stack
 * is in use. */
static size_t main_stack_left(uintptr_t here)
{
    struct rlimit limit;
    uintptr_t top = (uintptr_t)getauxval(AT_RANDOM); /* the kernel puts it at the top */
    if (here >= top || getrlimit(RLIMIT_STACK, &limit) < 0)
        return STACK_UNKNOWN;
    size_t size = limit.rlim_cur < MAIN_STACK_MAX ? (size_t)limit.rlim_cur : MAIN_STACK_MAX;
    return top - here < size ? size - (top - here) : STACK_UNKNOWN;
}

/* The same for the stack that this thread was created with. */
static size_t thread_stack_left(uintptr_t here)
{
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return STACK_UNKNOWN;
    void *low = NULL;
    size_t size = 0;
    int rc = pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return rc == 0 && here - (uintptr_t)low < size ? here - (uintptr_t)low : STACK_UNKNOWN;
}

static int check_stack(const char *what, bosun_err *err)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0); /* a local's address is another one with ASan */
    size_t left = main_stack_left(here);
    if (left == STACK_UNKNOWN)
        left = thread_stack_left(here);
    if (left >= STACK_NEEDED)
        return 0;
    return bosun_err_set(
        err, BOSUN_ERR_INVALID, what,
        "%s needs %zu KiB of stack, but this thread has %zu KiB left: create it with a larger "
        "stack (pthread_attr_setstacksize)",
        what, STACK_NEEDED / 1024, left / 1024);
}

int host_missing(bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "call",
                         "the host is NULL: bosun_host_new says why in its error");
}

int host_begin_within(bosun_host *host, double seconds, const char *what, bosun_err *err)
{
    char why[128];
    if (check_stack(what, err) < 0 ||
        host_limits_begin(&host->limits, seconds, host->options.instruction_limit, err) < 0)
        return -1;
    const char *code = host_limits_stopped(&host->limits, why, sizeof why);
    return code ? bosun_err_set(err, code, what, "%s before %s", why, what) : 0;
}

int host_begin(bosun_host *host, const char *what, bosun_err *err)
{
    return host_begin_within(host, host->options.timeout, what, err);
}

void host_end(bosun_host *host)
{
    host_limits_end(&host->limits);
    host_set_phase(host, BOSUN_PHASE_IDLE);
}

void host_close(bosun_host *host)
{
    const char *what = "freeing the host";
    double timeout = host->options.timeout;
    bosun_err err = {0};
    host_set_phase(host, BOSUN_PHASE_CLOSE);
    int rc =
        host_limits_begin(&host->limits, timeout > 0 && timeout < CLOSE_TIME ? timeout : CLOSE_TIME, 0, &err);
    host_limits_clear(&host->limits);
    if (rc == 0)
        rc = check_stack(what, &err);
    host->skip_finalizers = rc < 0;
    if (rc < 0) {
        bosun_err_context(&err, "the plugin's finalizers are skipped: ");
        host_log(host, BOSUN_LOG_WARN, NULL, 0, err.message, strlen(err.message));
    }
    lua_close(host->L);
}
