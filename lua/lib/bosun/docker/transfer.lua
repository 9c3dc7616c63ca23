--- Internal: pulling and pushing images.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local credentials = require "bosun.registry.credentials"
local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local json = require "bosun.json"
local options_of = require("bosun.options").check
local progress = require "bosun.docker.progress"
local reference = require "bosun.registry.reference"
local retry = require "bosun.retry"
local sources = require "bosun.registry.sources"
local wait = require "bosun.wait"

local ATTEMPTS = 4 -- to pull: the engine may go away three times
local BACK_SECONDS = 60 -- for it to come back each time
local AWAY = {
  ENOENT = true, ECONNREFUSED = true, ECONNRESET = true, EPIPE = true, closed = true, incomplete = true,
}
local TRANSFER = { auth = "table|boolean", on_progress = "function" }

---@class bosun.docker.TransferOptions
---@field auth? bosun.registry.Credentials|false for the registry; false: none; default: those of docker.credentials
---@field on_progress? fun(text: string) gets a line now and then; default: the log

--- Sends a request whose reply is a stream of JSON lines, and calls `on_message(message)` for each. The first error in
--- the stream is `nil, err` with this code.
function Engine:_messages(path, options, code, on_message)
  local failure
  options.on_line = function(line)
    local message = line ~= "" and json.decode(line)
    if type(message) ~= "table" then return end
    local detail = type(message.errorDetail) == "table" and message.errorDetail.message
    local problem = detail or message.error
    if problem and not failure then
      failure = errors.clean(tostring(problem))
    elseif not problem then
      on_message(message)
    end
  end
  options.timeout = false
  local resp, err = self:_send("POST", "/v" .. self.api_version .. path, options)
  if failure then
    return nil, errors.new {
      code = code, engine_message = failure, message = ("%s: %s (from %s)"):format(options.what, failure, self.host),
    }
  elseif not resp then
    if err.code == "engine" then err.code = code end
    return nil, err
  end
  return true
end

-- ---- credentials ----------------------------------------------------------------------------------------------------

local function auth_for(engine, ref, option)
  return sources.choose(ref, { auth = option, file = engine._config_file, who = "docker" })
end

--- Adds to a refusal by a registry, if it may be about credentials, which ones were used.
local function with_auth_note(err, note)
  local said = (err.engine_message or ""):lower()
  if said:find "denied" or said:find "unauthori[sz]ed" or said:find "authenti" or said:find "basic auth" then
    err.message = ("%s; the request was sent %s"):format(err.message, note)
  end
  return err
end

-- ---- pull -----------------------------------------------------------------------------------------------------------

local function parsed(text, what)
  if type(text) ~= "string" then error(("%s: expected the name of an image"):format(what), 3) end
  local ref, problem = reference.parse(text)
  if ref then return ref end
  return nil, errors.invalid(what, '"%s" is not a valid image name: %s', text, problem)
end

local function cut_off(engine, what)
  return errors.new {
    code = "incomplete",
    message = ("%s: the connection to the engine at %s ended before the transfer was complete"):format(what,
      engine.host),
  }
end

local function pull_once(engine, ref, what, auth, on_progress)
  local note, done = progress.transfer(what, on_progress), false
  local ok, err = engine:_messages("/images/create", {
    what = what, query = { fromImage = ref.familiar_name, tag = ref.digest or ref.tag },
    headers = { ["X-Registry-Auth"] = credentials.header(credentials.plain(auth)) },
  }, "pull_failed", function(message)
    if tostring(message.status):find "^Status: " then done = true end
    note(message)
  end)
  if not ok then return nil, err end
  if done then return true end
  -- Podman sends no last message; that the image exists is the proof.
  if engine.kind == "podman" and engine:inspect_image(ref.familiar) then return true end
  return nil, cut_off(engine, what)
end

--- Did the engine go away, and is it back?
local function came_back(engine, what, err, on_progress)
  if not AWAY[err.code] then return false end
  progress.writer(on_progress)(what .. ": the engine went away; trying again once it is back")
  return wait.poll(function() return engine:ping() end, {
    interval = 0.25, backoff = 1.5, timeout = BACK_SECONDS, what = "the engine to come back",
  }) ~= nil
end

--- Pulls an image: one tag ("latest" if the name has none), or one digest. Tries again if the engine goes away during
--- the transfer, up to three times.
---@param ref string
---@param options? bosun.docker.TransferOptions
---@return true|nil ok
---@return bosun.docker.Error|nil err code "not_found", "denied" or "pull_failed": the registry or the engine refused
function Engine:pull(ref, options)
  options = options_of("engine:pull", options, TRANSFER)
  local what = "pull " .. tostring(ref)
  local image, problem = parsed(ref, what)
  if not image then return nil, problem end
  what = "pull " .. image.familiar
  if not effect.begin("docker.pull", image.familiar, { after = "image" }) then return true end
  local auth, note = auth_for(self, image, options.auth)
  local ok, err = retry.run(function()
    return pull_once(self, image, what, auth, options.on_progress)
  end, { max = ATTEMPTS, on = function(err) return came_back(self, what, err, options.on_progress) end })
  if ok then return true end
  return nil, with_auth_note(err, note)
end

-- ---- push -----------------------------------------------------------------------------------------------------------

local function digest_of_message(message)
  local aux = type(message.aux) == "table" and message.aux.Digest
  return aux or tostring(message.status):match "digest: (sha256:%x+)"
end

--- The digest that the engine has recorded for the registry. For Podman, which may end a push without naming it.
local function recorded_digest(engine, ref)
  local image = engine:inspect_image(ref.familiar)
  for _, text in ipairs(image and type(image.RepoDigests) == "table" and image.RepoDigests or {}) do
    local other = reference.parse(text)
    if other and other.domain == ref.domain and other.repository == ref.repository then return other.digest end
  end
end

--- Pushes an image to the registry of its name.
---@param ref string
---@param options? bosun.docker.TransferOptions
---@return { digest: string }|nil result in a dry run, a digest of zeros
---@return bosun.docker.Error|nil err code "push_failed", "denied" or "not_found"; "incomplete"
function Engine:push(ref, options)
  options = options_of("engine:push", options, TRANSFER)
  local what = "push " .. tostring(ref)
  local image, problem = parsed(ref, what)
  if not image then return nil, problem end
  if image.digest then return nil, errors.invalid(what, "an image is pushed by tag, not by digest") end
  if not effect.begin("docker.push", image.familiar) then return { digest = "sha256:" .. ("0"):rep(64) } end
  local auth, auth_note = auth_for(self, image, options.auth)
  local note, digest = progress.transfer(what, options.on_progress), nil
  local ok, err = self:_messages(self:_image_path(image.familiar_name, what, "push"), {
    what = what, query = { tag = image.tag },
    headers = { ["X-Registry-Auth"] = credentials.header(credentials.plain(auth)) },
  }, "push_failed", function(message)
    digest = digest_of_message(message) or digest
    note(message)
  end)
  if not ok then return nil, with_auth_note(err, auth_note) end
  if not digest and self.kind == "podman" then digest = recorded_digest(self, image) end
  if not digest then return nil, cut_off(self, what) end
  return { digest = digest }
end

return Engine
