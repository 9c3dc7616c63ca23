/* The actions, in the order in which --list-actions prints them. */
#include "action.h"
#include <string.h>

const bosun_action bosun_actions[] = {
    {"plugin_start", false, "initialise; check that the environment can be reached"},
    {"plugin_stop", false, "tear down, close connections"},
    {"deployment_start", true, "launch the deployment"},
    {"deployment_stop", true, "stop the deployment"},
    {"deployment_replace_model", true, "swap the deployment's model"},
    {"deployment_status", true, "tell whether the deployment is healthy"},
    {"pe_status", false, "tell whether the environment, and deployments named in peInfo, are healthy"},
    {"deployment_list", false, "list the deployments that are running"},
    {"deployment_relaunch", true, "stop the deployment, then start it"},
};

const size_t bosun_action_count = sizeof bosun_actions / sizeof bosun_actions[0];

const bosun_action *bosun_action_find(const char *name)
{
    for (size_t i = 0; i < bosun_action_count; i++)
        if (strcmp(bosun_actions[i].name, name) == 0)
            return &bosun_actions[i];
    return NULL;
}
