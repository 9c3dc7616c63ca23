--- The private config of the docker plugin, key by key.

local docker = require "bosun.docker"
local prediction_server = require "bosun.prediction_server"

local public_path = require "docker.public_path"

local schema = {}

local PING = ("http://127.0.0.1:%d%s"):format(prediction_server.PORT, prediction_server.PING)
--- Uses whichever of these programs the image has. The engine enforces the timeout.
local ASK_PING = ([[
if command -v curl >/dev/null; then exec curl -fsS -o /dev/null %s
elif command -v wget >/dev/null; then exec wget -q -O /dev/null %s
else exec python3 -c 'import urllib.request as r; r.urlopen("%s")'
fi]]):format(PING, PING, PING)
local HOST_PORT = 'a host port, or "ADDRESS:PORT" with a numeric address'

local function is_image(text)
  local reference, problem = docker.parse_reference(text)
  return reference and true, problem and ("not a valid image name: %s"):format(problem)
end

local function is_image_prefix(text)
  local reference, problem = docker.parse_reference(text .. "x")
  if reference and not text:find("@", 1, true) then return true end
  return nil, ("not a valid start of an image name: %s"):format(problem or "contains a digest")
end

--- The engine takes an address that is not numeric for all addresses.
local function is_host_port(value)
  local text = tostring(value)
  local digits = text:match("^%d+%.%d+%.%d+%.%d+:(%d+)$") or text:match("^%[[%x:]+%]:(%d+)$") or text:match("^%d+$")
  local port = math.tointeger(tonumber(digits))
  if port and port >= 0 and port <= 65535 then return true end
  return nil, "expected " .. HOST_PORT
end

local COMMAND = "expected a command as a string, or as a list of strings"

local function is_health_check(value)
  if type(value) == "string" and value ~= "" then return true end
  if type(value) ~= "table" or #value == 0 then return nil, COMMAND end
  for _, word in ipairs(value) do
    if type(word) ~= "string" then return nil, COMMAND end
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
  dockerHost = { type = "string", description = "the engine's address; default: DOCKER_HOST, else the local socket" },
  dockerCertPath = { type = "path", description = "folder with ca.pem, cert.pem and key.pem, for an engine with TLS" },
  dockerConfigFile = { type = "path", description = "the Docker client's config file, for registry credentials" },
  dockerSocket = { type = "path", description = "the engine's socket on its own machine, mounted into the proxy" },
  dockerNetwork = {
    type = "string", required = true, pattern = "^[%w][%w_.-]*$",
    description = "the network of all containers; it must exist",
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

--- The health check of prediction servers in the engine's terms, with times in nanoseconds.
---@param config table
---@return table
function schema.health_check(config)
  local command = config.healthCheck or ASK_PING
  local test = type(command) == "table" and { "CMD", table.unpack(command) } or { "CMD-SHELL", command }
  local function nanoseconds(seconds) return math.floor(seconds * 1e9) end
  return {
    Test = test, Interval = nanoseconds(config.healthInterval), Timeout = nanoseconds(5), Retries = 3,
    StartPeriod = nanoseconds(config.startTimeout),
  }
end

return schema
