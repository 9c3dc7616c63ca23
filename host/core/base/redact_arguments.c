/* The secrets on a command line. */
#include "redact.h"
#include <string.h>

static const char *without_dashes(const char *name)
{
    return name + strspn(name, "-");
}

/* What options with a secret's name have for values that are none. */
static bool is_common(const char *value)
{
    static const char *const words[] = {"true", "false", "null", "none", "auto"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], value) == 0)
            return true;
    return false;
}

static int add_value(bosun_secrets *secrets, const char *value)
{
    return is_common(value) ? 0 : bosun_secrets_add(secrets, value, strlen(value));
}

static int add_url(bosun_secrets *secrets, const char *url)
{
    return bosun_secrets_add_url(secrets, url, strlen(url));
}

/* "--token=X" and "PGPASSWORD=X", or "--password" and its value in the next argument. */
static int add_argument(bosun_secrets *secrets, const char *argument, const char *next)
{
    const char *name = without_dashes(argument);
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    bool is_secret = bosun_names_secret(name, len);
    if (add_url(secrets, argument) < 0 || (equals && add_url(secrets, equals + 1) < 0))
        return -1;
    if (equals)
        return is_secret ? add_value(secrets, equals + 1) : 0;
    return is_secret && name > argument && next && next[0] != '-' ? add_value(secrets, next) : 0;
}

int bosun_secrets_add_arguments(bosun_secrets *secrets, const char *const *argv)
{
    int rc = 0;
    for (size_t i = 0; argv[i] && rc == 0; i++)
        rc = add_argument(secrets, argv[i], argv[i + 1]);
    return rc;
}
