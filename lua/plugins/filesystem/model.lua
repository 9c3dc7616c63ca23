--- A model on disk: a file, or a folder with everything below it. Symlinks in a folder count as the files that they
--- point to. Functions raise when something cannot be read or written.

local errors = require "bosun.error"
local fs = require "bosun.fs"
local path = require "bosun.path"

local model = {}

--- Permissions as the Python runner gives them. An executable file of a folder stays one.
local FILE_MODE, PROGRAM_MODE, EXECUTABLE = 0x1A4, 0x1ED, 0x49 -- 644, 755, 111

local function without_slash(p)
  return (p:gsub("(.)/+$", "%1"))
end

local function refuse(p, kind)
  error(errors.new {
    code = "invalid", op = "copy",
    message = ("cannot copy %s: it is a %s; a model consists of files and directories"):format(p, kind),
  }, 0)
end

--- The type of an entry of a folder: "file" or "directory".
local function kind_of(p, kind)
  if kind == "symlink" then
    kind = assert(fs.stat(p)).type
    if kind == "directory" then kind = "symlink to a directory" end
  end
  if kind ~= "file" and kind ~= "directory" then refuse(p, kind) end
  return kind
end

---@return { name: string, kind: "file"|"directory" }[] entries everything below the folder, each with its path there
local function entries_below(folder)
  local entries = {}
  for p, kind, err in assert(fs.walk(folder)) do
    if err then error(err, 0) end
    entries[#entries + 1] = { name = p:sub(#folder + 2), kind = kind_of(p, kind) }
  end
  return entries
end

--- The bytes of a model's files.
---@param p string
---@return integer
function model.size(p)
  p = without_slash(p)
  local stat = assert(fs.stat(p))
  if stat.type ~= "directory" then return stat.size end
  local size = 0
  for _, entry in ipairs(entries_below(p)) do
    if entry.kind == "file" then size = size + assert(fs.stat(path.join(p, entry.name))).size end
  end
  return size
end

local function copy_folder(from, to)
  local entries, size = entries_below(from), 0
  local folders = { to }
  assert(fs.mkdir(to))
  for _, entry in ipairs(entries) do
    local source, target = path.join(from, entry.name), path.join(to, entry.name)
    if entry.kind == "directory" then
      assert(fs.mkdir(target))
      folders[#folders + 1] = target
    else
      local mode = assert(fs.stat(source)).mode & EXECUTABLE ~= 0 and PROGRAM_MODE or FILE_MODE
      size = size + assert(fs.copy(source, target, { mode = mode, sync = true }))
    end
  end
  for _, made in ipairs(folders) do assert(fs.sync_dir(made)) end
  return size
end

--- Copies a model, and makes sure that the copy is on disk.
---@param from string
---@param to string does not exist yet
---@return integer size the bytes of its files
function model.copy(from, to)
  from = without_slash(from)
  if assert(fs.stat(from)).type == "directory" then return copy_folder(from, to) end
  return assert(fs.copy(from, to, { mode = FILE_MODE, sync = true }))
end

local function same_files(a, b)
  return assert(fs.stat(a)).size == assert(fs.stat(b)).size and assert(fs.sha256(a)) == assert(fs.sha256(b))
end

local function same_folders(a, b)
  local ours, theirs = entries_below(a), entries_below(b)
  if #ours ~= #theirs then return false end
  for i, entry in ipairs(ours) do
    if entry.name ~= theirs[i].name or entry.kind ~= theirs[i].kind then return false end
  end
  for _, entry in ipairs(ours) do
    if entry.kind == "file" and not same_files(path.join(a, entry.name), path.join(b, entry.name)) then return false end
  end
  return true
end

--- Have two models the same content?
---@param a string
---@param b string
---@return boolean
function model.same(a, b)
  a, b = without_slash(a), without_slash(b)
  local kind = assert(fs.stat(a)).type
  if kind ~= assert(fs.stat(b)).type then return false end
  return (kind == "directory" and same_folders or same_files)(a, b)
end

--- A package before anything else, then the newest.
local function comes_before(a, b)
  if a.package ~= b.package then return a.package end
  if a.mtime ~= b.mtime then return a.mtime > b.mtime end
  return a.name < b.name
end

--- The name of the model in a deployment's directory that does not say it: the Python runner's. After a replacement
--- there can be several; the newest is the one.
---@param folder string
---@param others table<string, true> the names of the files that are no model
---@return string|nil name
function model.find(folder, others)
  local candidates = {}
  for _, name in ipairs(assert(fs.list(folder))) do
    local stat = not others[name] and name:sub(1, 1) ~= "." and fs.stat(path.join(folder, name))
    if stat and (stat.type == "file" or stat.type == "directory") then
      candidates[#candidates + 1] = { name = name, package = path.ext(name) == ".mlpkg", mtime = stat.mtime }
    end
  end
  table.sort(candidates, comes_before)
  return candidates[1] and candidates[1].name
end

return model
