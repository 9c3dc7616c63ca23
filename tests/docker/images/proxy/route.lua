-- The routing table inside haproxy. proxy.py writes it as a Lua file that returns a list of routers, those that come
-- first first: {match = function(request), servers = {{address=, port=}…}, path = a replaced path or nil,
-- entrypoints = {web = true}}; "routes" on haproxy's socket reads it again.
local TABLE = "/run/routes.lua"
local routers, turn = {}, 0

local function decoded(txn, path)
  return path:find("%", 1, true) and txn.c:url_dec(path) or path
end

local function find(request, entrypoint)
  for _, router in ipairs(routers) do
    if router.entrypoints[entrypoint] and router.match(request) then return router end
  end
  return nil
end

core.register_action("route", { "http-req" }, function(txn, entrypoint)
  local host = (txn.sf:req_hdr("host") or ""):lower():gsub(":%d+$", "")
  local router = find({ host = host, path = decoded(txn, txn.sf:path()), method = txn.sf:method() }, entrypoint)
  if not router then return end
  txn:set_var("txn.router", router.name)
  if #router.servers == 0 then return end
  turn = turn + 1
  local server = router.servers[turn % #router.servers + 1]
  txn:set_var("txn.address", server.address)
  txn:set_var("txn.port", server.port)
  if router.path then txn:set_var("txn.path", router.path) end
end, 1)

core.register_cli({ "routes" }, "routes : read the routing table again", function(applet)
  local chunk, problem = loadfile(TABLE)
  local good, loaded = pcall(chunk or error, problem)
  if good then routers = loaded end
  applet:send(good and "loaded\n" or "failed: " .. tostring(loaded) .. "\n")
end)
