/* The action configs that a host keeps. */
#include "config_kept.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LARGEST ((size_t)64 * 1024) /* bytes of a text that is kept */

static void free_kept(bosun_kept_config *kept)
{
    free(kept->name);
    bosun_buf_free(&kept->text);
    bosun_config_free(&kept->config);
    *kept = (bosun_kept_config){0};
}

void bosun_config_free_kept(bosun_kept_configs *configs)
{
    for (size_t i = 0; i < BOSUN_CONFIGS_KEPT; i++)
        free_kept(&configs->kept[i]);
    bosun_config_free(&configs->last);
}

static bosun_kept_config *find_named(bosun_kept_configs *configs, const bosun_config_source *source,
                                     const bosun_action *action)
{
    for (size_t i = 0; i < BOSUN_CONFIGS_KEPT; i++) {
        bosun_kept_config *kept = &configs->kept[i];
        if (kept->action == action && strcmp(kept->name, source->path) == 0)
            return kept;
    }
    return NULL;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* Can the inode tell a later change? Not if the file was changed just now: the times of two changes that
 * follow each other closely are the same. */
static bool is_settled(const struct stat *inode)
{
    struct timespec now;
    return S_ISREG(inode->st_mode) && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
           inode->st_ctim.tv_sec + 1 < now.tv_sec;
}

/* Keeps what was just read, if there is memory for that; if not, it is read again the next time. */
static const bosun_config *keep(bosun_kept_configs *configs, const bosun_config_source *source,
                                const bosun_action *action, bosun_buf *text)
{
    bosun_kept_config *kept = &configs->kept[configs->next];
    char *name = text->failed || text->len > LARGEST ? NULL : strdup(source->path);
    if (!name)
        return &configs->last;
    free_kept(kept);
    kept->action = action;
    kept->name = name;
    kept->text = *text;
    kept->config = configs->last;
    *text = (bosun_buf){0};
    configs->last = (bosun_config){0};
    configs->next = (configs->next + 1) % BOSUN_CONFIGS_KEPT;
    return &kept->config;
}

/* The config in `text`, which was read from the source; `kept`: what there is under its name, or NULL. */
static const bosun_config *use_text(bosun_kept_configs *configs, bosun_kept_config *kept,
                                    const bosun_config_source *source, const bosun_action *action,
                                    bosun_buf *text, bosun_err *err)
{
    if (kept && kept->text.len == text->len &&
        memcmp(bosun_buf_text(&kept->text), bosun_buf_text(text), text->len) == 0)
        return &kept->config;
    if (kept)
        free_kept(kept);
    bosun_config_source read = *source;
    read.text = bosun_buf_text(text);
    read.len = text->len;
    if (bosun_config_read(&configs->last, &read, action, err) < 0)
        return NULL;
    return keep(configs, source, action, text);
}

/* The same for the source's file. The inode is looked at before the text, and only for a file that was read
 * before. */
static const bosun_config *use_file(bosun_kept_configs *configs, const bosun_config_source *source,
                                    const bosun_action *action, bosun_err *err)
{
    struct stat inode;
    bosun_kept_config *kept = find_named(configs, source, action);
    bool settled = kept && stat(source->path, &inode) == 0 && is_settled(&inode);
    if (settled && kept->has_inode && same_inode(&inode, &kept->inode))
        return &kept->config;
    bosun_buf text = {0};
    const bosun_config *config = bosun_config_read_text(source, &text, err) < 0
                                     ? NULL
                                     : use_text(configs, kept, source, action, &text, err);
    if (kept && config == &kept->config) {
        kept->has_inode = settled;
        kept->inode = settled ? inode : (struct stat){0};
    }
    bosun_buf_free(&text);
    return config;
}

const bosun_config *bosun_config_read_kept(bosun_kept_configs *configs, const bosun_config_source *source,
                                           const bosun_action *action, bosun_err *err)
{
    bosun_config_free(&configs->last);
    if (!source->path || (source->settings && *source->settings))
        return bosun_config_read(&configs->last, source, action, err) < 0 ? NULL : &configs->last;
    if (!source->text)
        return use_file(configs, source, action, err);
    bosun_buf text = {0};
    bosun_buf_append(&text, source->text, source->len);
    const bosun_config *config =
        text.failed ? NULL
                    : use_text(configs, find_named(configs, source, action), source, action, &text, err);
    if (text.failed)
        bosun_err_nomem(err, "read the action config");
    bosun_buf_free(&text);
    return config;
}
