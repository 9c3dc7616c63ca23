/* warm RUNS: what a host that stays warm takes for an action that does nothing, and what a bare lua_pcall of
 * an empty function does. Prints both in nanoseconds, then the same with an action config in a file, whose
 * path is the second argument. */
#include <bosun.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BARE_CALLS 50 /* as many as one action */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double measure_bare(long runs)
{
    lua_State *L = luaL_newstate();
    if (!L || luaL_dostring(L, "return function() end") != LUA_OK)
        exit(1);
    double start = now();
    for (long i = 0; i < runs * BARE_CALLS; i++) {
        lua_pushvalue(L, 1);
        lua_pcall(L, 0, 0, 0);
    }
    double time = now() - start;
    lua_close(L);
    return time / (double)(runs * BARE_CALLS);
}

static void run(bosun_host *host, const char *config, long runs)
{
    for (long i = 0; i < runs; i++) {
        bosun_status *status = bosun_host_run(host, "pe_status", config);
        if (bosun_status_outcome(status) != BOSUN_PASSING) {
            fprintf(stderr, "%s\n", bosun_status_message(status));
            exit(1);
        }
        bosun_status_free(status);
    }
}

static double measure_host(bosun_host *host, const char *config, long runs)
{
    run(host, config, 100);
    double start = now();
    run(host, config, runs);
    return (now() - start) / (double)runs;
}

int main(int argc, char **argv)
{
    static const char source[] = "local S = require('bosun.action_status').ActionStatusInfo\n"
                                 "local P = require('bosun.plugin_base'):extend('Warm')\n"
                                 "function P:pe_status() return S.passing() end\n"
                                 "return P\n";
    long runs = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    if (runs < 1) {
        fputs("usage: warm RUNS CONFIG\n", stderr);
        return 64;
    }
    bosun_error error;
    bosun_load_options load;
    bosun_load_options_init(&load);
    load.source = source;
    load.source_len = strlen(source);
    bosun_host *host = bosun_host_new(NULL, &error);
    if (!host || bosun_host_load_with(host, &load, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    double bare = measure_bare(runs);
    double without = measure_host(host, NULL, runs);
    printf("%.1f %.1f %.1f\n", bare, without, measure_host(host, argv[2], runs));
    bosun_host_free(host);
    return 0;
}
