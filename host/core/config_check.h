/* The checks of an action config, and its problems. For config.c. */
#ifndef BOSUN_CORE_CONFIG_CHECK_H
#define BOSUN_CORE_CONFIG_CHECK_H

#include "action.h"
#include "bosun.h"
#include "config_sections.h"
#include "core/base/buf.h"

#define CHECK "check the action config"

/* The problems so far: passed to `tell`, and kept as an error: a single one as it is, several as the lines of
 * one message. Those that no longer fit are counted. */
typedef struct bosun_config_problems {
    const char *file;             /* "": there is none */
    bosun_problem_function *tell; /* NULL: nobody asked */
    void *data;
    bosun_err first;
    bosun_buf lines;
    size_t count;
    size_t hidden;
    char storage[BOSUN_ERR_MESSAGE_MAX - 64]; /* the rest is for "and N more" */
} bosun_config_problems;

/* Checks the whole config for an action; NULL: what holds for every action. */
void bosun_config_check_root(bosun_config_problems *p, const bosun_value *root, const bosun_action *action);

/* Is the value at "section.key" text, whatever it looks like? */
bool bosun_config_takes_text(const char *path);

/* Reports keys that lost their indentation. */
void bosun_config_report_flat(bosun_config_problems *p, const bosun_config_flat *flat);

/* 0: there is no problem. -1: they are in *err. */
int bosun_config_finish(const bosun_config_problems *p, bosun_err *err);

#endif
