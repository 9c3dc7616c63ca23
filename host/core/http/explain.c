/* Turns libcurl's results into errors: a stable code, which request failed and why, and what to do about
 * it. */
#include "internal.h"
#include <errno.h>
#include <string.h>

typedef struct explanation {
    CURLcode result;
    const char *code;
    const char *hint;
} explanation;

#define HINT_DNS    "check the host name and this machine's DNS servers"
#define HINT_CLOSED "the connection was closed before the reply was complete"
#define HINT_CERT   "if a private CA issued the server's certificate, set tls.ca"
#define HINT_NAME   "use a name of the certificate in the URL, or set tls.server_name to one"
#define HINT_OWN    "check tls.cert and tls.key: a matching pair in PEM format, not encrypted"
#define HINT_TLS    "is it a TLS server, and does it support TLS 1.2 or later?"
#define HINT_HTTP   "is it an HTTP server?"

static const explanation explanations[] = {
    {CURLE_COULDNT_RESOLVE_HOST, BOSUN_HTTP_DNS, HINT_DNS},
    {CURLE_COULDNT_RESOLVE_PROXY, BOSUN_HTTP_DNS,
     "check the host name of the proxy (http_proxy, https_proxy, option proxy)"},
    {CURLE_COULDNT_CONNECT, BOSUN_HTTP_CONNECT, "is the server running, and are host and port right?"},
    {CURLE_PROXY, BOSUN_HTTP_CONNECT,
     "the proxy refused the connection: check it, or add the host to no_proxy"},
    {CURLE_OPERATION_TIMEDOUT, BOSUN_ERR_TIMEOUT, "is the server reachable, and the timeout long enough?"},
    {CURLE_GOT_NOTHING, BOSUN_HTTP_CLOSED, "the server closed the connection without a reply"},
    {CURLE_RECV_ERROR, BOSUN_HTTP_CLOSED, HINT_CLOSED},
    {CURLE_SEND_ERROR, BOSUN_HTTP_CLOSED, "the connection was closed before the request was sent"},
    {CURLE_PARTIAL_FILE, BOSUN_HTTP_CLOSED, HINT_CLOSED},
    {CURLE_SEND_FAIL_REWIND, BOSUN_HTTP_CLOSED, "a body from a function cannot be sent twice"},
    {CURLE_PEER_FAILED_VERIFICATION, BOSUN_HTTP_TLS, HINT_CERT},
    {CURLE_SSL_CACERT_BADFILE, BOSUN_HTTP_TLS, NULL},
    {CURLE_SSL_CERTPROBLEM, BOSUN_HTTP_TLS, HINT_OWN},
    {CURLE_SSL_CONNECT_ERROR, BOSUN_HTTP_TLS, HINT_TLS},
    {CURLE_SSL_CIPHER, BOSUN_HTTP_TLS, HINT_TLS},
    {CURLE_SSL_ISSUER_ERROR, BOSUN_HTTP_TLS, HINT_CERT},
    {CURLE_SSL_ENGINE_INITFAILED, BOSUN_HTTP_TLS, HINT_OWN},
    {CURLE_SSL_INVALIDCERTSTATUS, BOSUN_HTTP_TLS, HINT_CERT},
    {CURLE_SSL_CLIENTCERT, BOSUN_HTTP_TLS,
     "the server requires a client certificate: set tls.cert and tls.key"},
    {CURLE_WEIRD_SERVER_REPLY, BOSUN_HTTP_PROTOCOL, HINT_HTTP},
    {CURLE_HTTP2, BOSUN_HTTP_PROTOCOL, HINT_HTTP},
    {CURLE_HTTP2_STREAM, BOSUN_HTTP_PROTOCOL, HINT_HTTP},
    {CURLE_BAD_CONTENT_ENCODING, BOSUN_HTTP_PROTOCOL, "the compressed body is corrupt"},
    {CURLE_UNSUPPORTED_PROTOCOL, BOSUN_HTTP_PROTOCOL, HINT_HTTP},
    {CURLE_URL_MALFORMAT, BOSUN_ERR_INVALID, "check the URL"},
    {CURLE_OUT_OF_MEMORY, BOSUN_ERR_NOMEM, "out of memory"},
};

static explanation find_explanation(CURLcode result)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (explanations[i].result == result)
            return explanations[i];
    return (explanation){result, BOSUN_HTTP_FAILED, NULL};
}

/* The errno value of a failed connection; 0: none. */
static int connect_errno(const bosun_http_transfer *t)
{
    long errnum = 0;
    if (t->result == CURLE_COULDNT_CONNECT)
        (void)t->curl->easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &errnum);
    return errnum == EINPROGRESS ? 0 : (int)errnum;
}

/* libcurl reports a header line over its limit of 100 kB as "out of memory". It is one if the reply has
 * begun and nothing of its body has arrived. */
static bool is_long_header(const bosun_http_transfer *t)
{
    curl_off_t first_byte = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    return t->result == CURLE_OUT_OF_MEMORY && first_byte > 0 && t->reply.received == 0;
}

/* What is wrong with a certificate that was not accepted. The numbers are OpenSSL's (x509_vfy.h); others,
 * such as those of GnuTLS, have the general hint. A wrong name is found by libcurl itself, not by OpenSSL. */
