--- What the tests of bosun.docker need beside an engine: registries, TLS in front of the engine's socket, an
--- interposer, and Podman. They end with the process that started them.

local json = require "cjson"

local servers = {}

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

function servers.has(program)
  return (os.execute("command -v " .. program .. " >/dev/null 2>&1"))
end

function servers.output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("a")
  assert(pipe:close(), command)
  return text
end

--- Runs a command until the returned handle is closed, or this process has ended.
local function start(command, log)
  return assert(io.popen(("exec >>%s 2>&1; %s & pid=$!; cat; kill $pid; wait $pid"):format(quoted(log), command), "w"))
end

--- Polls until the function returns something.
function servers.poll(what, fn)
  local deadline = os.time() + 60
  while os.time() <= deadline do
    local result = fn()
    if result then return result end
    os.execute("sleep 0.05")
  end
  error("never happened: " .. what)
end

function servers.free_ports(count)
  local text = servers.output_of(("/usr/bin/python3 -c 'import socket; s = [socket.socket() for _ in range(%d)]; "
    .. '[x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])\''):format(count))
  local ports = {}
  for port in text:gmatch("%d+") do ports[#ports + 1] = math.tointeger(port) end
  return ports
end

local function listens(port)
  return (os.execute(("bash -c ': </dev/tcp/127.0.0.1/%d' 2>/dev/null"):format(port)))
end

--- The engine under test: its host and socket.
function servers.engine()
  local host = os.getenv "DOCKER_HOST"
  if not host or host == "" then host = "unix:///var/run/docker.sock" end
  return { host = host, socket = host:match "^unix://(.*)$" }
end

-- ---- registries -----------------------------------------------------------------------------------------------------

local REGISTRY = [[
version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: "ROOT/data" }, delete: { enabled: true } }
http: { addr: "127.0.0.1:PORT" }
]]

--- A registry on a port of 127.0.0.1, which engines take for one without TLS. With options user and password it wants
--- them.
function servers.registry(workspace, name, options)
  options = options or {}
  local root, port = workspace:mkdir(name), servers.free_ports(1)[1]
  local config = REGISTRY:gsub("ROOT", root):gsub("PORT", port)
  if options.user then
    local line = servers.output_of(("htpasswd -Bbn %s %s"):format(quoted(options.user), quoted(options.password)))
    workspace:write(name .. "/users", line)
    config = config .. ("auth: { htpasswd: { realm: test, path: %q } }\n"):format(root .. "/users")
  end
  local path = workspace:write(name .. "/config.yml", config)
  local handle = start("docker-registry serve " .. quoted(path), root .. "/log")
  servers.poll("the registry listens", function() return listens(port) end)
  return { domain = "127.0.0.1:" .. port, handle = handle, root = root }
end

-- ---- TLS ------------------------------------------------------------------------------------------------------------

local HAPROXY = [[
defaults
  mode tcp
  timeout connect 10s
  timeout client 300s
  timeout server 300s
frontend plain
  bind 127.0.0.1:PORT1
  default_backend engine
frontend server
  bind 127.0.0.1:PORT2 ssl crt ROOT/server.pem
  default_backend engine
frontend mutual
  bind 127.0.0.1:PORT3 ssl crt ROOT/server.pem ca-file ROOT/ca.crt verify required
  default_backend engine
frontend named
  bind 127.0.0.1:PORT4 ssl crt ROOT/named.pem
  default_backend engine
frontend expired
  bind 127.0.0.1:PORT5 ssl crt ROOT/expired.pem
  default_backend engine
backend engine
  server engine unix@SOCKET
]]

