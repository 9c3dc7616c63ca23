---@meta bosun.log
-- luacheck: ignore 212 241

--- Writes events to the host's log, on standard error. Fields are values that tools can search for: they are written as
--- text, with secrets redacted. An event has at most 32 fields; the host adds `action`, `deployment` and `run`, unless
--- it has fields of these names.
---
---     local log = require "bosun.log"
---     log.info("model copied", { path = path, bytes = size })
local log = {}

--- A log that adds its fields to each event.
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

--- Makes a logger that adds these fields to each event: `log.with{ deployment = id }:info("started")`.
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

--- Makes a logger with these fields in addition.
---@param fields table<string, any>
---@return bosun.Logger
function Logger:with(fields) end

return log
