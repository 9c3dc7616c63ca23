/* Action configs that are kept as they were read, for a host that runs many actions with the same ones. A
 * file counts as the same if its text is; it is not even read again while its inode says that nobody has
 * touched it. */
#ifndef BOSUN_CORE_CONFIG_KEPT_H
#define BOSUN_CORE_CONFIG_KEPT_H

#include "config.h"
#include "core/base/buf.h"
#include <sys/stat.h>

#define BOSUN_CONFIGS_KEPT 8

typedef struct bosun_kept_config {
    const bosun_action *action; /* NULL: the place is free */
    char *name;                 /* path, or name of the text */
    bosun_buf text;
    bool has_inode; /* the text is that of the file of `inode` */
    struct stat inode;
    bosun_config config;
} bosun_kept_config;

typedef struct bosun_kept_configs {
    bosun_kept_config kept[BOSUN_CONFIGS_KEPT];
    unsigned next;     /* the place to use next */
    bosun_config last; /* the config of the call before, if it is not kept */
} bosun_kept_configs;

/* As bosun_config_read. Returns the config, which lives until the next call, or NULL. */
const bosun_config *bosun_config_read_kept(bosun_kept_configs *configs, const bosun_config_source *source,
                                           const bosun_action *action, bosun_err *err);

void bosun_config_free_kept(bosun_kept_configs *configs);

#endif
