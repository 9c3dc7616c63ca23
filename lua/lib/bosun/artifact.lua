--- A model as files: one file, or a folder with everything below it, where symlinks count as the files that they point
--- to. Says what it is (its SHA-256), whether it may have been altered, and copies it.
---
---     local size, sha256 = assert(artifact.copy(info.modelArtifact, place, { sha256 = true }))
---     local seen = assert(artifact.look(place)).version     -- note both with the deployment
---     …
---     if artifact.look(place).version ~= seen and artifact.sha256(place) ~= sha256 then …altered… end
---
--- The SHA-256 of a folder is that of a list of its files, sorted by bytes, in the format of sha256sum, with a line
--- `directory  NAME/` for each empty folder below it. When there is none, this prints it:
---
---     find -L . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local options = require "bosun.options"
local path = require "bosun.path"

local artifact = {}

--- Permissions of a copy: everybody may read. An executable file of a folder stays one.
local FILE_MODE, PROGRAM_MODE, EXECUTABLE = 0x1A4, 0x1ED, 0x49 -- 644, 755, 111

local COPY_OPTIONS = { sha256 = "boolean" }

--- What body(...) returns; nil and the error when it raises one of the world's.
local function try(body, ...)
  local ok, first, second = pcall(body, ...)
  if ok then return first, second end
  if errors.is(first) then return nil, first end
  error(first, 0)
end

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

local function is_folder(p)
  return assert(fs.stat(p)).type == "directory"
end

-- ---- looking --------------------------------------------------------------------------------------------------------

--- What changes whenever a file is written. Without a fraction, the file system keeps whole seconds, in which two
--- changes can fall.
local function version_of(stat)
  if stat.ctime % 1 == 0 then return nil end
  return ("%d %d %.9f"):format(stat.ino, stat.size, stat.ctime)
end

local function look_at_folder(p)
  local size, lines = 0, {}
  for i, entry in ipairs(entries_below(p)) do
    local version = ""
    if entry.kind == "file" then
      local stat = assert(fs.stat(path.join(p, entry.name)))
      size, version = size + stat.size, version_of(stat)
    end
    if not version then lines = nil end
    if lines then lines[i] = ("%s %s\n"):format(version, entry.name) end
  end
  return { type = "directory", size = size, version = lines and crypto.sha256(table.concat(lines)) }
end

local function look(p)
  local stat = assert(fs.stat(p))
  if stat.type == "directory" then return look_at_folder(p) end
  return { type = stat.type, size = stat.size, version = version_of(stat) }
end

---@class bosun.artifact.Look
---@field type "file"|"directory"
---@field size integer bytes of its files
---@field version? string the same text as before: nothing was written since, the modification time set back included.
---Another one: there may be other content. It comes from inode numbers and from the times of the last changes, which
---only the kernel sets; nil: the file system keeps them in whole seconds, so there is no telling

--- Looks at a model, without reading it.
---@param p string
---@return bosun.artifact.Look|nil
---@return bosun.Error|nil err
function artifact.look(p)
  return try(look, without_slash(p))
end

-- ---- digests --------------------------------------------------------------------------------------------------------

local ESCAPES = { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r" }

--- A line of sha256sum.
local function line_of(name, sha256)
  local escaped, count = name:gsub("[\\\n\r]", ESCAPES)
  return ("%s%s  %s\n"):format(count > 0 and "\\" or "", sha256, escaped)
end

--- The digest of a folder. `sha256_of(entry)` is that of a file.
local function folder_digest(entries, sha256_of)
  local sorted, has_content, lines = { table.unpack(entries) }, {}, {}
  table.sort(sorted, function(a, b) return a.name < b.name end)
  for _, entry in ipairs(sorted) do has_content[path.dirname(entry.name)] = true end
  for _, entry in ipairs(sorted) do
    if entry.kind == "file" then
      lines[#lines + 1] = line_of(entry.name, sha256_of(entry))
    elseif not has_content[entry.name] then
      lines[#lines + 1] = ("directory  %s/\n"):format(entry.name)
    end
  end
  return crypto.sha256(table.concat(lines))
end

local function digest(p)
  if not is_folder(p) then return assert(fs.sha256(p)) end
  return folder_digest(entries_below(p), function(entry) return assert(fs.sha256(path.join(p, entry.name))) end)
end

--- The SHA-256 of a model: of a file's content; of a folder as described above.
---@param p string
---@return string|nil hex
---@return bosun.Error|nil err
function artifact.sha256(p)
  return try(digest, without_slash(p))
end

local function same(a, b)
  local first, second = look(a), look(b)
  if first.type ~= second.type or first.size ~= second.size then return false end
  return digest(a) == digest(b)
end

--- Have two models the same content?
---@param a string
---@param b string
---@return boolean|nil
---@return bosun.Error|nil err
function artifact.same(a, b)
  return try(same, without_slash(a), without_slash(b))
end

-- ---- copying --------------------------------------------------------------------------------------------------------

local function copy_file(from, to, mode, with_digest)
  local size, sha256 = fs.copy(from, to, { mode = mode, sync = true, sha256 = with_digest })
  if not size then error(sha256, 0) end
  return size, sha256
end

local function copy_folder(from, to, with_digest)
  local entries, size, digests = entries_below(from), 0, {}
  local folders = { to }
  assert(fs.mkdir(to))
  for _, entry in ipairs(entries) do
    local source, target = path.join(from, entry.name), path.join(to, entry.name)
    if entry.kind == "directory" then
      assert(fs.mkdir(target))
      folders[#folders + 1] = target
    else
      local mode = assert(fs.stat(source)).mode & EXECUTABLE ~= 0 and PROGRAM_MODE or FILE_MODE
      local copied, sha256 = copy_file(source, target, mode, with_digest)
      size, digests[entry] = size + copied, sha256
    end
  end
  for _, made in ipairs(folders) do assert(fs.sync_dir(made)) end
  return size, with_digest and folder_digest(entries, function(entry) return digests[entry] end) or nil
end

local function copy(from, to, with_digest)
  if is_folder(from) then return copy_folder(from, to, with_digest) end
  return copy_file(from, to, FILE_MODE, with_digest)
end

--- Copies a model, and makes sure that the copy is on disk. Files get the permissions 644, or 755.
---@param from string
---@param to string does not exist yet
---@param given? { sha256?: boolean } default false; true: also returns the copy's SHA-256, taken while it is made
---@return integer|nil size the bytes of its files
---@return string|bosun.Error|nil sha256 if it was asked for; or the error
function artifact.copy(from, to, given)
  return try(copy, without_slash(from), to, options.check("artifact.copy", given, COPY_OPTIONS).sha256 or false)
end

return artifact
