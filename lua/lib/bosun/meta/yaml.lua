---@meta bosun.yaml
-- luacheck: ignore 212 241

--- YAML as PyYAML's safe_load reads it, with limits and positions; docs/reference/configuration.md has the exceptions.
--- Strings are always written in double quotes, so every YAML reader takes them for strings.
local yaml = {}

--- Stands for null where an absent key cannot: in a list, or as a whole document.
yaml.null = nil ---@type lightuserdata

--- Reads one document. A null in a mapping is an absent key, in a list it is `yaml.null`. Lists are marked as such,
--- so that an empty one stays a list.
---@param text string
---@param options? { source?: string } source: what messages call the text
---@return any|nil value nil on failure; `yaml.null` for an empty document
---@return bosun.Error|nil err its message begins with "source:line:column: "
function yaml.decode(text, options) end

--- Where a value of a document stands. Lines and columns begin at 1.
---@class bosun.yaml.Mark
---@field line integer
---@field column integer
---@field key_line? integer of the key, in a mapping
---@field key_column? integer

--- As decode, and tells where each value stands: `marks[container][key]`, and `marks.root` for the document.
---@param text string
---@param source string
---@return any|nil value
---@return table|bosun.Error marks the marks, or the error when value is nil
function yaml.decode_marked(text, source) end

--- Writes a value as a document. Raises on what YAML cannot hold, naming where in the value it is.
---@param value any
---@return string
function yaml.encode(value) end

--- Reads a file.
---@param path string
---@return any|nil value
---@return bosun.Error|nil err
function yaml.load(path) end

--- Marks a table as a list, so that it stays one even when it is empty. Returns the table.
---@param list table
---@return table
function yaml.array(list) end

return yaml
