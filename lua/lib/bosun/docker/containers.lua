--- Internal: containers, from creation to removal.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local log = require "bosun.log"
local options_of = require("bosun.options").check
local tables = require "bosun.tables"
local wait = require "bosun.wait"

local REMOVAL_SECONDS = 60
local STOP = { timeout = "seconds" }

--- Containers, by default including those that do not run.
---@param options? { labels?: table<string, string|true>, filters?: table<string, string[]>, all?: boolean } labels: all
---must match, a value of true matches any; filters: as in the API: { status = { "running" } }
---@return table[]|nil containers the engine's objects
---@return bosun.docker.Error|nil err
function Engine:list_containers(options)
  options = options_of("engine:list_containers", options, { labels = "table", filters = "table", all = "boolean" })
  return self:_list("/containers/json", {
    what = "list containers",
    query = { all = options.all ~= false, filters = self:_filters(options.labels, options.filters) },
  })
end

--- Everything the engine knows about a container.
---@param id string ID or name
---@return table|nil container
---@return bosun.docker.Error|nil err
function Engine:inspect_container(id)
  local path, err = self:_path("containers", id, "json")
  if not path then return nil, err end
  return self:_ask("GET", path, { what = "inspect container " .. self:_short(id) })
end

--- The State of a container, false when it does not exist; or nil, err.
function Engine:_state(id)
  local container, err = self:inspect_container(id)
  if container then return type(container.State) == "table" and container.State or {} end
  if err.code == "not_found" then return false end
  return nil, err
end

--- Engines use various statuses to refuse what a state does not allow: 409, 500 and others.
local function may_be_state(err)
  return err.code == "conflict" or err.code == "engine"
end

--- A body for create without what the engine's API does not have.
function Engine:_known(body)
  local check = body.Healthcheck
  if type(check) ~= "table" or check.StartInterval == nil or self:_has_api "1.44" then return body end
  local known = tables.copy(check)
  known.StartInterval = nil
  return tables.copy(body, { Healthcheck = known })
end

--- Creates a container. Healthcheck.StartInterval is for API 1.44 and later, and left out for older ones.
---@param name string
---@param body table as in the API: { Image = …, Env = …, Labels = …, HostConfig = { … } }
---@return string|nil id in a dry run, the name
---@return bosun.docker.Error|nil err code "conflict": a container has this name; "not_found": the image does not exist
function Engine:create_container(name, body)
  local problem = select(2, self:_path("containers", name))
  if problem then return nil, problem end
  local what = "create container " .. name
  local change = { after = "image " .. tostring(body.Image) }
  if not effect.begin("docker.create", "container " .. name, change) then return name end
  local call = { what = what, query = { name = name }, json = self:_known(body) }
  local created, err = self:_ask("POST", "/containers/create", call)
  if not created then
    if err.code == "engine" and self:_state(name) then err.code = "conflict" end
    return nil, err
  end
  for _, warning in ipairs(type(created.Warnings) == "table" and created.Warnings or {}) do
    log.warn("docker: " .. what .. ": " .. tostring(warning))
  end
  return created.Id
end

--- What actions make of a container, for the plan of a dry run.
local STATES = {
  start = { before = "not running", after = "running" }, stop = { before = "running", after = "stopped" },
  kill = { before = "running", after = "killed" }, restart = { before = "running", after = "restarted" },
  pause = { before = "running", after = "paused" }, unpause = { before = "paused", after = "running" },
}

--- An action on a container, without a result.
function Engine:_act_on(id, action, options)
  local path, err = self:_path("containers", id, action)
  if not path then return nil, err end
  local text = "container " .. self:_short(id) .. (options.note or "")
  if not effect.begin("docker." .. action, text, STATES[action]) then return true end
  options.what, options.note = action .. " " .. text, nil
  return self:_do("POST", path, options)
end

--- Starts a container. Success if it runs already.
---@param id string
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:start_container(id)
  return self:_act_on(id, "start", {})
