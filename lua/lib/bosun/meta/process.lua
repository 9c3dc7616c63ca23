---@meta bosun.process
-- luacheck: ignore 212 241

--- Runs other programs, from a list of arguments and never through a shell: no character in an argument is special.
--- Each program runs in its own session, with descriptors 0 to 2 and default signal handling. It and everything it
--- started end when `run` returns, when the spawned process is closed, or when the action is over.
---
--- Of this process's environment, a program gets PATH, HOME, USER, LOGNAME, TMPDIR, TZ, LANG, LANGUAGE, LC_*, the proxy
--- variables (http_proxy, https_proxy, ftp_proxy, all_proxy, no_proxy, in either case), SSL_CERT_FILE, SSL_CERT_DIR and
--- BOSUN_RUN_ID, and TRACEPARENT of the call, in the trace of the action; pass on anything else by name:
--- `env = { KUBECONFIG = process.env "KUBECONFIG" }`. BOSUN_CHILD is always set, to find a program's descendants.
local process = {}

---@class bosun.process.Options
---@field cwd? string the folder to run in; default: this process's
---@field env? table<string, string|number|bosun.Secret|false> variables to set; false removes an inherited one
---@field clear_env? boolean inherit nothing
---@field whole_env? boolean inherit everything, credentials included: for helpers whose needs nobody can list
---@field stdin? string|bosun.Secret what the program reads; default: nothing for run, what you write for spawn
---@field timeout? number seconds until the program is stopped, with SIGTERM and a second later with SIGKILL. A spawned
---program is stopped while one of its methods runs; if it has ended by itself before, it has not timed out
---@field max_output? integer bytes to keep of standard output and of standard error; default 16 MiB. The rest is read
---and dropped
---@field check? boolean any end other than exit status 0 is a failure: nil, err
---@field reads? boolean the program changes nothing, so a dry run runs it too
---@field dry_run? bosun.process.Result what a dry run returns instead of running it; default: exit status 0, no output

---@class bosun.process.Result
---@field code? integer exit status; nil if a signal killed it
---@field signal? integer the signal that killed it
---@field stdout? string
---@field stderr? string
---@field timed_out? boolean it was stopped at the timeout
---@field truncated? boolean there was more output than max_output

---@class bosun.process.Error : bosun.Error code: "ENOENT", "EACCES", "ENOEXEC", "E2BIG", "EAGAIN", "EMFILE" … when the
---program cannot be started; "cancelled" or "deadline" when the action has to stop; with `check`, "exit", "signal" or
---"timeout", and the last lines of standard error in the message
---@field result? bosun.process.Result the result of a program that failed its `check`

--- Runs a program and waits for its end. A name without "/" is looked up in the PATH that the program gets, ignoring
--- relative entries. When it ends, anything it has started and left running is killed.
---
---     local result, err = process.run({ "docker", "ps", "-q" }, { timeout = 10, check = true, reads = true })
---
---@param argv string[] the program and its arguments. A secret among them raises an error: all users can see arguments
---@param options? bosun.process.Options
---@return bosun.process.Result|nil result
---@return bosun.process.Error|nil err
function process.run(argv, options) end

--- Starts a program and returns at once. Its standard input stays open for `write`, unless you give the option stdin.
---
---     local server <close> = assert(process.spawn { "model-server", "--port", port })
---
---@param argv string[]
---@param options? bosun.process.Options
---@return bosun.Process|nil process
---@return bosun.process.Error|nil err
function process.spawn(argv, options) end

--- A program that runs next to the plugin. Leaving the scope of a `<close>` variable ends it, like `close`. Its output
--- is read only while one of its methods runs; once the pipe is full, the program waits.
---@class bosun.Process
local Process = {}

--- Writes to standard input, all of it.
---@param bytes string|bosun.Secret
---@return true|nil ok
---@return bosun.process.Error|nil err code "EPIPE": it no longer reads; "too_large": max_output bytes of output are
---waiting to be read
function Process:write(bytes) end

--- Closes its standard input.
function Process:close_stdin() end

--- Waits for standard output, and returns what has arrived.
---@param max? integer bytes at most
---@return string|nil bytes nil: end of output
---@return bosun.process.Error|nil err
function Process:read(max) end

--- Iterates over the lines of standard output as they arrive, without "\n" or "\r\n". Only one line is in memory, and a
--- line longer than 1 MiB comes in pieces. Raises an error where `read` returns nil, err.
---
---     for line in process:lines() do … end
---
---@return fun(): string|nil
function Process:lines() end

--- Waits for the end. The result has the output that you have not read. Without a timeout, standard input is closed
--- first.
---@param timeout? number seconds; the program keeps running when they have passed
---@return bosun.process.Result|nil result
---@return bosun.process.Error|nil err code "timeout": it is still running
function Process:wait(timeout) end

--- Sends a signal to the program and its process group.
---@param signal? string|integer "TERM", "SIGHUP", 9; default "TERM"
---@return true|nil ok
---@return bosun.process.Error|nil err code "ESRCH": it has ended
function Process:kill(signal) end

--- The process id; nil in a dry run.
---@return integer|nil
function Process:pid() end

--- Ends the program and everything it has started: SIGTERM, and a second later SIGKILL. Does nothing once it has ended.
function Process:close() end

--- The path of the program that `run` would start for this name.
---@param name string
---@return string|nil path
---@return bosun.Error|nil err code "ENOENT"; "EACCES": it is not executable
function process.which(name) end

--- A variable from this process's environment.
---@param name string
---@return string|nil
function process.env(name) end

return process
