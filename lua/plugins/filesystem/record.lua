--- What a deployment's directory says of itself, and so whether it is ours. It is, if it has our mark, or if its info
--- file is exactly what the Python runner writes. Everything else belongs to someone else: a file that cannot be read
--- proves nothing. With a mark that cannot be read, such a directory is ours and damaged: nobody knows what its model
--- has to be.
---
--- The info file (config.yml) is the prediction server's and has two keys, `deployment_id` and `model_id`, so that the
--- Python runner takes our directories for its own. What else we want to know is in the mark, a hidden file beside it.
--- The mark has the digest of the info file that was written with it: if the two differ, someone else has changed the
--- deployment since, and the info file is right.
---
--- The mark also has the model's SHA-256, and what bosun.artifact saw of the copy then. Marks of earlier versions have
--- neither, nor has a directory of the Python runner: there the model has only its size to be compared with.

local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local path = require "bosun.path"
local tables = require "bosun.tables"
local yaml = require "bosun.yaml"

local record = {}

--- The name of our mark in a directory.
record.MARK = ".bosun.yml"

local MOST = 64 * 1024 -- bytes of the info file, the mark, and the file with the keyValueConfig

--- Keys of the info file that keyValueConfig cannot set.
local INFO_KEYS = { deployment_id = true, model_id = true }
--- Keys of info files that Bosun wrote before it had a mark.
local EARLIER_KEYS = { deployment_name = true, model_file = true, model_size = true }

---@class filesystem.Files the names of files in a directory
---@field info string
---@field kv? string

---@class filesystem.Record
---@field kind "absent"|"ours"|"damaged"|"foreign"|"unknown" damaged: ours, but its info file or its mark is not
---usable; unknown: there was no time to read it
---@field info? filesystem.Info
---@field problem? string why it is damaged or foreign
---@field err? bosun.Error why it is unknown
---@field text string what was read, to compare two looks

---@class filesystem.Info
---@field deployment_id string
---@field model_id string
---@field deployment_name? string
---@field model_file? string not known of a directory that we did not write
---@field model_size? integer
---@field model_sha256? string of the model when it was installed; nil: not noted
---@field model_version? string bosun.artifact's, of the copy that has this SHA-256
---@field settings? table what else is in the info file

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

local function names_file(info)
  return is_text(info.model_file) and path.safe_component(info.model_file) and math.type(info.model_size) == "integer"
end

--- Does this content of a file name the deployment and a model?
local function names_deployment(content, id)
  return type(content) == "table" and content.deployment_id == id and is_text(content.model_id)
end

--- Reads a YAML file of the directory: its content (nil if it is not usable), its text, and what is wrong with it.
local function load(folder, name)
  local text, err = fs.read(path.join(folder, name), { max_bytes = MOST })
  if not text then return nil, nil, err end
  local content, problem = yaml.decode(text, { source = name })
  if content == yaml.null then
    return nil, text, errors.new { code = "invalid", op = "read", message = name .. " is empty" }
  end
  return content, text, problem
end

--- Our mark, or nil; its text, and what is wrong with a mark that is there.
local function load_mark(folder, id)
  local mark, text, err = load(folder, record.MARK)
  if names_deployment(mark, id) and names_file(mark) and is_text(mark.info_sha256) then return mark, text end
  return nil, text, err or errors.new {
    code = "invalid", op = "read", message = "it does not name deployment and model",
  }
end

--- A line for each key, without tags, anchors and comments: how the Python runner writes its two keys.
local function is_plain(text)
  for line in text:gmatch "[^\n]+" do
    if not line:find '^"?[%w_]+"?: [^%s!&*|>]' or line:find "%s#" then return false end
  end
  return true
end

