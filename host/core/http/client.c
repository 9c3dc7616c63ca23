/* Clients, and the life of transfers: start, step, end. Their options are set in setup.c, tls.c and
 * body.c. */
#include "core/base/url.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 128L                /* kept open */
#define STEP_MAX        (60 * BOSUN_SECOND) /* the longest single wait */

bosun_http_client *bosun_http_client_new(bosun_err *err)
{
    const bosun_curl *curl = bosun_curl_load(err);
    if (!curl)
        return NULL;
    bosun_http_client *client = calloc(1, sizeof *client);
    CURLM *multi = client ? curl->multi_init() : NULL;
    if (!multi) {
        free(client);
        bosun_http_nomem(err);
        return NULL;
    }
    client->curl = curl;
    client->multi = multi;
    (void)curl->multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    return client;
}

static void link_in(bosun_http_client *client, bosun_http_transfer *t)
{
    t->client = client;
    t->next = client->transfers;
    if (t->next)
        t->next->previous = t;
    client->transfers = t;
}

static void link_out(bosun_http_transfer *t)
{
    if (t->next)
        t->next->previous = t->previous;
    if (t->previous)
        t->previous->next = t->next;
    else
        t->client->transfers = t->next;
    t->client = NULL;
}

/* Returns the easy handle to the client, which keeps it for its TLS sessions. */
static void give_back_easy(bosun_http_transfer *t)
{
    bosun_http_client *client = t->client;
    CURL *easy = t->easy;
    t->easy = NULL;
    if (!easy)
        return;
    (void)t->curl->multi_remove_handle(client->multi, easy);
    if (t->sink == BOSUN_HTTP_TO_FILE || client->idle_count == BOSUN_HTTP_IDLE_MAX) {
        t->curl->easy_cleanup(easy);
        return;
    }
    t->curl->easy_reset(easy);
    client->idle[client->idle_count++] = easy;
}

/* A download gets a new handle: the buffer size of a used one cannot change. */
static CURL *take_easy(bosun_http_client *client, bosun_http_sink sink)
{
    bool used = client->idle_count > 0 && sink != BOSUN_HTTP_TO_FILE;
    return used ? client->idle[--client->idle_count] : client->curl->easy_init();
}

/* Releases everything that libcurl holds for the transfer. */
static void detach(bosun_http_transfer *t)
{
    if (!t->client)
        return;
    give_back_easy(t);
    link_out(t);
    t->curl->slist_free_all(t->headers);
    t->curl->slist_free_all(t->connect_to);
    t->headers = t->connect_to = NULL;
}

void bosun_http_client_free(bosun_http_client *client)
{
    if (!client)
        return;
    while (client->transfers)
        detach(client->transfers);
    while (client->idle_count)
        client->curl->easy_cleanup(client->idle[--client->idle_count]);
    (void)client->curl->multi_cleanup(client->multi);
    free(client);
}

void bosun_http_free(bosun_http_transfer *t)
{
    if (!t)
        return;
    detach(t);
    bosun_http_close_source(t);
    bosun_http_close_sink(t);
    bosun_buf_free(&t->reply.headers);
    bosun_buf_free(&t->reply.body);
    free(t->unix_socket);
    free(t->method);
    free(t->label);
    free(t);
}

static char *make_label(const bosun_http_request *request)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s ", request->method);
    if (request->shown_url)
        bosun_buf_puts(&text, request->shown_url);
    else
        bosun_url_show(&text, request->url);
    char *label = text.failed ? NULL : strdup(bosun_buf_text(&text));
    bosun_buf_free(&text);
    return label;
}

static bosun_http_transfer *new_transfer(bosun_http_client *client, const bosun_http_request *request,
                                         bosun_err *err)
{
    bosun_http_transfer *t = calloc(1, sizeof *t);
    if (!t) {
        bosun_http_nomem(err);
        return NULL;
    }
    t->curl = client->curl;
    t->target = BOSUN_FS_NO_TARGET;
    t->temp.fd = t->file.fd = -1;
    link_in(client, t);
    t->method = strdup(request->method);
    t->label = make_label(request);
    t->sink = request->sink;
    t->follow = request->follow > 0 ? request->follow : -1;
    t->until = request->timeout ? bosun_wait_after(request->timeout) : BOSUN_NO_DEADLINE;
    t->easy = take_easy(client, t->sink);
    if (t->method && t->label && t->easy)
        return t;
    bosun_http_free(t);
    bosun_http_nomem(err);
    return NULL;
}

/* The connection will carry raw bytes both ways: through a tunnel at a proxy, and without HTTP/2 framing. */
static int set_connect_only(bosun_http_transfer *t, bosun_err *err)
{
    if (bosun_http_set_long(t, CURLOPT_CONNECT_ONLY, 1, err) < 0 ||
        bosun_http_set_long(t, CURLOPT_HTTPPROXYTUNNEL, 1, err) < 0)
        return -1;
    return bosun_http_set_long(t, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1, err);
}

