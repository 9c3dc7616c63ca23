---@meta bosun.effect
-- luacheck: ignore 212 241

--- Dry runs. The functions of `bosun.*` that change something honour `--dry-run` themselves. This module is for other
--- changes, such as those that a C module makes.
local effect = {}

--- Call this before you change something:
---
---     if effect.begin("gpu.reset", "card " .. id) then gpu.reset(id) end
---
---@param op string the operation, in a word or two
---@param text string what it changes
---@return boolean go true: make the change. false: this is a dry run, and "op text" has been added to its plan
function effect.begin(op, text) end

--- Is this a dry run?
---@return boolean
function effect.dry_run() end

return effect
