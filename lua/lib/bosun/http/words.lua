--- Internal: the words of a server and of failed connections, for messages of the clients that speak an API over HTTP.

local base = require "bosun.error"
local text = require "bosun.text"

local words = {}

local LONGEST_TEXT = 1000

--- Text from outside as part of a message: on one line, and not too long.
---@param bytes string
---@return string
function words.clean(bytes)
  return text.one_line(bytes, LONGEST_TEXT)
end

--- An HTML page as text: its title, or else its words.
local function text_of_page(page)
  local title = page:match "<[tT][iI][tT][lL][eE]>%s*(.-)%s*</"
  return "an HTML page: " .. (title or page:gsub("<[^>]*>", " "))
end

--- The reason in a body that is not what the API sends: plain text or a page.
---@param body string
---@return string
function words.of_body(body)
  if body:find "^%s*<" then body = text_of_page(body) end
  local reason = words.clean(body)
  return reason ~= "" and reason or "no reason given"
end

--- The reason alone: what http puts around it names the request, for which the clients have better words.
---@param err bosun.Error from bosun.http
---@return string
function words.reason_of(err)
  return base.is(err.cause) and err.cause.message or err.message
end

--- The words for a request that ended because the action is over; nil: it failed by itself.
---@param err bosun.Error
---@param server string such as "the engine at …"
---@return string|nil
function words.over(err, server)
  if err.code == "cancelled" then return "the action is cancelled" end
  if err.code == "deadline" then return ("no answer from %s before the action's deadline"):format(server) end
end

return words
