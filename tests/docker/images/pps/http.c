#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static bool send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool fill(http_conn *conn)
{
    ssize_t got;
    do {
        got = recv(conn->fd, conn->bytes, sizeof(conn->bytes), 0);
    } while (got < 0 && errno == EINTR);
    conn->start = 0;
    conn->end = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* One line without its CR LF. False when it does not fit or the connection ended. */
static bool read_line(http_conn *conn, char *line, size_t size)
{
    size_t n = 0;
    for (;;) {
        if (conn->start == conn->end && !fill(conn))
            return false;
        char c = conn->bytes[conn->start++];
        if (c == '\n')
            break;
        if (n + 1 >= size)
            return false;
        line[n++] = c;
    }
    if (n > 0 && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
    return true;
}

static void take_header(http_request *request, char *line)
{
    char *value = strchr(line, ':');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " \t");
    if (strcasecmp(line, "Content-Length") == 0)
        request->left = strtoll(value, NULL, 10);
    else if (strcasecmp(line, "Transfer-Encoding") == 0)
        request->chunked = strcasecmp(value, "chunked") == 0;
    else if (strcasecmp(line, "Connection") == 0 && strcasecmp(value, "close") == 0)
        request->keep_alive = false;
    else if (strcasecmp(line, "Expect") == 0)
        request->expects_continue = strcasecmp(value, "100-continue") == 0;
    else if (strcasecmp(line, "Content-Type") == 0)
        snprintf(request->content_type, sizeof(request->content_type), "%s", value);
}

static bool take_request_line(http_request *request, char *line)
{
    char *save = NULL;
    const char *method = strtok_r(line, " ", &save);
    const char *path = strtok_r(NULL, " ", &save);
    const char *version = strtok_r(NULL, " ", &save);
    if (!method || !path || !version || strncmp(version, "HTTP/1.", 7) != 0)
        return false;
    snprintf(request->method, sizeof(request->method), "%s", method);
    snprintf(request->path, sizeof(request->path), "%.*s", (int)strcspn(path, "?"), path);
    request->keep_alive = strcmp(version, "HTTP/1.1") == 0;
    return true;
}

bool http_read_head(http_conn *conn, http_request *request)
{
    char line[8192];
    memset(request, 0, sizeof(*request));
    if (!read_line(conn, line, sizeof(line)) || !take_request_line(request, line))
        return false;
    for (;;) {
        if (!read_line(conn, line, sizeof(line)))
            return false;
        if (line[0] == '\0')
            break;
        take_header(request, line);
    }
    if (request->chunked)
        request->left = 0;
    request->ended = !request->chunked && request->left <= 0;
    return true;
}

/* Goes on to the next chunk; the last one ends the body. */
static bool next_chunk(http_conn *conn, http_request *request)
{
    char line[256];
    do {
        if (!read_line(conn, line, sizeof(line)))
            return false;
    } while (line[0] == '\0');
    request->left = strtoll(line, NULL, 16);
    if (request->left > 0)
        return true;
    request->ended = true;
    do {
        if (!read_line(conn, line, sizeof(line)))
            return false;
    } while (line[0] != '\0');
    return true;
}

ssize_t http_read_body(http_conn *conn, http_request *request, char *to, size_t n)
{
    if (request->expects_continue && !request->ended) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        request->expects_continue = false;
        if (!send_all(conn->fd, go_on, sizeof(go_on) - 1))
            return -1;
    }
    if (!request->ended && request->left == 0 && request->chunked && !next_chunk(conn, request))
        return -1;
    if (request->ended)
        return 0;
    if (conn->start == conn->end && !fill(conn))
        return -1;
    size_t there = conn->end - conn->start;
    if ((int64_t)there > request->left)
        there = (size_t)request->left;
    if (there > n)
        there = n;
    memcpy(to, conn->bytes + conn->start, there);
    conn->start += there;
    request->left -= (int64_t)there;
    request->ended = !request->chunked && request->left == 0;
    return (ssize_t)there;
}

char *http_whole_body(http_conn *conn, http_request *request, size_t limit, size_t *length, bool *too_long)
{
    size_t size = 4096, n = 0;
    char *body = malloc(size);
    *too_long = request->left > (int64_t)limit;
    while (body && !*too_long) {
        ssize_t got = http_read_body(conn, request, body + n, size - n - 1);
        if (got < 0)
            break;
        if (got == 0) {
            body[n] = '\0';
            *length = n;
            return body;
        }
        n += (size_t)got;
        *too_long = n > limit;
        if (n + 1 == size) {
            char *more = realloc(body, size *= 2);
            if (!more)
                break;
            body = more;
        }
    }
    free(body);
    return NULL;
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Payload Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Unknown";
    }
}

/* What is left of the body has to go before the next request can come. */
static void skip_body(http_conn *conn, http_request *request)
{
    char rest[16384];
    size_t skipped = 0;
    if (request->expects_continue)
        request->keep_alive = request->keep_alive && request->ended;
    while (request->keep_alive && !request->ended) {
        ssize_t got = http_read_body(conn, request, rest, sizeof(rest));
        skipped += got > 0 ? (size_t)got : 0;
        if (got < 0 || skipped > 1024UL * 1024)
            request->keep_alive = false;
    }
}

void http_answer(http_conn *conn, http_request *request, int status, const char *json)
{
    char head[256];
    skip_body(conn, request);
    int n =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n", status,
                 reason(status), strlen(json), request->keep_alive ? "" : "Connection: close\r\n");
    bool head_only = strcmp(request->method, "HEAD") == 0;
    if (!send_all(conn->fd, head, (size_t)n) || (!head_only && !send_all(conn->fd, json, strlen(json))))
        request->keep_alive = false;
}

void json_quote(char *to, size_t size, const char *text)
{
    size_t n = 0;
    to[n++] = '"';
    for (; *text && n + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            to[n++] = '\\';
            to[n++] = (char)c;
        } else if (c < 0x20) {
            n += (size_t)snprintf(to + n, size - n, "\\u%04x", c);
        } else {
            to[n++] = (char)c;
        }
    }
    to[n++] = '"';
    to[n] = '\0';
}