end

--- Decides by the state what to make of a refused stop.
local function after_refused_stop(engine, id, options, err)
  local state = engine:_state(id)
  if state == false or state and not state.Running and not state.Paused then return true end
  if not (state and state.Paused) then return nil, err end
  local ok, problem = engine:unpause_container(id)
  if not ok then return nil, problem end
  return engine:_act_on(id, "stop", options)
end

--- Stops a container with its stop signal, and after `timeout` seconds with SIGKILL. Success if it does not run or does
--- not exist.
---@param id string
---@param options? { timeout?: integer } default 10
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:stop_container(id, options)
  local seconds = options_of("engine:stop_container", options, STOP).timeout or 10
  local call = { query = { t = math.ceil(seconds) }, timeout = seconds + self._timeout }
  local ok, err = self:_act_on(id, "stop", call)
  if ok or err.code == "not_found" then return true end
  if not may_be_state(err) then return nil, err end
  return after_refused_stop(self, id, call, err)
end

--- Sends a signal to a container's first process.
---@param id string
---@param options? { signal?: string } default "SIGKILL"
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": it does not run
function Engine:kill_container(id, options)
  local signal = options_of("engine:kill_container", options, { signal = "string" }).signal or "SIGKILL"
  local ok, err = self:_act_on(id, "kill", { query = { signal = signal }, note = " with " .. signal })
  if ok or not may_be_state(err) then return ok, err end
  local state = self:_state(id)
  if state and not state.Running then err.code = "conflict" end
  return nil, err
end

--- Restarts a container, or starts one that does not run.
---@param id string
---@param options? { timeout?: integer } seconds before SIGKILL, default 10
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:restart_container(id, options)
  local seconds = options_of("engine:restart_container", options, STOP).timeout or 10
  return self:_act_on(id, "restart", { query = { t = math.ceil(seconds) }, timeout = seconds + self._timeout })
end

--- Pauses or unpauses; `fits(state)`: whether the state allows it.
function Engine:_freeze(id, action, fits)
  local ok, err = self:_act_on(id, action, {})
  if not ok and may_be_state(err) then
    local state = self:_state(id)
    if state and not fits(state) then err.code = "conflict" end
  end
  return ok, err
end

--- Pauses a container's processes.
---@param id string
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": it does not run, or is paused already
function Engine:pause_container(id)
  return self:_freeze(id, "pause", function(state) return state.Running and not state.Paused end)
end

--- Resumes a paused container.
---@param id string
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": it is not paused
function Engine:unpause_container(id)
  return self:_freeze(id, "unpause", function(state) return state.Paused end)
end

--- Renames a container. Success if it has that name.
---@param id string
---@param name string
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": another container has the name
function Engine:rename_container(id, name)
  local problem = select(2, self:_path("containers", name))
  if problem then return nil, problem end
  local ok, err = self:_act_on(id, "rename", { query = { name = name }, note = " to " .. name })
  if ok then return true end
  local found = self:inspect_container(id)
  if found and found.Name:gsub("^/", "") == name then return true end
  if err.code == "engine" and self:_state(name) then err.code = "conflict" end
  return nil, err
end

--- How often a forced removal is tried: Podman refuses it at the moment at which a container ends by itself, or starts
--- again, as one that keeps crashing does all the time.
local FORCED_TRIES = 6

--- One attempt to remove. True; false: the engine is still removing it; or nil, err.
local function try_removal(engine, id, path, call)
  local ok, err = engine:_do("DELETE", path, call)
  if ok or err.code == "not_found" then return true end
  if not may_be_state(err) then return nil, err end
  local state, problem = engine:_state(id)
  if state == nil then return nil, problem end
  if not state then return true end
  if state.Status == "removing" or state.Dead then return false, err end
  if state.Running then err.code = "conflict" end
  return nil, err
end

