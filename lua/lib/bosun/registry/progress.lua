--- Internal: how far a transfer is, one readable line now and then.

local log = require "bosun.log"
local time = require "bosun.time"

local progress = {}

--- Seconds between two lines.
progress.SECONDS = 2

--- Where lines go: the function from an option, else the log.
---@param on_progress? fun(text: string)
function progress.writer(on_progress)
  return on_progress or function(line) log.info(line) end
end

---@param bytes integer
---@return string
function progress.megabytes(bytes)
  return (bytes < 10e6 and "%.1f" or "%.0f"):format(bytes / 1e6)
end

--- A function that is told how many bytes there are so far, and reports that every few seconds.
---@param what string "push registry.example/a:1: the layer"
---@param total integer bytes
---@param on_progress? fun(text: string)
---@return fun(done: integer)
function progress.bytes(what, total, on_progress)
  local write, last = progress.writer(on_progress), time.monotonic()
  return function(done)
    if time.monotonic() - last < progress.SECONDS then return end
    last = time.monotonic()
    write(("%s: %s of %s MB"):format(what, progress.megabytes(done), progress.megabytes(total)))
  end
end

return progress
