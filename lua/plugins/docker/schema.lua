--- The private config of the docker plugin, key by key.

local docker = require "bosun.docker"
local prediction_server = require "bosun.prediction_server"
local probe = require "bosun.prediction_server.probe"
local image_builder = require "docker.image_builder"
local public_path = require "bosun.prediction_server.public_path"

local schema = {}

schema.STRATEGIES = { "beside", "stopFirst" }

local PING = ("http://127.0.0.1:%d%s"):format(prediction_server.PORT, prediction_server.PING)
--- Uses whichever of these programs the image has, and never a proxy of the server's environment: some of them would
--- ask it for 127.0.0.1. The engine enforces the timeout.
local ASK_PING = ([[
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
if command -v curl >/dev/null; then exec curl -qfsS -o /dev/null %s
elif command -v wget >/dev/null; then exec wget -q -O /dev/null %s
else exec python3 -c 'import urllib.request as r; r.urlopen("%s")'
fi]]):format(PING, PING, PING)
local HOST_PORT = 'a host port, or "ADDRESS:PORT" with an IP address of the host'

local function is_image(text)
  local reference, problem = docker.parse_reference(text)
  return reference and true, problem and ("not a valid image name: %s"):format(problem)
end

local function is_image_prefix(text)
  local reference, problem = docker.parse_reference(text .. "x")
  if reference and not text:find("@", 1, true) then return true end
  return nil, ("not a valid start of an image name: %s"):format(problem or "contains a digest")
end

local function is_ipv4(text)
  local count = 0
  for number in text:gmatch("%f[%d]%d+") do
    if tonumber(number) > 255 or number:find("^0%d") then return false end
    count = count + 1
  end
  return count == 4 and text:find("^%d+%.%d+%.%d+%.%d+$") ~= nil
end

--- The number of 16-bit groups in a part of an IPv6 address; nil: it is not one.
local function groups_of(text)
  if text == "" then return 0 end
  local count = 0
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:find("^%x%x?%x?%x?$") then return nil end
    count = count + 1
  end
  return count
end

local function is_ipv6(text)
  local before, ipv4 = text:match("^(.*:)([%d.]+%.[%d.]+)$") -- ::ffff:127.0.0.1
  if before then
    if not is_ipv4(ipv4) then return false end
    text = before .. "0:0"
  end
  local left, right = text:match("^(.-)::(.*)$")
  if not left then return groups_of(text) == 8 end
  local first, second = groups_of(left), groups_of(right)
  return first ~= nil and second ~= nil and first + second < 8
end

--- The engine takes an address that it cannot read for all addresses, and publishes the port to everyone.
local function is_host_port(value)
  local text = math.type(value) == "integer" and tostring(value) or type(value) == "string" and value or ""
  local ipv6, after = text:match("^%[(.*)%]:(.*)$")
  local ipv4, last = text:match("^([^:]*):(.*)$")
  local digits = after or last or text
  local is_address = ipv6 and is_ipv6(ipv6) or not ipv6 and (not ipv4 or is_ipv4(ipv4))
  local port = digits:find("^%d+$") and math.tointeger(tonumber(digits))
  if not is_address then return nil, ("%q is not an IP address; expected %s"):format(ipv6 or ipv4, HOST_PORT) end
  if port and port >= 1 and port <= 65535 then return true end
  return nil, "expected " .. HOST_PORT
end

--- The engine's own networks on which the proxy cannot reach servers: all containers of "host" share the port 8080,
--- those of "none" have no address, and "default" is another word for one of them.
local UNSUITABLE = { host = true, none = true, default = true }

local function is_network(name)
  if UNSUITABLE[name] or name:find("^container:") then
    return nil, ("%q cannot connect the proxy with prediction servers; create a network (docker network create bosun) "
      .. "and set its name"):format(name)
  elseif not name:find("^[%w][%w_.-]*$") then
    return nil, "expected the name of a network: a letter or digit, then letters, digits, _, . and -"
  end
  return true
end

local COMMAND = "expected a command as a string, or as a list of strings"
local KEYWORDS = { CMD = true, ["CMD-SHELL"] = true, NONE = true }

local function is_health_check(value)
  if type(value) == "string" and value ~= "" then return true end
  if type(value) ~= "table" or #value == 0 then return nil, COMMAND end
  for _, word in ipairs(value) do
    if type(word) ~= "string" then return nil, COMMAND end
  end
  if value[1] == "NONE" then
    return nil, "a server without a health check cannot be replaced safely; expected a command"
  elseif value[1] == "" or KEYWORDS[value[1]] and #value == 1 then
    return nil, "the command is missing; " .. COMMAND
  elseif value[1] == "CMD-SHELL" and #value > 2 then
    return nil, "CMD-SHELL takes one string, which the shell runs"
  end
  return true
