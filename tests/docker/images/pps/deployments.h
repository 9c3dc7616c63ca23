/* The multi-model mode of the stand-in for a prediction server: POST, DELETE /deployments/:id, GET
 * /deployments, and the routes below /deployments/:id. Its state is the folders of /opt/ml/model alone. */
#ifndef PPS_DEPLOYMENTS_H
#define PPS_DEPLOYMENTS_H

#include "http.h"

void deployments_list(http_conn *conn, http_request *request);

/* Routes that begin with /deployments/. */
void deployments_route(http_conn *conn, http_request *request);

#endif
