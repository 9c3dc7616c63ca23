--- Internal: what Tab offers. Never raises, and never calls the plugin's code, except for its metamethods.

local console = require "bosun.native.console"
local fs = require "bosun.fs"
local pretty = require "bosun.repl.pretty"
local session = require "bosun.repl.session"

local complete = {}

local KEYWORDS = { "and", "break", "else", "elseif", "end", "false", "for", "function", "goto", "if", "local", "nil",
  "not", "repeat", "return", "then", "true", "until", "while" }

local function begins_with(s, start)
  return s:sub(1, #start) == start
end

--- The result of a completion: where the words begin, and the words, sorted, each once.
local function answer(start, words)
  table.sort(words)
  local out, last = { tostring(start) }, nil
  for _, word in ipairs(words) do
    if word ~= last and not word:find "%c" then out[#out + 1] = word end
    last = word
  end
  return "ok", table.concat(out, "\n")
end

--- Adds the names of fields of a value and of the tables that its metatable's __index leads to.
local function add_fields(value, found, seen)
  for _ = 1, 20 do
    if type(value) == "string" then value = string end
    if type(value) ~= "table" and type(value) ~= "userdata" or seen[value] then return end
    seen[value] = true
    if type(value) == "table" then
      for name, field in next, value do
        local kind = type(field) == "function" and "function" or "value"
        if pretty.is_name(name) then found[name] = found[name] or kind end
      end
    end
    local meta = debug.getmetatable(value)
    value = type(meta) == "table" and rawget(meta, "__index") or nil
  end
end

--- The value of a path like self.config: without calling functions written by people.
local function value_of(path, env)
  local value = env
  for name in path:gmatch "[%a_][%w_]*" do
    local ok, field = pcall(function() return value[name] end)
    if not ok or field == nil then return nil end
    value = field
  end
  return value
end

local function modules_below(path)
  local found = {}
  if path ~= "bosun" then return found end
  for name in pairs(session.modules()) do found[name] = "value" end
  return found
end

local function names_of(env, scope)
  local found = {}
  add_fields(session.env, found, {})
  add_fields(_G, found, {})
  if scope then
    add_fields(scope, found, {})
    local meta = getmetatable(scope)
    for _, name in ipairs(meta and meta.names and meta.names() or {}) do found[name] = "value" end
  end
  for _, name in ipairs(session.extra_names()) do found[name] = "value" end
  for _, name in ipairs(KEYWORDS) do found[name] = "value" end
  return found, env
end

--- Is the end of the text inside a string that began with this quote? Then returns where it begins, after the quote.
local function open_string(text)
  local quote, start
  local at = 1
  while at <= #text do
    local c = text:sub(at, at)
    if c == "\\" and quote then
      at = at + 1
    elseif quote and c == quote then
      quote = nil
    elseif not quote and (c == "\"" or c == "'") then
      quote, start = c, at + 1
    elseif not quote and text:sub(at, at + 1) == "--" then
      return nil, true
    end
    at = at + 1
  end
  return quote and start or nil
end

local function list(folder)
  local names = fs.list(folder)
  return names or {}
end

--- Files that begin with `typed`; folders end in "/".
local function files(typed)
  local folder, part = typed:match "^(.*/)([^/]*)$"
  folder, part = folder or "", part or typed
  local words = {}
  local place = folder == "" and "." or folder
  if place:sub(1, 2) == "~/" then place = (os.getenv "HOME" or "~") .. place:sub(2) end
  for _, name in ipairs(list(place)) do
    if begins_with(name, part) and (part ~= "" or name:sub(1, 1) ~= ".") then
      local stat = fs.stat(place .. "/" .. name)
      words[#words + 1] = folder .. name .. (stat and stat.type == "directory" and "/" or "")
    end
  end
  return words
end

local function module_words(typed)
  local words = {}
  for _, module in pairs(session.modules()) do
    if begins_with(module, typed) then words[#words + 1] = module end
  end
  return words
end

--- Inside a string: the modules after `require`, files otherwise.
local function in_string(text, start)
  local typed = text:sub(start)
  if text:sub(1, start - 2):find "require%s*%(?%s*$" then return answer(start - 1, module_words(typed)) end
  return answer(start - 1, files(typed))
end

local function matching(found, part, colon)
  local words = {}
  for name, kind in pairs(found) do
    if begins_with(name, part) and (not colon or kind == "function") then words[#words + 1] = name end
  end
  return words
end

local function complete_lua(scope, text)
  local string_start, in_comment = open_string(text)
  if in_comment then return "ok", nil end
  if string_start then return in_string(text, string_start) end
  local env = session.env_of(scope)
  local path, separator, part = text:match "([%a_][%w_.]*)([.:])([%w_]*)$"
  if not path then
    part = text:match "[%a_][%w_]*$"
    if not part then return "ok", nil end
    return answer(#text - #part, matching(names_of(env, scope), part, false))
  end
  local found = modules_below(path)
  local value = value_of(path, env)
  if value ~= nil and path ~= "bosun" then add_fields(value, found, {}) end
  return answer(#text - #part, matching(found, part, separator == ":"))
end

--- Lua: the name at the end of the text.
---@param scope table|nil
---@param text string
---@return string result
---@return string|nil words where in the text they begin, then a line for each
function complete.lua(scope, text)
  return session.quietly(complete_lua, scope, text)
end

---@param _ table|nil
---@param typed string
---@return string result
---@return string|nil words
function complete.files(_, typed)
  return answer(0, files(typed))
end

--- The ids of the deployments that the action config names.
local function ids()
  local ok, config = pcall(session.config)
  local found = {}
  if not ok then return found end
  local entries = config.peInfo and config.peInfo.deployments
  for _, entry in ipairs(type(entries) == "table" and entries or {}) do
    found[#found + 1] = type(entry) == "table" and entry.id or entry
  end
  for _, section in ipairs { "deploymentInfo", "endpointInfo" } do
    found[#found + 1] = config[section] and config[section].id
  end
  for i = #found, 1, -1 do
    if type(found[i]) ~= "string" then table.remove(found, i) end
  end
  return found
end

local KEYS = {
  deploymentInfo = { "id=", "name=", "modelId=", "modelName=", "modelArtifact=", "newModelId=" },
  endpointInfo = { "id=" },
}

--- key=value after an action: the keys of its section, and ids.
---@param _ table|nil
---@param action string
---@param typed string
---@return string result
---@return string|nil words
function complete.setting(_, action, typed)
  local subject
  for _, known in ipairs(console.actions()) do
    if known.name == action then subject = known.subject end
  end
  local words = {}
  local key, value = typed:match "^([%w_.]*[iI]d=)(.*)$"
  if key then
    for _, id in ipairs(key:find "odel" and {} or ids()) do
      if begins_with(id, value) then words[#words + 1] = key .. id end
    end
  elseif typed:find "^modelArtifact=" then
    for _, file in ipairs(files(typed:match "=(.*)$")) do words[#words + 1] = "modelArtifact=" .. file end
  else
    for _, name in ipairs(KEYS[subject] or {}) do
      if begins_with(name, typed) then words[#words + 1] = name end
    end
  end
  return answer(0, words)
end

return complete