end

local function image(description, default)
  return { type = "string", default = default, required = default == nil or nil, check = is_image,
    description = description }
end

local function ports(description)
  return {
    type = "map", keys = { type = "integer", min = 1, max = 65535 },
    values = { type = "any", check = is_host_port }, description = description,
  }
end

schema.fields = {
  dockerHost = {
    type = "string", check = docker.check_host,
    description = "the engine's address; default: DOCKER_HOST, the docker program's context, the local socket",
  },
  dockerCertPath = { type = "path", description = "folder with ca.pem, cert.pem and key.pem, for an engine with TLS" },
  dockerConfigFile = { type = "path", description = "the Docker client's config file, for registry credentials" },
  dockerSocket = { type = "path", description = "the engine's socket on its own machine, mounted into the proxy" },
  dockerNetwork = {
    type = "string", required = true, check = is_network,
    description = "name of the network of all containers; it must exist",
  },
  traefikImage = image("image of the reverse proxy", "traefik:2.3.3"),
  traefikPortMapping = ports("published ports of the proxy (container port: host port)"),
  outfacingPredictionURLPrefix = {
    type = "url", required = true, check = public_path.check, description = "base of the prediction URLs",
  },
  agentImage = { type = "string", check = is_image, description = "image of the monitoring agent" },
  rabbitmqImage = image("image of the queue between prediction servers and monitoring agent", "rabbitmq:3-management"),
  rabbitmqPortMapping = ports("published ports of the queue (container port: host port)"),
  ppsBaseImage = image("image of the prediction server, and base of generated images"),
  generatedImagePrefix = {
    type = "string", default = "mlops_", check = is_image_prefix,
    description = "prefix of the names of generated images",
  },
  imageBuilder = {
    type = "string", default = "engine", enum = image_builder.NAMES,
    description = "engine: it builds images; registry: the plugin adds the model to the base image in the registry "
      .. "that generatedImagePrefix names, and the engine pulls it",
  },
  artifactDigest = {
    type = "boolean", default = true,
    description = "take the SHA-256 of model packages, to tell one from another; false: the model's id is all there is",
  },
  allowedDevices = {
    type = "list", items = { type = "string", pattern = "^/." },
    description = "devices that deployments may ask for (keyValueConfig.devices); a path may end in *",
  },
  replaceStrategy = {
    type = "string", default = "beside", enum = schema.STRATEGIES,
    description = "beside: the new container works before the old one goes; stopFirst: the old one stops first",
  },
  roomCheck = {
    type = "boolean", default = true, description = "fail where memory, disk or devices do not suffice",
  },
  containerNamePrefix = {
    type = "string", default = "mlops_", pattern = "^[%w][%w_.-]*$",
    description = "prefix of container names: a letter or digit, then letters, digits, _, . and -",
  },
  ppsEnvironment = {
    type = "map", keys = { type = "string", pattern = "^[^=]+$" }, values = { type = "string" },
    description = "additional environment variables for the prediction server",
  },
  sharedServerPort = {
    type = "any", check = is_host_port, description = "host port of the shared prediction server, for remote engines",
  },
  healthCheck = {
    type = "any", check = is_health_check,
    description = "command that runs in the container to check its health",
  },
  healthInterval = { type = "seconds", default = 5, min = 1, description = "time between two health checks" },
  startTimeout = { type = "seconds", default = 600, description = "how long a model may take to become healthy" },
  drainTime = {
    type = "seconds", default = 10, description = "how long a replaced container may take to finish its requests",
  },
  stopTimeout = { type = "seconds", default = 10, description = "time between SIGTERM and SIGKILL" },
}
probe.add_fields(schema.fields, "server")

--- The command of a health check in the engine's terms. A list may begin as the engine has it, with CMD or CMD-SHELL.
local function test_of(command)
  if type(command) == "string" then return { "CMD-SHELL", command } end
  return KEYWORDS[command[1]] and command or { "CMD", table.unpack(command) }
end

--- The health check of prediction servers in the engine's terms, with times in nanoseconds. StartInterval is that until
--- it is healthy for the first time.
---@param config table
---@return table
function schema.health_check(config)
  local function nanoseconds(seconds) return math.floor(seconds * 1e9) end
  local interval = nanoseconds(config.healthInterval)
  return {
    Test = test_of(config.healthCheck or ASK_PING), Interval = interval, Timeout = nanoseconds(5), Retries = 3,
    StartPeriod = nanoseconds(config.startTimeout), StartInterval = interval,
  }
end

return schema
