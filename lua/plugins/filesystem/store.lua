--- The deployments on disk: one directory each, `<baseDir>/<prefix><id>`, with the model under its own file name, the
--- info file for the prediction server, and our mark (record.lua). There is no other state. bosun.folder puts
--- directories in place and removes them, as a whole; what is not ours it never touches.

local artifact = require "bosun.artifact"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local folder = require "bosun.folder"
local fs = require "bosun.fs"
local model = require "filesystem.model"
local path = require "bosun.path"
local record = require "filesystem.record"
local yaml = require "bosun.yaml"

---@class filesystem.Store
---@field base string
---@field prefix string
---@field files filesystem.Files
---@field takes_digests boolean
local Store = {}
Store.__index = Store

--- Where one deployment is.
---@class filesystem.Entry
---@field id string
---@field name string of its directory
---@field dir string the directory's path
---@field place bosun.folder.Place

--- What is found in a deployment's place. "foreign": not provably ours; it is never touched. "unknown": baseDir cannot
--- be read, or there is no time to read.
---@class filesystem.Look
---@field kind "absent"|"whole"|"broken"|"foreign"|"unknown"
---@field info? filesystem.Info
---@field problem? string why it is not whole
---@field err? bosun.Error the same, where a call of the library says why

---@param config table
---@return filesystem.Store
function Store.new(config)
  return setmetatable({
    base = config.baseDir,
    prefix = config.deploymentDirPrefix,
    files = { info = config.deploymentInfoFile, kv = config.deploymentKVFile },
    takes_digests = config.artifactDigest,
  }, Store)
end

local function unusable(format, ...)
  return nil, errors.new { code = "invalid", op = "check", message = format:format(...) }
end

