/* The actions, in the order in which --list-actions prints them. */
#include "action.h"
#include "core/base/suggest.h"
#include <string.h>

const bosun_action bosun_actions[] = {
    {"plugin_start", NULL, "initialise, and check that the environment can be reached"},
    {"plugin_stop", NULL, "shut down, and close connections"},
    {"deployment_start", "deploymentInfo", "launch the deployment"},
    {"deployment_stop", "deploymentInfo", "stop the deployment"},
    {"deployment_replace_model", "deploymentInfo", "replace the deployment's model"},
    {"deployment_status", "deploymentInfo", "report whether the deployment is healthy"},
    {"pe_status", NULL, "report whether the environment and the deployments listed in peInfo are healthy"},
    {"deployment_list", NULL, "list the running deployments"},
    {"deployment_relaunch", "deploymentInfo", "stop the deployment, then start it"},
    {"endpoint_update", "endpointInfo", "split an endpoint's traffic between deployments"},
    {"endpoint_status", "endpointInfo", "report whether the endpoint is healthy"},
};

#define ACTION_COUNT (sizeof bosun_actions / sizeof bosun_actions[0])

const size_t bosun_action_count = ACTION_COUNT;

const bosun_action *bosun_action_find(const char *name)
{
    for (size_t i = 0; i < bosun_action_count; i++)
        if (strcmp(bosun_actions[i].name, name) == 0)
            return &bosun_actions[i];
    return NULL;
}

int bosun_action_unknown(const char *name, bosun_err *err)
{
    const char *known[ACTION_COUNT];
    for (size_t i = 0; i < ACTION_COUNT; i++)
        known[i] = bosun_actions[i].name;
    const char *near = bosun_suggest(name, known, ACTION_COUNT);
    return bosun_err_set(err, BOSUN_ERR_INVALID, "run", "no action named \"%s\"%s%s%s", name,
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
