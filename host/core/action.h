/* The table of actions: the only place that knows their names, their order and what they need. */
#ifndef BOSUN_CORE_ACTION_H
#define BOSUN_CORE_ACTION_H

#include "core/base/err.h"
#include <stddef.h>

typedef struct bosun_action {
    const char *name;        /* also the plugin's method */
    const char *subject;     /* the section of the action config that the method gets; NULL: none */
    const char *description; /* one line, for bosun describe */
} bosun_action;

extern const bosun_action bosun_actions[];
extern const size_t bosun_action_count;

/* The action of that name, or NULL. */
const bosun_action *bosun_action_find(const char *name);

/* Sets the error "no action named …", with a suggestion if a known name is close. Returns -1. */
int bosun_action_unknown(const char *name, bosun_err *err);

#endif
