--- Requests to the port of the proxy at which predictions arrive, by the first way that leads there from here.

local http = require "bosun.http"
local tables = require "bosun.tables"
local time = require "bosun.time"

local address = require "docker.address"
local proxy_api = require "docker.proxy_api"

local proxy_web = {}

local PORT = 80
local CONNECT_TIMEOUT = 2
local MOST_INSIDE = 5 -- requests from inside its container, each of which costs four of the engine
local NO_WAY = "the proxy's port 80 is not reachable from here; publish it with traefikPortMapping"

--- Errors of a way that does not lead to the proxy.
local BLOCKED = { connect = true, dns = true, ECONNREFUSED = true, EHOSTUNREACH = true, ENETUNREACH = true }

--- Does no request reach the proxy on this way? One that is not accepted within the time for connections was dropped.
local function is_blocked(results, seconds)
  for _, result in ipairs(results) do
    local code = result.err and result.err.code
    local was_dropped = code == "timeout" and seconds < CONNECT_TIMEOUT + 1
    if not BLOCKED[code] and not was_dropped then return false end
  end
  return true
end

local function send_to(base, requests)
  local own = {}
  for i, request in ipairs(requests) do
    own[i] = tables.copy(request, { url = base .. request.url, proxy = false, connect_timeout = CONNECT_TIMEOUT })
  end
  return http.all(own, { concurrency = #own })
end

--- From inside the proxy's container only GET works. That its predictions have a route is taken for granted.
local function send_inside(context, inspected, request)
  if request.method == "OPTIONS" then return { response = { status = 405, ok = false, body = "" } } end
  if request.method ~= "GET" then return { skip = NO_WAY } end
  local status, body = proxy_api.get_inside(context, inspected, PORT, request.url)
  if not status then return { skip = body or NO_WAY } end
  return { response = { status = status, ok = status == 200, body = body } }
end

--- For bosun.prediction_server.probe: sends requests whose URLs are paths.
---@param context table
---@param inspected table the proxy's container
---@return bosun.prediction_server.Send
function proxy_web.sender(context, inspected)
  local ways = address.candidates(context, inspected, PORT)
  return function(requests)
    while ways[1] do
      local began = time.monotonic()
      local results = send_to(ways[1], requests)
      if not is_blocked(results, time.monotonic() - began) then return results end
      table.remove(ways, 1)
    end
    local results = {}
    for i, request in ipairs(requests) do
      results[i] = i <= MOST_INSIDE and send_inside(context, inspected, request) or { skip = NO_WAY }
    end
    return results
  end
end

return proxy_web
