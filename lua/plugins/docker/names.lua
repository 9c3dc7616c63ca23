--- Names of engine objects and routes from ids, which are hostile text. An id that a name can hold stands in it as it
--- is; any other becomes what is left of it and a digest of the whole, so that two ids never share a name.

local crypto = require "bosun.crypto"
local docker = require "bosun.docker"

local names = {}

local LONGEST_PART = 64
local LONGEST_ROUTE = 24

local function digest(text)
  return crypto.sha256(text):sub(1, 12)
end

--- Does a text end as the stand-in for another one does? No UUID does: its digits have no "h" before them.
local function is_stand_in(text)
  return text:find("%f[%w]h" .. ("%x"):rep(12) .. "$") ~= nil
end

--- `text` with every run of other bytes than `allowed` (a set for a pattern) as one "-", beginning and ending with a
--- letter or digit.
local function reduced(text, allowed, longest)
  return (text:gsub(("[^%s]+"):format(allowed), "-"):sub(1, longest):gsub("^[^%w]+", ""):gsub("[^%w]+$", ""))
end

--- What is left of an id, and its digest.
local function stand_in(kept, id)
  return (kept == "" and "" or kept .. "-") .. "h" .. digest(id)
end

--- Is this text usable as an id at all?
---@param id any
---@return true|nil ok
---@return string|nil problem
function names.check_id(id)
  if type(id) ~= "string" or id == "" then return nil, "it is missing" end
  if id:find("\0", 1, true) then return nil, "it holds a NUL" end
  if #id > 1024 then return nil, ("it has %d bytes; 1024 are allowed"):format(#id) end
  return true
end

local function part(id)
  if #id <= LONGEST_PART and not id:find("[^%w_.-]") and not is_stand_in(id) then return id end
  return stand_in(reduced(id, "%w_.-", LONGEST_PART - 16), id)
end

--- "<prefix>deployment_<deployment id>_<model id>"
function names.container(prefix, deployment_id, model_id)
  return ("%sdeployment_%s_%s"):format(prefix, part(deployment_id), part(model_id))
end

--- The image generated for a model: "<prefix><model id>", where names of images have no capital letters.
function names.image(prefix, model_id)
  local name = prefix .. model_id
  local is_plain = #model_id <= LONGEST_PART and model_id:find("^[a-z0-9]") and not model_id:find("[:@/]")
  if is_plain and not is_stand_in(model_id) and docker.parse_reference(name) then return name end
  return prefix .. stand_in(reduced(model_id:lower(), "a-z0-9", LONGEST_PART - 16), model_id)
end

--- What stands for an id in a URL's path. Only what no proxy's rule takes for something else.
function names.segment(id)
  local is_plain = #id <= 128 and not id:find("[^%w_.~-]") and not id:find("^%.+$")
  if is_plain and not is_stand_in(id) then return id end
  return stand_in(reduced(id, "%w_~-", LONGEST_PART), id)
end

--- Another segment for a deployment's id, while the first has another model. No id has it as its own.
function names.next_segment(id, model_id)
  return "next-h" .. digest(id .. "\0" .. model_id)
end

--- The name of a deployment's router: lower case, without what separates the parts of a label. `scope` keeps apart
--- what several plugins have on one engine; the model, what two actions make at the same time.
function names.router(scope, deployment_id, model_id, generation)
  local kept = reduced(deployment_id:lower(), "a-z0-9", LONGEST_ROUTE)
  return ("bosun-%s-%s-g%d"):format(kept, digest(table.concat({ scope, deployment_id, model_id }, "\0")), generation)
end

--- A host name on the network: those with "_" are no valid hosts of URLs.
function names.host(role, scope)
  return ("%s-%s"):format(role, digest(scope):sub(1, 8))
end

return names
