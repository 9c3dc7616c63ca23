--- Internal: what commands of the prompt print about the session and its plugin.

local console = require "bosun.native.console"
local places = require "bosun.repl.places"
local plugin_base = require "bosun.plugin_base"
local pretty = require "bosun.repl.pretty"
local session = require "bosun.repl.session"
local sorted_keys = require("bosun.tables").sorted_keys

local show = {}

local function pretty_options()
  local settings = console.settings()
  return { width = settings.width, depth = math.max(settings.depth, 8), color = settings.color }
end

--- The actions, and which of them the plugin has.
---@return string result
---@return string|nil
function show.actions()
  local class = console.class()
  for _, action in ipairs(console.actions()) do
    local method = class and class[action.name]
    local note = not class and "" or method == nil and "  (not in this plugin)" or
      method == plugin_base[action.name] and "  (from the base class)" or ""
    console.write(("%-24s  %s%s\n"):format(action.name, action.description, note))
  end
  return "ok", nil
end

--- The action config with the settings.
---@return string result
---@return string|nil
function show.config()
  local config, err = console.config()
  if not config then
    console.write(("%s\n"):format(tostring(err)))
    return "failed", nil
  end
  console.write(pretty.text(config, pretty_options()) .. "\n")
  return "ok", nil
end

--- Reads the action config.
---@return string result
---@return string|nil
function show.check_config()
  local config, err = console.config()
  if config then return "ok", nil end
  console.write(("%s\n"):format(tostring(err)))
  return "failed", nil
end

--- The source around a line of a file.
---@param _ table|nil
---@param file string
---@param line string
---@return string result
---@return string|nil
function show.excerpt(_, file, line)
  console.write(places.excerpt("@" .. file, math.tointeger(tonumber(line)), 2))
  return "ok", nil
end

--- The variables of the session.
---@return string result
---@return string|nil
function show.variables()
  local width = console.settings().width
  for _, name in ipairs(sorted_keys(session.env)) do
    if type(name) == "string" and not name:find "^_%d*$" then
      console.write(("  %s = %s\n"):format(name, pretty.line(rawget(session.env, name), width - #name - 6)))
    end
  end
  return "ok", nil
end

--- Configs or settings have changed.
---@return string result
---@return string|nil
function show.forget()
  session.forget()
  return "ok", nil
end

return show
