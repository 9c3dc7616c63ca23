--- Internal: what Lua's own functions do in a dry run. Those that change a file record that and do nothing; a file that
--- is opened to be written takes everything, and is gone when it is closed.

local effect = require "bosun.effect"
local fs = require "bosun.fs"

local dry_files = {}

local io_open, io_output, io_tmpfile = io.open, io.output, io.tmpfile
local os_remove, os_rename = os.remove, os.rename

--- Lua's own functions, for what the library itself needs in a dry run.
dry_files.real = { open = io_open, remove = os_remove, tmpname = os.tmpname }

local BUFFER = 65536

--- Copies the rest of one file to another.
local function copy(from, to)
  for block in from:lines(BUFFER) do
    local ok, err, code = to:write(block)
    if not ok then return nil, err, code end
  end
  return true
end

--- A nameless file with the content that `path` has. A mode with "r" fails if there is no such file.
local function open_copy(path, mode)
  local original, err, code = io_open(path, "rb")
  if not original and mode:find "^r" then return nil, err, code end
  local file = assert(io_tmpfile())
  if original then
    assert(copy(original, file))
    original:close()
    if mode:find "^r" then file:seek "set" end
  end
  return file
end

--- A file for a mode that would change the one at `path`. "a" and "w" alone only write: nobody reads that back.
local function open_scratch(path, mode)
  if not mode:find("+", 1, true) then return io_open("/dev/null", "w") end
  if mode:find "^w" then return io_tmpfile() end
  return open_copy(path, mode)
end

--- A path, which like any string may be given as a number; nil for what is none.
local function path_of(value)
  return (type(value) == "string" or type(value) == "number") and tostring(value) or nil
end

local function writes(mode)
  return type(mode) == "string" and mode:find "^[rwa]%+?b*$" and mode:find "[wa+]"
end

--- What is at a path, for the plan; nil: nothing. Second: it is certain that there is nothing.
local function description(name)
  if name == "" or name:find("\0", 1, true) then return nil, true end
  local stat, err = fs.stat(name, { follow = false })
  if not stat then return nil, err.code == "ENOENT" or err.code == "ENOTDIR" end
  return stat.type == "file" and stat.size .. " bytes" or stat.type
end

local AFTER = { r = "changed in place", w = "written anew", a = "appended to" }

local function open(path, mode)
  local name = path_of(path)
  if not name or not writes(mode) then return io_open(path, mode) end
  local before, is_absent = description(name)
  if mode:find "^r" and is_absent then return io_open(path, mode) end -- which fails
  if effect.begin("io.open", name, { before = before, after = AFTER[mode:sub(1, 1)] }) then
    return io_open(path, mode)
  end
  return open_scratch(name, mode)
end

local function output(...)
  local name = path_of((...))
  if not name or effect.begin("io.output", name, { before = (description(name)), after = AFTER.w }) then
    return io_output(...)
  end
  return io_output((assert(open_scratch(name, "w"))))
end

--- What is not there cannot be removed: Lua's own function says so, unless the plan has made it.
local function remove(path)
  local name = path_of(path)
  if not name then return os_remove(path) end
  local before, is_absent = description(name)
  if is_absent then
    local planned, was = effect.undo(name)
    if not planned then return os_remove(path) end
    before = was and ("what %s is now"):format(was)
    if not before then return true end
  end
  if effect.begin("os.remove", name, { before = before or "not known" }) then return os_remove(path) end
  return true
end

local function rename(from, to)
  local old, new = path_of(from), path_of(to)
  if not old or not new then return os_rename(from, to) end
  if effect.begin("os.rename", old, { before = (description(old)), to = new }) then return os_rename(from, to) end
  return true
end

local function tmpname()
  local name = "/tmp/lua_" .. tostring({}):sub(-6)
  if effect.begin("os.tmpname", name, { after = "0 bytes" }) then return dry_files.real.tmpname() end
  return name
end

--- Puts them in the place of the originals. The host calls this in a dry run, before the plugin is loaded.
function dry_files.install()
  for name, f in pairs { open = open, output = output } do rawset(io, name, f) end
  for name, f in pairs { remove = remove, rename = rename, tmpname = tmpname } do rawset(os, name, f) end
end

return dry_files
