/* A stand-in for the Portable Prediction Server, whose image is not public. It speaks the documented routes
 * on port 8080, single-model when exactly one .mlpkg lies in /opt/ml/model, else multi-model, and predicts
 * nothing: an answer echoes the request and says which model it came from. What a package looks like:
 * model.h.
 *
 * Multi-model keeps its state in the folders of /opt/ml/model alone. An upload is the package as the raw
 * body, or the first file of a multipart/form-data body. It does not authenticate, score, or limit its
 * workers. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "deployments.h"
#include "http.h"
#include "model.h"
#include "monitor.h"

#define PORT      8080
#define PATH_SIZE 1024
#define JSON_SIZE 4096

static bool single;
static model served; /* the single-model mode's */
static int stopping; /* an eventfd, readable once the server ends */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int connections;

/* ---- routes ---- */

static void route_single(http_conn *conn, http_request *request, const char *route)
{
    if (strcmp(route, "POST /predictions") == 0)
        predict(conn, request, &served);
    else if (strcmp(route, "GET /info") == 0)
        info(conn, request, &served);
    else if (strcmp(request->path, "/predictions") == 0)
        answer_message(conn, request, 405, "predictions are asked for with POST");
    else
        answer_message(conn, request, 404, "no such route (single-model)");
}

static void route(http_conn *conn, http_request *request)
{
    char name[PATH_SIZE + 64];
    snprintf(name, sizeof(name), "%s %s", request->method, request->path);
    if (strcmp(name, "GET /ping") == 0) {
        bool healthy = !single || !served.never_healthy;
        http_answer(conn, request, healthy ? 200 : 503, healthy ? "{\"response\": \"pong\"}\n" : "{}\n");
    } else if (single) {
        route_single(conn, request, name);
    } else if (strcmp(name, "GET /deployments") == 0) {
        deployments_list(conn, request);
    } else if (strncmp(request->path, "/deployments/", 13) == 0) {
        deployments_route(conn, request);
    } else {
        answer_message(conn, request, 404, "no such route (multi-model)");
    }
}

/* ---- connections ---- */

static bool ending(void)
{
    struct pollfd event = {.fd = stopping, .events = POLLIN};
    return poll(&event, 1, 0) > 0;
}

/* Waits for the next request. When the server ends, a connection that waits between two requests is closed; a
 * new one still has a second for its first. */
static bool wait_request(const http_conn *conn, bool new)
{
    struct pollfd events[2] = {{.fd = conn->fd, .events = POLLIN}, {.fd = stopping, .events = POLLIN}};
    if (conn->start < conn->end)
        return true;
    while (poll(events, 2, -1) < 0)
        continue;
    if (!events[0].revents && new)
        while (poll(events, 1, 1000) < 0)
            continue;
    return events[0].revents != 0;
}

static void *serve(void *argument)
{
    http_conn *conn = argument;
    http_request request;
    bool new = true;
    while (wait_request(conn, new) && http_read_head(conn, &request)) {
        new = false;
        request.keep_alive = request.keep_alive && !ending();
        route(conn, &request);
        if (!request.keep_alive)
            break;
    }
    shutdown(conn->fd, SHUT_WR);
    close(conn->fd);
    free(conn);
    pthread_mutex_lock(&lock);
    connections--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void start_connection(int fd)
{
    pthread_t thread;
    http_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();
    conn->fd = fd;
    pthread_mutex_lock(&lock);
    connections++;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, serve, conn) != 0)
        abort();
    pthread_detach(thread);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 512) < 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void accept_all(int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        start_connection(fd);
}

/* Everything that came before the end is answered. */
static void finish(int listener)
{
    uint64_t one = 1;
    accept_all(listener);
    close(listener);
    if (write(stopping, &one, sizeof(one)) < 0)
        abort();
    pthread_mutex_lock(&lock);
    while (connections > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    monitor_finish();
    fprintf(stderr, "ended\n");
}

static void *crash_later(void *unused)
{
    sleep_seconds(served.crash_after);
    fprintf(stderr, "fatal: crash-after: %g\n", served.crash_after);
    exit(3);
    return unused;
}

/* SIGTERM and SIGINT become readable; a process with id 1 would ignore them. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Waits as the model's start-delay says; a signal ends the server then already. */
static void start_delay(int signals)
{
    struct pollfd event = {.fd = signals, .events = POLLIN};
    int milliseconds = (int)(served.start_delay * 1000);
    if (milliseconds > 0 && poll(&event, 1, milliseconds) > 0 && !served.ignore_term)
        exit(128 + SIGTERM);
}

static void load(int signals)
{
    char path[PATH_SIZE];
    pthread_t thread;
    single = model_find(MODEL_FOLDER, path, sizeof(path)) && model_load(path, &served);
    fprintf(stderr, "stand-in for a prediction server, %s%s\n", single ? "single-model: " : "multi-model",
            single ? served.name : "");
    single = single && !served.absent;
    if (!single)
        return;
    start_delay(signals);
    model_start(&served);
    if (served.crash_after > 0 && pthread_create(&thread, NULL, crash_later, NULL) != 0)
        abort();
}

/* Serves until a signal says to end. */
static void serve_all(int listener, int signals)
{
    struct pollfd events[2] = {{.fd = listener, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo got;
    for (;;) {
        if (poll(events, 2, -1) < 0)
            continue;
        if (events[0].revents)
            accept_all(listener);
        if (events[1].revents && read(signals, &got, sizeof(got)) > 0 && !served.ignore_term)
            return;
    }
}

/* prediction-server [FOLDER [PORT]]: the folder of the models, by default that of the image, and the port. */
int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "/opt/ml/model";
    int signals = open_signals();
    mkdir("/opt/ml", 0777);
    mkdir(folder, 0777);
    if (chdir(folder) < 0) {
        perror(folder);
        return 1;
    }
    load(signals);
    monitor_start();
    stopping = eventfd(0, EFD_CLOEXEC);
    long port = argc > 2 ? strtol(argv[2], NULL, 10) : PORT;
    int listener = listen_on((uint16_t)port);
    fprintf(stderr, "ready on port %ld\n", port);
    serve_all(listener, signals);
    finish(listener);
    return 0;
}
