---@meta bosun.path
-- luacheck: ignore 212 241

--- Paths as text. Nothing here looks at the file system (`abs` asks for the working directory): symlinks do not
--- count, and a path need not exist. A path that holds a NUL raises.
local path = {}

--- Joins with one slash between two parts. An absolute part drops what is before it.
---@param first string
---@param ... string
---@return string
function path.join(first, ...) end

--- The last component, slashes at the end aside: "c" of "/a/b/c/". Empty for "/" and "".
---@param p string
---@return string
function path.basename(p) end

--- What is before the last component: "/a/b" of "/a/b/c", "/" of "/a", "." of "a".
---@param p string
---@return string
function path.dirname(p) end

--- The extension of the last component with its dot: ".gz" of "a.tar.gz". Empty when there is none, also for
--- ".profile".
---@param p string
---@return string
function path.ext(p) end

--- Without empty and "." components and with every ".." resolved: "a/d" of "a//b/./../d". "" is ".".
---@param p string
---@return string
function path.norm(p) end

--- The path from the root, normalised.
---@param p string
---@return string|nil
---@return bosun.Error|nil err the working directory is gone or cannot be read
function path.abs(p) end

--- Is `p`, normalised, `base` or below it? False when only one of the two is absolute.
---@param base string
---@param p string
---@return boolean
function path.is_within(base, p) end

--- Can a text from outside be one component of a path? It cannot when it is empty, "." or "..", too long, not UTF-8, or
--- holds a "/", a NUL or a control character.
---@param s string
---@param max? integer bytes; default 255
---@param what? string what the message calls it; default "the name"
---@return true|nil ok
---@return bosun.Error|nil err code "invalid": what is wrong with it
function path.safe_component(s, max, what) end

return path
