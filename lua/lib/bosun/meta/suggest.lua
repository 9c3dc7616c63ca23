---@meta bosun.suggest
-- luacheck: ignore 212 241

--- "Did you mean": the nearest of some known words. Case does not count, "-" is "_", and two swapped neighbours are one
--- mistake.
local suggest = {}

--- The candidate that is near enough to be what was meant.
---@param word any nothing is near to what is not a string
---@param candidates string[]
---@return string|nil nearest
function suggest.nearest(word, candidates) end

--- The end of a message: `; did you mean "…"?`, or nothing when no candidate is near.
---@param word any
---@param candidates string[]
---@return string
function suggest.hint(word, candidates) end

return suggest
