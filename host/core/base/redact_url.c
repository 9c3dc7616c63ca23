/* The secrets in URLs and in the environment. */
#include "redact.h"
#include "url.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "user:password" and the password, or a user alone: it can be a token. */
static int add_credentials(bosun_secrets *secrets, bosun_span credentials)
{
    const char *colon = memchr(credentials.at, ':', credentials.len);
    const char *end = credentials.at + credentials.len;
    if (bosun_secrets_add(secrets, credentials.at, credentials.len) < 0)
        return -1;
    return colon ? bosun_secrets_add(secrets, colon + 1, (size_t)(end - colon - 1)) : 0;
}

int bosun_secrets_add_url(bosun_secrets *secrets, const char *url, size_t len)
{
    bosun_span credentials = bosun_url_credentials(url, len);
    return credentials.at ? add_credentials(secrets, credentials) : 0;
}

/* libcurl takes a proxy without a scheme, too. */
static int add_proxy(bosun_secrets *secrets, const char *proxy)
{
    const char *slashes = strstr(proxy, "//");
    const char *start = slashes ? slashes + 2 : proxy;
    const char *sign = strrchr(start, '@');
    return sign ? add_credentials(secrets, (bosun_span){.at = start, .len = (size_t)(sign - start)}) : 0;
}

int bosun_secrets_add_proxies(bosun_secrets *secrets)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy",
                                        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *proxy = getenv(names[i]);
        if (proxy && add_proxy(secrets, proxy) < 0)
            return -1;
    }
    return 0;
}

int bosun_secrets_add_environment(bosun_secrets *secrets)
{
    int rc = bosun_secrets_add_proxies(secrets);
    for (char **entry = environ; entry && *entry && rc == 0; entry++) {
        size_t name = strcspn(*entry, "=");
        const char *value = *entry + name + ((*entry)[name] == '=');
        if (bosun_names_secret(*entry, name))
            rc = bosun_secrets_add(secrets, value, strlen(value));
        if (rc == 0)
            rc = bosun_secrets_add_url(secrets, value, strlen(value));
    }
    return rc;
}
