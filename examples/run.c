/* run PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG: runs one action and prints its status as JSON. */
#include <bosun.h>
#include <stdio.h>

static void on_log(void *data, const bosun_log_event *event)
{
    fprintf(data, "log: %s\n", event->message);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG\n", argv[0]);
        return 64;
    }
    bosun_options options;
    bosun_options_init(&options); /* always first */
    options.timeout = 30;
    options.memory_limit = (size_t)64 * 1024 * 1024;
    options.log = on_log;
    options.log_data = stderr;

    bosun_error error;
    bosun_host *host = bosun_host_new(&options, &error);
    if (!host) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    bosun_host_load(host, argv[1], argv[2], NULL); /* if this fails, the status of run says so */
    bosun_status *status = bosun_host_run(host, argv[3], argv[4]);
    const char *json = bosun_status_json(status, NULL);
    puts(json ? json : "out of memory");
    int outcome = bosun_status_outcome(status);
    bosun_status_free(status);
    bosun_host_free(host);
    return outcome;
}