static const char *certificate_hint(const bosun_http_transfer *t)
{
    long result = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    switch (result) {
    case 0: /* none */
    case 1: /* not known yet */
    case 62: return HINT_NAME;
    case 9:
        return "is this machine's clock right? Otherwise wait, or give the server a certificate that is "
               "valid now";
    case 10: return "is this machine's clock right? Otherwise the server needs a new certificate";
    case 18: return "if the server is the right one, set tls.ca to its certificate";
    default: return HINT_CERT;
    }
}

static explanation explain(const bosun_http_transfer *t)
{
    explanation e = find_explanation(t->result);
    int errnum = connect_errno(t);
    if (errnum)
        e.code = errnum == ETIMEDOUT ? BOSUN_ERR_TIMEOUT : bosun_err_name(errnum);
    if (t->result == CURLE_COULDNT_CONNECT && t->may_be_proxied)
        e.hint = "is this the server or the proxy, is it running, and are host and port right?";
    if (t->result == CURLE_PEER_FAILED_VERIFICATION)
        e.hint = certificate_hint(t);
    if (t->result == CURLE_SSL_CACERT_BADFILE)
        e.hint = t->ca_hint;
    if (is_long_header(t))
        return (explanation){t->result, BOSUN_ERR_TOO_LARGE, "a header of the reply is longer than 100 kB"};
    return e;
}

/* libcurl's own words, which it cuts to fit. It repeats the URL of a proxy that it cannot parse, password
 * included: whatever is between the beginning of a URL and the last '@', or the cut, stays out of the
 * message. */
static void append_said(bosun_buf *out, const bosun_http_transfer *t)
{
    const char *said = t->curl_says[0] ? t->curl_says : t->curl->easy_strerror(t->result);
    const char *slashes = strstr(said, "//");
    const char *quote = strchr(said, '\'');
    const char *url = slashes ? slashes + 2 : quote ? quote + 1 : NULL;
    size_t len = strlen(said);
    const char *sign = strrchr(url ? url : said, '@');
    bool is_cut = len >= CURL_ERROR_SIZE - 1;
    bool hides = sign || (url && is_cut);
    bosun_buf_append(out, said, !hides ? len : url ? (size_t)(url - said) : 0);
    if (hides)
        bosun_buf_printf(out, "[redacted]%s", sign && !is_cut ? sign : "");
    bosun_buf_puts(out, is_cut ? "…" : "");
}

static const char *socket_hint(int errnum)
{
    switch (errnum) {
    case ENOENT: return ": is the service running, and is the path right?";
    case ECONNREFUSED: return ": no process listens on it: is the service running?";
    case EACCES:
    case EPERM: return ": check this user's permissions on it";
    case ENOTSOCK: return ": is the path right?";
    default: return "";
    }
}

int bosun_http_socket_failed(const bosun_http_transfer *t, const char *path, int errnum, bosun_err *err)
{
    bosun_err_set(err, bosun_err_name(errnum), "http.request", "cannot connect to the socket %s: %s (%s)%s",
                  path, strerrordesc_np(errnum), bosun_err_name(errnum), socket_hint(errnum));
    return bosun_err_context(err, "%s failed: ", t->label);
}

/* The status with which a proxy refused to connect to the host; 0: it did not. */
static long refused_status(const bosun_http_transfer *t)
{
    long status = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status / 100 == 2 ? 0 : status;
}

/* A server error is often one of the host, and passes, as it does without a proxy. */
static int proxy_refused(const bosun_http_transfer *t, long status, bosun_err *err)
{
    char *address = NULL;
    long port = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &address);
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
    const char *hint = status == 407   ? "it wants a user and a password: put them into the proxy's URL"
                       : status >= 500 ? "does the proxy reach the host?"
                                       : "allow the host there, or add it to no_proxy";
    bosun_err_set(err, status >= 500 ? BOSUN_HTTP_CONNECT : BOSUN_HTTP_PROXY, "http.request",
                  "the proxy at %s:%ld refuses to connect to the host (status %ld): %s",
                  address ? address : "", port, status, hint);
    return bosun_err_context(err, "%s failed: ", t->label);
}

int bosun_http_explain(const bosun_http_transfer *t, bosun_err *err)
{
    if (t->err.code[0]) {
        if (err)
            *err = t->err;
        return -1;
    }
    int errnum = connect_errno(t);
    if (errnum && t->unix_socket)
        return bosun_http_socket_failed(t, t->unix_socket, errnum, err);
    long status = refused_status(t);
    if (status)
        return proxy_refused(t, status, err);
    char storage[CURL_ERROR_SIZE + sizeof "[redacted]…"];
    bosun_buf said = bosun_buf_fixed(storage, sizeof storage);
    append_said(&said, t);
    explanation e = explain(t);
    const char *text = errnum ? strerrordesc_np(errnum) : NULL;
    bosun_err_set(err, e.code, "http.request", "%s%s%s%s%s", bosun_buf_text(&said), text ? ": " : "",
                  text ? text : "", e.hint ? ": " : "", e.hint ? e.hint : "");
    return bosun_err_context(err, "%s failed: ", t->label);
}
