--- Internal: credentials from a program that a kubeconfig names (client.authentication.k8s.io): how to call it, and
--- what it answers.

local errors = require "bosun.kubernetes.errors"
local json = require "bosun.json"
local list_problem = require("bosun.native.list").problem
local pem = require "bosun.kubernetes.pem"
local process = require "bosun.process"
local secret = require "bosun.secret"
local time = require "bosun.time"
local words = require "bosun.http.words"

local exec_credential = {}

local GROUP = "client.authentication.k8s.io/"
local VERSIONS = { [GROUP .. "v1"] = true, [GROUP .. "v1beta1"] = true }
local MODES = { Never = true, IfAvailable = true, Always = true }
local SECONDS = 60

--- The program's arguments; or nil, err.
local function argv_of(exec)
  local command, err = exec:text "command"
  if not command then return nil, err or exec:wrong("command", "expected the name or path of a program") end
  local argv = { command:find("/", 1, true) and exec:absolute(command) or command }
  local args, failure = exec:table "args"
  if failure then return nil, failure end
  local problem = args and list_problem(args)
  if problem then return nil, exec:wrong("args", "expected a list of arguments, but %s", problem) end
  for i, arg in ipairs(args or {}) do
    if type(arg) ~= "string" then return nil, exec:wrong("args", "item %d is a %s, not text", i, type(arg)) end
    argv[#argv + 1] = arg
  end
  return argv
end

local function env_of(exec)
  local env = {}
  local list, err = exec:table "env"
  if err then return nil, err end
  for i, item in ipairs(list or {}) do
    if type(item) ~= "table" or type(item.name) ~= "string" or type(item.value) ~= "string" then
      return nil, exec:wrong("env", "item %d: expected a name and a value, both text", i)
    end
    env[item.name] = item.value
  end
  return env
end

--- Checks how a program is configured. `cluster`: what it is told when it asks for that.
---@param exec table an entry of kubeconfig for the mapping `exec`
---@param cluster table
---@return table|nil plugin
---@return bosun.kubernetes.Error|nil err
function exec_credential.new(exec, cluster)
  local version, err = exec:text "apiVersion"
  if not VERSIONS[version] then
    return nil, err or exec:wrong("apiVersion", "expected %sv1 or %sv1beta1", GROUP, GROUP)
  end
  local mode
  mode, err = exec:text "interactiveMode"
  if err then return nil, err end
  if not mode and version == GROUP .. "v1" then
    return nil, exec:wrong("interactiveMode", "expected Never, IfAvailable or Always, which v1 requires")
  elseif mode and not MODES[mode] then
    return nil, exec:wrong("interactiveMode", "expected Never, IfAvailable or Always")
  elseif mode == "Always" then
    return nil, exec:wrong("interactiveMode", "the program wants a terminal, which an action does not have")
  end
  local plugin = { version = version, hint = exec.value.installHint }
  plugin.argv, err = argv_of(exec)
  if not plugin.argv then return nil, err end
  plugin.env, err = env_of(exec)
  if not plugin.env then return nil, err end
  local spec = { interactive = false, cluster = exec.value.provideClusterInfo == true and cluster or nil }
  plugin.env.KUBERNETES_EXEC_INFO = json.encode { kind = "ExecCredential", apiVersion = version, spec = spec }
  return plugin
end

local function failed(plugin, code, problem, ...)
  return errors.new { code = code, message = ("credentials of the cluster: %s: %s"):format(plugin.argv[1],
    problem:format(...)) }
end

local function run(plugin)
  local result, err = process.run(plugin.argv, {
    env = plugin.env, whole_env = true, reads = true, timeout = SECONDS, max_output = 1024 * 1024,
  })
  if not result then
    local hint = err.code == "ENOENT" and type(plugin.hint) == "string" and ": " .. words.clean(plugin.hint) or ""
    return nil, failed(plugin, err.code, "%s%s", err.message, hint)
  end
  if result.timed_out then return nil, failed(plugin, "timeout", "did not finish within %d s", SECONDS) end
  if result.code == 0 then return result.stdout or "" end
  return nil, failed(plugin, "helper", "%s: %s",
    result.code and "exited with status " .. result.code or "was killed by signal " .. tostring(result.signal),
    words.of_body(result.stderr or ""))
end

local function text_of(status, key)
  local value = status[key]
  return type(value) == "string" and value ~= "" and value or nil
end

--- The client certificate in the answer; nothing when there is none; or nil, nil, problem.
local function certificate_of(status)
  local cert, key = text_of(status, "clientCertificateData"), text_of(status, "clientKeyData")
  if not cert and not key then return nil, nil end
  if not cert or not key then
    return nil, nil, "expected both clientCertificateData and clientKeyData, or neither"
  end
  secret.new(key)
  local problem = pem.problem(cert, "CERTIFICATE") or pem.problem(key, "PRIVATE KEY")
  return cert, key, problem
end

--- Runs the program: { token, cert, key, expires }, where expires is in seconds since the epoch.
---@param plugin table
---@return table|nil credentials
---@return bosun.kubernetes.Error|nil err
function exec_credential.ask(plugin)
  local output, err = run(plugin)
  if not output then return nil, err end
  local answer = json.decode(output)
  if type(answer) ~= "table" or answer.kind ~= "ExecCredential" then
    return nil, failed(plugin, "helper", "its output is not an ExecCredential")
  end
  if answer.apiVersion ~= plugin.version then
    return nil, failed(plugin, "helper", "its output is of apiVersion %s, but %s is configured",
      words.clean(tostring(answer.apiVersion)), plugin.version)
  end
  local status = type(answer.status) == "table" and answer.status or {}
  local token = text_of(status, "token")
  local cert, key, problem = certificate_of(status)
  if problem then return nil, failed(plugin, "helper", "%s", problem) end
  if not token and not cert then
    return nil, failed(plugin, "helper", "its output has neither a token nor a client certificate")
  end
  local expires = text_of(status, "expirationTimestamp")
  return { token = token and secret.new(token), cert = cert, key = key, expires = expires and time.parse(expires) }
end

return exec_credential
