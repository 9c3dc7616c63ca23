--- Internal: building images.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local auth_file = require "bosun.registry.auth_file"
local credentials = require "bosun.registry.credentials"
local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local log = require "bosun.log"
local options_of = require("bosun.options").check
local progress = require "bosun.docker.progress"
local reference = require "bosun.registry.reference"
local tables = require "bosun.tables"

local LINES = 20 -- of the output, in the message of a failed build

local BUILD = {
  tag = "string", labels = "table", build_args = "table", pull = "boolean", no_cache = "boolean",
  dockerfile = "string", auth = "list|boolean", on_progress = "function", note = "string",
}

---@class bosun.docker.BuildOptions
---@field tag? string the image's name
---@field labels? table<string, string>
---@field build_args? table<string, string>
---@field pull? boolean look for a newer base image in the registry; default false
---@field no_cache? boolean default false
---@field dockerfile? string its name in the archive; default "Dockerfile"
---@field auth? bosun.registry.Credentials[]|false for the registries of base images, each with its serveraddress;
---false: none; default: all of the client's config; with Docker, only those for whole registries: pull the base image
---before
---@field on_progress? fun(text: string) gets each line of the output; default: the log
---@field note? string for the plan of a dry run, such as "base alpine"

--- Credentials for a part of a registry: Docker would send them to all of it, Podman knows better.
local function is_misread(engine, auth)
  local _, path = auth_file.scope(auth.serveraddress)
  return path ~= "" and engine.kind ~= "podman"
end

--- All credentials of the client's config that the engine understands, and what went wrong.
local function all_credentials(engine)
  local all, problems = credentials.all(engine._config_file)
  local list = {}
  for _, auth in ipairs(all) do
    if not is_misread(engine, auth) then list[#list + 1] = auth end
  end
  return list, problems
end

--- {"registry": {"username", …}} for all registries, or nil.
local function registries(engine, option)
  if option == false then return nil end
  local list, problems, map = option, {}, {}
  if not list then list, problems = all_credentials(engine) end
  for _, err in ipairs(problems) do log.warn("docker: building without some credentials: " .. err.message) end
  for _, auth in ipairs(list) do
    if not auth.serveraddress then error("engine:build: option auth: credentials without a serveraddress", 0) end
    map[auth.serveraddress] = credentials.plain(auth)
  end
  return next(map) and credentials.header(map) or nil
end

local function failed(err, last_lines)
  if err.code == "build_failed" and last_lines ~= "" then
    err.message = ("%s; the output ended with:\n%s"):format(err.message, last_lines)
  end
  return err
end

local function query_of(engine, options)
  return {
    t = options.tag, rm = true, forcerm = true, labels = engine:_texts(options.labels),
    buildargs = engine:_texts(options.build_args), pull = options.pull and true or nil,
    nocache = options.no_cache and true or nil, dockerfile = options.dockerfile,
  }
end

local function plan_text(options, size)
  return ("%s (%s%.1f MB)"):format(options.tag or "an image", options.note and options.note .. ", " or "", size / 1e6)
end

--- One attempt to build. The image's ID; or nil, err.
local function attempt(engine, archive, options, what, size)
  local add, finish = progress.output(options.on_progress, LINES)
  local id
  local ok, err = engine:_messages("/build", {
    what = what, query = query_of(engine, options), source = archive:reader(),
    headers = {
      ["Content-Type"] = "application/x-tar", ["Content-Length"] = tostring(size),
      ["X-Registry-Config"] = registries(engine, options.auth),
    },
  }, "build_failed", function(message)
    if type(message.aux) == "table" and message.aux.ID then id = message.aux.ID end
    if type(message.stream) == "string" then add(message.stream) end
  end)
  local last_lines = finish()
  if not ok then return nil, failed(err, last_lines) end
  if id then return id end
  return nil, errors.new {
    code = "incomplete",
    message = ("%s: the connection to the engine at %s ended before the image was built"):format(what, engine.host),
  }
end

--- Did the build take an image from the cache that another client removed meanwhile? Builders do not expect that.
local function lost_its_cache(err)
  return err.code == "build_failed" and (err.message:find 'unable to find image "?sha256:%x'
    or err.message:find "No such image: sha256:%x" or err.message:find "layer does not exist") ~= nil
end

--- Builds an image from an archive with a Dockerfile. If another client removes an image of the cache under it, it is
--- built once more, without the cache.
---@param archive bosun.tar.Archive
---@param options? bosun.docker.BuildOptions
---@return string|nil id "sha256:…"; in a dry run, of zeros
---@return bosun.docker.Error|nil err code "build_failed", with the last lines of the output; "incomplete": the
---connection ended early
function Engine:build(archive, options)
  options = options_of("engine:build", options, BUILD)
  local what = "build " .. (options.tag or "an image")
  if options.tag then
    local ref, problem = reference.parse(options.tag)
    if not ref or ref.digest then return nil, errors.invalid(what, "%s", problem or "a tag cannot have a digest") end
  end
  local size, problem = archive:size()
  if not size then return nil, errors.wrap(problem, what) end
  if not effect.begin("docker.build", plan_text(options, size)) then return "sha256:" .. ("0"):rep(64) end
  local id, err = attempt(self, archive, options, what, size)
  if id or not lost_its_cache(err) then return id, err end
  log.info("docker: an image of the cache was removed during the build; building without the cache", { what = what })
  return attempt(self, archive, tables.copy(options, { no_cache = true }), what, size)
end

return Engine
