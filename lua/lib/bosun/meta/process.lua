---@meta bosun.process
-- luacheck: ignore 212 241

--- Other programs, started from a list of arguments and never through a shell: nothing in an argument is special. Each
--- runs in a session of its own, sees descriptors 0 to 2 and default signals, and ends, with all it started, no later
--- than `run` returns, a spawned process is closed, or the action is over.
---
--- Of this process's environment a program gets PATH, HOME, USER, LOGNAME, TMPDIR, TZ, LANG, LANGUAGE, LC_*, the proxy
--- variables (http_proxy, https_proxy, ftp_proxy, all_proxy, no_proxy, in either case), SSL_CERT_FILE and SSL_CERT_DIR;
--- everything else is handed over by name: `env = { KUBECONFIG = process.env "KUBECONFIG" }`. BOSUN_CHILD is always
--- there: descendants are found by it.
local process = {}

---@class bosun.process.Options
---@field cwd? string folder to run in; default: this process's
---@field env? table<string, string|number|bosun.Secret|false> variables to set; false: not even the inherited one
---@field clear_env? boolean nothing is inherited
---@field stdin? string|bosun.Secret what the program reads; default of run: nothing, of spawn: what is written
---@field timeout? number seconds until the program is stopped: SIGTERM, and SIGKILL a second later
---@field max_output? integer bytes that are kept of standard output, and of standard error; default 16 MiB. What goes
---beyond is read and dropped
---@field check? boolean an end other than exit status 0 is a failure: nil, err
---@field reads? boolean the program changes nothing: a dry run runs it too
---@field dry_run? bosun.process.Result what a dry run returns in place of running it; default: exit status 0, no output

---@class bosun.process.Result
---@field code? integer exit status; nil when a signal killed it
---@field signal? integer number of the signal that killed it
---@field stdout? string
---@field stderr? string
---@field timed_out? boolean it was stopped at its timeout
---@field truncated? boolean there was more output than max_output

---@class bosun.process.Error : bosun.Error code: "ENOENT", "EACCES", "ENOEXEC", "E2BIG", "EAGAIN", "EMFILE" … when the
---program cannot be started; "cancelled" or "timeout" when the action has to stop; with `check`, "exit", "signal" or
---"timeout", and the last lines of standard error in the message
---@field result? bosun.process.Result of a program that failed its `check`

--- Runs a program to its end. A name without "/" is looked up in the PATH that the program gets; entries that are not
--- absolute do not count. When it ends, what it started and left running is killed.
---
---     local result, err = process.run({ "docker", "ps", "-q" }, { timeout = 10, check = true, reads = true })
---
---@param argv string[] the program and its arguments. A secret among them raises: arguments can be seen by all users
---@param options? bosun.process.Options
---@return bosun.process.Result|nil result
---@return bosun.process.Error|nil err
function process.run(argv, options) end

--- Starts a program and goes on. Its standard input stays open for `write`, unless option stdin is given.
---
---     local server <close> = assert(process.spawn { "model-server", "--port", port })
---
---@param argv string[]
---@param options? bosun.process.Options
---@return bosun.Process|nil process
---@return bosun.process.Error|nil err
function process.spawn(argv, options) end

--- A program that runs beside the plugin. Leaving the scope of a `<close>` variable ends it as `close` does. It is
--- served while one of its methods runs: output that nobody reads makes it wait, once the pipe is full.
---@class bosun.Process
local Process = {}

--- Writes to standard input, all of it.
---@param bytes string|bosun.Secret
---@return true|nil ok
---@return bosun.process.Error|nil err code "EPIPE": it does not read any more; "too_large": max_output bytes of output
---wait to be read
function Process:write(bytes) end

--- Ends what the program reads.
function Process:close_stdin() end

--- Waits for standard output and returns what there is.
---@param max? integer bytes at most
---@return string|nil bytes nil: there is no more
---@return bosun.process.Error|nil err
function Process:read(max) end

--- The lines of standard output, as they come, without their newline: `for line in process:lines() do … end`. Needs no
--- more memory than a line, and gives one of more than 1 MiB in pieces. Raises where `read` returns nil, err.
---@return fun(): string|nil
function Process:lines() end

--- Waits for the end. The result has the output that was not read before. Without a timeout standard input is closed
--- first.
---@param timeout? number seconds; the program goes on when they have passed
---@return bosun.process.Result|nil result
---@return bosun.process.Error|nil err code "timeout": it still runs
function Process:wait(timeout) end

--- Sends a signal to the program and its process group.
---@param signal? string|integer "TERM", "SIGHUP", 9; default "TERM"
---@return true|nil ok
---@return bosun.process.Error|nil err code "ESRCH": it has ended
function Process:kill(signal) end

--- Its process id; nil in a dry run.
---@return integer|nil
function Process:pid() end

--- Ends it: SIGTERM, a second later SIGKILL to it and all it started. Does nothing once it is over.
function Process:close() end

--- The path of the program that `run` would start for this name.
---@param name string
---@return string|nil path
---@return bosun.Error|nil err code "ENOENT", or "EACCES": it is there, and may not be started
function process.which(name) end

--- A variable of this process's environment.
---@param name string
---@return string|nil
function process.env(name) end

return process
