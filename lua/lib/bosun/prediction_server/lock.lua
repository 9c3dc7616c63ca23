--- Internal: locks between the actions of one machine, which is where an agent runs its actions. They spare work and
--- confusion; correctness rests on the environment: on names that an engine grants once, on versions of objects.

local crypto = require "bosun.crypto"
local fs = require "bosun.fs"
local path = require "bosun.path"
local process = require "bosun.process"

local lock = {}

--- Waits for a lock.
---@param kind string "docker": the beginning of the file's name
---@param scope string[] what together names the thing that is locked: the address of the environment, a prefix, an id
---@param seconds number
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another action holds it
function lock.take(kind, scope, seconds)
  local digest = crypto.sha256(table.concat(scope, "\0"))
  local file = path.join(process.env "TMPDIR" or "/tmp", ("bosun-%s-%s.lock"):format(kind, digest:sub(1, 16)))
  return fs.lock(file, { timeout = seconds, remove = true })
end

return lock
