--- Internal: registry credentials, where the Docker client keeps them: its config.json (auths) and the helper programs
--- that it names (credHelpers, credsStore). Podman's auth.json is such a file, too, and so is the content of a Secret
--- of the type kubernetes.io/dockerconfigjson. Passwords become secrets as soon as they are read.

local auth_file = require "bosun.registry.auth_file"
local base64 = require "bosun.base64"
local errors = require "bosun.registry.errors"
local fs = require "bosun.fs"
local json = require "bosun.json"
local path = require "bosun.path"
local process = require "bosun.process"
local secret = require "bosun.secret"
local tables = require "bosun.tables"
local words = require "bosun.http.words"

local credentials = {}

local HELPER_SECONDS = 30

---@class bosun.registry.Credentials
---@field username? string
---@field password? string|bosun.Secret
---@field identitytoken? string|bosun.Secret in place of a password
---@field registrytoken? string|bosun.Secret in place of both
---@field serveraddress? string the registry; from Podman's auth.json, it may be a part of one: "quay.io/team-a"

--- An environment variable; nil when it is empty.
local function env(name)
  local value = process.env(name)
  return value ~= "" and value or nil
end

--- The folder of the Docker client's files: $DOCKER_CONFIG, else ~/.docker; nil: no home folder is known.
function credentials.client_folder()
  if env "DOCKER_CONFIG" then return env "DOCKER_CONFIG" end
  return env "HOME" and path.join(env "HOME", ".docker")
end

--- The Docker client's config file; nil: no home folder is known.
function credentials.default_file()
  local folder = credentials.client_folder()
  return folder and path.join(folder, "config.json")
end

local function text_of(value)
  return secret.is(value) and value:reveal() or value
end

--- In the engine's format, in plain text; nil: none.
---@param auth bosun.registry.Credentials|nil
function credentials.plain(auth)
  return auth and {
    username = auth.username, password = text_of(auth.password), identitytoken = text_of(auth.identitytoken),
    registrytoken = text_of(auth.registrytoken), serveraddress = auth.serveraddress,
  }
end

