/* What a plugin prints while a console is open: see engine/console. */
#include "engine/console/console.h"
#include "host.h"

void host_print(bosun_host *host, const char *text, size_t len)
{
    bosun_buf clean = {0};
    bosun_redact(&clean, &host->secrets, text, len);
    if (host->console && !clean.failed)
        host->console->write(host->console->data, bosun_buf_text(&clean), clean.len);
    bosun_buf_free(&clean);
}
