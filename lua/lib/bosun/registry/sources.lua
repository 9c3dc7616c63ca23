--- Internal: which credentials a request for an image is sent with, and what a message says about them.

local credentials = require "bosun.registry.credentials"
local log = require "bosun.log"

local sources = {}

--- The first credentials of the texts and the file; nil: none; nil, err.
local function look_up(ref, from)
  for _, config in ipairs(from.configs or {}) do
    local auth, err = credentials.find_in_text(ref, config.text, config.source)
    if auth or err then return auth, err, config.source end
  end
  local auth, err = credentials.find(ref, from.file)
  return auth, err, from.file
end

local function names_of(from)
  local names = {}
  for i, config in ipairs(from.configs or {}) do names[i] = config.source end
  names[#names + 1] = from.file or #names == 0 and "no file" or nil
  return table.concat(names, ", ")
end

--- The credentials for a reference, and a text that says where they are from. `from`: auth (these; false: none),
--- configs (texts of config files, each with its source, which come first), file (the Docker client's config, or
--- Podman's), who (for the log: "docker").
---@param ref bosun.registry.Reference
---@param from table
---@return bosun.registry.Credentials|nil auth
---@return string note "with the credentials of …", "without credentials: …"
function sources.choose(ref, from)
  if from.auth == false then return nil, "without credentials (option auth)" end
  if from.auth then return from.auth, "with the credentials of option auth" end
  local auth, err, source = look_up(ref, from)
  if auth then return auth, ("with the credentials of %s in %s"):format(auth.username or "a token", source) end
  if err then
    log.warn(from.who .. ": continuing without credentials: " .. err.message)
    return nil, "without credentials: " .. err.message
  end
  return nil, ("without credentials: %s has none for %s"):format(names_of(from), ref.familiar_name)
end

return sources
