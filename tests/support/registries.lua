--- Registries of images for the tests: Debian's docker-registry on a free port of 127.0.0.1, open, with a password, or
--- with tokens, and images in them.

local registries = {}

registries.USER, registries.PASSWORD = "tester", "secret-of-the-registry"
-- htpasswd -nbB tester secret-of-the-registry
local HTPASSWD = "tester:$2y$05$SzxmMFrrMl.9EwSKGqJ1v.Zw9wDHFHbgPHj6EscbLnMiBQ9.HJYkC\n"

local CONFIG = [[
version: 0.1
log: { level: info }
http: { addr: "127.0.0.1:PORT", secret: "x" }
storage: { filesystem: { rootdirectory: "FOLDER/data" }, delete: { enabled: true } }
]]
local WITH_PASSWORD = 'auth: { htpasswd: { realm: "tests", path: "FOLDER/htpasswd" } }\n'
local WITH_TOKENS = [[
auth: { token: { realm: "REALM", service: "the-registry", issuer: "tests", rootcertbundle: "BUNDLE" } }
]]

local Registry = {}
Registry.__index = Registry

local function run(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read "a"
  assert(pipe:close(), command)
  return (text:gsub("%s+$", ""))
end

local function free_port()
  return run [[/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0));
print(s.getsockname()[1])']]
end

local function wait_for(url, log)
  local deadline = os.time() + 60
  while os.time() <= deadline do
    local code = run(("curl -s -o /dev/null -w '%%{http_code}' %s || true"):format(url))
    if code ~= "000" then return end
    os.execute "sleep 0.05"
  end
  error("the registry does not answer; see " .. log)
end

--- Starts a registry in a folder `name` of the workspace. `more`: password (true), or tokens: { realm, bundle }.
--- `domain` is the first part of its images' names.
function registries.start(workspace, name, more)
  more = more or {}
  local folder = workspace:mkdir(name)
  local self = setmetatable({ folder = folder, port = free_port() }, Registry)
  self.domain = "127.0.0.1:" .. self.port
  self.url = "http://" .. self.domain
  local auth = more.password and WITH_PASSWORD or more.tokens and WITH_TOKENS or ""
  local values = { PORT = self.port, FOLDER = folder, REALM = more.tokens and more.tokens.realm,
    BUNDLE = more.tokens and more.tokens.bundle }
  workspace:write(name .. "/config.yml", ((CONFIG .. auth):gsub("%u%u%u%u+", values)))
  workspace:write(name .. "/htpasswd", HTPASSWD)
  self.user = more.password and registries.USER .. ":" .. registries.PASSWORD
  self:resume()
  return self
end

--- Starts it, again after close(), with what it has.
function Registry:resume()
  local log = self.folder .. "/log"
  local command = "exec >>%s 2>&1; docker-registry serve %s/config.yml & pid=$!; cat; kill $pid; wait $pid"
  self.handle = assert(io.popen(command:format(log, self.folder), "w"))
  wait_for(self.url .. "/v2/", log)
end

function Registry:close()
  if self.handle then self.handle:close() end
  self.handle = nil
end

--- Puts an image in; `options` of seed_registry.py. Returns its digest.
function Registry:seed(name, options)
  local user = self.user and "--user " .. self.user or ""
  return run(("/usr/bin/python3 -B tests/support/seed_registry.py %s %s %s %s"):format(self.url, name, user,
    options or ""))
end

--- What curl gets from a path, with the registry's password.
function Registry:get(path, options)
  local user = self.user and "-u " .. self.user or ""
  return run(("curl -s %s %s '%s%s'"):format(user, options or "", self.url, path))
end

--- The requests that it has had, as "METHOD path status".
function Registry:requests()
  local list = {}
  local file = assert(io.open(self.folder .. "/log"))
  for line in file:lines() do
    local method, path, status = line:match '"(%u+) (%S+) HTTP/1.1" (%d+)'
    if method then list[#list + 1] = ("%s %s %s"):format(method, path:gsub("%?.*", ""), status) end
  end
  file:close()
  return list
end

return registries
