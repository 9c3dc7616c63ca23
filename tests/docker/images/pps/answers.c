#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"

#define MOST_BODY (50UL * 1024 * 1024)
#define JSON_SIZE 9000

void answer_message(http_conn *conn, http_request *request, int status, const char *text)
{
    char quoted[512], json[600];
    json_quote(quoted, sizeof(quoted), text);
    snprintf(json, sizeof(json), "{\"message\": %s}\n", quoted);
    http_answer(conn, request, status, json);
}

/* The request's "n" as it stands there, or the whole body as a string. */
static void echo_of(const char *body, char *to, size_t size)
{
    const char *at = strstr(body, "\"n\"");
    if (at) {
        at += 3 + strspn(at + 3, " :\t");
        size_t n = strcspn(at, ",} \t\r\n");
        if (n > 0 && n < 64 && strspn(at, "0123456789.-+eE") >= n) {
            snprintf(to, size, "\"n\": %.*s", (int)n, at);
            return;
        }
    }
    char quoted[1024];
    json_quote(quoted, sizeof(quoted), body);
    snprintf(to, size, "\"body\": %s", quoted);
}

void identity_of(const model *loaded, char *to, size_t size)
{
    char name[600], model_id[2400], deployment_id[2400], host[256] = "", quoted_host[600], told[2500] = "";
    gethostname(host, sizeof(host) - 1);
    json_quote(name, sizeof(name), loaded->name);
    json_quote(model_id, sizeof(model_id), loaded->model_id);
    json_quote(deployment_id, sizeof(deployment_id), loaded->deployment_id);
    json_quote(quoted_host, sizeof(quoted_host), host);
    if (loaded->none || loaded->model_id[0])
        snprintf(told, sizeof(told), "\"modelId\": %s, ", loaded->none ? "null" : model_id);
    snprintf(to, size, "\"model\": %s, %s\"deploymentId\": %s, \"hostname\": %s", name, told,
             loaded->deployment_id[0] ? deployment_id : "null", quoted_host);
}

void predict(http_conn *conn, http_request *request, const model *loaded)
{
    char echo[1100], identity[IDENTITY_SIZE], json[JSON_SIZE];
    size_t length = 0;
    bool too_long = false;
    char *body = http_whole_body(conn, request, MOST_BODY, &length, &too_long);
    if (!body) {
        request->keep_alive = false;
        if (too_long)
            answer_message(conn, request, 413, "a request may have 50 MB");
        return;
    }
    if (loaded->broken || loaded->broken_predict) {
        free(body);
        answer_message(conn, request, 500, "the model cannot predict");
        return;
    }
    if (loaded->eat_on_predict)
        eat_memory();
    sleep_seconds(loaded->predict_delay);
    echo_of(body, echo, sizeof(echo));
    free(body);
    identity_of(loaded, identity, sizeof(identity));
    snprintf(json, sizeof(json), "{%s, \"bytes\": %zu, %s}\n", echo, length, identity);
    http_answer(conn, request, 200, json);
    snprintf(json, sizeof(json), "{\"type\": \"prediction\", %s}", identity);
    monitor_publish(json);
}

void info(http_conn *conn, http_request *request, const model *loaded)
{
    char identity[IDENTITY_SIZE], json[JSON_SIZE];
    if (loaded->untold || loaded->broken) {
        answer_message(conn, request, loaded->untold ? 404 : 500,
                       loaded->untold ? "no such route" : "no model");
        return;
    }
    identity_of(loaded, identity, sizeof(identity));
    snprintf(json, sizeof(json), "{\"standIn\": true, %s}\n", identity);
    http_answer(conn, request, 200, json);
}
