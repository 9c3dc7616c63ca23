--- Internal: where the engine is: DOCKER_HOST and the like, as options for bosun.http.

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

--- The folder of the Docker client's files: $DOCKER_CONFIG, else ~/.docker; nil: no home folder is known.
function endpoint.client_folder()
  if env "DOCKER_CONFIG" then return env "DOCKER_CONFIG" end
  return env "HOME" and path.join(env "HOME", ".docker")
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

--- The TLS options for a URL: a table; false: none; or nil and an error.
local function tls_of(option, scheme)
  if type(option) == "table" then return option end
  if type(option) == "string" then return tls_of_folder(option) end
  if option == true then return nil, errors.invalid(WHAT, "option tls: expected a table, a folder or false") end
  if option == false or scheme == "http" then return false end
  local folder = env "DOCKER_CERT_PATH"
  if env "DOCKER_TLS_VERIFY" then
    folder = folder or endpoint.client_folder()
    if not folder then return nil, errors.invalid(WHAT, "DOCKER_TLS_VERIFY is set, but DOCKER_CERT_PATH is not") end
    return tls_of_folder(folder)
  end
  if scheme ~= "https" then return false end
  return folder and tls_of_folder(folder) or not folder and {} or nil
end

local function unix_endpoint(host)
  local socket = host:match "^unix://(/.*)$"
  if not socket then
    return nil, errors.invalid(WHAT, '"%s": expected unix:// and an absolute path, as in %s', host, DEFAULT_HOST)
  end
  return { host = host, base_url = "http://docker", unix_socket = socket, is_local = true, hostname = "127.0.0.1" }
end

local function bad_host(host)
  local hint = ""
  if host:find "^ssh:" then
    hint = '; for an engine behind SSH: "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock USER@HOST", '
      .. "then unix:///tmp/docker.sock"
  elseif host:find "^/" then
    hint = "; did you mean unix://" .. host .. "?"
  elseif host ~= "" and not host:find "://" then
    hint = "; did you mean tcp://" .. host .. "?"
  end
  return nil, errors.invalid(WHAT, '"%s" (option host, DOCKER_HOST or dockerHost) is not a valid address: expected '
    .. "unix:///PATH, tcp://HOST[:PORT] or http(s)://HOST[:PORT]%s", host, hint)
end

local function url_endpoint(host, scheme, option)
  local parts, problem = url.parse(host)
  if not parts or parts.user or parts.query or parts.fragment then
    return nil, errors.invalid(WHAT, '"%s": %s; expected %s://HOST[:PORT]', url.show(host),
      problem and problem.message or "it has a user, a query or a fragment", scheme)
  end
  local tls, err = tls_of(option, scheme)
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

--- Where the engine is: {host=, base_url=, unix_socket=, tls=, is_local=, hostname=}, or nil and an error.
---@param host? string
---@param tls? table|string|false
function endpoint.resolve(host, tls)
  host = host or env "DOCKER_HOST" or DEFAULT_HOST
  if host:find "^unix:" then return unix_endpoint(host) end
  local scheme = host:match "^(%a+)://"
  if not SCHEMES[scheme] then return bad_host(host) end
  return url_endpoint(host, scheme, tls)
end

return endpoint
