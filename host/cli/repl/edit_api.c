/* Loads libedit. It stays loaded until the process ends. */
#include "edit_api.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static edit_api functions;

/* POSIX allows converting dlsym's result to a function pointer. */
static bool find(void *library, const char *name, void *field)
{
    void *address = dlsym(library, name);
    memcpy(field, &address, sizeof address);
    return address != NULL;
}

static bool fill(void *library, edit_api *table)
{
#define FIND(name)                                                                                           \
    if (!find(library, #name, &table->name))                                                                 \
        return false;
    EDIT_FUNCTIONS(FIND)
#undef FIND
    return true;
}

const edit_api *edit_api_load(void)
{
    static bool loaded;
    static const char *const names[] = {"libedit.so.2", "libedit.so.0", "libedit.so"};
    for (size_t i = 0; !loaded && i < sizeof names / sizeof names[0]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        loaded = library && fill(library, &functions);
    }
    return loaded ? &functions : NULL;
}
