--- Internal: the secrets in a private config. They are known to the host before the config is checked, so that no
--- message about it shows one.

local secrets = require "bosun.native.secrets"
local yaml = require "bosun.yaml"

local config_secrets = {}

local function add_scalar(value)
  if type(value) == "string" then return secrets.add(value) end
  if type(value) ~= "number" then return end
  secrets.add(tostring(value))
  secrets.add((yaml.encode(value):gsub("\n$", "")))
end

local add_table

--- Adds a value: all of it when it is secret, otherwise the secrets in it.
---@param spec bosun.config.Spec|nil
---@param value any
---@param is_secret boolean
local function add(spec, value, is_secret)
  is_secret = is_secret or spec ~= nil and spec.secret == true
  if type(value) == "table" then return add_table(spec or {}, value, is_secret) end
  if is_secret then add_scalar(value) end
  if type(value) == "string" then secrets.add_url(value) end
end

function add_table(spec, value, is_secret)
  for key, item in pairs(value) do
    local is_named = type(key) == "string" and secrets.is_named(key)
    if spec.keys and spec.keys.secret then add_scalar(key) end
    add(spec.fields and spec.fields[key] or spec.values or spec.items, item, is_secret or is_named)
  end
end

--- Adds the secrets in a value: what the schema marks, the values of keys that name a secret, and credentials in URLs.
config_secrets.add = add

--- Adds the names of secret keys to a list.
local function collect_names(fields, names)
  for key, spec in pairs(fields) do
    for _, inner in ipairs { spec, spec.values or {}, spec.items or {} } do
      if inner.secret then names[#names + 1] = key end
      collect_names(inner.fields or {}, names)
    end
  end
  return names
end

--- Adds the secrets in a file that is not valid YAML, as far as they can be told.
---@param text string
---@param fields table<string, bosun.config.Spec>
function config_secrets.add_text(text, fields)
  secrets.add_text(text, collect_names(fields, {}))
end

return config_secrets
