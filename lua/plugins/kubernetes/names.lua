--- Names of objects in the cluster, and values of labels, made from ids, which are hostile text. An id that is valid in
--- a name is used as it is; any other is reduced to its valid characters plus a digest of the whole, so two ids never
--- share a name.

local crypto = require "bosun.crypto"
local stand_in = require "bosun.prediction_server.stand_in"

local names = {}

--- Of an object. The name of a Job may have 63, and begins with that of its deployment.
names.LONGEST = 52
local LONGEST_LABEL = 63
local DIGITS = 10

local function digest(text)
  return crypto.sha256(text):sub(1, DIGITS)
end

--- Does an id end like the stand-in for another one? No UUID does: its last group has twelve digits.
local function is_stand_in(id)
  return ("-" .. id):find("%-" .. ("%x"):rep(DIGITS) .. "$") ~= nil
end

--- What is left of an id in a name, and a digest.
local function reduced(prefix, id, hex)
  local kept = stand_in.reduced(id:lower(), "a-z0-9", names.LONGEST - #prefix - DIGITS - 1)
  return ("%s%s%s%s"):format(prefix, kept, kept == "" and "" or "-", hex)
end

--- The name of a deployment's objects: "<prefix><deployment id>".
---@param prefix string objectNamePrefix
---@param id string
---@return string
function names.object(prefix, id)
  local is_plain = id:find("^[a-z0-9]") and id:find("[a-z0-9]$") and not id:find("[^a-z0-9-]")
  if is_plain and #prefix + #id <= names.LONGEST and not is_stand_in(id) then return prefix .. id end
  return reduced(prefix, id, digest(id))
end

--- The name of another object for an id, which is no deployment's.
---@param prefix string objectNamePrefix
---@param purpose string "info"
---@param id string
---@param scope? string what else distinguishes it
---@return string
function names.derived(prefix, purpose, id, scope)
  return reduced(prefix, ("%s-%s"):format(purpose, id), digest(table.concat({ purpose, scope or "", id }, "\0")))
end

--- The name of an object that belongs to the one of this name. No id makes an object of that name.
---@param name string
---@param purpose string "again"
---@return string
function names.beside(name, purpose)
  return ("%s-%s-%s"):format(name, purpose, digest(purpose .. "\0" .. name))
end

--- An id as a label's value.
---@param id string
---@return string
function names.label(id)
  local is_plain = id:find("^%w") and id:find("%w$") and not id:find("[^%w_.-]")
  if is_plain and #id <= LONGEST_LABEL and not is_stand_in(id) then return id end
  local kept = stand_in.reduced(id, "%w_.-", LONGEST_LABEL - DIGITS - 1)
  return ("%s%s%s"):format(kept, kept == "" and "" or "-", digest(id))
end

--- An id as a segment of a URL's path.
names.segment = stand_in.segment

return names
