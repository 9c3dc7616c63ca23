---@meta bosun.effect
-- luacheck: ignore 212 241

--- Dry runs. The functions of `bosun.*` that change something honour `--dry-run` themselves. `begin` is for other
--- changes, such as those that a C module makes; `because` gives the reason of all that follow, for the plan.
local effect = {}

---@class bosun.effect.Change
---@field before? string what is there now, in a few words; absent: nothing, or it is not known
---@field after? string what is there then; absent: nothing, or it is not known
---@field to? string the path that the target, a path, is moved to
---@field reason? string why it has to change; absent: that of `effect.because`

--- Call this before you change something:
---
---     if effect.begin("gpu.reset", "card 0", { before = "in use", after = "free" }) then gpu.reset(0) end
---
--- In a dry run it becomes an entry of `data.plan`: `operation`, `target`, `before`, `after`, `reason`. Ask only if
--- there is something to change: an action that finds everything in place plans nothing.
---@param op string the operation, in a word or two
---@param target string what it changes
---@param change? bosun.effect.Change
---@return boolean go true: make the change. false: this is a dry run, and the change has been added to its plan
function effect.begin(op, target, change) end

--- Gives the reason of the changes that are planned until the result is closed, those of the library included. Reasons
--- nest: the innermost counts.
---
---     local _ <close> = effect.because(("model id differs: %s, not %s"):format(served, wanted))
---     assert(fs.write(file, text))
---
---@param reason string
---@return any scope to be closed
function effect.because(reason) end

--- Call this in a dry run instead of recording the removal of what does not exist: it takes what the plan creates
--- at that path and below it out of the plan.
---@param path string
---@return boolean there would the plan have left something there?
---@return string|nil was where that is now, if the plan only moved it: then its removal is a change to record
function effect.undo(path) end

--- Is this a dry run?
---@return boolean
function effect.dry_run() end

return effect
