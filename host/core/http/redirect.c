/* Follows redirects. libcurl could, but repeats a PUT without its body and reports success, and sends the
 * headers of a body with a GET. Here, by RFC 9110: 301 and 302 make a GET of a POST, 303 makes a GET of
 * everything but GET and HEAD, 307 and 308 change nothing. A request that keeps its method keeps its body.
 * What was meant for one host (credentials, "Host", the trace) is not sent to another. */
#include "core/base/url.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool same_text(bosun_span a, bosun_span b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool is_http(const bosun_url *url)
{
    return same_text(url->scheme, (bosun_span){"http", 4}) ||
           same_text(url->scheme, (bosun_span){"https", 5});
}

static int port_of(const bosun_url *url)
{
    return url->port ? url->port : url->scheme.len == strlen("https") ? 443 : 80;
}

/* Without both URLs, the answer is no. */
static bool is_same_origin(const char *from, const bosun_url *to)
{
    bosun_url url;
    return from && bosun_url_parse(from, strlen(from), &url, NULL) == 0 &&
           same_text(url.scheme, to->scheme) && same_text(url.host, to->host) && port_of(&url) == port_of(to);
}

/* Does the line "Name: value" or "Name;" have one of the names? */
static bool has_name(const char *line, const char *const *names)
{
    size_t len = strcspn(line, ":;");
    for (; *names; names++)
        if (strlen(*names) == len && strncasecmp(line, *names, len) == 0)
            return true;
    return false;
}

/* Removes headers. libcurl's lists cannot be cut, so what stays is copied. */
static int remove_headers(bosun_http_transfer *t, const char *const *names, bosun_err *err)
{
    struct curl_slist *kept = NULL;
    for (const struct curl_slist *line = t->headers; line; line = line->next) {
        if (has_name(line->data, names))
            continue;
        struct curl_slist *longer = t->curl->slist_append(kept, line->data);
        if (!longer) {
            t->curl->slist_free_all(kept);
            return bosun_http_nomem(err);
        }
        kept = longer;
    }
    struct curl_slist *all = t->headers;
    t->headers = kept;
    int rc = bosun_http_set_pointer(t, CURLOPT_HTTPHEADER, kept, err);
    t->curl->slist_free_all(all);
    return rc;
}

static int become_get(bosun_http_transfer *t, bosun_err *err)
{
    static const char *const of_body[] = {"Content-Type",
                                          "Content-Encoding",
                                          "Content-Language",
                                          "Content-Location",
                                          "Transfer-Encoding",
                                          "Expect",
                                          NULL};
    char *method = strdup("GET");
    if (!method)
        return bosun_http_nomem(err);
    free(t->method);
    t->method = method;
    t->source = BOSUN_HTTP_NO_BODY;
    t->idempotent = true;
    if (bosun_http_set_long(t, CURLOPT_HTTPGET, 1, err) < 0 ||
        bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, NULL, err) < 0)
        return -1;
    return remove_headers(t, of_body, err);
}

static bool has_method(const bosun_http_transfer *t, const char *method)
{
    return strcmp(t->method, method) == 0;
}

static bool becomes_get(const bosun_http_transfer *t)
{
    if (t->reply.status == 303)
        return !has_method(t, "GET") && !has_method(t, "HEAD");
    return (t->reply.status == 301 || t->reply.status == 302) && has_method(t, "POST");
}

static int leave_host(bosun_http_transfer *t, bosun_err *err)
{
    static const char *const of_host[] = {"Authorization", "Cookie", "Host", "traceparent", NULL};
    return remove_headers(t, of_host, err);
}

static int refuse(const bosun_http_transfer *t, const char *why, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_HTTP_REDIRECT, "http.request", "%s failed: %s", t->label, why);
}

/* Where the redirect leads. Returns the URL, which is libcurl's, or NULL. */
static const char *find_target(const bosun_http_transfer *t, bosun_url *url, bosun_err *err)
{
    char *target = NULL;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &target);
    if (t->follow == 0)
        refuse(t, "too many redirects: it may be a loop; the option follow sets the limit", err);
    else if (!target || bosun_url_parse(target, strlen(target), url, NULL) < 0 || !is_http(url))
        refuse(t, "the server redirects it to something other than an http or https URL", err);
    else
        return target;
    return NULL;
}

/* Setting the URL frees libcurl's texts, so everything is read before. */
static int set_target(bosun_http_transfer *t, bosun_err *err)
{
    bosun_url url;
    char *current = NULL;
    const char *target = find_target(t, &url, err);
    if (!target)
        return -1;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &current);
    if (!is_same_origin(current, &url) && leave_host(t, err) < 0)
        return -1;
    char *copy = strdup(target);
    int rc = copy ? bosun_http_set_pointer(t, CURLOPT_URL, copy, err) : bosun_http_nomem(err);
    free(copy);
    return rc;
}

int bosun_http_redirect(bosun_http_transfer *t, bosun_err *err)
{
    if (set_target(t, err) < 0)
        return -1;
    if ((becomes_get(t) ? become_get(t, err) : bosun_http_rewind_source(t, err)) < 0)
        return -1;
    t->follow--;
    t->reached = false;
    t->reply.status = 0;
    t->reply.received = 0;
    bosun_buf_clear(&t->reply.body);
    return bosun_http_set_time(t, err);
}
