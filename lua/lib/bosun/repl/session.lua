--- Internal: what the lines of a prompt have in common: the environment they run in, results, notes given once.

local console = require "bosun.native.console"
local effect = require "bosun.effect"
local sorted_keys = require("bosun.tables").sorted_keys

local session = {}

local RESULTS_KEPT, CHUNKS_KEPT = 100, 100

local results, chunks = 0, 0
local texts = {}
local said = {}
local quiet = false

--- A note that is given once in a session.
local function say_once(text)
  if said[text] or quiet then return end
  said[text] = true
  console.write(text .. "\n")
end

local module_names

--- The public modules by their short names: "fs" → "bosun.fs". Those that annotations describe, or whose source does
--- not begin with "--- Internal:".
---@return table<string, string>
function session.modules()
  if module_names then return module_names end
  module_names = {}
  for _, file in ipairs(console.source_names()) do
    local name = file:match "^bosun/meta/([%w_]+)%.lua$" or file:match "^bosun/([%w_]+)%.lua$"
    local internal = name == "init" or name and console.source(file):find "^%-%-%- Internal:"
    if name and not internal then module_names[name] = "bosun." .. name end
  end
  return module_names
end

local function autoload(name)
  local module = session.modules()[name]
  if not module then return nil end
  local loaded = require(module)
  say_once(("%s is require \"%s\""):format(name, module))
  return loaded
end

--- `bosun`: its fields are the modules.
local bosun = setmetatable({}, {
  __name = "bosun",
  __index = function(_, name)
    local module = type(name) == "string" and session.modules()[name]
    return module and require(module) or nil
  end,
  __pairs = function()
    local loaded = {}
    for name, module in pairs(session.modules()) do loaded[name] = require(module) end
    return next, loaded
  end,
})

local cached = {}

--- The action config with the session's settings. Raises when it is wrong.
---@return table
function session.config()
  cached.config = cached.config or assert(console.config())
  return cached.config
end

--- The plugin object, made when it is first asked for. nil: no plugin is loaded. Raises when its config is wrong.
---@return BosunPluginBase|nil
function session.plugin()
  local class = console.class()
  if not class then
    say_once("self is nil: no plugin is loaded; :load one")
    return nil
  end
  if not cached.plugin then
    local config, settings = session.config(), console.settings()
    cached.plugin = class:new(config.pluginConfig, settings.private_config, config.peInfo, effect.dry_run(),
      settings.config)
  end
  cached.plugin.dry_run = effect.dry_run()
  return cached.plugin
end

--- Configs or settings have changed: `self` and `config` are made anew.
function session.forget()
  cached = {}
end

local LAZY = { self = session.plugin, config = session.config, bosun = function() return bosun end }

--- Calls f without giving notes. f does not raise.
---@param f function
---@return any
function session.quietly(f, ...)
  quiet = true
  local result, more = f(...)
  quiet = false
  return result, more
end

--- What lines run in. Its own fields are the variables of the session.
session.env = setmetatable({}, {
  __name = "the prompt",
  __index = function(_, name)
    if LAZY[name] then return LAZY[name]() end
    local global = _G[name]
    if global == nil and type(name) == "string" then return autoload(name) end
    return global
  end,
})

--- The names beside variables and globals.
---@return string[]
function session.extra_names()
  local names = sorted_keys(session.modules())
  for name in pairs(LAZY) do names[#names + 1] = name end
  return names
end

--- The environment of a line: the session's, or where a thread stands still that of the frame with the session's behind
--- it. A name that the frame does not have is set in the session.
---@param scope table|nil
---@return table
function session.env_of(scope)
  if not scope then return session.env end
  local meta = getmetatable(scope)
  local has = meta and meta.has or function(name) return scope[name] ~= nil end
  return setmetatable({}, {
    __index = function(_, name)
      if has(name) then return scope[name] end
      return session.env[name]
    end,
    __newindex = function(_, name, value)
      if has(name) then scope[name] = value else session.env[name] = value end
    end,
  })
end

--- Keeps a value as the next result, and returns its name: "_3".
---@param value any
---@return string
function session.keep(value)
  results = results + 1
  local name = "_" .. results
  rawset(session.env, name, value)
  rawset(session.env, "_" .. results - RESULTS_KEPT, nil)
  return name
end

---@param text string
---@return string name for messages
function session.name_chunk(text)
  chunks = chunks + 1
  local name = "prompt " .. chunks
  texts[name] = text
  texts["prompt " .. chunks - CHUNKS_KEPT] = nil
  return name
end

--- The text of a chunk of the prompt, or nil.
---@param name string
---@return string|nil
function session.text_of(name)
  return texts[name]
end

local PLAIN = { ["nil"] = true, boolean = true, number = true, string = true }

local function is_plain(value, depth, above)
  if PLAIN[type(value)] then return true end
  if type(value) ~= "table" or depth == 0 or above[value] then return false end
  local meta = getmetatable(value)
  if meta ~= nil and (type(meta) ~= "table" or meta.__index ~= nil or meta.__name == nil) then return false end
  above[value] = true
  for key, item in next, value do
    if type(key) == "table" or not is_plain(key, 0, above) or not is_plain(item, depth - 1, above) then return false end
  end
  above[value] = nil
  return true
end

--- The variables that are plain data, which outlive a :reload, and a note about the others.
---@return table
function session.plain_variables()
  local kept, lost = { results = results, variables = {} }, {}
  for name, value in next, session.env do
    if type(name) == "string" and is_plain(value, 40, {}) then
      kept.variables[name] = value
    elseif type(name) == "string" and not name:find "^_%d*$" then
      lost[#lost + 1] = name
    end
  end
  table.sort(lost)
  if #lost > 0 then console.write(("not kept, as they are no plain data: %s\n"):format(table.concat(lost, ", "))) end
  kept.said = sorted_keys(said)
  return kept
end

---@param kept table as plain_variables returned it
function session.restore(kept)
  results = kept.results
  for name, value in pairs(kept.variables or {}) do rawset(session.env, name, value) end
  for _, text in ipairs(kept.said or {}) do said[text] = true end
end

return session
