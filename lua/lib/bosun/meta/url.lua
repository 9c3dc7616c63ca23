---@meta bosun.url
-- luacheck: ignore 212 241

--- URLs (RFC 3986), split and shown. `http.escape` escapes text for a URL.
local url = {}

---@class bosun.url.Parts escapes such as %2F are kept
---@field scheme string as it is written: "https"
---@field user? string
---@field password? string
---@field host string an IPv6 address keeps its brackets
---@field port? integer
---@field path string empty, or beginning with "/"
---@field query? string without "?"
---@field fragment? string without "#"

--- Splits a URL.
---@param text string
---@return bosun.url.Parts|nil parts
---@return bosun.Error|nil err code "invalid"; the message repeats nothing of the text
function url.parse(text) end

--- A URL for a message: without user, password and fragment, and with "[redacted]" for the values of query parameters
--- that look like credentials.
---@param text string
---@return string
function url.show(text) end

return url
