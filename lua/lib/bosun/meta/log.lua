---@meta bosun.log
-- luacheck: ignore 212 241

--- Events for the host's log, which goes to standard error. Fields are values that tools can search for; whatever they
--- are, they are written as text, and secrets in them are hidden. At most 32 fields are kept.
---
---     local log = require "bosun.log"
---     log.info("model copied", { path = path, bytes = size })
local log = {}

--- A log with fields of its own, which each of its events carries.
---@class bosun.Logger
local Logger = {}

---@param message any
---@param fields? table<string, any>
function log.trace(message, fields) end

---@param message any
---@param fields? table<string, any>
function log.debug(message, fields) end

---@param message any
---@param fields? table<string, any>
function log.info(message, fields) end

---@param message any
---@param fields? table<string, any>
function log.warn(message, fields) end

---@param message any
---@param fields? table<string, any>
function log.error(message, fields) end

--- A logger whose events carry these fields: `log.with{ deployment = id }:info("started")`.
---@param fields table<string, any>
---@return bosun.Logger
function log.with(fields) end

---@param message any
---@param fields? table<string, any>
function Logger:trace(message, fields) end

---@param message any
---@param fields? table<string, any>
function Logger:debug(message, fields) end

---@param message any
---@param fields? table<string, any>
function Logger:info(message, fields) end

---@param message any
---@param fields? table<string, any>
function Logger:warn(message, fields) end

---@param message any
---@param fields? table<string, any>
function Logger:error(message, fields) end

--- A logger with the fields of this one and these.
---@param fields table<string, any>
---@return bosun.Logger
function Logger:with(fields) end

return log
