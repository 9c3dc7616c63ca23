---@meta bosun.options
-- luacheck: ignore 212 241

--- Checks tables of options, for functions that take one as their last argument. A wrong option is a bug of whoever
--- called, and raises an error there, with a "did you mean".
---
---     function library.fetch(url, given)
---       given = options.check("library.fetch", given, { timeout = "seconds", token = "text", tags = "list|string" })
---
--- A specification maps each name to kinds, with "|" between them: amount (a number of 0 or more), any, boolean,
--- count (an integer of 0 or more), function, integer, limit (0 or more seconds; math.huge: no limit), list (a table
--- with the keys 1 to n and no others), mode (permission bits), number, positive (an integer of 1 or more), seconds
--- (0 or more, finite), string, table, text (a string or a bosun.secret), timeout (more than 0 seconds; math.huge: no
--- limit).
local options = {}

--- The options, when they are right; raises otherwise.
---@param fn string the function's name, for the message
---@param given any a table of options, or nil
---@param known table<string, string> the specification
---@param level? integer as of `error`, seen from the caller of `options.check`; default 2: where that was called
---@return table given, or an empty table instead of nil
function options.check(fn, given, known, level) end

--- What is wrong with options, for those who raise it themselves.
---@param given table
---@param known table<string, string> the specification
---@param prefix? string in front of names: "tls."
---@return string|nil problem
function options.problem(given, known, prefix) end

return options
