--- The deployments on disk: one directory each, `<baseDir>/<prefix><id>`, with the model under its own file name and an
--- info file that describes it. There is no other state.
---
--- A directory is built and synced under a hidden name next to its own, and gets its name in one step: a rename, or an
--- exchange with the directory that has it. A reader sees a whole deployment or none, and an interrupted run leaves
--- only hidden directories behind. A lock file serializes changes to one deployment.

local fs = require "bosun.fs"
local path = require "bosun.path"
local tables = require "bosun.tables"
local yaml = require "bosun.yaml"

local STAGING = ".bosun-new"
local LOCK = ".bosun-lock"
local INFO_MAX = 64 * 1024 -- bytes, of the info file and of the file with the keyValueConfig
local LONGEST_NAME = 255 - #"." - #LOCK

--- Keys of the info file. They are reserved: keyValueConfig cannot set them.
local OUR_KEYS = { "deployment_id", "deployment_name", "model_id", "model_file", "model_size" }

---@class filesystem.Store
---@field base string
---@field prefix string
---@field info_file string
---@field kv_file? string
local Store = {}
Store.__index = Store

--- Where one deployment is.
---@class filesystem.Entry
---@field id string
---@field name string of its directory
---@field dir string the directory's path

--- What is found in a deployment's place. "foreign": not made by this plugin, or unreadable; it is never touched.
---@class filesystem.Look
---@field kind "absent"|"whole"|"broken"|"foreign"
---@field info? table the info file's content, when it names deployment and model
---@field problem? string why it is broken or foreign

---@param config table
---@return filesystem.Store
function Store.new(config)
  return setmetatable({
    base = config.baseDir,
    prefix = config.deploymentDirPrefix,
    info_file = config.deploymentInfoFile,
    kv_file = config.deploymentKVFile,
  }, Store)
end