--- haproxy in front of an engine's socket: TCP, TLS, TLS that wants a client's certificate, TLS for another name, TLS
--- that has expired. The folders with certificates are `verified` (all three files), `trusting` (the CA alone),
--- `stranger` (another CA) and `half` (a certificate without its key).
function servers.haproxy(workspace, socket)
  local root, ports = workspace.root .. "/tls", servers.free_ports(5)
  for _, command in ipairs {
    "standard", "authority other", "client verified ca client client", "client trusting ca", "client stranger other",
    "client half ca client",
  } do
    assert(os.execute(("tests/support/certificates %s %s"):format(root, command)))
  end
  local config = HAPROXY:gsub("PORT(%d)", function(i) return ports[math.tointeger(i)] end):gsub("ROOT", root)
    :gsub("SOCKET", socket)
  local path = workspace:write("haproxy.cfg", config)
  local handle = start("haproxy -db -f " .. quoted(path), workspace:path("haproxy.log"))
  servers.poll("haproxy listens", function() return listens(ports[5]) end)
  local proxy = { root = root, handle = handle, ports = {} }
  for i, name in ipairs { "plain", "server", "mutual", "named", "expired" } do proxy.ports[name] = ports[i] end
  return proxy
end

-- ---- the interposer -------------------------------------------------------------------------------------------------

local Between = {}
Between.__index = Between

--- Sets the rules, and forgets the requests so far.
function Between:rules(rules)
  self.workspace:write(self.name .. ".rules.new", #rules == 0 and "[]" or json.encode(rules))
  assert(os.rename(self.workspace:path(self.name .. ".rules.new"), self.workspace:path(self.name .. ".rules")))
  self.workspace:write(self.name .. ".requests", "")
end

--- The requests since then whose method and path hold this pattern: {request=, headers=}.
function Between:requests(pattern)
  local found = {}
  for line in self.workspace:read(self.name .. ".requests"):gmatch "[^\n]+" do
    local entry = json.decode(line)
    if entry.request:find(pattern) then found[#found + 1] = entry end
  end
  return found
end

--- An interposer on a socket (between.py says what it can do).
function servers.between(workspace, target, name)
  local socket = workspace:path(name .. ".sock")
  local between = setmetatable({ workspace = workspace, name = name, host = "unix://" .. socket }, Between)
  between:rules {}
  local words = { socket, target, workspace:path(name .. ".rules"), workspace:path(name .. ".requests") }
  for i, word in ipairs(words) do words[i] = quoted(word) end
  between.handle = start("/usr/bin/python3 -B tests/docker/library/between.py " .. table.concat(words, " "),
    workspace:path(name .. ".log"))
  servers.poll("the interposer listens", function() return (os.execute("test -S " .. quoted(socket))) end)
  return between
end

-- ---- Podman ---------------------------------------------------------------------------------------------------------

--- Without systemd, and where limits cannot be raised.
local CONTAINERS = [[
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
]]

--- `podman system service` with a storage of its own. `insecure`: registries without TLS.
function servers.podman(workspace, insecure)
  local root, lines = workspace:mkdir "podman", {}
  for _, domain in ipairs(insecure) do
    lines[#lines + 1] = ('[[registry]]\nlocation = "%s"\ninsecure = true\n'):format(domain)
  end
  local environment = ("env CONTAINERS_CONF=%s CONTAINERS_REGISTRIES_CONF=%s"):format(
    quoted(workspace:write("podman/containers.conf", CONTAINERS)),
    quoted(workspace:write("podman/registries.conf", table.concat(lines))))
  local program = ("%s podman --root %s/root --runroot %s/run --storage-driver vfs"):format(environment, root, root)
  local socket = root .. "/podman.sock"
  local handle = start(("%s system service -t 0 unix://%s"):format(program, socket), root .. "/log")
  servers.poll("Podman listens", function() return (os.execute("test -S " .. quoted(socket))) end)
  local podman = { host = "unix://" .. socket, socket = socket, handle = handle }
  --- Ends it; containers that are left have mounts in the workspace.
  function podman.close()
    os.execute(program .. " rm --all --force >/dev/null 2>&1")
    handle:close()
  end
  return podman
end

return servers
