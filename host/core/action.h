/* The table of actions: the one place that knows their names, their order and what they need. */
#ifndef BOSUN_CORE_ACTION_H
#define BOSUN_CORE_ACTION_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bosun_action {
    const char *name;        /* also the plugin's method */
    bool takes_deployment;   /* deploymentInfo with an id is required and handed to the method */
    const char *description; /* one line, for help texts */
} bosun_action;

extern const bosun_action bosun_actions[];
extern const size_t bosun_action_count;

/* The action of that name, or NULL. */
const bosun_action *bosun_action_find(const char *name);

#endif