--- The place of the deployment with this id, which may be any text.
---@param id any
---@return filesystem.Entry|nil entry
---@return bosun.Error|nil problem
function Store:entry(id)
  if type(id) ~= "string" then return unusable "the deployment id is not a string" end
  local ok, err = path.safe_component(id, nil, "the deployment id")
  if not ok then return nil, err end
  local name = self.prefix .. id
  if name:sub(1, 1) == "." then
    return unusable("the deployment id %q cannot name a directory: it begins with a dot", id)
  elseif #name > folder.LONGEST_NAME then
    return unusable("the deployment id cannot name a directory: with its prefix it is %d bytes long; at most %d are "
      .. "allowed", #name, folder.LONGEST_NAME)
  end
  local dir = path.join(self.base, name)
  local place = folder.place(dir, {
    is_ours = function(p) return record.is_ours(p, id, self.files) end,
    last = { self.files.info, record.MARK },
  })
  return { id = id, name = name, dir = dir, place = place }
end

--- The entry whose directory has this name; nil when no deployment can have it.
local function entry_of_name(self, name)
  if name:sub(1, 1) == "." or name:sub(1, #self.prefix) ~= self.prefix then return nil end
  return (self:entry(name:sub(#self.prefix + 1)))
end

--- The entry that a leftover with this name belongs to.
local function owner_of(self, name)
  local owner = folder.owner(name)
  return owner and entry_of_name(self, owner)
end

--- The entries that have a directory, whatever it contains, sorted by name; also those whose replacement was
--- interrupted.
---@return filesystem.Entry[]|nil entries
---@return bosun.Error|nil err
function Store:entries()
  local names, err = fs.list(self.base)
  if not names then return nil, err end
  local entries, seen = {}, {}
  for _, name in ipairs(names) do
    local entry = entry_of_name(self, name) or owner_of(self, name)
    if entry and not seen[entry.name] then
      seen[entry.name] = true
      entries[#entries + 1] = entry
    end
  end
  table.sort(entries, function(a, b) return a.name < b.name end)
  return entries
end

local function found(kind, info, problem, err)
  return { kind = kind, info = info, problem = problem, err = err }
end

--- The names of files in a deployment's directory that are no model.
local function reserved(self)
  local names = { [self.files.info] = true, [record.MARK] = true }
  if self.files.kv then names[self.files.kv] = true end
  return names
end

--- May a model have this file name?
---@param name string
---@return boolean
function Store:takes_model(name)
  return not reserved(self)[name]
end

--- What is wrong with a model whose SHA-256 was noted, or nil. It is read only if it may have been written to.
local function altered(info, place, now)
  local noted = info.model_sha256
  if not noted or now.version and now.version == info.model_version then return nil end
  local sha256, err = artifact.sha256(place)
  if not sha256 then return tostring(err) end
  if sha256 ~= noted then
    return ("its model file %s was altered: its SHA-256 is %s; expected %s"):format(info.model_file, sha256, noted)
  end
  info.version_now = now.version
end

--- What is wrong with the model that the directory's files describe, or nil.
local function model_problem(entry, info)
  local file = info.model_file
  if not file then return "its model is missing: there is no file besides those that describe it" end
  local place = path.join(entry.dir, file)
  local now, err = artifact.look(place)
  if not now then
    return err.code == "ENOENT" and ("its model file %s is missing"):format(file) or tostring(err)
  elseif info.model_size and now.size ~= info.model_size then
    return ("its model file %s is %d bytes long; expected %d"):format(file, now.size, info.model_size)
  end
  return altered(info, place, now)
end

--- One look, and the text that it is based on.
local function look_once(self, entry)
  local now = record.read(entry.dir, entry.id, self.files)
  if now.kind == "absent" then
    local base, why = fs.stat(self.base)
    return base and found "absent" or found("unknown", nil, nil, errors.wrap(why, "cannot read baseDir")), ""
  elseif now.kind == "unknown" then
    return found("unknown", nil, nil, errors.wrap(now.err, "cannot read " .. entry.dir)), ""
  elseif now.kind ~= "ours" then
    return found(now.kind == "damaged" and "broken" or "foreign", now.info, now.problem), now.text
  end
  if not now.info.model_file then
    local ok, name = pcall(model.find, entry.dir, reserved(self))
    now.info.model_file = ok and name or nil
  end
  if not self.takes_digests then now.info.model_sha256 = nil end
  local problem = model_problem(entry, now.info)
  return found(problem and "broken" or "whole", now.info, problem), now.text
end

--- What is at the deployment's place now. For those who hold the lock, and after `observe`.
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

--- Finishes an interrupted replacement, with the lock. Returns true, or nil and the error.
local function finish(entry)
  local lock <close>, err = entry.place:lock()
  if not lock then return nil, err end
  return entry.place:settle()
end

--- Is this the error that a hidden name is taken by something of someone else's? Then no replacement was interrupted.
local function is_foreign(err)
  return errors.is(err) and err.code == "foreign"
end

local function settle_if_interrupted(entry)
  if not entry.place:interrupted() then return true end
  return finish(entry)
end

--- Notes that an unaltered model looks different now: it was restored from a backup, say, or had its owner changed. So
--- the next look does not have to read it. Does nothing where that cannot be written, or another action is at work.
local function note_again(entry, info)
  if effect.dry_run() then return end
  local lock <close> = entry.place:lock { timeout = 0 }
  local now = lock and artifact.look(path.join(entry.dir, info.model_file))
  if now and now.version == info.version_now then record.note(entry.dir, entry.id, info.model_sha256, now.version) end
end

--- Like `look`, for actions that change nothing. A replacement that was interrupted is finished first. One that another
--- action is just making can be between two renames, so what is not whole has to be seen twice.
---@param entry filesystem.Entry
---@return filesystem.Look
function Store:observe(entry)
  local now
  for _ = 1, 2 do
    local settled, err = settle_if_interrupted(entry)
    if not settled and not is_foreign(err) then
      return found("broken", nil, nil, errors.wrap(err, "its replacement was interrupted and cannot be finished"))
    end
    now = self:look(entry)
    if now.kind == "whole" then break end
  end
  if now.kind == "whole" and now.info.version_now then note_again(entry, now.info) end
  return now
end

--- The keyValueConfig as it was written; nil when there is none.
---@param entry filesystem.Entry
---@param info filesystem.Info
---@return table|nil
function Store:key_values(entry, info)
  local kv = self.files.kv
  if not kv then return nil end
  if kv == self.files.info then return info.settings end
  local settings = yaml.load(path.join(entry.dir, kv))
  return type(settings) == "table" and next(settings) ~= nil and settings or nil
end

---@class filesystem.Deployment
---@field id string
---@field name? string
---@field model filesystem.Model
---@field key_values? table

---@class filesystem.Model
---@field id string
---@field artifact string the file or folder to copy
---@field file string its name in the deployment's directory
---@field sha256? string its SHA-256, if that is known already; set by install, if digests are taken
---@field size? integer set by install

--- Are the settings in the deployment's directory these, where they are written?
---@param entry filesystem.Entry
---@param info filesystem.Info
---@param settings? table the keyValueConfig; nil: whatever they are
---@return boolean
function Store:has_settings(entry, info, settings)
  if not settings or not self.files.kv then return true end
  return yaml.encode(self:key_values(entry, info) or {}) == yaml.encode(record.settings(settings, self.files))
end

--- Is this the model in the deployment's directory, which was found whole? Its SHA-256 is noted if it was not before
--- and the directory has a mark: the comparison has just proved it. Raises if a model cannot be read.
---@param entry filesystem.Entry
---@param info filesystem.Info
---@param wanted { artifact: string, sha256?: string } sha256: filled in, if digests are taken
---@return boolean
function Store:has_model(entry, info, wanted)
  local place = path.join(entry.dir, info.model_file)
  local theirs, ours = assert(artifact.look(wanted.artifact)), assert(artifact.look(place))
  if theirs.type ~= ours.type or theirs.size ~= ours.size then return false end
  if not self.takes_digests then
    local is_same, err = artifact.same(wanted.artifact, place)
    if is_same == nil then error(err, 0) end
    return is_same
  end
  wanted.sha256 = wanted.sha256 or assert(artifact.sha256(wanted.artifact))
  if info.model_sha256 then return wanted.sha256 == info.model_sha256 end
  if wanted.sha256 ~= assert(artifact.sha256(place)) then return false end
  if not effect.dry_run() then record.note(entry.dir, entry.id, wanted.sha256, ours.version) end
  return true
end

local function changed(wanted)
  error(("cannot copy %s: it changed while being copied"):format(wanted.artifact), 0)
end

--- Copies the model, and notes its digest. Raises.
local function put_model(self, dir, deployment)
  local wanted = deployment.model
  local place, expected = path.join(dir, wanted.file), wanted.sha256
  local size, sha256 = assert(artifact.copy(wanted.artifact, place, { sha256 = self.takes_digests }))
  if size ~= wanted.size or expected and sha256 and sha256 ~= expected then changed(wanted) end
  wanted.sha256 = sha256
  if not sha256 or effect.dry_run() then return end
  assert(record.note(dir, deployment.id, sha256, assert(artifact.look(place)).version))
end

--- Builds the directory. Raises.
local function build(self, dir, deployment, refused)
  local wanted = deployment.model
  wanted.size = assert(artifact.look(wanted.artifact)).size
  local info_text, kv_text = record.texts(deployment, self.files, refused)
  assert(fs.mkdir(dir))
  record.mark(dir, deployment, info_text)
  put_model(self, dir, deployment)
  if kv_text then assert(fs.write(path.join(dir, self.files.kv), kv_text)) end
  assert(fs.write(path.join(dir, self.files.info), info_text))
  assert(fs.sync_dir(dir))
end

--- Puts a deployment in its place, instead of the one that is there. On failure that one stays. The caller holds the
--- lock and has settled the place.
---@param entry filesystem.Entry
---@param deployment filesystem.Deployment
---@param refused fun(key: string) called with each key of keyValueConfig that is reserved
---@param confirm? fun(): boolean|nil, string|nil called with the directory in place: true; or nil and why not
---@return true|nil ok
---@return any err with true: why the previous directory could not be removed
function Store:install(entry, deployment, refused, confirm)
  return entry.place:put(function(dir) build(self, dir, deployment, refused) end, confirm)
end

--- Settles a place unless another action holds it.
local function settle_idle(entry)
  local lock <close>, err = entry.place:lock { timeout = 0 }
  if not lock then return err.code == "timeout" or nil, err end
  return entry.place:settle()
end

--- Finishes or removes the leftovers of every deployment that no other action holds.
---@return true|nil
---@return any err
function Store:sweep()
  local names, failure = fs.list(self.base)
  for _, name in ipairs(names or {}) do
    local entry = owner_of(self, name)
    local settled, err = true, nil
    if entry then settled, err = settle_idle(entry) end
    if not settled then failure = failure or err end
  end
  return not failure or nil, failure
end

--- Fails unless the folder of the deployments exists and is writable, which it tries out.
---@return true|nil
---@return bosun.Error|nil err
function Store:probe()
  local stat, err = fs.stat(self.base)
  if not stat then return nil, err end
  if stat.type ~= "directory" then
    return nil, errors.new { code = "ENOTDIR", op = "stat", message = ("%s is not a directory"):format(self.base) }
  end
  local file, why = fs.tempfile { dir = self.base, prefix = ".bosun-probe-" }
  if not file then return nil, why end
  local removed, cannot = fs.remove(file)
  return removed ~= nil or nil, cannot
end

return Store
