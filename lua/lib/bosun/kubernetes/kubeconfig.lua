--- Internal: kubeconfig files: reading, merging, and finding the cluster and the user of a context. Nothing is asked of
--- a server here.
---
--- Source: the reference page "Organizing Cluster Access Using kubeconfig Files": the first file that has a name wins.

local errors = require "bosun.kubernetes.errors"
local fs = require "bosun.fs"
local list_problem = require("bosun.native.list").problem
local path = require "bosun.path"
local process = require "bosun.process"
local suggest = require "bosun.suggest"
local tables = require "bosun.tables"
local yaml = require "bosun.yaml"

local kubeconfig = {}

local SECTIONS = { clusters = "cluster", users = "user", contexts = "context" }

---@class (private) bosun.kubernetes.Entry a named cluster, user or context, and where it is from
local Entry = {}
Entry.__index = Entry

--- An error at a key of this entry.
---@param key string|nil
---@param problem string
function Entry:wrong(key, problem, ...)
  local mark = self.marks[self.value] and key and self.marks[self.value][key] or {}
  local where = key and ("%s.%s"):format(self.path, key) or self.path
  return errors.new {
    code = "invalid", file = self.file, line = mark.key_line or mark.line or self.line,
    column = mark.key_column or mark.column, path = where, message = problem:format(...),
  }
end

--- A field that is text; nil when it is absent or empty; or nil, err.
function Entry:text(key)
  local value = self.value[key]
  if value == nil or value == "" then return nil end
  if type(value) == "string" then return value end
  return nil, self:wrong(key, "expected text, got a %s", type(value))
end

--- A field that is true or false, by default false; or nil, err.
function Entry:flag(key)
  local value = self.value[key]
  if value == nil or type(value) == "boolean" then return value or false end
  return nil, self:wrong(key, "expected true or false, got a %s", type(value))
end

--- A field that is a table, or nil; or nil, err.
function Entry:table(key)
  local value = self.value[key]
  if value == nil or type(value) == "table" then return value end
  return nil, self:wrong(key, "expected a mapping or a list, got a %s", type(value))
end

--- A path in the file is relative to the file's folder.
function Entry:absolute(name)
  local file = path.join(path.dirname(self.file), name)
  return path.abs(file) or file
end

-- ---- reading --------------------------------------------------------------------------------------------------------

local function failure(file, mark, key, problem, ...)
  mark = mark or {}
  return errors.new {
    code = "invalid", file = file, line = mark.key_line or mark.line, column = mark.key_column or mark.column,
    path = key, message = problem:format(...),
  }
end

--- The entries of a section of one file by their names; or nil, err.
local function entries_of(config, marks, file, section)
  local entries, list = {}, config[section]
  if list == nil then return entries end
  local problem = type(list) ~= "table" and "it is not one" or list_problem(list)
  if problem then
    return nil, failure(file, marks[config][section], section, "expected a list of names and values, but %s", problem)
  end
  for i, item in ipairs(list) do
    local at = ("%s[%d]"):format(section, i)
    local mark = marks[list][i]
    if type(item) ~= "table" or type(item.name) ~= "string" then
      return nil, failure(file, mark, at, "expected a mapping with a name and a %s", SECTIONS[section])
    end
    if entries[item.name] then return nil, failure(file, mark, at, "the name %q occurs twice", item.name) end
    local value = item[SECTIONS[section]]
    if value ~= nil and type(value) ~= "table" then
      return nil, failure(file, mark, at, "expected a mapping as %s", SECTIONS[section])
    end
    entries[item.name] = setmetatable({
      name = item.name, value = value or {}, file = file, marks = marks, line = mark and mark.line,
      path = ("%s[%d].%s"):format(section, i, SECTIONS[section]),
    }, Entry)
  end
  return entries
end

