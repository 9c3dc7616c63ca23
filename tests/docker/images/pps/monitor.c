/* The messages go out through amqp-publish (Debian's amqp-tools, a real AMQP 0-9-1 client), one process a
 * message, so that a prediction never waits for the queue. Only spooler_type rabbitmq; with others the
 * stand-in says so and sends nothing. */
#include "monitor.h"

#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>

#include "model.h"

#define MOST_WAITING   10000
#define FINISH_SECONDS 5

extern char **environ;

typedef struct message {
    struct message *next;
    char json[];
} message;

static char queue_url[512], queue_name[256];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static message *first, *last;
static int waiting;
static bool active;

static bool run(char *const argv[])
{
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return false;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool declare(void)
{
    char *argv[] = {"/usr/bin/amqp-declare-queue", "-u", queue_url, "-d", "-q", queue_name, NULL};
    return run(argv);
}

static bool publish(char *json)
{
    char *argv[] = {"/usr/bin/amqp-publish", "-u", queue_url, "-r", queue_name, "-p", "-b", json, NULL};
    return run(argv);
}

/* A message stays the first until it is out. */
static void *publisher(void *unused)
{
    bool declared = false;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!first)
            pthread_cond_wait(&changed, &lock);
        message *next = first;
        pthread_mutex_unlock(&lock);
        declared = declared || declare();
        if (!declared || !publish(next->json)) {
            sleep_seconds(1);
            continue;
        }
        pthread_mutex_lock(&lock);
        first = next->next;
        waiting--;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
        free(next);
    }
    return unused;
}

/* The value of "key=value" in the settings, which are separated by ";". */
static void setting(const char *settings, const char *key, char *to, size_t size)
{
    size_t n = strlen(key);
    for (const char *at = settings; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
        if (strncasecmp(at, key, n) == 0 && at[n] == '=')
            snprintf(to, size, "%.*s", (int)strcspn(at + n + 1, ";"), at + n + 1);
}

static void from_environment(const char *name, char *to, size_t size)
{
    const char *value = getenv(name);
    if (value)
        snprintf(to, size, "%s", value);
}

void monitor_start(void)
{
    char on[16] = "", type[32] = "", settings[2048] = "";
    pthread_t thread;
    from_environment("PORTABLE_PREDICTION_API_MONITORING_ACTIVE", on, sizeof(on));
    from_environment("PORTABLE_PREDICTION_API_MONITORING_SETTINGS", settings, sizeof(settings));
    from_environment("MLOPS_SPOOLER_TYPE", type, sizeof(type));
    from_environment("MLOPS_RABBITMQ_QUEUE_URL", queue_url, sizeof(queue_url));
    from_environment("MLOPS_RABBITMQ_QUEUE_NAME", queue_name, sizeof(queue_name));
    setting(settings, "spooler_type", type, sizeof(type));
    setting(settings, "queue_url", queue_url, sizeof(queue_url));
    setting(settings, "queue_name", queue_name, sizeof(queue_name));
    if (strcasecmp(on, "true") != 0)
        return;
    if (strcasecmp(type, "rabbitmq") != 0 || !*queue_url || !*queue_name) {
        fprintf(stderr, "monitoring: this stand-in needs spooler_type rabbitmq with queue_url and queue_name;"
                        " nothing is sent\n");
        return;
    }
    active = pthread_create(&thread, NULL, publisher, NULL) == 0;
    fprintf(stderr, "monitoring: one message a prediction to queue %s\n", queue_name);
}

void monitor_publish(const char *json)
{
    size_t n = strlen(json) + 1;
    message *new = active ? malloc(sizeof(*new) + n) : NULL;
    if (!new)
        return;
    new->next = NULL;
    memcpy(new->json, json, n);
    pthread_mutex_lock(&lock);
    if (waiting >= MOST_WAITING) {
        pthread_mutex_unlock(&lock);
        free(new);
        return;
    }
    if (first)
        last->next = new;
    else
        first = new;
    last = new;
    waiting++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void monitor_finish(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FINISH_SECONDS;
    pthread_mutex_lock(&lock);
    while (first && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&lock);
}
