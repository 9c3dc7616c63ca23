---@meta bosun.size
-- luacheck: ignore 212 241

--- Sizes in bytes as people write them, and back.
local size = {}

--- Parses a number of bytes with an optional unit, in any case: k, M, G, T and P are powers of 1000, Ki, Mi, Gi, Ti and
--- Pi powers of 1024, each with or without a "B". Fractions of a byte are dropped.
---@param text string "512Mi", "1.5 GiB", "10kB", "4096"
---@return integer|nil bytes
---@return bosun.Error|nil err code "invalid"
function size.parse(text) end

--- Parses a size by the rules of `docker run --memory`: k, M, G, T and P are powers of 1024, too.
---@param text string "512m"
---@return integer|nil bytes
---@return bosun.Error|nil err code "invalid"
function size.parse_docker(text) end

--- A number of bytes as text, in powers of 1024: "1.5 GiB".
---@param bytes integer 0 or more
---@return string
function size.show(bytes) end

return size
