--- Internal: fetches a model whose `modelArtifact` is an http or https URL, for bosun.deployment_info. The driver
--- begins a fetch with the action and closes it at the action's end, which removes the file.
---
--- The model goes to a temporary file, in constant memory. A transfer that breaks off is resumed where the server can
--- do that. The token of `pluginConfig` is sent to the server of `mlopsUrl` alone.

local effect = require "bosun.effect"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local http = require "bosun.http"
local path = require "bosun.path"
local time = require "bosun.time"
local url = require "bosun.url"

local fetch = {}

local function dry_files() return require "bosun.host.dry_files" end
local function given() return require "bosun.deployment_info" end

local MOST_FAILURES = 5 -- in a row, without a byte between them
local PAUSE = 0.5 -- seconds, doubled with each failure in a row
local PROGRESS = 5 -- seconds between two events in the log

--- The fetch of the action that is running.
local current

---@class bosun.host.Fetch
---@field plugin BosunPluginBase
---@field folder? string
---@field stand_ins string[] files of a dry run
---@field files table<string, bosun.deployment_info.Artifact> by URL
local Fetch = {}
Fetch.__index = Fetch

function Fetch:__close()
  if self.folder then fs.remove(self.folder, { recursive = true }) end
  for _, file in ipairs(self.stand_ins) do dry_files().real.remove(file) end
  if current == self then current = nil end
end

--- Begins the fetches of an action.
---@param plugin BosunPluginBase
---@return bosun.host.Fetch
function fetch.begin(plugin)
  current = setmetatable({ plugin = plugin, files = {}, stand_ins = {} }, Fetch)
  return current
end

local PORTS = { http = 80, https = 443 }

--- "https://host:443", to compare servers; nil for what is no URL.
local function server_of(text)
  local parts = type(text) == "string" and url.parse(text)
  if not parts then return nil end
  local scheme = parts.scheme:lower()
  return ("%s://%s:%d"):format(scheme, parts.host:lower(), parts.port or PORTS[scheme] or 0)
end

local function token_for(plugin, source)
  local config = plugin.plugin_config
  local server = server_of(config.mlopsUrl)
  return server and server == server_of(source) and config.mlopsApiToken or nil
end

--- What identifies this version of the model to the server; nil: it cannot be resumed.
local function validator_of(resp)
  local etag = resp.headers.etag
  if etag and etag:sub(1, 2) ~= "W/" then return etag end
  return resp.headers["last-modified"]
end

local function failed(format, ...)
  return nil, errors.new { code = "invalid", op = "fetch", message = format:format(...) }
end

--- The answer of a server that has no model for us.
local function refused(resp)
  return nil, errors.new { code = "http_status", op = "fetch", retryable = resp.status == 429 or resp.status >= 500,
    message = ("the server answered %d"):format(resp.status) }
end

--- A model that is being fetched.
local Transfer = {}
Transfer.__index = Transfer

function Transfer:__close()
  if self.output then self.output:close() end
end

--- Begins to write what a reply brings: at the end of what is there, or anew.
function Transfer:start_output(resp)
  local first = resp.status == 206 and tonumber((resp.headers["content-range"] or ""):match "^bytes (%d+)%-")
  if resp.status == 206 and first ~= self.size then
    return failed("the server sent another part than the one asked for")
  end
  if resp.status ~= 206 then self.size = 0 end
  if self.output then self.output:close() end
  local output, problem = io.open(self.file, self.size > 0 and "ab" or "wb")
  if not output then return failed("cannot write %s", problem) end
  output:setvbuf "no"
  self.output, self.validator = output, validator_of(resp)
  local rest = tonumber(resp.headers["content-length"])
  self.total = rest and self.size + rest
  return true
end

function Transfer:report_progress()
  if time.monotonic() < self.next_report then return end
  self.next_report = time.monotonic() + PROGRESS
  self.log:info("fetching the model", { bytes = self.size, of = self.total })
end

--- The sink of a request.
function Transfer:take(bytes, resp)
  if self.reply ~= resp then
    self.reply = resp
    local ok, err = self:start_output(resp)
    if not ok then return nil, err end
  end
  local ok, problem = self.output:write(bytes)
  if not ok then return failed("cannot write %s: %s", self.file, problem) end
  self.size = self.size + #bytes
  self:report_progress()
