---@meta bosun.effect
-- luacheck: ignore 212 241

--- Dry runs. The functions of `bosun.*` that change something obey `--dry-run` by themselves; this is for changes that
--- they do not know of (a C module's, say).
local effect = {}

--- To be asked before something is changed:
---
---     if effect.begin("gpu.reset", "card " .. id) then gpu.reset(id) end
---
---@param op string what is done, a word or two
---@param text string to what
---@return boolean go true: do it. false: this is a dry run, and "op text" is now in its plan
function effect.begin(op, text) end

--- Is this a dry run?
---@return boolean
function effect.dry_run() end

return effect
