/* The list of secrets of a host, and what URLs and the environment add to it. secrets_config.c and
 * secrets_text.c find those of configs. */
#include "core/base/url.h"
#include "host.h"
#include <stdlib.h>
#include <string.h>

int host_add_secret(bosun_host *host, const char *text, size_t len)
{
    return bosun_secrets_add(&host->secrets, text, len);
}

/* "user:password" and the password, or a user alone: it can be a token. */
static int add_credentials(bosun_host *host, bosun_span credentials)
{
    const char *colon = memchr(credentials.at, ':', credentials.len);
    const char *end = credentials.at + credentials.len;
    if (host_add_secret(host, credentials.at, credentials.len) < 0)
        return -1;
    return colon ? host_add_secret(host, colon + 1, (size_t)(end - colon - 1)) : 0;
}

int host_add_url_secrets(bosun_host *host, const char *url, size_t len)
{
    bosun_span credentials = bosun_url_credentials(url, len);
    return credentials.at ? add_credentials(host, credentials) : 0;
}

/* libcurl takes a proxy without a scheme, too. */
static int add_proxy(bosun_host *host, const char *proxy)
{
    const char *slashes = strstr(proxy, "//");
    const char *start = slashes ? slashes + 2 : proxy;
    const char *sign = strrchr(start, '@');
    return sign ? add_credentials(host, (bosun_span){.at = start, .len = (size_t)(sign - start)}) : 0;
}

int host_add_environment_secrets(bosun_host *host)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy",
                                        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *proxy = getenv(names[i]);
        if (proxy && add_proxy(host, proxy) < 0)
            return -1;
    }
    return 0;
}
