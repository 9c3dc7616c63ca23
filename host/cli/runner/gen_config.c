/* The sample action config. */
#include "gen_config.h"
#include <string.h>

static const char environment[] = "pluginConfig:\n"
                                  "  name: \"ExternalCommand-1\"\n"
                                  "  type: \"ExternalCommand\"\n"
                                  "  platform: \"os\"\n"
                                  "  mlopsUrl: \"https://app.datarobot.com\"\n"
                                  "peInfo:\n"
                                  "  id: \"prediction-environment-1\"\n"
                                  "  name: \"Sample-PE\"\n"
                                  "  description: \"a prediction environment to try a plugin with\"\n"
                                  "  createdOn: \"2026-01-01T00:00:00Z\"\n"
                                  "  createdBy: \"somebody\"\n"
                                  "  keyValueConfig: {}\n";

static const char deployment[] = "deploymentInfo:\n"
                                 "  id: \"deployment-1\"\n"
                                 "  name: \"deployment-1\"\n"
                                 "  description: \"a deployment to try a plugin with\"\n"
                                 "  modelId: \"model-A\"\n";

static const char model[] = "  modelArtifact: \"/tmp/model-A.txt\"\n"
                            "  modelExecutionType: \"dedicated\"\n"
                            "  keyValueConfig: {}\n";

static const char replacement[] = "  newModelId: \"model-B\"\n"
                                  "  modelArtifact: \"/tmp/model-B.txt\"\n"
                                  "  modelExecutionType: \"dedicated\"\n"
                                  "  keyValueConfig: {}\n";

static const char endpoint[] = "endpointInfo:\n"
                               "  id: \"endpoint-1\"\n"
                               "  name: \"endpoint-1\"\n"
                               "  description: \"an endpoint to try a plugin with\"\n"
                               "  predictionEnvironmentId: \"prediction-environment-1\"\n"
                               "  endpointType: \"online\"\n"
                               "  authType: \"key\"\n"
                               "  tags: {}\n"
                               "  trafficSplit:\n"
                               "    \"deployment-1\": 60.0\n"
                               "    \"deployment-2\": 40.0\n";

static void add_deployment(bosun_buf *out, const bosun_action *action)
{
    bool replaces = strcmp(action->name, "deployment_replace_model") == 0;
    bosun_buf_puts(out, deployment);
    bosun_buf_puts(out, replaces ? replacement : model);
}

void gen_config_write(bosun_buf *out, const bosun_action *action)
{
    bosun_buf_printf(out, "# A sample action config for %s.\n%s", action->name, environment);
    bosun_buf_printf(out, "  deployments: %s\n",
                     strcmp(action->name, "pe_status") == 0 ? "[\"deployment-1\"]" : "[]");
    if (action->subject && strcmp(action->subject, "deploymentInfo") == 0)
        add_deployment(out, action);
    else if (action->subject)
        bosun_buf_puts(out, endpoint);
}
