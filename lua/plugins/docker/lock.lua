--- Locks between actions on one machine, which is where an agent runs its actions. They spare work and confusion; what
--- is right without them is seen to by the names of containers, which the engine gives to one alone.

local crypto = require "bosun.crypto"
local fs = require "bosun.fs"
local path = require "bosun.path"
local process = require "bosun.process"

local lock = {}

--- Waits for the lock of something on this engine. nil and an error when it cannot be had.
---@param context table
---@param what string "image mlops_a"
---@param seconds number
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another action has it
function lock.take(context, what, seconds)
  local digest = crypto.sha256(("%s\0%s\0%s"):format(context.engine.host, context.config.containerNamePrefix, what))
  local file = path.join(process.env "TMPDIR" or "/tmp", ("bosun-docker-%s.lock"):format(digest:sub(1, 16)))
  return fs.lock(file, { timeout = seconds, remove = true })
end

return lock