static int set_up(bosun_http_transfer *t, const bosun_http_request *request, bool connect_only,
                  bosun_err *err)
{
    if (bosun_http_open_source(t, request, err) < 0 || bosun_http_open_sink(t, request, err) < 0)
        return -1;
    if (bosun_http_set_up(t, request, err) < 0 || bosun_http_set_up_tls(t, request, err) < 0)
        return -1;
    if (connect_only)
        return set_connect_only(t, err);
    bosun_http_set_up_sink(t);
    return bosun_http_set_up_source(t, err);
}

static int launch(bosun_http_transfer *t, bosun_err *err)
{
    CURLMcode rc = t->curl->multi_add_handle(t->client->multi, t->easy);
    if (rc == CURLM_OK)
        return 0;
    return bosun_err_set(err, rc == CURLM_OUT_OF_MEMORY ? BOSUN_ERR_NOMEM : BOSUN_HTTP_FAILED, "http.request",
                         "%s failed: libcurl cannot start it: %s", t->label, t->curl->multi_strerror(rc));
}

bosun_http_transfer *bosun_http_begin(bosun_http_client *client, const bosun_http_request *request,
                                      bool connect_only, bosun_err *err)
{
    bosun_http_transfer *t = new_transfer(client, request, err);
    if (!t)
        return NULL;
    if (set_up(t, request, connect_only, err) == 0 && launch(t, err) == 0)
        return t;
    bosun_http_free(t);
    return NULL;
}

bosun_http_transfer *bosun_http_start(bosun_http_client *client, const bosun_http_request *request,
                                      bosun_err *err)
{
    return bosun_http_begin(client, request, false, err);
}

/* Milliseconds to wait, rounded up so that the wait never ends early. */
static int wait_time(const bosun_wait *wait, int64_t until)
{
    int64_t end = bosun_wait_after(STEP_MAX);
    if (until < end)
        end = until;
    if (bosun_wait_end(wait) < end)
        end = bosun_wait_end(wait);
    int64_t left = end - bosun_monotonic();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static double seconds_of(const bosun_http_transfer *t)
{
    curl_off_t time = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &time);
    return (double)time / 1e6;
}

/* Sends the request to where the reply says. If that fails, the transfer is done. */
static void follow(bosun_http_transfer *t)
{
    t->earlier += seconds_of(t);
    (void)t->curl->multi_remove_handle(t->client->multi, t->easy);
    t->done = bosun_http_redirect(t, &t->err) < 0 || launch(t, &t->err) < 0;
}

static void note_end(bosun_http_transfer *t, CURLcode result)
{
    t->result = result;
    if (result == CURLE_OK && !t->err.code[0] && bosun_http_is_redirected(t))
        follow(t);
    else
        t->done = true;
}

static void note_ended(bosun_http_client *client)
{
    int more;
    CURLMsg *message;
    while ((message = client->curl->multi_info_read(client->multi, &more))) {
        char *private = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        (void)client->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        note_end((bosun_http_transfer *)(void *)private, message->data.result);
    }
}

static int multi_failed(const bosun_http_client *client, CURLMcode rc, bosun_err *err)
{
    return bosun_err_set(err, rc == CURLM_OUT_OF_MEMORY ? BOSUN_ERR_NOMEM : BOSUN_HTTP_FAILED, "http.request",
                         "libcurl failed: %s", client->curl->multi_strerror(rc));
}

int bosun_http_step(bosun_http_client *client, const bosun_wait *wait, int64_t until, bosun_err *err)
{
    if (bosun_wait_check(wait, "http.request", err) < 0)
        return -1;
    struct curl_waitfd cancel = {.fd = wait ? wait->cancel_fd : -1, .events = CURL_WAIT_POLLIN};
    unsigned extra = cancel.fd >= 0;
    CURLMcode rc =
        client->curl->multi_poll(client->multi, extra ? &cancel : NULL, extra, wait_time(wait, until), NULL);
    if (rc != CURLM_OK)
        return multi_failed(client, rc, err);
    if (bosun_wait_check(wait, "http.request", err) < 0)
        return -1;
    int running;
    rc = client->curl->multi_perform(client->multi, &running);
    note_ended(client);
    return rc == CURLM_OK ? 0 : multi_failed(client, rc, err);
}

bool bosun_http_done(const bosun_http_transfer *t)
{
    return t->done || !t->client;
}

const bosun_http_reply *bosun_http_reply_of(const bosun_http_transfer *t)
{
    return &t->reply;
}

static void note_numbers(bosun_http_transfer *t)
{
    curl_off_t retry_after = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    t->reply.seconds = t->earlier + seconds_of(t);
    t->reply.retry_after = retry_after;
}

int bosun_http_finish(bosun_http_transfer *t, bosun_err *err)
{
    if (!t->client)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "http.request", "%s failed: its client was closed",
                             t->label);
    note_numbers(t);
    int rc =
        t->result == CURLE_OK && !t->err.code[0] ? bosun_http_check_sent(t, err) : bosun_http_explain(t, err);
    if (rc == 0)
        rc = bosun_http_commit_body(t, err);
    detach(t);
    return rc;
}
