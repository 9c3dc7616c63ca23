--- Internal: places in source code: files on disk, embedded files, chunks of the prompt.

local console = require "bosun.native.console"
local dry_files = require "bosun.host.dry_files"
local session = require "bosun.repl.session"

local places = {}

local function read(path)
  local file = dry_files.real.open(path, "rb")
  if not file then return nil end
  local content = file:read(4 * 1024 * 1024)
  file:close()
  return content
end

--- The source text that a chunk's name stands for ("@/etc/x.lua", "@bosun/fs.lua", "=prompt 3"); nil: it is not there.
---@param source string
---@return string|nil
function places.text(source)
  local name = source:gsub("^[@=]", "")
  return session.text_of(name) or console.source(name) or source:sub(1, 1) == "@" and read(name) or nil
end

--- The lines of a source, or nil.
---@param source string
---@return string[]|nil
function places.lines(source)
  local content = places.text(source)
  if not content then return nil end
  local lines = {}
  for line in (content:gsub("\n$", "") .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end

--- The lines around one, with a mark at it; "" when there is no source.
---@param source string
---@param line integer
---@param around integer how many before and after it
---@return string
function places.excerpt(source, line, around)
  local lines = places.lines(source)
  if not lines or not lines[line] then return "" end
  local out = {}
  local width = #tostring(math.min(line + around, #lines))
  for i = math.max(1, line - around), math.min(line + around, #lines) do
    out[#out + 1] = ("%s %" .. width .. "d | %s"):format(i == line and ">" or " ", i, lines[i]):gsub("%s+$", "")
  end
  return table.concat(out, "\n") .. "\n"
end

return places