--- Removes a container. Success if it does not exist; if it is already being removed, waits for that.
---@param id string
---@param options? { force?: boolean, volumes?: boolean } force: kill it if it runs, default true; volumes: also
---remove its anonymous ones, default false
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": it runs, and force is false
function Engine:remove_container(id, options)
  options = options_of("engine:remove_container", options, { force = "boolean", volumes = "boolean" })
  local path, problem = self:_path("containers", id)
  if not path then return nil, problem end
  local text = "container " .. self:_short(id)
  if not effect.begin("docker.remove", text, { before = "container" }) then return true end
  local call = {
    what = "remove " .. text, query = { force = options.force ~= false, v = options.volumes == true },
  }
  local failure, tries = nil, 0
  local done, err = wait.poll(function()
    local removed, why = try_removal(self, id, path, call)
    tries = tries + 1
    local may_repeat = call.query.force and tries < FORCED_TRIES
    if removed == nil and not (may_repeat and may_be_state(why)) then failure = why end
    return removed or failure, why
  end, { interval = 0.2, backoff = 1.5, timeout = REMOVAL_SECONDS, what = "the removal of " .. text })
  if failure then return nil, failure end
  if done then return true end
  return nil, errors.wrap(err, call.what)
end

--- Waits until a container has ended.
---@param id string
---@param options? { timeout?: number } seconds, default: until the action's deadline
---@return integer|nil code its exit status; 0 in a dry run
---@return bosun.docker.Error|nil err code "timeout"
function Engine:wait_container(id, options)
  options = options_of("engine:wait_container", options, { timeout = "timeout" })
  local path, problem = self:_path("containers", id, "wait")
  if not path then return nil, problem end
  if effect.dry_run() then return 0 end
  local what = "wait for container " .. self:_short(id)
  local answer, err = self:_ask("POST", path, { what = what, timeout = options.timeout or false })
  if not answer then return nil, err end
  if type(answer) == "table" and math.type(answer.StatusCode) == "integer" then return answer.StatusCode end
  return nil, errors.new { code = "incomplete", message = what .. ": the engine's reply has no exit status" }
end

--- Unpacks an archive into a container, running or not.
---@param id string
---@param path string the folder in it: "/"
---@param archive bosun.tar.Archive
---@return true|nil ok
---@return bosun.docker.Error|nil err code "not_found": the container does not exist, or (Docker only) the folder
function Engine:put_archive(id, path, archive)
  local url, problem = self:_path("containers", id, "archive")
  if not url then return nil, problem end
  local where = ("%s in container %s"):format(path, self:_short(id))
  local what = "copy an archive to " .. where
  local size, err = archive:size()
  if not size then return nil, errors.wrap(err, what) end
  if not effect.begin("docker.copy", where, { after = ("archive of %.1f MB"):format(size / 1e6) }) then return true end
  return self:_do("PUT", url, {
    what = what, query = { path = path }, source = archive:reader(), timeout = false,
    headers = { ["Content-Type"] = "application/x-tar", ["Content-Length"] = tostring(size) },
  })
end

--- Runs a container's health check now. For Podman, which does not run health checks itself without systemd.
---@param id string
---@return string|nil status "healthy", "unhealthy" or "starting"
---@return bosun.docker.Error|nil err code "unsupported": it is a Docker Engine
function Engine:run_healthcheck(id)
  local path, problem = self:_path("containers", id, "healthcheck")
  if not path then return nil, problem end
  local what = "run the health check of container " .. self:_short(id)
  if self.kind ~= "podman" then
    return nil, errors.new { code = "unsupported", message = what .. ": Docker runs health checks itself" }
  end
  local version = self.server_version:match "^%d+%.%d+%.%d+" or "4.0.0"
  local resp, err = self:_send("GET", ("/v%s/libpod%s"):format(version, path), { what = what, timeout = false })
  if not resp then return nil, err end
  local result
  result, err = self:_value(resp, what)
  if result == nil then return nil, err end
  return type(result) == "table" and result.Status or "starting"
end

return Engine
