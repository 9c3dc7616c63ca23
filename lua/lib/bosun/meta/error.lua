---@meta bosun.error
-- luacheck: ignore 212 241

--- The one error value of the library. What a call returns after nil is one; `assert(call())` raises it whole, and the
--- host keeps its fields. Look at `err.code` to learn what happened, never at the text.
---
---     local response, err = http.get(url)
---     if not response and err.code == "ECONNREFUSED" then … end
---     if not response then return nil, errors.wrap(err, "asking the model server") end
---
--- `tostring(err)` is the text for people: "file:line:column: path: message", as much of it as there is, without the
--- secrets that the host knows.
local errors = {}

---@class bosun.Error
---@field code string the name of an errno value ("ENOENT"), or a word: "timeout", "deadline", "cancelled", "invalid", …
---(docs/reference/errors.md lists them)
---@field op? string what was being done: "open", "rename", "parse"
---@field message string a whole sentence for people, without the place
---@field file? string the file that is wrong, a config for example
---@field line? integer in that file
---@field column? integer in that file, in characters
---@field path? string of the key in that file: "peInfo.deployments[2].id"
---@field cause? any the error below this one

--- Makes an error.
---@param fields bosun.Error its fields, code and message at least, and fields of your own
---@return bosun.Error
function errors.new(fields) end

--- Is this an error that `errors.new`, `errors.wrap` or the library made?
---@param value any
---@return boolean
function errors.is(value) end

--- An error that says what a failed step was part of: its message is "message: err's message", its cause is err, and it
--- has the fields of err but for those given.
---@param err any an error, or any other value
---@param message string
---@param fields? table
---@return bosun.Error
function errors.wrap(err, message, fields) end

return errors
