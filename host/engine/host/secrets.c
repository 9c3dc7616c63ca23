/* The secrets of a host. */
#include "core/config_secrets.h"
#include "host.h"
#include "redaction.h"

int host_add_secret(bosun_host *host, const char *text, size_t len)
{
    return bosun_secrets_add(&host->secrets, text, len);
}

int host_add_url_secrets(bosun_host *host, const char *url, size_t len)
{
    return bosun_secrets_add_url(&host->secrets, url, len);
}

void host_redact(const bosun_host *host, bosun_buf *out, const char *text, size_t len)
{
    bosun_redact(out, &host->secrets, text, len);
}

static int seen(void *data, const char *text, size_t len, const bosun_value *root)
{
    bosun_host *host = data;
    return root ? bosun_config_add_secrets(&host->secrets, root)
                : bosun_secrets_add_text(&host->secrets, text, len, NULL, 0);
}

bosun_config_source host_config_source(bosun_host *host, const char *path)
{
    return (bosun_config_source){.path = path, .wait = &host->limits.wait, .seen = seen, .data = host};
}
