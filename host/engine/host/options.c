/* The structs of options of the public header. A program may have been built with an older or a newer header
 * than the library: the size that each struct begins with says how much of it there is. */
#include "host.h"
#include <string.h>

#define LARGEST 4096 /* a size past it has not been set */

#define SMALLER(a, b) ((a) < (b) ? (a) : (b))

/* Fills the first `size` bytes of a caller's struct, from one of ours that has the defaults. */
static void give(void *theirs, size_t size, void *ours, size_t our_size)
{
    if (!theirs || size < sizeof size)
        return;
    memset(theirs, 0, size); /* the default of what a newer program knows */
    memcpy(ours, &size, sizeof size);
    memcpy(theirs, ours, SMALLER(size, our_size));
}

/* Copies a caller's struct over one of ours that has the defaults. name: "bosun_options" */
static int take(void *ours, size_t our_size, const void *theirs, const char *name, bosun_err *err)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size || size > LARGEST)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "read the options",
                             "the size in %s is %zu: call %s_init before setting fields", name, size, name);
    for (size_t i = our_size; i < size; i++)
        if (((const char *)theirs)[i])
            return bosun_err_set(err, BOSUN_ERR_INVALID, "read the options",
                                 "%s has an option that this version of libbosun, %s, does not know: "
                                 "install the version that the program was built with",
                                 name, BOSUN_VERSION);
    memcpy(ours, theirs, SMALLER(size, our_size));
    memcpy(ours, &our_size, sizeof our_size);
    return 0;
}

void bosun_options_init_size(bosun_options *options, size_t size)
{
    bosun_options defaults = {.log_level = BOSUN_LOG_INFO};
    give(options, size, &defaults, sizeof defaults);
}

int host_options_take(bosun_options *ours, const bosun_options *theirs, bosun_err *err)
{
    bosun_options_init_size(ours, sizeof *ours);
    return theirs ? take(ours, sizeof *ours, theirs, "bosun_options", err) : 0;
}

void bosun_run_options_init_size(bosun_run_options *options, size_t size)
{
    bosun_run_options defaults = {.timeout = BOSUN_TIMEOUT_OF_HOST};
    give(options, size, &defaults, sizeof defaults);
}

int host_run_options_take(bosun_run_options *ours, const bosun_run_options *theirs, bosun_err *err)
{
    bosun_run_options_init_size(ours, sizeof *ours);
    return theirs ? take(ours, sizeof *ours, theirs, "bosun_run_options", err) : 0;
}

void bosun_load_options_init_size(bosun_load_options *options, size_t size)
{
    bosun_load_options defaults = {.plugin = NULL};
    give(options, size, &defaults, sizeof defaults);
}

int host_load_options_take(bosun_load_options *ours, const bosun_load_options *theirs, bosun_err *err)
{
    bosun_load_options_init_size(ours, sizeof *ours);
    return theirs ? take(ours, sizeof *ours, theirs, "bosun_load_options", err) : 0;
}
