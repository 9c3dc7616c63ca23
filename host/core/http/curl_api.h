/* libcurl as a table of functions. It is not linked: an action without HTTP must not pay for loading it and
 * its dozen dependencies. */
#ifndef BOSUN_CORE_HTTP_CURL_API_H
#define BOSUN_CORE_HTTP_CURL_API_H

#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK /* its macros redefine the names that the table uses */
#endif
#include "core/base/err.h"
#include <curl/curl.h>

/* clang-format off */
#define BOSUN_CURL_FUNCTIONS(X)                                                                  \
    X(global_init)                                                                               \
    X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_getinfo) X(easy_strerror)   \
    X(easy_pause) X(easy_send) X(easy_recv)                                                      \
    X(multi_init) X(multi_cleanup) X(multi_add_handle) X(multi_remove_handle) X(multi_setopt)    \
    X(multi_perform) X(multi_poll) X(multi_info_read) X(multi_strerror)                          \
    X(slist_append) X(slist_free_all)
/* clang-format on */

#define BOSUN_CURL_FIELD(name) __typeof__(curl_##name) *(name);
typedef struct bosun_curl {
    BOSUN_CURL_FUNCTIONS(BOSUN_CURL_FIELD)
} bosun_curl;
#undef BOSUN_CURL_FIELD

/* The functions, loaded by the first call in the process; thread-safe. NULL: libcurl is missing or too old;
 * the message says what to install, and the next call tries again. */
const bosun_curl *bosun_curl_load(bosun_err *err);

#endif
