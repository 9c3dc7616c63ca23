---@meta bosun.time
-- luacheck: ignore 212 241

--- Clocks, sleeping, and times and durations as text.
local time = {}

--- Seconds since the epoch, with a fraction.
---@return number
function time.now() end

--- Seconds on a clock that never goes back. Use it to measure how long something takes.
---@return number
function time.monotonic() end

--- Sleeps. Returns early, with an error, when the action's deadline passes or the action is cancelled.
---@param seconds number 0 or more
---@return true|nil ok
---@return bosun.Error|nil err code "deadline", "cancelled" or "timeout" (of a limit around this call)
function time.sleep(seconds) end

--- Seconds left until the action's deadline, or until the nearest limit around this call (time.limit, wait.poll,
--- retry.run); nil if there is none.
---@return number|nil
function time.deadline() end

--- A limit for a part of the action. Until it is closed, whatever this function, or one that it calls, waits for (a
--- request, a program, a lock) ends when the time is up, with the code "timeout". Lua code that does not wait runs on.
---
---     local limit <close> = time.limit(30)
---
---@param seconds number more than 0
---@return bosun.time.Limit
function time.limit(seconds) end

---@class bosun.time.Limit close it: `local limit <close> = …`
local Limit = {}

--- Seconds left; 0 when they have passed.
---@return number
function Limit:left() end

--- Ends the limit. Ending it again does nothing.
function Limit:close() end

--- Formats a time in UTC: "2026-11-23T08:00:00.123Z".
---@param t number seconds since the epoch
---@return string
function time.format(t) end

--- Parses a time (RFC 3339).
---@param text string as in "2026-11-23T08:00:00Z"
---@return number|nil t seconds since the epoch
---@return bosun.Error|nil err code "invalid"
function time.parse(text) end

--- Parses a duration: numbers with ms, s, m, h or d. A number is one of seconds, and is returned unchanged.
---@param text string|number as in "1h30m", "2.5s"
---@return number|nil seconds
---@return bosun.Error|nil err code "invalid"
function time.duration(text) end

return time
