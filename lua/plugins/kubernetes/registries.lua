--- The client for the registries that the plugin reads from and writes to, with the credentials that the namespace has
--- for them: those of the builder first, then those for pulling, then those of the user that the agent runs as.

local base64 = require "bosun.base64"
local errors = require "bosun.error"
local registry = require "bosun.registry"
local secret = require "bosun.secret"

local registries = {}

--- The keys in which Secrets keep the Docker client's config, and how its text is made of theirs.
local SECRET_KEYS = {
  [".dockerconfigjson"] = function(text) return text end,
  [".dockercfg"] = function(text) return ('{"auths":%s}'):format(text) end, -- the older type: the entries alone
  ["config.json"] = function(text) return text end,
}

local function missing_key(kind, name, expected)
  return errors.new { code = "invalid", op = "read registry credentials",
    message = ("the %s %s has none of the keys %s"):format(kind, name, expected) }
end

--- The config in a Secret.
local function of_secret(context, name)
  local found, err = context.cluster:get("Secret", name, { namespace = context.namespace })
  if not found then return nil, err end
  for key, text_of in pairs(SECRET_KEYS) do
    local encoded = type(found.data) == "table" and found.data[key]
    local text = type(encoded) == "string" and base64.decode(encoded)
    if text then return { text = secret.new(text_of(text)), source = "the Secret " .. name } end
  end
  return nil, missing_key("Secret", name, ".dockerconfigjson, .dockercfg and config.json")
end

--- The config in a ConfigMap.
local function of_config_map(context, name)
  local found, err = context.cluster:get("ConfigMap", name, { namespace = context.namespace })
  if not found then return nil, err end
  local text = type(found.data) == "table" and found.data["config.json"]
  if type(text) ~= "string" then return nil, missing_key("ConfigMap", name, "config.json") end
  return { text = secret.new(text), source = "the ConfigMap " .. name }
end

--- The configs of the builder's keys: each has to be there.
local function of_builder(context, configs)
  for key, read in pairs { kanikoSecretName = of_secret, kanikoConfigmapName = of_config_map } do
    local name = context.config[key]
    if name then
      local config, err = read(context, name)
      if not config then return nil, errors.wrap(err, ("cannot read registry credentials (%s)"):format(key)) end
      configs[#configs + 1] = config
    end
  end
  return true
end

--- The configs of pull secrets. One that is missing counts for nothing, as for the kubelet.
local function of_pull_secrets(context, names, configs)
  for _, name in ipairs(names or {}) do
    local config, err = of_secret(context, name)
    if config then
      configs[#configs + 1] = config
    else
      context.log:warn("cannot read a pull secret", { secret = name, error = err })
    end
  end
end

--- Makes the client, to be closed after use.
---@param context table
---@return bosun.registry.Client|nil client
---@return bosun.Error|nil err
function registries.client(context)
  local configs = {}
  local ok, err = of_builder(context, configs)
  if not ok then return nil, err end
  of_pull_secrets(context, (context.config.builder or {}).imagePullSecrets, configs)
  of_pull_secrets(context, context.config.imagePullSecrets, configs)
  return registry.client { configs = configs, insecure = context.config.insecureRegistries }
end

--- Can generated images be pushed, and the base image be read? Asks the registries; nothing stays there.
---@param context table
---@return true|nil ok
---@return bosun.Error|nil err
function registries.check(context)
  local client <close>, err = registries.client(context) -- luacheck: ignore
  if not client then return nil, err end
  local ok, problem = client:can_push(context.config.generatedImageRepo)
  if not ok then return nil, problem end
  local digest
  digest, problem = client:digest(context.config.ppsBaseImage)
  if digest then return true end
  return nil, problem or errors.new { code = "MANIFEST_UNKNOWN", op = "registry",
    message = ("there is no image %s"):format(context.config.ppsBaseImage) }
end

return registries
