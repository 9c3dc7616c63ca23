--- A place for tests of bosun.docker against one engine: code that runs in the host with `engine` at hand, an image to
--- start containers from, names that are this run's own, and the removal of all that has them.

local Bench = {}
Bench.__index = Bench

local HEAD = [[
local docker, tar, json, fs = require "bosun.docker", require "bosun.tar", require "bosun.json", require "bosun.fs"
local HOST, RUN, LABELS, CONFIG, ROOT = %q, %q, { ["library-test"] = %q }, %q, %q
local IMAGE = RUN .. "-base"
local engine <close> = assert(docker.connect { host = HOST, config_file = CONFIG })
local function quiet() end
local function create(name, more)
  local body = { Image = IMAGE, Labels = LABELS, Cmd = { "sleep", "1000" } }
  for key, value in pairs(more or {}) do body[key] = value end
  return assert(engine:create_container(RUN .. "-" .. name, body))
end
local function run(name, more)
  local id = create(name, more)
  assert(engine:start_container(id))
  return id
end
local function shell(script, more)
  local body = { Cmd = { "sh", "-c", script } }
  for key, value in pairs(more or {}) do body[key] = value end
  return body
end
local function failure(value, err)
  if value ~= nil then return { value = value } end
  return { code = err.code, message = tostring(err), status = err.status, op = err.op }
end
local function code(value, err)
  if value == nil then return err.code end
  return value
end
local function build(dockerfile, options)
  options = options or {}
  options.on_progress = options.on_progress or quiet
  options.labels = options.labels or LABELS
  return engine:build(tar.new {
    { name = "Dockerfile", content = dockerfile },
    { name = "busybox", path = "/bin/busybox", mode = tonumber("755", 8) },
  }, options)
end
]]

local BASE = [[
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
CMD ["sleep", "1000"]
]]

local CLEAN = [[
for _, container in ipairs(engine:list_containers { labels = LABELS } or {}) do
  engine:remove_container(container.Id, { volumes = true })
end
for _, kind in ipairs { "networks", "volumes" } do
  local found = engine:call("GET", "/" .. kind, { query = { filters = { label = { "library-test=" .. RUN } } } })
  for _, item in ipairs(type(found) == "table" and (found.Volumes or found) or {}) do
    engine:call("DELETE", ("/%s/%s"):format(kind, item.Id or item.Name))
  end
end
for _ = 1, 3 do -- an image may have parents
  for _, image in ipairs(engine:list_images { labels = LABELS } or {}) do
    engine:remove_image(image.Id, { force = true })
  end
end
]]

--- options: host of the engine, config_file of the Docker client.
function Bench.new(workspace, options)
  local run = "library-" .. workspace.root:match("[^/]+$"):lower():gsub("[^%w]", "-") .. (options.suffix or "")
  local bench = setmetatable({
    workspace = workspace, run_id = run, host = options.host, image = run .. "-base",
    config_file = options.config_file or workspace:path("no-config.json"),
  }, Bench)
  bench:eval(("assert(build(%q, { tag = IMAGE }))"):format(BASE))
  return bench
end

--- Runs code in the host. more: options of Workspace:eval, and `host`, another way to the engine.
function Bench:eval(code, more)
  more = more or {}
  local head = HEAD:format(more.host or self.host, self.run_id, self.run_id, self.config_file, self.workspace.root)
  local options = {}
  for key, value in pairs(more) do options[key] = key ~= "host" and value or nil end
  return self.workspace:eval(head .. code, options)
end

--- Removes what containers, images, networks and volumes tests have left.
function Bench:close()
  self:eval(CLEAN)
end

return Bench
