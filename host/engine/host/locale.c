/* The locale of the calling thread. Lua's conversions between numbers and text, lua-cjson's, and those of C
 * itself use the decimal point of the locale, and a comma would end up in JSON, YAML and URLs. Each public
 * function that works with a host therefore runs in the C locale, as in bosun-plugin-runner, but only for its
 * own thread, and not during the embedder's callbacks. */
#include "host.h"

int host_locale_init(bosun_host *host, bosun_err *err)
{
    host->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return host->c_locale ? 0 : bosun_err_nomem(err, "create a C locale");
}

void host_enter(bosun_host *host)
{
    host->callers_locale = uselocale(host->c_locale);
}

void host_leave(bosun_host *host)
{
    uselocale(host->callers_locale);
}
