--- Internal: names of images, by the grammar of distribution/reference. A name without a registry is on Docker Hub.

local reference = {}

local HUB = "docker.io"
local LONGEST_NAME = 255
local DIGITS = { sha256 = 64, sha384 = 96, sha512 = 128 }

---@class bosun.registry.Reference
---@field domain string the registry: "docker.io", "localhost:5000"
---@field repository string "library/alpine"
---@field tag? string "latest" when the text has neither tag nor digest
---@field digest? string "sha256:…"
---@field name string the whole name: "docker.io/library/alpine:latest"
---@field familiar string as people write it: "alpine:latest"
---@field familiar_name string the same without tag and digest: "alpine"

local function is_domain(text)
  if text:find "^%[[%x:]+%]$" or text:find "^%[[%x:]+%]:%d+$" then return true end
  local host = text:gsub(":%d+$", "")
  for label in (host .. "."):gmatch "([^.]*)%." do
    if not label:find "^[%w][%w-]*$" or label:find "%-$" then return false end
  end
  return true
end

--- A component: letters and digits, separated by ".", "_", "__" or any number of "-".
local function is_component(text)
  if not text:find "^[%l%d]" or not text:find "[%l%d]$" or text:find "[^%l%d._-]" then return false end
  for separator in text:gmatch "[._-]+" do
    if separator ~= "." and separator ~= "_" and separator ~= "__" and not separator:find "^%-+$" then return false end
  end
  return true
end

local function problem_of_name(domain, repository)
  if repository:find "%u" then return "contains upper-case letters; repository names are lower-case" end
  if not is_domain(domain) then return ('"%s" is not a valid registry'):format(domain) end
  if repository == "" then return "the repository name is missing" end
  for component in (repository .. "/"):gmatch "([^/]*)/" do
    if not is_component(component) then
      return ('"%s" is not a valid part of a name: expected letters, digits, and single separators in between')
        :format(component)
    end
  end
  if #domain + 1 + #repository > LONGEST_NAME then return "longer than 255 bytes" end
end

local function is_digest(text)
  local algorithm, hex = text:match "^(%w+):([%da-f]+)$"
  return algorithm ~= nil and #hex == DIGITS[algorithm]
end

--- Registry and repository of a name without tag and digest.
local function split_domain(name)
  local first, rest = name:match "^([^/]*)/(.*)$"
  if not first or not (first:find "[.:]" or first == "localhost" or first:find "%u") then
    first, rest = HUB, name
  end
  if first == "index.docker.io" then first = HUB end
  if first == HUB and not rest:find "/" then rest = "library/" .. rest end
  return first, rest
end

--- Name, tag and digest; or nil and a problem.
local function split(text)
  local name, digest = text:match "^([^@]*)@(.*)$"
  name = name or text
  if digest and not is_digest(digest) then return nil, ('"%s" is not a valid digest'):format(digest) end
  local before, tag = name:match "^(.*):([^/:]*)$"
  if before then name = before end
  if tag and not (tag:find "^[%w_][%w_.-]*$" and #tag <= 128) then
    return nil, ('"%s" is not a valid tag: expected up to 128 letters, digits and "_.-"'):format(tag)
  end
  if name:find "^%x+$" and #name == 64 and not name:find "%u" then return nil, "it is an image ID" end
  return name, tag, digest
end

local function familiar_name(domain, repository)
  if domain ~= HUB then return domain .. "/" .. repository end
  local short = repository:match "^library/([^/]+)$"
  return short or repository
end

--- See docker.parse_reference.
---@param text string
---@return bosun.registry.Reference|nil ref
---@return string|nil problem
function reference.parse(text)
  if text == "" then return nil, "it is empty" end
  local name, tag, digest = split(text)
  if not name then return nil, tag end
  local domain, repository = split_domain(name)
  local problem = problem_of_name(domain, repository)
  if problem then return nil, problem end
  if not tag and not digest then tag = "latest" end
  local rest = (tag and ":" .. tag or "") .. (digest and "@" .. digest or "")
  local familiar = familiar_name(domain, repository)
  return {
    domain = domain, repository = repository, tag = tag, digest = digest, name = domain .. "/" .. repository .. rest,
    familiar = familiar .. rest, familiar_name = familiar,
  }
end

--- The name without its registry, if that is the one Podman uses for local builds, or Docker Hub.
local function local_name(ref)
  if ref.domain == "localhost" then return ref.name:sub(#"localhost/" + 1) end
  return ref.domain == HUB and ref.name:match "^docker%.io/library/(.*)$" or nil
end

--- See docker.same_image.
---@param a string
---@param b string
---@return boolean
function reference.same(a, b)
  if a == b then return true end
  local left, right = reference.parse(a), reference.parse(b)
  if not left or not right then return false end
  if left.name == right.name then return true end
  local mixed = (left.domain == "localhost") ~= (right.domain == "localhost")
  return mixed and local_name(left) ~= nil and local_name(left) == local_name(right)
end

return reference
