---@meta bosun.secret
-- luacheck: ignore 212 241

--- Texts that show themselves nowhere. Printed, logged or put in a status, a secret is "[secret]"; where its text turns
--- up in the log, the trace or the status, it becomes "[redacted]". What sends texts to where they belong (a program's
--- standard input and environment, headers) takes a secret in place of a string.
local secret = {}

---@class bosun.Secret
local Secret = {}

--- The text itself.
---@return string
function Secret:reveal() end

--- Makes a secret. Texts under 4 bytes are too common to be found and hidden elsewhere.
---@param text string
---@return bosun.Secret
function secret.new(text) end

--- Is this a secret?
---@param value any
---@return boolean
function secret.is(value) end

return secret
