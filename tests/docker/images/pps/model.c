#include "model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without a limit nobody would end it: this much is more than any test allows. */
#define EAT_MB 2048
#define MB     ((size_t)1024 * 1024)

void sleep_seconds(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) < 0)
        continue;
}

bool model_find(const char *folder, char *path, unsigned long size)
{
    DIR *dir = opendir(folder);
    int found = 0;
    if (!dir)
        return false;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n > 6 && strcmp(entry->d_name + n - 6, ".mlpkg") == 0) {
            found++;
            snprintf(path, size, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(dir);
    return found == 1;
}

/* The value when the line is "<key>: value", the key in quotes or not, else NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    line += *line == '"';
    if (strncmp(line, key, n) != 0)
        return NULL;
    line += n + (line[n] == '"');
    return *line == ':' ? line + 1 + strspn(line + 1, " \"'") : NULL;
}

static void take_directive(model *loaded, const char *line)
{
    const char *value;
    if ((value = value_of(line, "start-delay")))
        loaded->start_delay = strtod(value, NULL);
    else if ((value = value_of(line, "predict-delay")))
        loaded->predict_delay = strtod(value, NULL);
    else if ((value = value_of(line, "crash-after")))
        loaded->crash_after = strtod(value, NULL);
    else if ((value = value_of(line, "crash")))
        loaded->crash = (int)strtol(value, NULL, 10);
    else if ((value = value_of(line, "never-healthy")))
        loaded->never_healthy = *value == 'y';
    else if ((value = value_of(line, "eat-memory")))
        loaded->eat_memory = *value == 'y';
    else if ((value = value_of(line, "eat-on-predict")))
        loaded->eat_on_predict = *value == 'y';
    else if ((value = value_of(line, "ignore-term")))
        loaded->ignore_term = *value == 'y';
    else if ((value = value_of(line, "absent")))
        loaded->absent = *value == 'y';
    else if ((value = value_of(line, "other")))
        snprintf(loaded->model_id, sizeof(loaded->model_id), "%.255s", value);
    else if ((value = value_of(line, "none")))
        loaded->none = *value == 'y';
    else if ((value = value_of(line, "untold")))
        loaded->untold = *value == 'y';
    else if ((value = value_of(line, "broken-predict")))
        loaded->broken_predict = *value == 'y';
    else if ((value = value_of(line, "broken")))
        loaded->broken = *value == 'y';
}

/* Calls take(line) for the first lines of a file; a package may be large, its directives are not. */
static bool each_line(const char *path, model *loaded,
                      void (*take)(model *loaded, const char *line, int number))
{
    char line[512];
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    for (int number = 0; number < 100 && fgets(line, sizeof(line), file); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        take(loaded, line, number);
    }
    fclose(file);
    return true;
}

static void take_package_line(model *loaded, const char *line, int number)
{
    if (number == 0) {
        const char *name = value_of(line, "model");
        snprintf(loaded->name, sizeof(loaded->name), "%.255s", name ? name : line);
    } else {
        take_directive(loaded, line);
    }
}

static void take_config_line(model *loaded, const char *line, int number)
{
    const char *value;
    (void)number;
    if ((value = value_of(line, "deployment_id")))
        snprintf(loaded->deployment_id, sizeof(loaded->deployment_id), "%.*s", (int)strcspn(value, "\"'"),
                 value);
    else if ((value = value_of(line, "model_id")))
        snprintf(loaded->model_id, sizeof(loaded->model_id), "%.*s", (int)strcspn(value, "\"'"), value);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

bool model_load(const char *path, model *loaded)
{
    char config[1024];
    memset(loaded, 0, sizeof(*loaded));
    snprintf(loaded->model_id, sizeof(loaded->model_id), "%s", environment("MLOPS_MODEL_ID"));
    snprintf(loaded->deployment_id, sizeof(loaded->deployment_id), "%s", environment("MLOPS_DEPLOYMENT_ID"));
    snprintf(config, sizeof(config), "%.*s/config.yml", (int)(strrchr(path, '/') - path), path);
    each_line(config, loaded, take_config_line);
    return each_line(path, loaded, take_package_line);
}

void eat_memory(void)
{
    for (int mb = 0; mb < EAT_MB; mb++) {
        char *block = malloc(MB);
        if (!block)
            break;
        memset(block, 'x', MB);
    }
    fprintf(stderr, "eat-memory: nothing stopped me at %d MB: the container has no memory limit\n", EAT_MB);
    exit(1);
}

void model_start(const model *loaded)
{
    if (loaded->eat_memory)
        eat_memory();
    if (loaded->crash) {
        fprintf(stderr, "loading model %s\nfatal: the model is broken (crash: %d)\n", loaded->name,
                loaded->crash);
        exit(loaded->crash);
    }
}
