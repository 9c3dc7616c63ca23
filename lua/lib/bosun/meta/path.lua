---@meta bosun.path
-- luacheck: ignore 212 241

--- Paths as text. Nothing here looks at the file system, except that `abs` asks for the working directory: symlinks are
--- not resolved, and a path need not exist. A path with a NUL byte raises an error.
local path = {}

--- Joins parts with single slashes. An absolute part discards those before it.
---@param first string
---@param ... string
---@return string
function path.join(first, ...) end

--- The last component, ignoring trailing slashes: "c" of "/a/b/c/". Empty for "/" and "".
---@param p string
---@return string
function path.basename(p) end

--- Everything before the last component: "/a/b" of "/a/b/c", "/" of "/a", "." of "a".
---@param p string
---@return string
function path.dirname(p) end

--- The extension of the last component, with its dot: ".gz" of "a.tar.gz". Empty if there is none, as in ".profile".
---@param p string
---@return string
function path.ext(p) end

--- Removes empty and "." components and resolves "..": "a/d" for "a//b/./../d". "." for "".
---@param p string
---@return string
function path.norm(p) end

--- The absolute path, normalised.
---@param p string
---@return string|nil
---@return bosun.Error|nil err the working directory was removed or cannot be read
function path.abs(p) end

--- True if `p` is `base` or below it, after both are normalised. False if only one of the two is absolute.
---@param base string
---@param p string
---@return boolean
function path.is_within(base, p) end

--- Checks whether text from outside is safe as one component of a path: not empty, not "." or "..", not too long, valid
--- UTF-8, and without "/", NUL and control characters.
---@param s string
---@param max? integer bytes; default 255
---@param what? string what messages call it; default "the name"
---@return true|nil ok
---@return bosun.Error|nil err code "invalid"; the message says what is wrong
function path.safe_component(s, max, what) end

return path
