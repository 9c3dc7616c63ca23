--- Waits until predictions arrive at the published URL: the controller of the ingresses, or the Gateway, takes a moment
--- to see a new route. A URL that is not reachable from here tells nothing, and is not waited for.

local http = require "bosun.http"
local url = require "bosun.url"
local wait = require "bosun.wait"

local routes = require "kubernetes.routes"

local publication = {}

local TIMEOUT = 15 -- seconds; controllers that are well take one or two
local PATIENCE, CONNECT_TIMEOUT = 3, 2
--- Replies of a controller that does not have the route, or no server behind it, yet.
local NOT_YET = { [404] = true, [502] = true, [503] = true, [504] = true }

--- Does the URL lead to the server? nil, text: not yet; "unknown": it cannot be reached from here.
local function look(address)
  local response, err = http.request {
    method = "OPTIONS", url = address, timeout = PATIENCE, connect_timeout = CONNECT_TIMEOUT, follow = false,
  }
  if not response then return "unknown", err end
  if NOT_YET[response.status] then return nil, ("it answers %d"):format(response.status) end
  return "there"
end

--- Waits for the route of a deployment that has just been made or changed.
---@param context table
---@param id string of the deployment
---@return string|nil remark for the message of the action: what may be wrong with the route; nil: nothing
function publication.wait(context, id)
  if context.dry_run then return nil end
  local address = routes.prediction_url(context, id)
  local seen, problem = wait.poll(function() return look(address) end,
    { interval = 0.1, backoff = 1.3, timeout = wait.budget(TIMEOUT), what = "the route" })
  if seen == "unknown" then context.log:debug("the published URL is not reachable from here", { error = problem }) end
  if seen or problem.code ~= "timeout" then return nil end
  return ("but %s does not lead to it yet: %s (%s)"):format(url.show(address), tostring(problem.last),
    routes.words(context.routing))
end

--- Waits until the controller has dropped what it published at a deployment's path: its answers would be taken for
--- those of the route that comes next.
---@param context table
---@param id string of the deployment
function publication.wait_for_end(context, id)
  if context.dry_run then return end
  local address = routes.prediction_url(context, id)
  local _, problem = wait.poll(function() return look(address) ~= "there" end,
    { interval = 0.1, backoff = 1.3, timeout = wait.budget(TIMEOUT), what = "the end of the route" })
  if problem then context.log:debug("the path is still served by something else", { error = problem }) end
end

return publication
