--- Tar archives, written as they are read: nothing is held in memory but a chunk. An archive is a list of entries, whose
--- content comes from a string, a file, or a function (an HTTP download, say).
---
---     local archive = tar.new {
---       { name = "Dockerfile", content = dockerfile },
---       { name = "model.bin", path = model_path },
---       { name = "run.sh", path = "/srv/run.sh", mode = tonumber("755", 8) },
---     }
---     http.post(url, { source = archive:reader(), headers = { ["Content-Length"] = archive:size() } })
---
--- Two archives of the same entries are the same, byte for byte: no time, owner or permission is taken from the files.
--- Format: POSIX.1-2001 (pax), ustar headers wherever they suffice.

local effect = require "bosun.effect"
local fs = require "bosun.fs"

local tar = {}

local BLOCK = 512
local CHUNK = 64 * 1024
local LARGEST_OCTAL = 8 ^ 11 // 1 | 0 - 1 -- what 11 octal digits hold
local ERRNO = { [2] = "ENOENT", [5] = "EIO", [12] = "ENOMEM", [13] = "EACCES", [17] = "EEXIST", [20] = "ENOTDIR",
  [21] = "EISDIR", [23] = "ENFILE", [24] = "EMFILE", [27] = "EFBIG", [28] = "ENOSPC", [30] = "EROFS", [122] = "EDQUOT" }

---@class bosun.tar.Entry
---@field name string path in the archive: relative, without ".."
---@field type? "file"|"directory"|"symlink" default "file"
---@field content? string a file's content, or
---@field path? string the file that it is read from, or
---@field source? fun(): string|nil, any a function that returns it piece by piece, then nil; or nil and an error
---@field size? integer bytes, which `source` needs
---@field target? string of a symlink
---@field mode? integer permission bits; default octal 644, of directories 755
---@field mtime? integer seconds since the epoch; default 0
---@field uid? integer default 0
---@field gid? integer default 0
---@field uname? string default none
---@field gname? string default none

local Failure = {}
Failure.__index = Failure

function Failure:__tostring()
  return self.message
end

local function failure(code, message)
  return setmetatable({ code = code, op = "tar", message = message }, Failure)
end

--- From what io functions return after nil.
local function io_failure(message, errno)
  return failure(ERRNO[errno] or "EUNKNOWN", message)
end

-- ---- checking -------------------------------------------------------------------------------------------------------

local FIELDS = {
  name = "string", type = "string", content = "string", path = "string", source = "function", size = "integer",
  target = "string", mode = "integer", mtime = "integer", uid = "integer", gid = "integer", uname = "string",
  gname = "string",
}
local FLAGS = { file = "0", symlink = "2", directory = "5" }

local function type_of(value)
  return math.type(value) or type(value)
end

local function problem_of_name(name)
  if name == nil or name == "" then return "name: it is missing" end
  if name:sub(1, 1) == "/" then return "name: it is absolute" end
  for part in name:gmatch("[^/]+") do
    if part == ".." then return 'name: it holds ".."' end
  end
end

local function problem_of_text(entry)
  for field, wanted in pairs(FIELDS) do
    local value = entry[field]
    if wanted == "string" and field ~= "content" and value and (value:find("\0", 1, true) or not utf8.len(value)) then
      return field .. ": it holds a NUL, or is not UTF-8"
    end
  end
end

local function problem_of_kind(entry)
  local kind = entry.type or "file"
  local sources = (entry.content and 1 or 0) + (entry.path and 1 or 0) + (entry.source and 1 or 0)
  if not FLAGS[kind] then return "type: expected file, directory or symlink" end
  if kind == "file" and sources ~= 1 then return "expected one of content, path and source" end
  if kind ~= "file" and sources ~= 0 then return "only files have content" end
  if entry.source and not entry.size then return "size: a source function needs it" end
  if (kind == "symlink") ~= (entry.target ~= nil) then return "target: symlinks have one, and nothing else" end
end

local function problem_of_numbers(entry)
  for field, wanted in pairs(FIELDS) do
    if wanted == "integer" and field ~= "mtime" and (entry[field] or 0) < 0 then return field .. ": it is negative" end
  end
  if (entry.mode or 0) > 4095 then return "mode: expected permission bits, up to octal 7777" end
