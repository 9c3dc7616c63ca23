---@meta bosun.regex
-- luacheck: ignore 212 241

--- POSIX extended regular expressions, as `grep -E` has them, for values that people write into configs. Lua's own
--- patterns are faster and do for everything else.
---
--- Bytes are compared: a "." is one byte, and also a line's end; "^" and "$" are the beginning and the end of the text.
--- Refused is what POSIX leaves undefined, such as "\d" (write [0-9]) or "a**", back references, patterns of more than
--- 1000 bytes, and counted repetitions that expand to more than 10,000 parts.
local regex = {}

--- Is this a regular expression?
---@param pattern string
---@return true|nil ok
---@return bosun.Error|nil err code "invalid"
function regex.check(pattern) end

--- Does some part of the text match?
---@param text string at most 16 KiB
---@param pattern string
---@return boolean|nil matches
---@return bosun.Error|nil err code "invalid", or "too_large": the text is
function regex.matches(text, pattern) end

return regex
