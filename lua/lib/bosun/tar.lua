--- Tar archives, made while they are read, with only one chunk in memory. An archive is a list of entries, whose
--- content comes from a string, a file, or a function such as an HTTP download.
---
---     local archive = tar.new {
---       { name = "Dockerfile", content = dockerfile },
---       { name = "model.bin", path = model_path },
---       { name = "run.sh", path = "/srv/run.sh", mode = tonumber("755", 8) },
---     }
---     http.post(url, { source = archive:reader(), headers = { ["Content-Length"] = archive:size() } })
---
--- Archives of the same entries are identical, since time, owner and permissions of files do not count.
--- Format: POSIX.1-2001 (pax), with ustar headers where they suffice.

local effect = require "bosun.effect"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local list_problem = require("bosun.native.list").problem
local options = require "bosun.options"
local dirname = require("bosun.path").dirname

local tar = {}

local BLOCK = 512
local CHUNK = 64 * 1024
local LARGEST_SIZE = 0x1FFFFFFFF -- 11 octal digits
local LARGEST_ID = 0x1FFFFF -- 7 octal digits
local ERRNO = { [2] = "ENOENT", [5] = "EIO", [12] = "ENOMEM", [13] = "EACCES", [17] = "EEXIST", [20] = "ENOTDIR",
  [21] = "EISDIR", [23] = "ENFILE", [24] = "EMFILE", [27] = "EFBIG", [28] = "ENOSPC", [30] = "EROFS", [122] = "EDQUOT" }

---@class bosun.tar.Entry
---@field name string path in the archive: relative, without ".."
---@field type? "file"|"directory"|"symlink" default "file"
---@field content? string the content of a file, or
---@field path? string the path of a file with the content, or
---@field source? fun(): string|nil, any a function that returns it in pieces, then nil; or nil and an error
---@field size? integer bytes; required with `source`
---@field target? string of a symlink
---@field mode? integer permission bits; default octal 644, for directories 755
---@field mtime? integer seconds since the epoch; default 0
---@field uid? integer default 0
---@field gid? integer default 0
---@field uname? string default none
---@field gname? string default none

local function failure(code, message)
  return errors.new { code = code, op = "tar", message = message }
end

--- The error for what io functions return after nil.
local function io_failure(message, errno)
  return failure(ERRNO[errno] or "EUNKNOWN", message)
end

-- ---- checking -------------------------------------------------------------------------------------------------------

local FIELDS = {
  name = "string", type = "string", content = "string", path = "string", source = "function", size = "count",
  target = "string", mode = "mode", mtime = "integer", uid = "count", gid = "count", uname = "string", gname = "string",
}
local FLAGS = { file = "0", symlink = "2", directory = "5" }

local function problem_of_name(name)
  if name == nil or name == "" then return "name: missing" end
  if name:sub(1, 1) == "/" then return "name: expected a relative path" end
  for part in name:gmatch("[^/]+") do
    if part == ".." then return 'name: contains ".."' end
  end
end

local function problem_of_text(entry)
  for field, kind in pairs(FIELDS) do
    local value = entry[field]
    if kind == "string" and field ~= "content" and value and (value:find("\0", 1, true) or not utf8.len(value)) then
      return field .. ": contains a NUL byte or is not UTF-8"
    end
  end
end

local function problem_of_kind(entry)
  local kind = entry.type or "file"
  local sources = (entry.content and 1 or 0) + (entry.path and 1 or 0) + (entry.source and 1 or 0)
  if not FLAGS[kind] then return "type: expected file, directory or symlink" end
  if kind == "file" and sources ~= 1 then return "expected one of content, path and source" end
  if kind ~= "file" and sources ~= 0 then return "only files have content" end
  if entry.source and not entry.size then return "size: required with a source function" end
  if (kind == "symlink") ~= (entry.target ~= nil) then return "target: required for a symlink, and only there" end
end

local function problem_of(entry)
  if type(entry) ~= "table" then return "expected a table, got a " .. type(entry) end
  return options.problem(entry, FIELDS) or problem_of_name(entry.name) or problem_of_text(entry)
    or problem_of_kind(entry)
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

--- The name split for the two fields of ustar; nil: it does not fit.
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

--- A record of a pax header. Its length includes the digits of the length.
local function record(key, value)
  local rest = #key + #value + 3
  local length = rest + #tostring(rest)
  if #tostring(length) > #tostring(rest) then length = rest + #tostring(length) end
  return ("%d %s=%s\n"):format(length, key, value)
