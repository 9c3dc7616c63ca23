/* An allocator for the whole test program, libraries included, that fails on demand and counts what is
 * allocated. Sanitizers bring their own allocator: then it is absent, and BOSUN_FAILING_MALLOC is 0. */
#ifndef BOSUN_TESTS_FAILING_MALLOC_H
#define BOSUN_TESTS_FAILING_MALLOC_H

#include "core/base/err.h"
#include "tap.h"
#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BOSUN_FAILING_MALLOC 0
#endif
#endif
#if !defined(BOSUN_FAILING_MALLOC) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define BOSUN_FAILING_MALLOC 0
#endif
#ifndef BOSUN_FAILING_MALLOC
#define BOSUN_FAILING_MALLOC 1
#endif

#if BOSUN_FAILING_MALLOC

/* glibc's own, under the names that it exports for this purpose. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static long allocations; /* since the last arm_malloc */
static long fail_at;     /* 0: never */
static bool fail_from_then_on;
static long live_blocks;

static bool fails_now(void)
{
    allocations++;
    bool fails = fail_at > 0 && (allocations == fail_at || (fail_from_then_on && allocations > fail_at));
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *counted(void *block)
{
    live_blocks += block != NULL;
    return block;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (fails_now())
        return NULL;
    return block ? __libc_realloc(block, size) : counted(__libc_realloc(NULL, size));
}

void free(void *block)
{
    live_blocks -= block != NULL;
    __libc_free(block);
}

static void arm_malloc(long at, bool from_then_on)
{
    allocations = 0;
    fail_at = at;
    fail_from_then_on = from_then_on;
}

/* Runs `work` with its first allocation failing, then its second, and so on until none fails. `work` may
 * only succeed or fail with ENOMEM, has to free what it allocates, and must not print. */
__attribute__((unused)) static void sweep(const char *name, int (*work)(bosun_err *err))
{
    for (int from_then_on = 0; from_then_on <= 1; from_then_on++) {
        long at = 0;
        bool sound = true;
        bool finished = false;
        while (sound && !finished) {
            bosun_err err = {0};
            long live = live_blocks;
            arm_malloc(++at, from_then_on);
            int rc = work(&err);
            finished = allocations < at;
            arm_malloc(0, false);
            sound = live == live_blocks && (rc == 0 || (!finished && strcmp(err.code, BOSUN_ERR_NOMEM) == 0));
            if (!sound)
                note("allocation %ld: rc %d, %ld blocks leaked, %s", at, rc, live_blocks - live, err.message);
        }
        ok(sound && at > 1, "%s survives each of its allocations failing%s", name,
           from_then_on ? ", and all after it" : "");
    }
}

/* Runs `work`, which must succeed without allocating. */
__attribute__((unused)) static void needs_no_memory(const char *name, int (*work)(bosun_err *err))
{
    bosun_err err = {0};
    arm_malloc(1, true);
    int rc = work(&err);
    long asked = allocations;
    arm_malloc(0, false);
    ok(rc == 0 && asked == 0, "%s needs no memory", name);
}

#else

__attribute__((unused)) static void needs_no_memory(const char *name, int (*work)(bosun_err *err))
{
    (void)work;
    skip(name, "the sanitizer has the allocator");
}

__attribute__((unused)) static void sweep(const char *name, int (*work)(bosun_err *err))
{
    (void)work;
    skip(name, "the sanitizer has the allocator");
}

#endif
#endif
