--- Internal: puts the error of a status into its `data`, for programs. Loaded only for a status that has one.

local errors = require "bosun.error"
local list = require "bosun.native.list"
local null = require("bosun.yaml").null
local tables = require "bosun.tables"

local failure = {}

--- The data with the key `error`. Data that is no mapping stays as it is, and so does an `error` of the plugin's own.
---@param data any
---@param err any an error value; nil or anything else has no code
---@param operation string what was being done, where the error does not say it
---@return any
function failure.add(data, err, operation)
  if data == nil or data == null then return { error = errors.failure(err, operation) } end
  if type(data) ~= "table" or data.error ~= nil or list.shape(data) ~= "mapping" then return data end
  return tables.copy(data, { error = errors.failure(err, operation) })
end

return failure
