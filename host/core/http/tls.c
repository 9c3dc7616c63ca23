/* TLS of a transfer: CA, client certificate and verification, which is on unless the request turns it off. */
#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_pem(const char *text)
{
    return strstr(text, "-----BEGIN") != NULL;
}

/* A PEM text, which libcurl copies. */
static int set_blob(bosun_http_transfer *t, CURLoption option, const char *pem, bosun_err *err)
{
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_COPY};
    CURLcode rc = t->curl->easy_setopt(t->easy, option, &blob);
    if (rc == CURLE_UNKNOWN_OPTION || rc == CURLE_NOT_BUILT_IN)
        return bosun_err_set(
            err, BOSUN_HTTP_TLS, "http.request",
            "%s failed: this libcurl reads certificates only from files: install libcurl4, or use a path",
            t->label);
    return rc == CURLE_OK ? 0 : bosun_http_nomem(err);
}

static int set_pem(bosun_http_transfer *t, CURLoption file, CURLoption blob, const char *value,
                   bosun_err *err)
{
    if (!value)
        return 0;
    if (is_pem(value))
        return set_blob(t, blob, value, err);
    if (access(value, R_OK) < 0)
        return bosun_err_errno(err, errno, "read", value);
    return bosun_http_set_pointer(t, file, value, err);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Does libcurl's own file of CAs exist? If that is not known, yes. */
static bool has_system_file(const bosun_http_transfer *t)
{
    char *file = NULL;
#if LIBCURL_VERSION_NUM >= 0x075400
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_CAINFO, &file);
#endif
    return !file || access(file, R_OK) == 0;
}

/* SSL_CERT_FILE takes the place of the system's file, SSL_CERT_DIR that of its folder, as in programs with
 * OpenSSL. libcurl ignores both. Proxies with https have CAs of their own, set alike; not every libcurl knows
 * such proxies, so failing to set those is no error. */
static int set_ca_of_environment(bosun_http_transfer *t, bosun_err *err)
{
    const char *file = variable("SSL_CERT_FILE");
    const char *folder = variable("SSL_CERT_DIR");
    t->ca_hint = file ? "check SSL_CERT_FILE: it names a file in PEM format"
                      : "this machine has no file of CAs: install the package ca-certificates, or set tls.ca";
    if (!file && !folder)
        return 0;
    if (file || !has_system_file(t)) {
        (void)t->curl->easy_setopt(t->easy, CURLOPT_PROXY_CAINFO, file);
        if (bosun_http_set_pointer(t, CURLOPT_CAINFO, file, err) < 0)
            return -1;
    }
    if (!folder)
        return 0;
    (void)t->curl->easy_setopt(t->easy, CURLOPT_PROXY_CAPATH, folder);
    return bosun_http_set_pointer(t, CURLOPT_CAPATH, folder, err);
}

/* Trusts only what `ca` contains: without this, libcurl also searches the system's folder of certificates. */
static int set_ca(bosun_http_transfer *t, const char *ca, bosun_err *err)
{
    if (!ca)
        return set_ca_of_environment(t, err);
    t->ca_hint = "check tls.ca: a file or text in PEM format";
    if (bosun_http_set_pointer(t, CURLOPT_CAPATH, NULL, err) < 0)
        return -1;
    return set_pem(t, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, ca, err);
}

int bosun_http_set_up_tls(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    if (request->insecure && (bosun_http_set_long(t, CURLOPT_SSL_VERIFYPEER, 0, err) < 0 ||
                              bosun_http_set_long(t, CURLOPT_SSL_VERIFYHOST, 0, err) < 0))
        return -1;
    if (bosun_http_set_long(t, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2, err) < 0)
        return -1;
    if (set_ca(t, request->ca, err) < 0 ||
        set_pem(t, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, request->cert, err) < 0)
        return -1;
    return set_pem(t, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, request->key, err);
}
