/* What a host is made of: private to host/engine. */
#ifndef BOSUN_ENGINE_HOST_HOST_H
#define BOSUN_ENGINE_HOST_HOST_H

#include "core/base/buf.h"
#include "core/base/redact.h"
#include "core/status.h"
#include "embedded.h"
#include "engine/bind/bind.h"

/* The folders that a plugin's bare name is looked up in, before the built-in ones. */
typedef struct bosun_dirs {
    char *path; /* colon-separated; NULL: none */
    char *site; /* of the plugins installed on this machine */
} bosun_dirs;

/* Where a plugin's code is. */
typedef struct bosun_plugin_file {
    bosun_buf path;                 /* absolute, or the embedded file's name */
    const bosun_embedded *embedded; /* NULL: a file of its own */
} bosun_plugin_file;

struct bosun_host {
    lua_State *L;
    bosun_dirs dirs;
    bosun_options options; /* its strings are not used: dirs has copies */
    bosun_secrets secrets;
    bosun_phase phase;

    atomic_int cancelled;
    _Atomic(const char *) cancel_reason;
    int cancel_fd;    /* an eventfd, readable once cancelled */
    atomic_int cut;   /* a wait was ended by cancellation or deadline */
    int64_t deadline; /* Lua code is stopped; BOSUN_NO_DEADLINE: never */
    bosun_wait wait;  /* its deadline is a little earlier, so that a plugin can tell which wait it was */

    size_t memory_used; /* bytes that Lua holds */

    bool loaded;
    bosun_err load_error; /* why there is no plugin */
    char *plugin_name;    /* what the class calls itself; until it is loaded, as it was asked for */
    char *private_config; /* NULL: none */

    bosun_buf plan; /* what a dry run would do: texts, each followed by a NUL */
};

/* Copies folders from the options and finds the site folder when it is not given. 0 or -1: out of memory. */
int bosun_dirs_init(bosun_dirs *dirs, const bosun_options *options);
void bosun_dirs_free(bosun_dirs *dirs);

/* Finds what `plugin` names, in the order of the contract's lookup. The failure lists where was looked. The
 * path is to be freed either way. */
int bosun_plugin_find(const bosun_dirs *dirs, const char *plugin, bosun_plugin_file *file, bosun_err *err);

/* Registry key: the name's prefix of the embedded modules that lie beside a built-in plugin. */
#define BOSUN_EMBEDDED_DIR "bosun.embedded_dir"

/* The state of a host, with nothing opened in it yet; NULL: out of memory. */
lua_State *bosun_state_new(bosun_host *host);

/* Opens libraries and bindings and sets up `require`. Called inside a protected call. [-0, +0, e] */
void bosun_state_open(lua_State *L);

/* Pushes the chunk of a Lua source file, compiled, or raises. Text only; the chunk's name is the path. [-0,
 * +1, e] */
void bosun_state_load_file(lua_State *L, const char *path);

/* Lua code stops at its next instruction once the host is cancelled or past its deadline. */
void bosun_limits_arm(lua_State *L);
void bosun_limits_disarm(lua_State *L);

/* Has the host been told to stop, or run out of time? Then `text` (size bytes) says so: "timed out after 2
 * s". */
bool bosun_limits_stopped(const bosun_host *host, char *text, size_t size);

/* Calls function(L) with `argument` as a light userdata, protected. On an error: -1, the message in *err,
 * with file and line; the traceback goes to the log. */
int bosun_protected_call(bosun_host *host, lua_CFunction function, void *argument, const char *what,
                         bosun_err *err);

/* The text at the top of the stack (or nil), "file:line", is the place of errors whose stack shows none. [-1,
 * +0, m] */
void bosun_call_set_place(lua_State *L);

/* Pushes the class of the loaded plugin. [-0, +1, -] */
void bosun_push_class(lua_State *L);

/* Pushes a function of one of the library's own modules: "bosun.driver", "run". [-0, +1, e] */
void bosun_push_library(lua_State *L, const char *module, const char *function);

/* What the embedder is told: code and message. error may be NULL. */
void bosun_report_error(bosun_error *error, const bosun_err *err);

/* "there is no action …", with a suggestion; returns -1. */
int bosun_unknown_action(const char *name, bosun_err *err);

void bosun_host_set_phase(bosun_host *host, bosun_phase phase);

/* Notes the secrets of pluginConfig (NULL: none). -1: out of memory. */
int bosun_secrets_note(bosun_host *host, const bosun_value *section);

/* The same for a config that cannot be read as YAML: a message about it may repeat a part of it. What looks
 * like the value of a secret key is noted. */
int bosun_secrets_note_file(bosun_host *host, const char *path);

/* Takes every noted secret out of the status. -1: out of memory. */
int bosun_secrets_remove(bosun_status *status, const bosun_secrets *secrets);

/* The plan as a sequence of strings; NULL: out of memory. */
bosun_value *bosun_plan_value(const bosun_host *host, bosun_arena *arena);

#endif
