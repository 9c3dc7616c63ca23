--- Locks between actions on one machine, which is where an agent runs its actions. They only spare work and confusion;
--- correctness rests on the names of containers, each of which the engine grants once.

local crypto = require "bosun.crypto"
local fs = require "bosun.fs"
local path = require "bosun.path"
local process = require "bosun.process"

local lock = {}

--- Waits for the lock of something on this engine.
---@param context table
---@param what string "image mlops_a"
---@param seconds number
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another action holds it
function lock.take(context, what, seconds)
  local digest = crypto.sha256(("%s\0%s\0%s"):format(context.engine.host, context.config.containerNamePrefix, what))
  local file = path.join(process.env "TMPDIR" or "/tmp", ("bosun-docker-%s.lock"):format(digest:sub(1, 16)))
  return fs.lock(file, { timeout = seconds, remove = true })
end

return lock
