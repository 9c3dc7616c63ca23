--- Internal: the images of an engine.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local http = require "bosun.http"
local json = require "bosun.json"
local options_of = require("bosun.options").check
local reference = require "bosun.registry.reference"

--- The path of an image with this name or ID; nil, err: not a valid one.
function Engine:_image_path(ref, what, action)
  if type(ref) ~= "string" then error(("%s: expected a name or an ID, got a %s"):format(what, type(ref)), 3) end
  local is_id = ref:find "^%x+$" or ref:find "^sha256:%x+$"
  local problem = not is_id and select(2, reference.parse(ref))
  if problem then return nil, errors.invalid(what, '"%s" is not a valid image name: %s', ref, problem) end
  return "/images/" .. ref:gsub("[^/]+", http.escape) .. (action and "/" .. action or "")
end

--- Everything the engine knows about an image.
---@param ref string name or ID
---@return table|nil image
---@return bosun.docker.Error|nil err code "not_found"
function Engine:inspect_image(ref)
  local what = "inspect image " .. tostring(ref)
  local path, err = self:_image_path(ref, what, "json")
  if not path then return nil, err end
  return self:_ask("GET", path, { what = what })
end

local function has_labels(image, labels)
  local there = type(image.Labels) == "table" and image.Labels or {}
  for key, value in pairs(labels) do
    if there[key] == nil or value ~= true and there[key] ~= tostring(value) then return false end
  end
  return true
end

--- The engine's images.
---@param options? { labels?: table<string, string|true>, filters?: table<string, string[]> } as of list_containers
---@return table[]|nil images the engine's objects
---@return bosun.docker.Error|nil err
function Engine:list_images(options)
  options = options_of("engine:list_images", options, { labels = "table", filters = "table" })
  local images, err = self:_list("/images/json", {
    what = "list images", query = { filters = self:_filters(nil, options.filters) },
  })
  if not images or not options.labels then return images, err end
  -- Podman treats several labels as alternatives.
  local found = json.array {}
  for _, image in ipairs(images) do
    if has_labels(image, options.labels) then found[#found + 1] = image end
  end
  return found
end

--- Gives an image an additional name.
---@param id string name or ID
---@param ref string the new name, with or without a tag
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:tag_image(id, ref)
  local what = ("tag image %s as %s"):format(tostring(id), tostring(ref))
  local path, err = self:_image_path(id, what, "tag")
  if not path then return nil, err end
  local target, problem = reference.parse(ref)
  if not target or target.digest then
    return nil, errors.invalid(what, '"%s" is not a valid image name: %s', ref, problem or "contains a digest")
  end
  local change = { after = "what is " .. id .. " now" }
  if not effect.begin("docker.tag", "image " .. target.familiar, change) then return true end
  return self:_do("POST", path, { what = what, query = { repo = target.familiar_name, tag = target.tag } })
end

--- Do containers use the image? nil: it does not exist.
local function is_used(engine, ref)
  local image = engine:inspect_image(ref)
  if not image then return nil end
  local users = engine:list_containers { filters = { ancestor = { ref } } }
  return users and #users > 0
end

local REMOVE = { force = "boolean", prune = "boolean", timeout = "timeout" }

--- Removes a name of an image, and with its last name the image. Success if it does not exist.
---@param ref string name or ID
---@param options? { force?: boolean, prune?: boolean, timeout?: number } force: also if stopped containers use it, or
---it has several names, default false; prune: also its parents without a name, default true; timeout: seconds
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": it is in use
function Engine:remove_image(ref, options)
  options = options_of("engine:remove_image", options, REMOVE)
  local what = "remove image " .. tostring(ref)
  local path, problem = self:_image_path(ref, what)
  if not path then return nil, problem end
  if not effect.begin("docker.remove", "image " .. ref, { before = "image" }) then return true end
  local query = { force = options.force == true, noprune = options.prune == false }
  local ok, err = self:_do("DELETE", path, { what = what, query = query, timeout = options.timeout })
  if ok or err.code == "not_found" then return true end
  if err.code == "engine" then
    local used = is_used(self, ref)
    if used == nil then return true end
    if used then err.code = "conflict" end
  end
  return nil, err
end

--- Removes images without a name that are not in use.
---@param options? { labels?: table<string, string|true> } all must match
---@return integer|nil count of removed images; in a dry run, of those without a name
---@return bosun.docker.Error|nil err
function Engine:prune_images(options)
  local labels = options_of("engine:prune_images", options, { labels = "table" }).labels
  local images, err = self:list_images { labels = labels, filters = { dangling = { "true" } } }
  if not images then return nil, err end
  if #images == 0 then return 0 end
  if not effect.begin("docker.prune", ("%d images without a name"):format(#images)) then return #images end
  local count = 0
  for _, image in ipairs(images) do
    local call = { what = "remove image " .. self:_short(image.Id) }
    local ok, problem = self:_do("DELETE", "/images/" .. image.Id, call)
    if ok then
      count = count + 1
    elseif not problem.status then
      return nil, problem
    end
  end
  return count
end

return Engine
