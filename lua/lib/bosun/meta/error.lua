---@meta bosun.error
-- luacheck: ignore 212 241

--- Error values. A library call that fails returns nil and one of these; `assert(call())` raises it as it is, and the
--- host keeps its fields. Compare `err.code` to find out what happened, never the text.
---
---     local response, err = http.get(url)
---     if not response and err.code == "ECONNREFUSED" then … end
---     if not response then return nil, errors.wrap(err, "asking the model server") end
---
--- `tostring(err)` is the text for people: "file:line:column: path: message", as far as these are set, with known
--- secrets redacted.
local errors = {}

---@class bosun.Error
---@field code string the name of an errno value ("ENOENT"), or a word: "timeout", "deadline", "cancelled", "invalid", …
---(docs/reference/errors.md lists them)
---@field op? string the operation that failed: "open", "rename", "parse"
---@field message string text for people, without the place
---@field file? string the file that is wrong, such as a config
---@field line? integer line in that file, from 1
---@field column? integer column in that file, in characters, from 1
---@field path? string the key in that file: "peInfo.deployments[2].id"
---@field hint? string what to do about it, where that is not what the code has
---@field retryable? boolean can the same action again succeed, where that is not what the code has
---@field cause? any the error below this one

--- Makes an error.
---@param fields bosun.Error at least code and message; fields of your own are kept
---@return bosun.Error
function errors.new(fields) end

--- True for an error that `errors.new`, `errors.wrap` or the library made.
---@param value any
---@return boolean
function errors.is(value) end

--- What `data.error` of a status says about an error: its code and operation, and whether to try again and what to do,
--- as docs/reference/errors.md has it for the code or the error says itself. The host puts it into each failing status.
---@param err any an error; nil or any other value: one without a code
---@param operation string what was being done, if the error has no `op`
---@return { code: string, operation: string, retryable: boolean, hint: string }
function errors.failure(err, operation) end

--- Adds what the failed step was part of. The new error's message is "message: err's message", its cause is err, and it
--- has the fields of err except for those given.
---@param err any an error, or any other value
---@param message string
---@param fields? table
---@return bosun.Error
function errors.wrap(err, message, fields) end

return errors
