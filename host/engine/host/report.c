/* Errors for the embedder. */
#include "host.h"
#include <stdio.h>
#include <string.h>

/* Copies a text for the embedder. Redacts it before cutting it: a cut secret would not be recognised. */
static void copy_redacted(const bosun_host *host, char *out, size_t size, const char *text, size_t len)
{
    bosun_buf clean = {0};
    bosun_redact(&clean, host ? &host->secrets : &(bosun_secrets){0}, text, len);
    snprintf(out, size, "%s", clean.failed ? "out of memory" : bosun_buf_text(&clean));
    bosun_buf_free(&clean);
}

void host_report_error(const bosun_host *host, bosun_error *error, const bosun_err *err)
{
    if (!error)
        return;
    *error = (bosun_error){.line = err->line, .column = err->column};
    snprintf(error->code, sizeof error->code, "%s", err->code);
    snprintf(error->op, sizeof error->op, "%s", err->op);
    copy_redacted(host, error->file, sizeof error->file, err->file, strlen(err->file));
    copy_redacted(host, error->path, sizeof error->path, err->path, strlen(err->path));
    bosun_buf text = {0};
    bosun_err_text(&text, err);
    if (text.failed)
        copy_redacted(host, error->message, sizeof error->message, err->message, strlen(err->message));
    else
        copy_redacted(host, error->message, sizeof error->message, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
}
