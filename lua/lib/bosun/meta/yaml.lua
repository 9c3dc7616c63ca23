---@meta bosun.yaml
-- luacheck: ignore 212 241

--- YAML as PyYAML's safe_load reads it, with limits and positions; docs/reference/configuration.md has the exceptions.
--- Strings are always written in double quotes, so every YAML reader takes them for strings.
local yaml = {}

--- Represents null where a key cannot simply be absent: in a list, or as the whole document.
yaml.null = nil ---@type lightuserdata

--- Reads one document. A null in a mapping is an absent key; in a list it is `yaml.null`. Lists are marked, so an empty
--- one stays a list.
---@param text string
---@param options? { source?: string } source: the name of the text in messages
---@return any|nil value nil on failure; `yaml.null` for an empty document
---@return bosun.Error|nil err its message begins with "source:line:column: "
function yaml.decode(text, options) end

--- The position of a value in a document. Lines and columns start at 1.
---@class bosun.yaml.Mark
---@field line integer
---@field column integer
---@field key_line? integer of the key, in a mapping
---@field key_column? integer

--- Like decode, and returns the position of each value: `marks[container][key]`, and `marks.root` for the document.
---@param text string
---@param source string
---@return any|nil value
---@return table|bosun.Error marks the marks, or the error if value is nil
function yaml.decode_marked(text, source) end

--- Writes a value as a document. A table is a list if its keys are 1 to n and nothing else, otherwise a mapping. Raises
--- an error for a value that YAML cannot represent, and names its position.
---@param value any
---@return string
function yaml.encode(value) end

--- Reads a file.
---@param path string
---@param options? { max_bytes?: integer } default: 1 MiB; above it, the number of parts has no limit of its own
---@return any|nil value
---@return bosun.Error|nil err
function yaml.load(path, options) end

--- Marks a table as a list, so that it stays one even if it is empty. Writing it raises an error if it then has other
--- keys than 1 to n. Returns the table.
---@param list table
---@return table
function yaml.array(list) end

return yaml