--- The place of the deployment with this id, which may be any text.
---@param id any
---@return filesystem.Entry|nil entry
---@return string|nil problem
function Store:entry(id)
  if type(id) ~= "string" then return nil, "the deployment id is not a string" end
  local ok, err = path.safe_component(id, nil, "the deployment id")
  if not ok then return nil, err.message end
  local name = self.prefix .. id
  if name:sub(1, 1) == "." then
    return nil, ("the deployment id %q cannot name a directory: it begins with a dot"):format(id)
  elseif #name > LONGEST_NAME then
    return nil, ("the deployment id cannot name a directory: with its prefix it is %d bytes long; at most %d are "
      .. "allowed"):format(#name, LONGEST_NAME)
  end
  return { id = id, name = name, dir = path.join(self.base, name) }
end

--- The hidden name under which the entry's directory is built and removed.
local function staging_of(self, entry)
  return path.join(self.base, "." .. entry.name .. STAGING)
end

--- The entry whose directory has this name; nil when no deployment can have it.
local function entry_of_name(self, name)
  if name:sub(1, 1) == "." or name:sub(1, #self.prefix) ~= self.prefix then return nil end
  return (self:entry(name:sub(#self.prefix + 1)))
end

--- Iterates over the entries that have a directory, whatever it contains.
---@return (fun(): filesystem.Entry)|nil iterator
---@return bosun.Error|nil err
function Store:entries()
  local names, err = fs.list(self.base)
  if not names then return nil, err end
  return coroutine.wrap(function()
    for _, name in ipairs(names) do
      local entry = entry_of_name(self, name)
      if entry then coroutine.yield(entry) end
    end
  end)
end

local function found(kind, info, problem)
  return { kind = kind, info = info, problem = problem }
end

local function names_model(info)
  local file = info.model_file
  return type(info.model_id) == "string" and type(file) == "string" and path.safe_component(file)
end

--- What is wrong with the model that the info file describes, or nil.
local function model_problem(entry, info)
  local file = info.model_file
  local stat, err = fs.stat(path.join(entry.dir, file))
  if not stat then
    return err.code == "ENOENT" and ("its model file %s is missing"):format(file) or err.message
  elseif stat.type ~= "file" then
    return ("its model file %s is a %s; expected a file"):format(file, stat.type)
  elseif stat.size ~= info.model_size then
    return ("its model file %s is %d bytes long; expected %s"):format(file, stat.size, info.model_size)
  end
  return nil
end

local function look_without_info(self, entry, err)
  if err.code == "ENOENT" and not fs.stat(entry.dir, { follow = false }) then
    local base, why = fs.stat(self.base)
    return base and found "absent" or found("foreign", nil, ("cannot read baseDir: %s"):format(why.message))
  end
  if err.code == "ENOENT" or err.code == "ENOTDIR" then
    return found("foreign", nil, ("%s is not a deployment of this plugin: it has no %s"):format(entry.dir,
      self.info_file))
  end
  return found("foreign", nil, err.message)
end

--- One look, and the text of the info file that it is based on.
local function look_once(self, entry)
  local text, err = fs.read(path.join(entry.dir, self.info_file), { max_bytes = INFO_MAX })
  if not text then return look_without_info(self, entry, err) end
  local info = yaml.decode(text)
  if info == nil or info == yaml.null then return found("broken", nil, "its info file is damaged"), text end
  if type(info) ~= "table" or info.deployment_id ~= entry.id then
    return found("foreign", nil, ("%s is not a deployment of this plugin: its %s does not name deployment %s"):format(
      entry.dir, self.info_file, entry.id)), text
  end
  if not names_model(info) then return found("broken", nil, "its info file does not name the model"), text end
  local problem = model_problem(entry, info)
  return found(problem and "broken" or "whole", info, problem), text
end

--- What is at the deployment's place now.
---@param entry filesystem.Entry
---@return filesystem.Look
function Store:look(entry)
  local now, text = look_once(self, entry)
  -- Looking takes no lock, so a directory that is exchanged in the middle of a look seems broken: a second look has to
  -- agree.
  while now.kind == "broken" or now.kind == "foreign" do
    local again, text_again = look_once(self, entry)
    if text_again == text then return again end
    now, text = again, text_again
  end
  return now
end

--- The keyValueConfig as it was written; nil when there is none.
---@param entry filesystem.Entry
---@param info table
---@return table|nil
function Store:key_values(entry, info)
  if not self.kv_file then return nil end
  local pairs_found = info
  if self.kv_file ~= self.info_file then pairs_found = yaml.load(path.join(entry.dir, self.kv_file)) end
  if type(pairs_found) ~= "table" then return nil end
  local own = tables.copy(pairs_found)
  if self.kv_file == self.info_file then
    for _, key in ipairs(OUR_KEYS) do own[key] = nil end
  end
  return next(own) ~= nil and own or nil
end

--- Locks one deployment until the lock is closed. Waits until the action's deadline unless `timeout` says otherwise.
---@param entry filesystem.Entry
---@param options? { timeout?: number }
---@return table|nil lock
---@return bosun.Error|nil err
function Store:lock(entry, options)
  local file = path.join(self.base, "." .. entry.name .. LOCK)
  return fs.lock(file, { timeout = options and options.timeout, remove = true })
end

--- Removes what an interrupted run left of this deployment. The caller holds the lock.
---@param entry filesystem.Entry
---@return true|nil
---@return bosun.Error|nil err
function Store:clear(entry)
  local staging = staging_of(self, entry)
  if not fs.stat(staging, { follow = false }) then return true end
  return fs.remove(staging, { recursive = true })
end

--- Renames or exchanges, syncs the folder, and undoes the rename where that fails. Raises.
local function turn(self, rename, from, to)
  assert(rename(from, to))
  local synced, err = fs.sync_dir(self.base)
  if synced then return end
  rename(to, from)
  error(err, 0)
end

---@class filesystem.Deployment
---@field id string
---@field name? string
---@field model filesystem.Model
---@field key_values? table

---@class filesystem.Model
---@field id string
---@field artifact string the file to copy
---@field file string its name in the deployment's directory
---@field size integer

local function info_of(deployment, size)
  return {
    deployment_id = deployment.id,
    deployment_name = deployment.name,
    model_id = deployment.model.id,
    model_file = deployment.model.file,
    model_size = size,
  }
end

--- The info file's content with the keyValueConfig added; reserved keys keep our values.
local function with_key_values(info, key_values, refused)
  local ours, merged = {}, {}
  for _, key in ipairs(OUR_KEYS) do ours[key] = true end
  for key, value in pairs(key_values or {}) do
    if ours[key] then refused(key) else merged[key] = value end
  end
  return tables.copy(merged, info)
end

--- Writes a file of the directory, and makes sure that it can be read back. Raises.
local function write_info(file, content)
  local text = yaml.encode(content)
  if #text > INFO_MAX then
    error(("keyValueConfig is too large: %s would be %d bytes long; at most %d are allowed"):format(path.basename(file),
      #text, INFO_MAX), 0)
  end
  assert(yaml.decode(text, { source = "keyValueConfig, written as " .. path.basename(file) }))
  assert(fs.write(file, text))
end

--- Builds the directory under its hidden name. Raises.
local function build(self, staging, deployment, refused)
  local model = deployment.model
  assert(fs.mkdir(staging))
  local size = assert(fs.copy(model.artifact, path.join(staging, model.file), { sync = true }))
  local info = info_of(deployment, math.type(size) == "integer" and size or model.size)
  if self.kv_file == self.info_file then
    info = with_key_values(info, deployment.key_values, refused)
  elseif self.kv_file then
    write_info(path.join(staging, self.kv_file), deployment.key_values or {})
  end
  write_info(path.join(staging, self.info_file), info)
  assert(fs.sync_dir(staging))
end

--- Puts a deployment in its place, instead of the one that is there. On failure that one stays. The caller holds the
--- lock and has removed leftovers.
---@param entry filesystem.Entry
---@param deployment filesystem.Deployment
---@param refused fun(key: string) called with each key of keyValueConfig that is reserved
---@return true|nil ok
---@return any err with true: why the previous directory could not be removed
function Store:install(entry, deployment, refused)
  local staging = staging_of(self, entry)
  local replaces = fs.exists(entry.dir)
  local ok, err = pcall(function()
    build(self, staging, deployment, refused)
    turn(self, replaces and fs.exchange or fs.move, staging, entry.dir)
  end)
  if not ok then
    self:clear(entry)
    return nil, err
  end
  if not replaces then return true end
  local cleared, why = fs.remove(staging, { recursive = true })
  return true, not cleared and why or nil
end

--- Removes a deployment: it loses its name first, so that no reader sees half of it, then its files are deleted.
---@param entry filesystem.Entry
---@return true|nil ok nil: it is still there
---@return any err with true: why not all of its files could be deleted
function Store:remove(entry)
  local staging = staging_of(self, entry)
  local ok, err = pcall(turn, self, fs.move, entry.dir, staging)
  if not ok then return nil, err end
  local cleared, why = fs.remove(staging, { recursive = true })
  return true, not cleared and why or nil
end

--- The entries of which an interrupted run left something behind.
local function leftovers(self)
  local names, err = fs.list(self.base)
  if not names then return nil, err end
  local entries = {}
  for _, name in ipairs(names) do
    local owner = name:match("^%.(.+)%.bosun%-new$") or name:match("^%.(.+)%.bosun%-lock$")
    local entry = owner and entry_of_name(self, owner)
    if entry then entries[entry.id] = entry end
  end
  return entries
end

--- Removes the leftovers of every deployment that no other action holds.
---@return true|nil
---@return bosun.Error|nil err
function Store:sweep()
  local entries, failure = leftovers(self)
  for _, entry in pairs(entries or {}) do
    local lock <close>, err = self:lock(entry, { timeout = 0 })
    if lock then
      local cleared, why = self:clear(entry)
      failure = failure or not cleared and why or nil
    elseif err.code ~= "timeout" then
      failure = failure or err
    end
  end
  return not failure or nil, failure
end

--- Fails unless the folder of the deployments exists and is writable, which it tries out.
---@return true|nil
---@return bosun.Error|nil err
function Store:probe()
  local stat, err = fs.stat(self.base)
  if not stat then return nil, err end
  if stat.type ~= "directory" then return nil, { message = ("%s is not a directory"):format(self.base) } end
  local file, why = fs.tempfile { dir = self.base, prefix = ".bosun-probe-" }
  if not file then return nil, why end
  local removed, cannot = fs.remove(file)
  return removed ~= nil or nil, cannot
end

return Store
