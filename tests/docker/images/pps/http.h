/* The part of HTTP/1.1 that the stand-in for a prediction server speaks: requests with a length or in chunks,
 * Expect: 100-continue, connections that stay open, answers in JSON. */
#ifndef PPS_HTTP_H
#define PPS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    int fd;
    size_t start, end; /* the unread bytes in `bytes` */
    char bytes[16384];
} http_conn;

typedef struct {
    char method[16];
    char path[1024]; /* without the query */
    char content_type[256];
    int64_t left; /* bytes of the body, or of the current chunk, that are still to be read */
    bool chunked, ended, keep_alive, expects_continue;
} http_request;

/* Reads a request's head. False when the connection ended or what came is no HTTP. */
bool http_read_head(http_conn *conn, http_request *request);

/* Reads up to n bytes of the body: 0 at its end, -1 when the connection broke. */
ssize_t http_read_body(http_conn *conn, http_request *request, char *to, size_t n);

/* The whole body, at most `limit` bytes, with a NUL behind it: the caller frees. NULL when the connection
 * broke or the body is longer (then *too_long). */
char *http_whole_body(http_conn *conn, http_request *request, size_t limit, size_t *length, bool *too_long);

/* Sends `json` with the status. The connection stays usable when request->keep_alive is still set afterwards.
 */
void http_answer(http_conn *conn, http_request *request, int status, const char *json);

/* Writes text as a JSON string with its quotes to `to`, cut to fit; bytes that are not ASCII become '?'. */
void json_quote(char *to, size_t size, const char *text);

#endif
