#include "deployments.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "model.h"

#define MOST_MULTIPART (1024UL * 1024 * 1024)
#define PATH_SIZE      1024

/* Held while a deployment's folder is exchanged or looked at. */
static pthread_mutex_t folders = PTHREAD_MUTEX_INITIALIZER;

static bool valid_id(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return *id && *id != '.' && strlen(id) <= 200 && strspn(id, allowed) == strlen(id);
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    char path[PATH_SIZE];
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        snprintf(path, sizeof(path), "%s/%.255s", folder, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

static bool write_file(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(bytes, 1, n, file) == n;
    return file && fclose(file) == 0 && good;
}

/* The first file of a multipart/form-data body, without its envelope. */
static bool write_part(const char *path, const char *body, size_t length, const char *boundary)
{
    char limit[300];
    int n = snprintf(limit, sizeof(limit), "\r\n--%.*s", (int)strcspn(boundary, "\";"), boundary);
    const char *start = memmem(body, length, "\r\n\r\n", 4);
    if (!start)
        return false;
    start += 4;
    const char *end = memmem(start, length - (size_t)(start - body), limit, (size_t)n);
    return end && write_file(path, start, (size_t)(end - start));
}

static bool receive_part(http_conn *conn, http_request *request, const char *path, const char *boundary)
{
    size_t length = 0;
    bool too_long = false;
    char *body = http_whole_body(conn, request, MOST_MULTIPART, &length, &too_long);
    bool good = body && write_part(path, body, length, boundary + (*boundary == '"'));
    free(body);
    return good;
}

static bool receive_raw(http_conn *conn, http_request *request, const char *path)
{
    char block[16384];
    ssize_t got;
    bool good = true;
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    while ((got = http_read_body(conn, request, block, sizeof(block))) > 0)
        good = good && fwrite(block, 1, (size_t)got, file) == (size_t)got;
    return fclose(file) == 0 && good && got == 0;
}

/* Puts the uploaded package in a new folder: /opt/ml/model/.new-<thread>. */
static bool receive(http_conn *conn, http_request *request, const char *id, const char *folder, model *loaded)
{
    char path[PATH_SIZE], config[300];
    const char *boundary = strstr(request->content_type, "boundary=");
    bool multipart = strncmp(request->content_type, "multipart/form-data", 19) == 0 && boundary;
    snprintf(path, sizeof(path), "%.900s/model.mlpkg", folder);
    if (mkdir(folder, 0777) < 0 ||
        !(multipart ? receive_part(conn, request, path, boundary + 9) : receive_raw(conn, request, path)))
        return false;
    int n = snprintf(config, sizeof(config), "deployment_id: %s\n", id);
    char config_path[PATH_SIZE];
    snprintf(config_path, sizeof(config_path), "%.900s/config.yml", folder);
    return write_file(config_path, config, (size_t)n) && model_load(path, loaded);
}

static void upload(http_conn *conn, http_request *request, const char *id)
{
    char new[PATH_SIZE], folder[PATH_SIZE], text[600];
    model loaded;
    snprintf(new, sizeof(new), MODEL_FOLDER "/.new-%d", gettid());
    snprintf(folder, sizeof(folder), MODEL_FOLDER "/%s", id);
    remove_folder(new);
    if (!receive(conn, request, id, new, &loaded)) {
        remove_folder(new);
        answer_message(conn, request, 400, "no whole model package came");
        return;
    }
    if (loaded.crash) {
        remove_folder(new);
        answer_message(conn, request, 500, "the model package cannot be loaded");
        return;
    }
    sleep_seconds(loaded.start_delay);
    model_start(&loaded);
    pthread_mutex_lock(&folders);
    remove_folder(folder);
    int failed = rename(new, folder);
    pthread_mutex_unlock(&folders);
    snprintf(text, sizeof(text), "deployment %s serves model %s", id, loaded.name);
    fprintf(stderr, "%s\n", text);
    answer_message(conn, request, failed ? 500 : 201, failed ? "cannot store the model package" : text);
}

/* The model of a deployment. An upload exchanges the folder under the lock. */
static bool find_deployment(const char *id, model *loaded)
{
    char folder[PATH_SIZE], path[PATH_SIZE + 256];
    if (!valid_id(id))
        return false;
    snprintf(folder, sizeof(folder), MODEL_FOLDER "/%s", id);
    pthread_mutex_lock(&folders);
    bool found = model_find(folder, path, sizeof(path)) && model_load(path, loaded);
    pthread_mutex_unlock(&folders);
    if (found && !loaded->deployment_id[0])
        snprintf(loaded->deployment_id, sizeof(loaded->deployment_id), "%s", id);
    return found && !loaded->absent;
}

static void discard(http_conn *conn, http_request *request, const char *id)
{
    char folder[PATH_SIZE];
    snprintf(folder, sizeof(folder), MODEL_FOLDER "/%s", id);
    pthread_mutex_lock(&folders);
    remove_folder(folder);
    pthread_mutex_unlock(&folders);
    fprintf(stderr, "deployment %s is gone\n", id);
    answer_message(conn, request, 200, "deleted");
}

void deployments_list(http_conn *conn, http_request *request)
{
    static const char head[] = "{\"standIn\": true, \"deployments\": [";
    size_t size = (size_t)1024 * 1024, n = sizeof(head) - 1;
    char *json = malloc(size), identity[IDENTITY_SIZE];
    DIR *dir = opendir(MODEL_FOLDER);
    model loaded;
    if (!json)
        abort();
    memcpy(json, head, n);
    for (const struct dirent *entry; dir && (entry = readdir(dir)) && n + 7000 < size;) {
        if (!find_deployment(entry->d_name, &loaded))
            continue;
        identity_of(&loaded, identity, sizeof(identity));
        n += (size_t)snprintf(json + n, size - n, "%s{\"id\": \"%s\", %s}", n > sizeof(head) - 1 ? ", " : "",
                              entry->d_name, identity);
    }
    snprintf(json + n, size - n, "]}\n");
    if (dir)
        closedir(dir);
    http_answer(conn, request, 200, json);
    free(json);
}

void deployments_route(http_conn *conn, http_request *request)
{
    char id[256] = "";
    const char *start = request->path + strlen("/deployments/");
    const char *rest = start + strcspn(start, "/");
    model loaded;
    bool post = strcmp(request->method, "POST") == 0;
    snprintf(id, sizeof(id), "%.*s", (int)(rest - start), start);
    if (!valid_id(id))
        answer_message(conn, request, 400, "a deployment id consists of letters, digits, '.', '_' and '-'");
    else if (post && !*rest)
        upload(conn, request, id);
    else if (!find_deployment(id, &loaded))
        answer_message(conn, request, 404, "no such deployment");
    else if (strcmp(request->method, "DELETE") == 0 && !*rest)
        discard(conn, request, id);
    else if (post && strcmp(rest, "/predictions") == 0)
        predict(conn, request, &loaded);
    else if (strcmp(request->method, "GET") == 0 && strcmp(rest, "/info") == 0)
        info(conn, request, &loaded);
    else if (strcmp(rest, "/predictions") == 0)
        answer_message(conn, request, 405, "predictions are asked for with POST");
    else
        answer_message(conn, request, 404, "no such route below /deployments/:id");
}
