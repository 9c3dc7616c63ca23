/* Removing the folders of earlier runs. Several runners may do it at once: a folder is renamed first, which
 * only one of them can. */
#include "keep.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STALE 3600 /* seconds after which a folder that is not complete never will be */

/* As keep_save.c makes them. */
static bool is_run_name(const char *name)
{
    static const char form[] = "########T######.###Z-";
    size_t len = sizeof form - 1;
    if (strlen(name) < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (form[i] == '#' ? !isdigit((unsigned char)name[i]) : form[i] != name[i])
            return false;
    const char *action = name + len;
    const char *pid = action + strspn(action, "abcdefghijklmnopqrstuvwxyz_");
    return pid > action && *pid == '-' && pid[1] && pid[1 + strspn(pid + 1, "0123456789")] == '\0';
}

static bool is_part(const char *name)
{
    for (keep_part part = 0; part < KEEP_PARTS; part++)
        if (strcmp(name, keep_names[part]) == 0)
            return true;
    return strcmp(name, KEEP_FACTS) == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_list(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && !list)
        close(fd);
    return list;
}

static bool is_ours(int dir, const char *name)
{
    DIR *list = open_list(dir, name);
    bool ours = list != NULL;
    for (const struct dirent *entry; ours && (entry = readdir(list));)
        ours = is_part(entry->d_name);
    if (list)
        closedir(list);
    return ours;
}

static void remove_folder(int dir, const char *name)
{
    int folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    for (keep_part part = 0; part < KEEP_PARTS; part++)
        (void)unlinkat(folder, keep_names[part], 0);
    (void)unlinkat(folder, KEEP_FACTS, 0);
    close(folder);
    (void)unlinkat(dir, name, AT_REMOVEDIR);
}

static void remove_run(int dir, const char *name)
{
    char removed[NAME_MAX + 1];
    snprintf(removed, sizeof removed, KEEP_REMOVED "%.200s", name);
    if (is_ours(dir, name) && renameat(dir, name, dir, removed) == 0)
        remove_folder(dir, removed);
}

/* A folder that a killed runner has left. */
static void remove_stale(int dir, const char *name)
{
    struct stat st;
    bool left = strncmp(name, KEEP_UNFINISHED, strlen(KEEP_UNFINISHED)) == 0 ||
                strncmp(name, KEEP_REMOVED, strlen(KEEP_REMOVED)) == 0;
    if (left && is_run_name(name + strlen(KEEP_REMOVED)) &&
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - st.st_mtime > STALE &&
        is_ours(dir, name))
        remove_folder(dir, name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the runs, each with a NUL byte, in *names. Returns how many. */
static size_t list_runs(int dir, bosun_buf *names)
{
    size_t count = 0;
    DIR *list = open_list(dir, ".");
    for (const struct dirent *entry; list && (entry = readdir(list));) {
        remove_stale(dir, entry->d_name);
        if (!is_run_name(entry->d_name))
            continue;
        bosun_buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
        count++;
    }
    if (list)
        closedir(list);
    return names->failed ? 0 : count;
}

void keep_prune(int dir, unsigned limit)
{
    bosun_buf names = {0};
    size_t count = list_runs(dir, &names);
    const char **sorted = count > limit ? calloc(count, sizeof *sorted) : NULL;
    const char *at = bosun_buf_text(&names);
    for (size_t i = 0; sorted && i < count; i++, at += strlen(at) + 1)
        sorted[i] = at;
    if (sorted)
        qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; sorted && i + limit < count; i++)
        remove_run(dir, sorted[i]);
    free(sorted);
    bosun_buf_free(&names);
}
