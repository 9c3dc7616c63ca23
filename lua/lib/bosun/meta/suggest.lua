---@meta bosun.suggest
-- luacheck: ignore 212 241

--- "Did you mean": finds the nearest of some known words. Ignores case, treats "-" like "_", and counts two swapped
--- neighbours as one mistake.
local suggest = {}

--- The candidate that was probably meant.
---@param word any without effect unless it is a string
---@param candidates string[]
---@return string|nil nearest
function suggest.nearest(word, candidates) end

--- The end of a message: `; did you mean "…"?`, or "" if no candidate is near.
---@param word any
---@param candidates string[]
---@return string
function suggest.hint(word, candidates) end

return suggest
