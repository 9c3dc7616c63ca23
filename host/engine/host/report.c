/* Errors for the embedder. */
#include "host.h"
#include <ctype.h>
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

bosun_error_kind bosun_code_kind(const char *code)
{
    static const struct {
        const char *code;
        bosun_error_kind kind;
    } kinds[] = {
        {"", BOSUN_ERROR_NONE},
        {BOSUN_ERR_NOMEM, BOSUN_ERROR_NO_MEMORY},
        {BOSUN_ERR_INVALID, BOSUN_ERROR_INVALID},
        {BOSUN_ERR_CANCELLED, BOSUN_ERROR_CANCELLED},
        {BOSUN_ERR_DEADLINE, BOSUN_ERROR_DEADLINE},
        {BOSUN_ERR_TIMEOUT, BOSUN_ERROR_TIMEOUT},
        {BOSUN_ERR_INSTRUCTIONS, BOSUN_ERROR_INSTRUCTIONS},
        {BOSUN_ERR_CONFIG, BOSUN_ERROR_CONFIG},
        {BOSUN_ERR_SYNTAX, BOSUN_ERROR_SYNTAX},
        {BOSUN_ERR_NO_PLUGIN, BOSUN_ERROR_PLUGIN_NOT_FOUND},
        {BOSUN_ERR_PLUGIN, BOSUN_ERROR_PLUGIN},
        {BOSUN_ERR_FAILED, BOSUN_ERROR_FAILED},
        {BOSUN_ERR_TOO_LARGE, BOSUN_ERROR_TOO_LARGE},
    };
    for (size_t i = 0; code && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(code, kinds[i].code) == 0)
            return kinds[i].kind;
    if (!code)
        return BOSUN_ERROR_NONE;
    return code[0] == 'E' && isupper((unsigned char)code[1]) ? BOSUN_ERROR_SYSTEM : BOSUN_ERROR_OTHER;
}

void host_report_error(const bosun_host *host, bosun_error *error, const bosun_err *err)
{
    if (!error)
        return;
    *error = (bosun_error){.kind = bosun_code_kind(err->code), .line = err->line, .column = err->column};
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
