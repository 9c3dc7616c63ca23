---@meta

--- What a call that failed returns after nil. `assert(call())` raises it whole, and the host keeps its message.
---@class bosun.Error
---@field code string the name of an errno value ("ENOENT"), or "timeout", "cancelled", "invalid", "syntax", "too_large"
---@field op string what was being done: "open", "rename", "parse"
---@field message string a whole sentence for people; `tostring(err)` gives it too
