--- Internal: where the engine is: DOCKER_HOST, the docker program's contexts and the like, as options for bosun.http.

local client_folder = require("bosun.registry.credentials").client_folder
local contexts = require "bosun.docker.contexts"
local errors = require "bosun.docker.errors"
local fs = require "bosun.fs"
local path = require "bosun.path"
local process = require "bosun.process"
local url = require "bosun.url"

local endpoint = {}

local DEFAULT_HOST = "unix:///var/run/docker.sock"
local WHAT = "connect to the Docker Engine"
local SCHEMES = { tcp = true, http = true, https = true }

--- An environment variable; nil when it is empty.
local function env(name)
  local value = process.env(name)
  return value ~= "" and value or nil
end

--- The files of a folder as TLS options. Missing files are left out, but a certificate needs its key.
local function tls_of_folder(folder)
  local tls, count = {}, 0
  for field, file in pairs { ca = "ca.pem", cert = "cert.pem", key = "key.pem" } do
    local found, err = fs.exists(path.join(folder, file))
    if found == nil then return nil, errors.invalid(WHAT, "TLS files in %s: %s", folder, err.message) end
    if found then tls[field], count = path.join(folder, file), count + 1 end
  end
  if count == 0 then
    return nil, errors.invalid(WHAT, "%s has none of ca.pem, cert.pem and key.pem (option tls, DOCKER_CERT_PATH)",
      folder)
  elseif not tls.cert ~= not tls.key then
    return nil, errors.invalid(WHAT, "%s has no %s", folder, tls.cert and "key.pem" or "cert.pem")
  end
  return tls
end

--- The TLS options of the environment for a URL: a table; false: none; or nil and an error.
local function tls_of_environment(scheme)
  local folder = env "DOCKER_CERT_PATH"
  if env "DOCKER_TLS_VERIFY" then
    folder = folder or client_folder()
    if not folder then return nil, errors.invalid(WHAT, "DOCKER_TLS_VERIFY is set, but DOCKER_CERT_PATH is not") end
    return tls_of_folder(folder)
  end
  if scheme ~= "https" then return false end
  if folder then return tls_of_folder(folder) end
  return {}
end

--- The same for an engine of a context.
local function tls_of_context(context, scheme)
  local found, err = fs.exists(context.tls)
  if found == nil then return nil, errors.invalid(WHAT, "TLS files: %s", err.message) end
  local tls, problem
  if found then tls, problem = tls_of_folder(context.tls) else tls = scheme == "https" and {} end
  if tls and context.insecure then tls.verify = false end
  return tls, problem
end

--- The same for the option tls, or else for the context or the environment.
local function tls_of(option, scheme, context)
  if type(option) == "table" then return option end
  if type(option) == "string" then return tls_of_folder(option) end
  if option == true then return nil, errors.invalid(WHAT, "option tls: expected a table, a folder or false") end
  if option == false or scheme == "http" then return false end
  if context then return tls_of_context(context, scheme) end
  return tls_of_environment(scheme)
end

-- ---- addresses ------------------------------------------------------------------------------------------------------

--- How to get to the engine behind an address such as ssh://me@server:2222.
local function ssh_hint(host)
  local parts = url.parse(host)
  local user = parts and parts.user and parts.user .. "@" or ""
  return ('; for an engine behind SSH, forward its socket: "ssh -nNT%s -L /tmp/docker.sock:/var/run/docker.sock %s%s", '
    .. "then unix:///tmp/docker.sock (the docker plugin also needs dockerSocket: /var/run/docker.sock)")
    :format(parts and parts.port and " -p " .. parts.port or "", user, parts and parts.host or "USER@HOST")
end

--- An address in a message, without a password.
local function shown(host)
  local parts = url.parse(host)
  return parts and not parts.password and not parts.query and host or url.show(host)
end

local function hint_for(host)
  if host:find "^ssh:" then
    return ssh_hint(host)
  elseif host:find "^npipe:" then
    return "; named pipes only exist on Windows"
  elseif host:find "^/" then
    return "; did you mean unix://" .. host .. "?"
  elseif host ~= "" and not host:find "://" then
    return "; did you mean tcp://" .. host .. "?"
  end
  return ""
end

local function url_problem(host, scheme)
  local parts, problem = url.parse(host)
  if parts and not (parts.user or parts.query or parts.fragment) then return nil end
  return ("%s; expected %s://HOST[:PORT]"):format(problem and problem.message
    or "it has a user, a query or a fragment", scheme)
end

--- Why an address cannot be that of an engine; nil: it can. See docker.check_host.
---@param host string
---@return string|nil
function endpoint.problem(host)
  if host:find "^unix:" then
    if host:find "^unix:///" then return nil end
    return ('"%s": expected unix:// and an absolute path, as in %s'):format(host, DEFAULT_HOST)
  end
  local scheme = host:match "^(%a+)://"
  if SCHEMES[scheme] then
    local problem = url_problem(host, scheme)
    return problem and ('"%s": %s'):format(url.show(host), problem)
  end
  return ('"%s" is not a valid address of an engine: expected unix:///PATH, tcp://HOST[:PORT] or http(s)://HOST[:PORT]'
    .. "%s"):format(shown(host), hint_for(host))
end

local function unix_endpoint(host)
  return {
    host = host, base_url = "http://docker", unix_socket = host:match "^unix://(/.*)$", is_local = true,
    hostname = "127.0.0.1",
  }
end

local function url_endpoint(host, option, context)
  local parts, scheme = url.parse(host), host:match "^(%a+)://"
  local tls, err = tls_of(option, scheme, context)
  if tls == nil then return nil, err end
  if scheme ~= "tcp" and (scheme == "https") ~= (tls ~= false) then
    return nil, errors.invalid(WHAT, '"%s" contradicts option tls', host)
  end
  local port = parts.port or scheme == "tcp" and (tls and 2376 or 2375)
  local base = ("%s://%s%s"):format(tls and "https" or "http", parts.host, port and ":" .. port or "")
  return {
    host = host, base_url = base .. parts.path:gsub("/+$", ""), tls = tls or nil, is_local = false,
    hostname = parts.host,
  }
end

-- ---- where it is ----------------------------------------------------------------------------------------------------

--- The docker program's current context: its address, what says so, and the context; or nil; or nil and an error.
local function of_context()
  local folder = client_folder()
  if not folder then return nil end
  local name, source, unread = contexts.current(folder, env "DOCKER_CONTEXT")
  if unread then return nil, errors.invalid(WHAT, "the current context: %s", unread) end
  if not name then return nil end
  local context, problem = contexts.read(folder, name)
  if not context then return nil, errors.invalid(WHAT, 'context "%s" (%s): %s', name, source, problem) end
  return context.host or DEFAULT_HOST, ('context "%s"'):format(name), context
end

--- The address and what says so; with a third result: the context that it is from. Or nil and an error.
local function find(host)
  if host then return host, "option host" end
  if env "DOCKER_HOST" then return env "DOCKER_HOST", "DOCKER_HOST" end
  local address, source, context = of_context()
  if address or source then return address, source, context end
  return DEFAULT_HOST, "default"
end

--- Where the engine is: {host=, base_url=, unix_socket=, tls=, is_local=, hostname=}, or nil and an error.
---@param host? string
---@param tls? table|string|false
function endpoint.resolve(host, tls)
  local address, source, context = find(host)
  if not address then return nil, source end
  local problem = endpoint.problem(address)
  if problem then return nil, errors.invalid(WHAT, "%s: %s", source, problem) end
  if address:find "^unix:" then return unix_endpoint(address) end
  return url_endpoint(address, tls, context)
end

return endpoint
