--- Internal: which entry of an auth file is for an image.
---
--- Docker's config.json has a key for each registry: its host, or an address such as "https://index.docker.io/v1/". In
--- Podman's auth.json (man containers-auth.json) a key may also be part of a registry: "quay.io/team-a". The key with
--- the longest path counts that the image is below, component by component; without one, the image has no credentials.
--- Helpers are for whole registries.

local tables = require "bosun.tables"

local auth_file = {}

auth_file.HUB = "docker.io"
local HUB_ADDRESS = "https://index.docker.io/v1/"
local HUB_HOSTS = { ["index.docker.io"] = true, ["registry-1.docker.io"] = true, ["registry.hub.docker.com"] = true }

--- What a key is for: "quay.io", "team-a". The path of an address is that of the registry's API, which is the whole
--- registry: "https://old.example/v1/" is for old.example.
---@param key string
---@return string domain
---@return string path "": the whole registry
function auth_file.scope(key)
  local rest = key:match "^%a[%w+.-]*://(.*)$"
  local domain, path = (rest or key):match "^([^/]*)/?(.*)$"
  if HUB_HOSTS[domain] then domain = auth_file.HUB end
  if rest or path == "v1/" or path == "v2/" then path = "" end
  return domain, (path:gsub("/+$", ""))
end

--- How Docker writes a registry.
---@param domain string
---@return string
function auth_file.address(domain)
  return domain == auth_file.HUB and HUB_ADDRESS or domain
end

local function is_below(repository, path)
  return path == "" or repository == path or repository:sub(1, #path + 1) == path .. "/"
end

--- Of two keys for the same, the one as Docker writes it comes first, then the one that is the domain itself.
local function is_better(key, path, best)
  if not best or #path ~= #best.path then return not best or #path > #best.path end
  local domain = auth_file.scope(key)
  return key == auth_file.address(domain) or key == domain and best.key ~= auth_file.address(domain)
end

--- An entry that is an empty mapping says only that a helper has the credentials.
local function is_empty(entry)
  return type(entry) == "table" and next(entry) == nil
end

--- The entry for a repository.
---@param map table<string, any> `auths` of the file
---@param domain string
---@param repository string "": only an entry for the whole registry
---@return any entry nil: none
---@return string|nil key
function auth_file.find(map, domain, repository)
  local best
  for _, key in ipairs(tables.sorted_keys(map)) do
    if type(key) == "string" and not is_empty(map[key]) then
      local of_key, path = auth_file.scope(key)
      if of_key == domain and is_below(repository, path) and is_better(key, path, best) then
        best = { key = key, path = path }
      end
    end
  end
  if best then return map[best.key], best.key end
end

return auth_file