local function count(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

--- What the info file has beside our keys; nil if nothing.
local function settings_in(content)
  local settings = tables.copy(content)
  for key in pairs(INFO_KEYS) do settings[key] = nil end
  if names_file(content) then
    for key in pairs(EARLIER_KEYS) do settings[key] = nil end
  end
  return next(settings) ~= nil and settings or nil
end

--- The facts in an info file that names the deployment.
local function facts(content)
  local earlier = names_file(content)
  return {
    deployment_id = content.deployment_id, model_id = content.model_id,
    deployment_name = earlier and content.deployment_name or nil,
    model_file = earlier and content.model_file or nil, model_size = earlier and content.model_size or nil,
    settings = settings_in(content),
  }
end

--- Is this an info file that the Python runner wrote, or Bosun before it had a mark?
local function is_known_form(content, text, files)
  if names_file(content) or files.kv == files.info then return true end
  return count(content) == count(INFO_KEYS) and is_plain(text)
end

--- Why an unmarked directory is not ours.
local function why_foreign(folder, files, id, content, err)
  local because
  if err and err.code == "ENOENT" then
    because = ("it has no %s"):format(files.info)
  elseif err then
    because = tostring(err)
  elseif type(content) ~= "table" or content.deployment_id ~= id then
    because = ("its %s does not name deployment %s"):format(files.info, id)
  else
    because = ("its %s has other content than deployment_id and model_id"):format(files.info)
  end
  return ("%s is not a deployment of this plugin: %s"):format(folder, because)
end

--- Without a mark, or with one that is damaged.
local function read_unmarked(folder, id, files, content, text, err, mark_err)
  if content and names_deployment(content, id) and is_known_form(content, text, files) then
    local missing = mark_err.code == "ENOENT"
    return {
      kind = missing and "ours" or "damaged", info = facts(content),
      problem = not missing and ("its %s is damaged: %s"):format(record.MARK, tostring(mark_err)) or nil,
    }
  end
  return { kind = "foreign", problem = why_foreign(folder, files, id, content, err) }
end

local function read_marked(mark, id, files, content, text, err)
  local info = {
    deployment_id = id, deployment_name = mark.deployment_name, model_id = mark.model_id,
    model_file = mark.model_file, model_size = mark.model_size,
  }
  if text and crypto.sha256(text) == mark.info_sha256 then
    info.settings = content and settings_in(content)
    info.model_sha256 = is_text(mark.model_sha256) and mark.model_sha256 or nil
    info.model_version = is_text(mark.model_version) and mark.model_version or nil
    return { kind = "ours", info = info }
  elseif names_deployment(content, id) then
    return { kind = "ours", info = tables.copy(facts(content), { deployment_name = mark.deployment_name }) }
  end
  local missing = err and err.code == "ENOENT"
  return {
    kind = "damaged", info = info,
    problem = missing and ("its %s is missing"):format(files.info) or ("its %s is damaged: %s"):format(files.info,
      err and tostring(err) or "it does not name deployment and model"),
  }
end

--- Errors of an action that is stopped: they say nothing about the directory.
local STOPPED = { deadline = true, cancelled = true, timeout = true }

--- The record of a directory that could not be read because the action is stopped; nil: for another reason, or it was.
local function unknown(err)
  return err and STOPPED[err.code] and { kind = "unknown", err = err, text = "" } or nil
end

--- What the directory at `folder` is, for the deployment with this id.
---@param folder string
---@param id string
---@param files filesystem.Files
---@return filesystem.Record
function record.read(folder, id, files)
  local stat, problem = fs.stat(folder, { follow = false })
  if unknown(problem) then
    return unknown(problem)
  elseif not stat then
    local absent = problem.code == "ENOENT"
    return { kind = absent and "absent" or "foreign", problem = problem.message, text = "" }
  elseif stat.type ~= "directory" then
    problem = ("%s is not a deployment of this plugin: it is a %s"):format(folder, stat.type)
    return { kind = "foreign", problem = problem, text = "" }
  end
  local mark, mark_text, mark_err = load_mark(folder, id)
  local content, text, err = load(folder, files.info)
  if unknown(mark_err) or unknown(err) then return unknown(mark_err) or unknown(err) end
  local found = mark and read_marked(mark, id, files, content, text, err)
    or read_unmarked(folder, id, files, content, text, err, mark_err)
  found.text = (mark_text or "") .. "\0" .. (text or "")
  return found
end

--- Is the directory at `folder` ours? One that has only a mark, perhaps half of one, was being made or removed. Raises
--- if there is no time to find out.
---@param folder string
---@param id string
---@param files filesystem.Files
---@return true|nil
---@return string|nil problem
function record.is_ours(folder, id, files)
  local found = record.read(folder, id, files)
  if found.kind == "ours" or found.kind == "damaged" then return true end
  if found.kind == "unknown" then error(found.err, 0) end
  local names, err = fs.list(folder)
  if unknown(err) then error(err, 0) end
  if names and #names == 1 and names[1] == record.MARK then return true end
  return nil, found.problem
end

--- The text of a file, after making sure that it can be read back. Raises.
local function encoded(name, content)
  local text = yaml.encode(content)
  if #text > MOST then
    error(("keyValueConfig is too large: %s would be %d bytes long; at most %d are allowed"):format(name, #text, MOST),
      0)
  end
  assert(yaml.decode(text, { source = "keyValueConfig, written as " .. name }))
  return text
end

--- The settings that are written: where they go into the info file, without its own keys.
---@param key_values table
---@param files filesystem.Files
---@param refused? fun(key: string) called with each key that is left out
---@return table
function record.settings(key_values, files, refused)
  if files.kv ~= files.info then return key_values end
  local settings = tables.copy(key_values)
  for _, key in ipairs(tables.sorted_keys(INFO_KEYS)) do
    if settings[key] ~= nil and refused then refused(key) end
    settings[key] = nil
  end
  return settings
end

--- The texts of the info file and of the file with the keyValueConfig, if that is another one. Raises.
---@param deployment filesystem.Deployment
---@param files filesystem.Files
---@param refused fun(key: string) called with each key of keyValueConfig that is reserved
---@return string info
---@return string|nil kv
function record.texts(deployment, files, refused)
  local info = { deployment_id = deployment.id, model_id = deployment.model.id }
  local settings = record.settings(deployment.key_values or {}, files, refused)
  if files.kv == files.info then return encoded(files.info, tables.copy(settings, info)) end
  return encoded(files.info, info), files.kv and encoded(files.kv, settings)
end

--- Marks a new directory as ours: before anything else is in it, and on disk. Raises.
---@param folder string
---@param deployment filesystem.Deployment
---@param info_text string the info file's content
function record.mark(folder, deployment, info_text)
  local text = yaml.encode {
    deployment_id = deployment.id, deployment_name = deployment.name, model_id = deployment.model.id,
    model_file = deployment.model.file, model_size = deployment.model.size, info_sha256 = crypto.sha256(info_text),
  }
  assert(fs.write(path.join(folder, record.MARK), text, { atomic = false }))
end

--- Notes the model's SHA-256 in the mark of a directory; does nothing when it has none.
---@param folder string
---@param id string of the deployment
---@param sha256 string
---@param version? string bosun.artifact's, of the copy that has this SHA-256
---@return true|nil ok
---@return bosun.Error|nil err
function record.note(folder, id, sha256, version)
  local mark = load_mark(folder, id)
  if not mark then return true end
  mark.model_sha256, mark.model_version = sha256, version
  return fs.write(path.join(folder, record.MARK), yaml.encode(mark))
end

return record
