--- Internal: the files that code comes from. A file has one name here, whatever it was called: its real path, or the
--- name of an embedded file, "bosun/http.lua".

local fs = require "bosun.fs"
local lines = require "bosun.debug.lines"
local native = require "bosun.native.debugger"

local sources = {}

--- chunk name ("@…") → the file's name
local names = {}

--- file's name → { chunk name, … }, those that have run
sources.loaded = {}

local function is_embedded(name)
  return native.embedded(name) ~= nil
end

--- The file that a chunk was loaded from.
---@param chunk string "@/path/of/plugin.lua"
---@return string
function sources.of_chunk(chunk)
  local name = names[chunk]
  if not name then
    local path = chunk:gsub("^[@=]", "")
    name = path:sub(1, 1) == "/" and native.real_path(path) or path
    names[chunk] = name
  end
  return name
end

--- Takes note of a chunk that runs for the first time. Returns the file's name.
function sources.add(chunk)
  local name = sources.of_chunk(chunk)
  local chunks = sources.loaded[name] or {}
  sources.loaded[name] = chunks
  for _, known in ipairs(chunks) do
    if known == chunk then return name end
  end
  chunks[#chunks + 1] = chunk
  return name
end

--- A loaded file whose path ends in `path`.
local function by_end(path)
  local ending = "/" .. path
  for name in pairs(sources.loaded) do
    if name == path or name:sub(-#ending) == ending then return name end
  end
end

--- The file that `require` finds for a module's name.
local function by_module(name)
  local path = name:gsub("%.", "/")
  for _, embedded in ipairs { path .. ".lua", path .. "/init.lua", "plugins/" .. path .. ".lua" } do
    if is_embedded(embedded) then return embedded end
  end
  return by_end(path .. ".lua") or by_end(path .. "/init.lua") or package.searchpath(name, package.path)
end

--- The file that a person means: a path, also one that leads over links or only ends a loaded file's, an embedded file,
--- or the name of a module.
---@param text string
---@return string|nil name
---@return string|nil problem
function sources.find(text)
  local real = native.real_path(text)
  if real and not real:find "%.lua$" and native.real_path(real .. "/init.lua") then real = real .. "/init.lua" end
  local name = real or is_embedded(text) and text or by_end(text) or by_module(text)
  if name then return name end
  return nil, ("there is no file %s, and no loaded file whose path ends so"):format(text)
end

--- The text of a file. Of an embedded one, it is there if the sources are installed.
---@param name string
---@return string|nil text
---@return string|nil problem
function sources.text(name)
  if name:sub(1, 1) ~= "/" then
    local text = native.source(name)
    if text then return text end
    return nil, name .. " is part of the program, which has it only in compiled form"
  end
  local text, err = fs.read(name)
  if not text then return nil, tostring(err) end
  return text
end

--- chunk → its lines; false: there is no text
local texts = {}

--- The lines of a chunk's text, as it was when it was first asked for; nil: there is none.
---@param chunk string
---@return string[]|nil
function sources.lines(chunk)
  if texts[chunk] == nil then
    local text = chunk:sub(1, 1) == "@" and sources.text(sources.of_chunk(chunk))
    local list = text and {} or false
    for line in ((text or "") .. "\n"):gmatch "(.-)\r?\n" do
      if list then list[#list + 1] = line end
    end
    texts[chunk] = list
  end
  return texts[chunk] or nil
end

--- What the function that begins at a line is called there: "Sample:deploy". nil: it has no name.
---@param chunk string
---@param line integer
---@return string|nil
function sources.name_at(chunk, line)
  local list = sources.lines(chunk)
  local text = list and list[line]
  return text and (text:match "function%s+([%w_.:]+)%s*%(" or text:match "([%w_.]+)%s*=%s*function") or nil
end

local function chunk_of(name)
  local chunk = native.embedded(name)
  if chunk then return chunk end
  local text, problem = sources.text(name)
  if not text then return nil, problem end
  -- What the host does, too: a byte order mark and a first line that starts with '#' are not Lua.
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  return load(text, "@" .. name, "t")
end

--- The functions of a file and their lines (bosun.debug.lines).
---@param name string
---@return bosun.debug.Function[]|nil
---@return string|nil problem
function sources.functions(name)
  local chunk, problem = chunk_of(name)
  if not chunk then return nil, problem end
  return lines.functions(chunk)
end

return sources
