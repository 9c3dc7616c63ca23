/* health PORT PLUGIN [PRIVATE_CONFIG]: a small HTTP server on 127.0.0.1 that keeps a warm host. Each request
 * runs the action that its path names ("GET /pe_status"), with the body as action config, and answers with
 * the status as JSON: 200 if it is passing or warning, 503 if not. Prints its port, also for PORT 0. */
#include <arpa/inet.h>
#include <bosun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 65536

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

/* Reads a request, with its body. Returns its bytes, 0 if it is not a whole one. */
static size_t read_request(int fd, char *request)
{
    size_t len = 0;
    while (len < REQUEST_MAX) {
        ssize_t n = read(fd, request + len, REQUEST_MAX - len);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        request[len] = '\0';
        const char *body = strstr(request, "\r\n\r\n");
        const char *length = strstr(request, "Content-Length:");
        if (body && len >= (size_t)(body + 4 - request) + (length ? strtoul(length + 15, NULL, 10) : 0))
            return len;
    }
    return 0;
}

static void answer(int fd, bosun_host *host, char *request, size_t len)
{
    char action[64] = "";
    sscanf(request, "%*s /%63[a-z_]", action);
    char *body = strstr(request, "\r\n\r\n") + 4;
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.config_len = len - (size_t)(body - request);
    options.config_text = options.config_len ? body : NULL;
    options.config = options.config_len ? "the request" : NULL;
    options.timeout = 10;
    bosun_status *status = bosun_host_run_with(host, action, &options);
    bosun_outcome outcome = bosun_status_outcome(status);
    size_t size = 0;
    const char *json = bosun_status_json(status, &size);
    bool good = json && (outcome == BOSUN_PASSING || outcome == BOSUN_WARNING);
    dprintf(
        fd,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        good ? "200 OK" : "503 Service Unavailable", size, json ? json : "");
    bosun_status_free(status);
}

static int serve(int listener, bosun_host *host)
{
    static char request[REQUEST_MAX + 1];
    while (!ended) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue; /* a signal */
        size_t len = read_request(fd, request);
        if (len > 0)
            answer(fd, host, request, len);
        close(fd);
    }
    return 0;
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: accept ends */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    bosun_error error = {.code = ""};
    bosun_host *host = argc > 2 ? bosun_host_new(NULL, &error) : NULL;
    if (!host || bosun_host_load(host, argv[2], argv[3], &error) < 0) {
        fprintf(stderr, "%s\n", argc > 2 ? error.message : "usage: health PORT PLUGIN [PRIVATE_CONFIG]");
        bosun_host_free(host);
        return 1;
    }
    int listener = listen_on(argv[1]);
    int rc = listener < 0 ? 1 : serve(listener, host);
    if (listener < 0)
        perror("cannot listen");
    bosun_host_free(host);
    return rc;
}
