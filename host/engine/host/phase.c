/* The phases of a host, which tell the embedder what it is doing. */
#include "host.h"

const char *bosun_phase_name(bosun_phase phase)
{
    static const char *const names[] = {
        [BOSUN_PHASE_IDLE] = "starting",
        [BOSUN_PHASE_CONFIG] = "reading the action config",
        [BOSUN_PHASE_LOAD] = "loading the plugin",
        [BOSUN_PHASE_INIT] = "creating the plugin object",
        [BOSUN_PHASE_ACTION] = "running the action",
        [BOSUN_PHASE_CLEAN_UP] = "cleaning up after the action",
        [BOSUN_PHASE_CLOSE] = "running the plugin's finalizers",
    };
    return (size_t)phase < sizeof names / sizeof names[0] ? names[phase] : "unknown";
}

void host_set_phase(bosun_host *host, bosun_phase phase)
{
    if (phase == host->phase)
        return;
    host->phase = phase;
    if (!host->options.phase)
        return;
    host_leave(host);
    host->options.phase(host->options.phase_data, phase);
    host_enter(host);
}