end

local function mode_of(entry)
  return tonumber(entry.type == "directory" and "755" or entry.type == "symlink" and "777" or "644", 8)
end

local function padding(size)
  return ("\0"):rep(-size % BLOCK)
end

--- A value for a field whose real one is in a pax record.
local function stand_in(text, width)
  return (text:gsub("[\128-\255]", "_"):sub(-width):gsub("^/+", ""))
end

--- The fields of a header, and pax records for values that do not fit.
local function fields_of(entry, size)
  local records = {}
  local function text(key, value, width)
    if #value <= width and is_plain(value) then return value end
    records[#records + 1] = record(key, value)
    return stand_in(value, width)
  end
  local function number(key, value, largest)
    if value >= 0 and value <= largest then return value end
    records[#records + 1] = record(key, tostring(value))
    return 0
  end
  local full_name = entry.name .. (entry.type == "directory" and entry.name:sub(-1) ~= "/" and "/" or "")
  local name, prefix = split_name(full_name)
  if not name or not is_plain(full_name) then name, prefix = text("path", full_name, 99), "" end
  return {
    name = name, prefix = prefix, flag = FLAGS[entry.type or "file"], mode = entry.mode or mode_of(entry),
    size = number("size", size, LARGEST_SIZE), mtime = number("mtime", entry.mtime or 0, LARGEST_SIZE),
    uid = number("uid", entry.uid or 0, LARGEST_ID), gid = number("gid", entry.gid or 0, LARGEST_ID),
    target = text("linkpath", entry.target or "", 100), uname = text("uname", entry.uname or "", 31),
    gname = text("gname", entry.gname or "", 31),
  }, table.concat(records)
end

--- Everything before the content of an entry.
local function header_of(entry, size)
  local fields, records = fields_of(entry, size)
  if records == "" then return block_of(fields) end
  local extended = block_of {
    name = ("PaxHeaders/" .. fields.name:match("([^/]*)/?$")):sub(1, 100), prefix = "", flag = "x", size = #records,
    mode = tonumber("644", 8), mtime = 0, uid = 0, gid = 0, target = "", uname = "", gname = "",
  }
  return extended .. records .. padding(#records) .. block_of(fields)
end

-- ---- content --------------------------------------------------------------------------------------------------------

--- The content of files in /proc, /sys and the like, which has no size before it is read, by entry: what is read for
--- the size is what is archived.
local read_before = setmetatable({}, { __mode = "k" })

local function read_whole(entry)
  local content, err = fs.read(entry.path)
  if not content then return nil, err end
  read_before[entry] = content
  return #content
end

local function size_of(entry)
  local content = entry.content or read_before[entry]
  if content then return #content end
  if not entry.path then return entry.size or 0 end
  local stat, err = fs.stat(entry.path)
  if not stat then return nil, err end
  if stat.type == "file" then
    if stat.sized then return stat.size end
    return read_whole(entry)
  end
  return nil, failure("invalid", ("cannot archive %s: expected a file, found a %s"):format(entry.path, stat.type))
end

--- A function like `source`, for the content of a file.
local function file_source(path)
  local file, message, errno = io.open(path, "rb")
  if not file then return nil, io_failure(message, errno) end
  return function()
    if not file then return nil end
    local chunk, why, number = file:read(CHUNK)
    if chunk then return chunk end
    file:close()
    file = nil
    if why then return nil, io_failure(("%s: %s"):format(path, why), number) end
  end
end

--- Yields the content of an entry. Returns an error if its size differs from that in the header.
local function yield_content(entry, size, source)
  local left = size
  local chunk, err = source()
  while chunk and left >= #chunk do
    left = left - #chunk
    if chunk ~= "" then coroutine.yield(chunk) end
    chunk, err = source()
  end
  if err then return err end
  if chunk then left = left - #chunk end
  if left == 0 then return nil end
  return failure("invalid", ("cannot archive %s: %s than the expected %d bytes"):format(
    entry.path or entry.name, left < 0 and "longer" or "shorter", size))
end

local function source_of(entry)
  local content = entry.content or read_before[entry]
  if entry.source then return entry.source end
  if entry.path and not content then return file_source(entry.path) end
  return function()
    local all = content
    content = nil
    return all ~= "" and all or nil
  end
end

local function yield_entry(entry)
  local size, err = size_of(entry)
  if not size then return err end
  local source
  source, err = source_of(entry)
  if not source then return err end
  coroutine.yield(header_of(entry, size))
  err = yield_content(entry, size, source)
  if not err and size % BLOCK > 0 then coroutine.yield(padding(size)) end
  return err
end

-- ---- archives -------------------------------------------------------------------------------------------------------

---@class bosun.tar.Archive
---@field private entries bosun.tar.Entry[]
local Archive = {}
Archive.__index = Archive

--- Adds an entry at the end. Raises on an invalid one.
---@param entry bosun.tar.Entry
---@return bosun.tar.Archive self
function Archive:add(entry)
  check_entry(entry, #self.entries + 1, 2)
  self.entries[#self.entries + 1] = entry
  return self
end

--- The size of the whole archive in bytes, for a Content-Length header.
---@return integer|nil size
---@return bosun.Error|nil err a file cannot be archived
function Archive:size()
  local total = 2 * BLOCK
  for _, entry in ipairs(self.entries) do
    local size, err = size_of(entry)
    if not size then return nil, err end
    total = total + #header_of(entry, size) + size + -size % BLOCK
  end
  return total
end

--- A function that returns the archive in pieces, then nil; or nil and an error. It can be the `source` of an HTTP
--- request. Files are opened as they are read. An archive with a source function can be read only once.
---@return fun(): string|nil, bosun.Error|nil
function Archive:reader()
  local entries = { table.unpack(self.entries) }
  local running = coroutine.create(function()
    for _, entry in ipairs(entries) do
      local err = yield_entry(entry)
      if err then return nil, err end
    end
    coroutine.yield(("\0"):rep(2 * BLOCK))
  end)
  local function next_piece()
    if coroutine.status(running) == "dead" then return nil end
    local ok, piece, err = coroutine.resume(running)
    if not ok then error(piece, 0) end
    return piece, err
  end
  return next_piece
end

--- Makes an archive of entries. Raises on an invalid one. Files are not opened before the archive is read.
---@param entries? bosun.tar.Entry[]
---@return bosun.tar.Archive
function tar.new(entries)
  local archive = setmetatable({ entries = {} }, Archive)
  local problem = entries ~= nil and list_problem(entries)
  if problem then error("tar: expected a list of entries, but " .. problem, 2) end
  for index, entry in ipairs(entries or {}) do
    check_entry(entry, index, 2)
    archive.entries[index] = entry
  end
  return archive
end

-- ---- writing --------------------------------------------------------------------------------------------------------

--- Writes all pieces to an open file. Returns the number of bytes, or nil and an error.
local function drain(reader, file, path)
  local total = 0
  local piece, err = reader()
  while piece do
    local ok, message, errno = file:write(piece)
    if not ok then return nil, io_failure(("%s: %s"):format(path, message), errno) end
    total = total + #piece
    piece, err = reader()
  end
  if err then return nil, err end
  return total
end

local function write_to(path, archive)
  local file, message, errno = io.open(path, "wb")
  if not file then return nil, io_failure(message, errno) end
  local ran, total, err = pcall(drain, archive:reader(), file, path)
  local closed, why, number = file:close()
  if not ran then error(total, 0) end
  if not total then return nil, err end
  if not closed then return nil, io_failure(("%s: %s"):format(path, why), number) end
  return total
end

--- Writes an archive to a file, which is replaced when the archive is complete.
---@param path string
---@param entries bosun.tar.Entry[]|bosun.tar.Archive
---@param given? { mode?: integer } permission bits of the file; default octal 644
---@return integer|nil bytes
---@return bosun.Error|nil err the file is unchanged
function tar.write(path, entries, given)
  given = options.check("tar.write", given, { mode = "mode" })
  local archive = getmetatable(entries) == Archive and entries or tar.new(entries)
  if not effect.begin("tar.write", path) then return archive:size() end
  local temporary, err = fs.tempfile { dir = dirname(path), prefix = ".bosun-tar-" }
  if not temporary then return nil, err end
  local ran, total
  ran, total, err = pcall(write_to, temporary, archive)
  local done = ran and total
  if done then done, err = fs.chmod(temporary, given.mode or tonumber("644", 8)) end
  if done then done, err = fs.move(temporary, path) end
  if done then return total end
  fs.remove(temporary)
  if not ran then error(total, 0) end
  return nil, err
end

return tar