--- A table as the value of a header; engines require the padding. Without a table, an empty one: a push without the
--- header is refused.
---@param map table|nil
---@return string|bosun.Secret
function credentials.header(map)
  local text = base64.encode(json.encode(map or {}), { url = true })
  text = text .. ("="):rep(-#text % 4)
  return map and secret.new(text) or text
end

local function failure(code, message, ...)
  return errors.new { code = code, message = "registry credentials: " .. message:format(...) }
end

-- ---- the file -------------------------------------------------------------------------------------------------------

--- A config from its text.
local function parse_config(text, source)
  if text:find "^%s*$" then return {} end
  local config, problem = json.decode(text)
  if config == nil then return nil, failure("syntax", "%s: %s", source, problem.message) end
  if type(config) ~= "table" then return nil, failure("syntax", "%s: expected a JSON object", source) end
  return config
end

--- The config; empty when the file does not exist.
local function read_config(file)
  if not file then return {} end
  local text, err = fs.read(file)
  if text then return parse_config(text, file) end
  if err.code == "ENOENT" or err.code == "ENOTDIR" then return {} end
  return nil, failure(err.code, "%s", err.message)
end

local function table_of(config, field)
  return type(config[field]) == "table" and config[field] or {}
end

local function string_of(config, field)
  local value = type(config) == "table" and config[field]
  return type(value) == "string" and value ~= "" and value or nil
end

--- Decodes "user:password" from base64.
local function decode_auth(text)
  secret.new(text)
  local plain = base64.decode(text)
  local user, password = (plain or ""):match "^([^:]*):(.*)$"
  if not user or user == "" then return nil end
  return user, secret.new((password:gsub("%z+$", "")))
end

local function secret_of(entry, field)
  local text = string_of(entry, field)
  return text and secret.new(text)
end

--- The credentials of an entry in auths; nil: none; nil, err: the entry is broken.
local function of_entry(entry, key, address, file)
  local result = {
    serveraddress = address, identitytoken = secret_of(entry, "identitytoken"),
    registrytoken = secret_of(entry, "registrytoken"),
  }
  local auth, password = string_of(entry, "auth"), secret_of(entry, "password")
  if auth then
    result.username, result.password = decode_auth(auth)
    if not result.username then
      return nil, failure("invalid", '%s: the "auth" of %s is not base64 of USER:PASSWORD: log in again (docker login)',
        file, key)
    end
  elseif password then
    result.username, result.password = string_of(entry, "username"), password
  end
  return (result.username or result.identitytoken or result.registrytoken) and result or nil
end

-- ---- helpers --------------------------------------------------------------------------------------------------------

--- Runs a helper, with the whole environment as the docker program does, and returns its JSON. false: it has no
--- credentials.
local function ask_helper(name, verb, input)
  if not name:find "^[%w_.-]+$" then return nil, failure("invalid", '"%s" is not a valid helper name', name) end
  local program = "docker-credential-" .. name
  local result, err = process.run({ program, verb }, {
    stdin = input, timeout = HELPER_SECONDS, whole_env = true, reads = true, max_output = 1024 * 1024,
  })
  if not result then return nil, failure(err.code, "%s: %s", program, err.message) end
  if result.timed_out then
    return nil, failure("timeout", "%s %s did not finish within %d s", program, verb, HELPER_SECONDS)
  end
  local output = result.stdout or ""
  if result.code ~= 0 then
    if output:lower():find "credentials not found" or output:lower():find "no credentials" then return false end
    return nil, failure("helper", "%s %s %s: %s", program, verb,
      result.code and "exited with status " .. result.code or "was killed by signal " .. tostring(result.signal),
      words.clean(output ~= "" and output or result.stderr or ""))
  end
  local answer = json.decode(output)
  if type(answer) ~= "table" then return nil, failure("helper", "the output of %s %s is not JSON", program, verb) end
  return answer
end

--- A helper's credentials for a registry; false: none.
local function from_helper(name, domain)
  local answer, err = ask_helper(name, "get", auth_file.address(domain))
  if not answer then return answer, err end
  local user, text = string_of(answer, "Username"), string_of(answer, "Secret")
  if not user or not text then return false end
  local result = { serveraddress = auth_file.address(domain) }
  if user == "<token>" then
    result.identitytoken = secret.new(text)
  else
    result.username, result.password = user, secret.new(text)
  end
  return result
end

-- ---- finding --------------------------------------------------------------------------------------------------------

--- repository "": only credentials for the whole registry.
local function find_in(config, domain, repository, file)
  local helper = auth_file.find(table_of(config, "credHelpers"), domain, "")
  helper = type(helper) == "string" and helper ~= "" and helper or string_of(config, "credsStore")
  if helper then
    local found, err = from_helper(helper, domain)
    if found or err then return found or nil, err end
  end
  local entry, key = auth_file.find(table_of(config, "auths"), domain, repository)
  if entry == nil then return nil end
  return of_entry(entry, key, auth_file.address(domain), file)
end

--- The credentials for a parsed reference. nil: none; nil, err: the config or a helper is broken.
---@param ref bosun.registry.Reference
---@param file? string the config file
---@return bosun.registry.Credentials|nil
---@return bosun.registry.Error|nil err
function credentials.find(ref, file)
  local config, err = read_config(file)
  if not config then return nil, err end
  return find_in(config, ref.domain, ref.repository, file)
end

--- The same from the text of a config, such as the content of a Secret of the type kubernetes.io/dockerconfigjson.
---@param ref bosun.registry.Reference
---@param text string|bosun.Secret
---@param source string what it is, for messages
---@return bosun.registry.Credentials|nil
---@return bosun.registry.Error|nil err
function credentials.find_in_text(ref, text, source)
  local config, err = parse_config(text_of(text), source)
  if not config then return nil, err end
  return find_in(config, ref.domain, ref.repository, source)
end

--- The registries in a config, and what went wrong with helpers.
local function domains_of(config)
  local seen = {}
  local function add(keys)
    for key in pairs(keys) do
      if type(key) == "string" then seen[(auth_file.scope(key))] = true end
    end
  end
  add(table_of(config, "auths"))
  add(table_of(config, "credHelpers"))
  local store = string_of(config, "credsStore")
  local listed, err
  if store then listed, err = ask_helper(store, "list", "") end
  add(listed or {})
  return tables.sorted_keys(seen), { err }
end

--- The keys in auths that are for a part of a registry.
local function partial_keys(auths)
  local keys = {}
  for _, key in ipairs(tables.sorted_keys(auths)) do
    if type(key) == "string" and select(2, auth_file.scope(key)) ~= "" then keys[#keys + 1] = key end
  end
  return keys
end

--- All credentials of a config, and what went wrong with the others.
---@param file? string
---@return bosun.registry.Credentials[] list
---@return bosun.registry.Error[] problems
function credentials.all(file)
  local config, err = read_config(file)
  if not config then return {}, { err } end
  local domains, problems = domains_of(config)
  local list = {}
  local function add(found, problem)
    list[#list + 1] = found
    problems[#problems + 1] = problem
  end
  local auths = table_of(config, "auths")
  for _, domain in ipairs(domains) do add(find_in(config, domain, "", file)) end
  for _, key in ipairs(partial_keys(auths)) do
    add(of_entry(auths[key], key, key, file))
  end
  return list, problems
end

return credentials
