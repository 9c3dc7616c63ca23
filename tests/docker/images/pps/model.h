/* A model package of the stand-in for a prediction server: a text file. Its first line names the model that
 * answers report ("model: A" or anything else); later lines are directives, for tests of what can go wrong:
 *
 *   start-delay: 3       seconds before the server listens (multi-model: before the upload is answered)
 *   crash: 3             says why on stderr and exits with 3 at start (multi-model: the upload is
 *                        answered 500)
 *   crash-after: 5       exits with 3 after 5 seconds
 *   never-healthy: yes   GET /ping answers 503
 *   eat-memory: yes      takes memory until the kernel ends it
 *   eat-on-predict: yes  does that at the first prediction
 *   ignore-term: yes     goes on after SIGTERM
 *   predict-delay: 0.2   seconds that a prediction takes
 *   absent: yes          serves as if there were no package: /ping is fine
 *   other: B             GET /info names this model
 *   none: yes            GET /info says that the model is null
 *   untold: yes          there is no GET /info
 *   broken: yes          GET /info and predictions are answered 500
 *   broken-predict: yes  predictions are answered 500
 */
#ifndef PPS_MODEL_H
#define PPS_MODEL_H

#include <stdbool.h>

#define MODEL_FOLDER "." /* main goes there */

typedef struct {
    char name[256];
    char model_id[1100], deployment_id[1100]; /* "" when nobody says */
    double start_delay, predict_delay, crash_after;
    int crash;
    bool never_healthy, eat_memory, eat_on_predict, ignore_term;
    bool absent, none, untold, broken, broken_predict;
} model;

/* Finds the one .mlpkg that lies in the folder. False when there is none, or more than one. */
bool model_find(const char *folder, char *path, unsigned long size);

/* Reads the package at `path`, and the config.yml beside it where there is one. False when it cannot be read.
 */
bool model_load(const char *path, model *loaded);

/* What the directives say of the start, but for its delay: eats memory, crashes. */
void model_start(const model *loaded);

/* Takes memory until the kernel ends the process; exits with 1 when nothing does. */
void eat_memory(void);

void sleep_seconds(double seconds);

#endif
