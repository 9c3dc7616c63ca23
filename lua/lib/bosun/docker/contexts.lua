--- Internal: contexts of the docker program: named engines, of which one is current.
---
--- Source: docker/cli, cli/context/store: $DOCKER_CONFIG/contexts/meta/<SHA-256 of the name>/meta.json, and the files
--- for TLS in contexts/tls/<SHA-256>/docker. Which is current: DOCKER_CONTEXT, else "currentContext" of config.json.

local crypto = require "bosun.crypto"
local fs = require "bosun.fs"
local json = require "bosun.json"
local path = require "bosun.path"

local contexts = {}

local DEFAULT = "default" -- what the environment says

local function is_missing(err)
  return err.code == "ENOENT" or err.code == "ENOTDIR"
end

--- A JSON object from a file; nil: there is no such file; nil, problem.
local function read(file)
  local text, err = fs.read(file)
  if not text and is_missing(err) then return nil end
  if not text then return nil, err.message end
  if text:find "^%s*$" then return {} end
  local value, problem = json.decode(text)
  if type(value) == "table" then return value end
  return nil, ("%s: %s"):format(file, problem and problem.message or "expected a JSON object")
end

--- The name of the current context, and where that is said; nil: none but the default one; nil, nil, problem.
---@param folder string the docker program's: ~/.docker
---@param from_environment? string DOCKER_CONTEXT
---@return string|nil name
---@return string|nil source
---@return string|nil problem
function contexts.current(folder, from_environment)
  local name, source = from_environment, "DOCKER_CONTEXT"
  if not name then
    local file = path.join(folder, "config.json")
    local config, problem = read(file)
    if problem then return nil, nil, problem end
    name, source = config and config.currentContext, '"currentContext" of ' .. file
  end
  if type(name) ~= "string" or name == "" or name == DEFAULT then return nil end
  return name, source
end

--- The engine of a context.
---@param folder string
---@param name string
---@return { host: string|nil, tls: string, insecure: boolean }|nil engine tls: the folder of its files, which may not
---exist; insecure: certificates are not checked
---@return string|nil problem
function contexts.read(folder, name)
  local digest = crypto.sha256(name)
  local file = path.join(folder, "contexts", "meta", digest, "meta.json")
  local meta, problem = read(file)
  if not meta then
    return nil, problem or ("there is no such context in %s (docker context ls)"):format(path.join(folder, "contexts"))
  end
  local engine = type(meta.Endpoints) == "table" and meta.Endpoints.docker
  if type(engine) ~= "table" then return nil, file .. ": it has no docker endpoint" end
  local host = type(engine.Host) == "string" and engine.Host ~= "" and engine.Host or nil
  return {
    host = host, tls = path.join(folder, "contexts", "tls", digest, "docker"), insecure = engine.SkipTLSVerify == true,
  }
end

return contexts
