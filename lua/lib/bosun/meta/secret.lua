---@meta bosun.secret
-- luacheck: ignore 212 241

--- Text that never shows. A secret that is printed, logged or put in a status appears as "[secret]"; where its text
--- turns up in the log, the trace or the status, it is replaced by "[redacted]", also when it is escaped, in base64, or
--- cut. Functions that pass text on to its destination (standard input and environment of a program, headers) accept a
--- secret instead of a string.
local secret = {}

---@class bosun.Secret
local Secret = {}

--- The text itself.
---@return string
function Secret:reveal() end

--- Makes a secret. Each line of a text with several is one, too. Text shorter than 4 bytes is too common to be redacted
--- elsewhere.
---@param text string
---@return bosun.Secret
function secret.new(text) end

--- True for a secret.
---@param value any
---@return boolean
function secret.is(value) end

return secret
