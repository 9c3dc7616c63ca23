/* Loads libcurl on first use. The table below is the only process-wide state of this library:
 * curl_global_init may run only once per process, and not in two threads at once. libcurl is never unloaded,
 * because its TLS library cannot be, and threads of its resolver may still be running. */
#include "curl_api.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static bosun_curl functions; /* written once, under the mutex */
static bool loaded;

/* Debian has several builds with the same interface, and any of them can be the one installed. The NSS build
 * is not supported: there, a CA that one request trusts is trusted by all later requests of the process. */
static void *open_library(bosun_err *err)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
        if (i == 0) {
            const char *why = dlerror();
            bosun_err_set(err, "libcurl", "load", "HTTP needs libcurl: install libcurl4 (%s)",
                          why ? why : "it cannot be loaded");
        }
    }
    return NULL;
}

/* Stores the address of a function. POSIX allows converting dlsym's result to a function pointer. */
static bool find(void *library, const char *name, void *field)
{
    void *address = dlsym(library, name);
    memcpy(field, &address, sizeof address);
    return address != NULL;
}

static int fill(void *library, bosun_curl *table, bosun_err *err)
{
#define FIND(name)                                                                                           \
    if (!find(library, "curl_" #name, &table->name))                                                         \
        return bosun_err_set(err, "libcurl", "load",                                                         \
                             "HTTP needs libcurl 7.66 or later: the installed version lacks curl_" #name);
    BOSUN_CURL_FUNCTIONS(FIND)
#undef FIND
    return 0;
}

static int load(bosun_err *err)
{
    void *library = open_library(err);
    if (!library)
        return -1;
    bosun_curl table = {0};
    if (fill(library, &table, err) < 0) {
        dlclose(library);
        return -1;
    }
    CURLcode rc = table.global_init(CURL_GLOBAL_DEFAULT);
    if (rc != CURLE_OK) {
        dlclose(library);
        return bosun_err_set(err, rc == CURLE_OUT_OF_MEMORY ? BOSUN_ERR_NOMEM : "libcurl", "load",
                             "cannot initialize libcurl (error %d)", (int)rc);
    }
    functions = table;
    return 0;
}

const bosun_curl *bosun_curl_load(bosun_err *err)
{
    pthread_mutex_lock(&loading);
    if (!loaded)
        loaded = load(err) == 0;
    const bosun_curl *result = loaded ? &functions : NULL;
    pthread_mutex_unlock(&loading);
    return result;
}
