---@meta bosun.base64
-- luacheck: ignore 212 241

--- Base64 (RFC 4648).
local base64 = {}

--- Encodes bytes.
---@param bytes string
---@param options? { url?: boolean } url: use the alphabet for URLs and file names, without padding
---@return string
function base64.encode(bytes, options) end

--- Decodes text. Padding is optional.
---@param text string
---@param options? { url?: boolean }
---@return string|nil bytes
---@return bosun.Error|nil err code "syntax"
function base64.decode(text, options) end

return base64
