---@meta bosun.crypto
-- luacheck: ignore 212 241

--- Digests and random bytes. For the SHA-256 of a file, see `fs.sha256`.
local crypto = {}

--- SHA-256 (FIPS 180-4).
---@param s string
---@return string hex 64 lower-case digits
function crypto.sha256(s) end

---@class bosun.crypto.Hasher the SHA-256 of bytes that arrive in pieces
local Hasher = {}

--- Adds bytes.
---@param bytes string
---@return bosun.crypto.Hasher self
function Hasher:update(bytes) end

--- The digest of all bytes so far. More can follow.
---@return string hex 64 lower-case digits
function Hasher:hex() end

--- Begins a SHA-256 of bytes that arrive in pieces.
---
---     local hasher = crypto.hasher()
---     http.get(url, { sink = function(bytes) hasher:update(bytes) end })
---     log.info(hasher:hex())
---
---@return bosun.crypto.Hasher
function crypto.hasher() end

--- HMAC (RFC 2104).
---@param key string
---@param s string
---@param options? { algorithm?: "sha256" }
---@return string hex 64 lower-case digits
function crypto.hmac(key, s, options) end

--- Random bytes from the kernel, suitable for keys.
---@param n integer 0 to 1048576
---@return string|nil bytes
---@return bosun.Error|nil err
function crypto.random_bytes(n) end

--- A random UUID (RFC 9562, version 4): "0b7e4c3a-…".
---@return string|nil uuid
---@return bosun.Error|nil err
function crypto.uuid() end

return crypto