end

local function problem_of(entry)
  if type(entry) ~= "table" then return "expected a table, got a " .. type(entry) end
  for field, value in pairs(entry) do
    local wanted = FIELDS[field]
    if not wanted then return ('unknown field "%s"'):format(tostring(field)) end
    if type_of(value) ~= wanted then return ("%s: expected a %s, got a %s"):format(field, wanted, type_of(value)) end
  end
  return problem_of_name(entry.name) or problem_of_text(entry) or problem_of_kind(entry) or problem_of_numbers(entry)
end

local function check_entry(entry, index, level)
  local problem = problem_of(entry)
  if problem then error(("tar: entry %d: %s"):format(index, problem), level + 1) end
end

-- ---- headers --------------------------------------------------------------------------------------------------------

local function octal(number, width)
  return ("%0" .. width - 1 .. "o\0"):format(number)
end

local function text_field(text, width)
  return text .. ("\0"):rep(width - #text)
end

--- The name as ustar has it, in two fields, or nil: it does not fit.
local function split_name(name)
  if #name <= 100 then return name, "" end
  for at = math.min(#name - 1, 156), 2, -1 do
    if name:byte(at) == 47 and #name - at <= 100 then return name:sub(at + 1), name:sub(1, at - 1) end
  end
end

local function is_plain(text)
  return not text:find("[\128-\255]")
end

--- One header block.  Format: pax, "ustar Interchange Format", POSIX.1-2017.
local function block_of(fields)
  local head = text_field(fields.name, 100) .. octal(fields.mode, 8) .. octal(fields.uid, 8) .. octal(fields.gid, 8)
    .. octal(fields.size, 12) .. octal(fields.mtime, 12)
  local tail = fields.flag .. text_field(fields.target, 100) .. "ustar\00000" .. text_field(fields.uname, 32)
    .. text_field(fields.gname, 32) .. octal(0, 8) .. octal(0, 8) .. text_field(fields.prefix, 155) .. ("\0"):rep(12)
  local sum = 8 * 32
  for _, part in ipairs { head, tail } do
    for at = 1, #part do sum = sum + part:byte(at) end
  end
  return head .. ("%06o\0 "):format(sum) .. tail
end

--- A record of a pax header: its length counts itself.
local function record(key, value)
  local rest = #key + #value + 3
  local length = rest + #tostring(rest)
  if #tostring(length) > #tostring(rest) then length = rest + #tostring(length) end
  return ("%d %s=%s\n"):format(length, key, value)
end

local function padding(size)
  return ("\0"):rep(-size % BLOCK)
end

--- What ustar cannot say goes into the records; the field gets something harmless. Returns fields and records.
local function fields_of(entry, size)
  local records = {}
  local function fit(key, value, width)
    if #value <= width and is_plain(value) then return value end
    records[#records + 1] = record(key, value)
    return (value:gsub("[\128-\255]", "_"):sub(-width):gsub("^/+", ""))
  end
  local function fit_number(key, value, largest)
    if value >= 0 and value <= largest then return value end
    records[#records + 1] = record(key, tostring(value))
    return 0
  end
  local name = entry.name
  if entry.type == "directory" and name:sub(-1) ~= "/" then name = name .. "/" end
  local last, prefix = split_name(name)
  if not last or not is_plain(name) then last, prefix = fit("path", name, is_plain(name) and 100 or 0), "" end
  if last == "" then last = fit("path", name, 0) end
  local fields = {
    name = last, prefix = prefix, flag = FLAGS[entry.type or "file"], size = fit_number("size", size, LARGEST_OCTAL),
    mode = entry.mode or tonumber(entry.type == "directory" and "755" or entry.type == "symlink" and "777" or "644", 8),
    mtime = fit_number("mtime", entry.mtime or 0, LARGEST_OCTAL), uid = fit_number("uid", entry.uid or 0, 8 ^ 7 - 1),
    gid = fit_number("gid", entry.gid or 0, 8 ^ 7 - 1), target = fit("linkpath", entry.target or "", 100),
    uname = fit("uname", entry.uname or "", 31), gname = fit("gname", entry.gname or "", 31),
  }
  return fields, table.concat(records)
end