end

function Transfer:request()
  local headers = { ["Accept-Encoding"] = "identity" }
  if self.size > 0 and self.validator then
    headers.Range, headers["If-Range"] = ("bytes=%d-"):format(self.size), self.validator
  end
  return http.get(self.source, {
    headers = headers, auth = self.token and { bearer = self.token },
    sink = function(bytes, resp) return self:take(bytes, resp) end,
  })
end

local FINAL = { invalid = true, tls = true, protocol = true, redirect = true, cancelled = true, deadline = true }

--- Can another attempt do better?
local function is_worth_another(resp, err)
  if err then return not FINAL[err.code] end
  return resp.status == 429 or resp.status >= 500
end

--- Fetches the whole. nil and an error after too many failures in a row.
function Transfer:run()
  local failures = 0
  while true do
    local before = self.size
    local resp, err = self:request()
    if resp and resp.ok then return true end
    failures = self.size > before and 1 or failures + 1
    if not is_worth_another(resp, err) or failures > MOST_FAILURES then
      return nil, err or select(2, refused(resp))
    end
    self.log:warn("the model's transfer broke off; trying again",
      { error = err and err.message or resp.status, bytes = self.size })
    local slept, stopped = time.sleep(PAUSE * 2 ^ (failures - 1))
    if not slept then return nil, stopped end
  end
end

--- A file name for the model: the last part of the URL's path.
local function name_of(source)
  local parts = url.parse(source)
  local name = parts and path.basename(parts.path) or ""
  return path.safe_component(name, 200, "the model's file name") and name or "model"
end

function Fetch:receive(source, info)
  local digest, problem = given().sha256(info)
  if problem then return nil, problem end
  local folder, err = fs.tempdir { prefix = "bosun-model-" }
  if not folder then return nil, err end
  self.folder = self.folder or folder
  local transfer <close> = setmetatable({
    source = source, file = path.join(folder, name_of(source)), size = 0, token = token_for(self.plugin, source),
    log = self.plugin.log, next_report = time.monotonic() + PROGRESS,
  }, Transfer)
  local ok, why = transfer:run()
  if not ok then return nil, why end
  if not transfer.output then return failed "the server sent an empty file" end
  local found = digest and assert(fs.sha256(transfer.file))
  if digest ~= found then
    return nil, errors.new { code = "digest", op = "fetch",
      message = ("its SHA-256 is %s, not %s"):format(found, digest) }
  end
  return transfer.file
end

--- A file that is as long as the model, without its content: a dry run goes on with it. It really is
--- made, where a plugin's file would only be planned.
function Fetch:stand_in(size)
  local real = dry_files().real
  local file = real.tmpname()
  self.stand_ins[#self.stand_ins + 1] = file
  local output = assert(real.open(file, "wb"))
  if size > 0 then
    assert(output:seek("set", size - 1))
    assert(output:write "\0")
  end
  assert(output:close())
  return file
end

--- Asks the server for the model's size instead of fetching it, and adds the fetch to the plan of a dry run.
function Fetch:plan(source)
  local token = token_for(self.plugin, source)
  local resp, err = http.head(source, { auth = token and { bearer = token } })
  if not resp then return nil, err end
  if not resp.ok then return refused(resp) end
  effect.begin("fetch", url.show(source))
  local size = tonumber(resp.headers["content-length"]) or 1
  return { path = self:stand_in(size), file = name_of(source), type = "file", size = size }
end

function Fetch:artifact(source, info)
  if self.plugin.dry_run then return self:plan(source) end
  local file, problem = self:receive(source, info)
  if not file then return nil, problem end
  return { path = file, file = path.basename(file), type = "file", size = assert(fs.stat(file)).size }
end

--- The model at a URL, fetched once an action.
---@param source string
---@param info table deploymentInfo
---@return bosun.deployment_info.Artifact|nil artifact
---@return bosun.Error|nil problem
function fetch.artifact(source, info)
  if not current then return failed "modelArtifact is a URL: it can be fetched while an action runs" end
  local known = current.files[source]
  if known then return known end
  local artifact, problem = current:artifact(source, info)
  if not artifact then return nil, errors.wrap(problem, "cannot fetch the model " .. url.show(source)) end
  current.files[source] = artifact
  return artifact
end

return fetch
