/* LD_PRELOAD this: allocation number FAILMALLOC_AT (1 is the first) of a process fails, or, with
 * FAILMALLOC_ON=1, that one and all after it. The count starts anew in a forked child; it goes on in a child
 * of that, for which the worker steps back. FAILMALLOC_COUNT names a file to which every process that has not
 * stepped back appends how many allocations it made. FAILMALLOC_CHILD=1 fails only those of a forked child,
 * =0 only those of the program itself. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own, under the names that it exports for this purpose. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static atomic_long count;
static long fail_at;
static bool from_then_on;
static bool forked;
static int only_child = -1; /* -1: both, 0: the program itself, 1: forked children */
static const char *count_file;

static bool fails(void)
{
    long number = atomic_fetch_add(&count, 1) + 1;
    if (!fail_at || (only_child >= 0 && only_child != forked))
        return false;
    if (from_then_on ? number < fail_at : number != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t members, size_t size)
{
    return fails() ? NULL : __libc_calloc(members, size);
}

void *realloc(void *block, size_t size)
{
    return size && fails() ? NULL : __libc_realloc(block, size);
}

static void in_child(void)
{
    if (!forked)
        atomic_store(&count, 0);
    forked = true;
}

static void in_parent(void)
{
    if (forked)
        count_file = NULL;
}

static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void)
{
    fail_at = number_of("FAILMALLOC_AT", 0);
    from_then_on = number_of("FAILMALLOC_ON", 0) != 0;
    only_child = (int)number_of("FAILMALLOC_CHILD", -1);
    count_file = getenv("FAILMALLOC_COUNT");
    pthread_atfork(NULL, in_parent, in_child);
    atomic_store(&count, 0);
}

/* _exit does not run destructors, and is how a forked child ends. */
static void write_count(void)
{
    if (!count_file)
        return;
    char line[64];
    int len = snprintf(line, sizeof line, "%d %ld\n", forked, atomic_load(&count));
    int fd = open(count_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

__attribute__((destructor)) static void finish(void)
{
    write_count();
}

void _exit(int status)
{
    write_count();
    void (*end)(int) = (void (*)(int))(void *)dlsym(RTLD_NEXT, "_exit");
    end(status);
    abort();
}