--- One file, parsed: { clusters, users, contexts, current }; false: it does not exist; or nil, err.
local function read(file)
  local text, err = fs.read(file)
  if not text then
    if err.code == "ENOENT" or err.code == "ENOTDIR" then return false end
    return nil, errors.new { code = err.code, message = "kubeconfig: " .. err.message, cause = err }
  end
  local config, marks = yaml.decode_marked(text, file)
  if config == nil then return nil, errors.wrap(marks, "kubeconfig") end
  if config == yaml.null then config, marks = {}, { root = {} } end
  if type(config) ~= "table" or config[1] ~= nil then
    return nil, failure(file, marks.root, nil, "expected a kubeconfig: a mapping")
  end
  local result = { current = config["current-context"] }
  if result.current ~= nil and type(result.current) ~= "string" then
    return nil, failure(file, marks[config]["current-context"], "current-context", "expected the name of a context")
  end
  for section in pairs(SECTIONS) do
    result[section], err = entries_of(config, marks, file, section)
    if not result[section] then return nil, err end
  end
  return result
end

--- Adds what the merged config does not have yet.
local function merge(into, more)
  for section in pairs(SECTIONS) do
    for name, entry in pairs(more[section]) do into[section][name] = into[section][name] or entry end
  end
  if (into.current or "") == "" then into.current = more.current end
end

--- Reads and merges files. nil without an error: none of them exists.
---@param files string[]
---@param must_exist boolean
function kubeconfig.read(files, must_exist)
  local merged = { clusters = {}, users = {}, contexts = {}, files = {} }
  for _, file in ipairs(files) do
    local one, err = read(file)
    if one == nil then return nil, err end
    if one then
      merge(merged, one)
      merged.files[#merged.files + 1] = file
    elseif must_exist then
      return nil, errors.new { code = "ENOENT", message = ("kubeconfig: %s does not exist"):format(file) }
    end
  end
  return #merged.files > 0 and merged or nil
end

--- The files of the environment: those of KUBECONFIG, else ~/.kube/config.
---@return string[]
function kubeconfig.default_files()
  local files, listed = {}, process.env "KUBECONFIG"
  if listed and listed ~= "" then
    for file in listed:gmatch "[^:]+" do files[#files + 1] = file end
    return files
  end
  local home = process.env "HOME"
  if home and home ~= "" then files[1] = path.join(home, ".kube/config") end
  return files
end

-- ---- contexts -------------------------------------------------------------------------------------------------------

--- The entry of a name; or nil, err.
local function find(merged, section, name, asked_by)
  local entry = merged[section][name]
  if entry then return entry end
  local names = tables.sorted_keys(merged[section])
  local hint = suggest.hint(name, names)
  return nil, errors.new {
    code = "invalid",
    message = ("kubeconfig: %s: there is no %s %q in %s%s"):format(asked_by, SECTIONS[section], name,
      table.concat(merged.files, ", "),
      hint ~= "" and hint or #names > 0 and "; it has " .. table.concat(names, ", ") or ""),
  }
end

--- Cluster, user and namespace of a context.
---@param merged table of kubeconfig.read
---@param name? string default: the current context
---@return { name: string, cluster: table, user: table|nil, namespace: string|nil }|nil found
---@return bosun.kubernetes.Error|nil err
function kubeconfig.context(merged, name)
  local asked_by = name and "option context" or "current-context"
  name = name or merged.current
  if not name or name == "" then
    return nil, errors.new { code = "invalid", message = ("kubeconfig: %s: it has no current-context; name a context")
      :format(table.concat(merged.files, ", ")) }
  end
  local context, err = find(merged, "contexts", name, asked_by)
  if not context then return nil, err end
  local found, texts = { name = name }, {}
  for _, key in ipairs { "cluster", "user", "namespace" } do
    texts[key], err = context:text(key)
    if err then return nil, err end
  end
  if not texts.cluster then return nil, context:wrong("cluster", "expected the name of a cluster") end
  found.namespace = texts.namespace
  found.cluster, err = find(merged, "clusters", texts.cluster, ("context %q"):format(name))
  if err then return nil, err end
  if texts.user then found.user, err = find(merged, "users", texts.user, ("context %q"):format(name)) end
  if err then return nil, err end
  return found
end

return kubeconfig
