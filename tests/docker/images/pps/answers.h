/* What the stand-in for a prediction server answers in both of its modes. */
#ifndef PPS_ANSWERS_H
#define PPS_ANSWERS_H

#include "http.h"
#include "model.h"

#define IDENTITY_SIZE 6600

void answer_message(http_conn *conn, http_request *request, int status, const char *text);

/* Writes the members that name the model; an id that nobody gave is null. */
void identity_of(const model *loaded, char *to, size_t size);

/* POST …/predictions */
void predict(http_conn *conn, http_request *request, const model *loaded);

/* GET …/info */
void info(http_conn *conn, http_request *request, const model *loaded);

#endif
