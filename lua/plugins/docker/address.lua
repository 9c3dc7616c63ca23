--- Where a container's port is reachable from this machine.

local address = {}

--- The host of a published port: the address it is bound to, or the engine's host when it is bound to all. nil: only
--- the engine's own machine reaches it.
local function host_of(context, binding)
  local ip = binding.HostIp
  if not ip or ip == "" or ip == "0.0.0.0" or ip == "::" then return context.engine.hostname end
  if not context.engine.is_local and (ip:find("^127%.") or ip == "::1") then return nil end
  return ip:find(":", 1, true) and "[" .. ip .. "]" or ip
end

local function published(context, inspected, port)
  local ports = type(inspected.NetworkSettings) == "table" and inspected.NetworkSettings.Ports
  local bindings = type(ports) == "table" and ports[port .. "/tcp"]
  local binding = type(bindings) == "table" and bindings[1]
  local host = binding and host_of(context, binding)
  return host and ("http://%s:%s"):format(host, binding.HostPort)
end

local function on_network(context, inspected, port)
  local networks = type(inspected.NetworkSettings) == "table" and inspected.NetworkSettings.Networks
  local network = type(networks) == "table" and networks[context.config.dockerNetwork]
  local ip = type(network) == "table" and network.IPAddress
  return ip and ip ~= "" and ("http://%s:%d"):format(ip, port)
end

--- URLs of a container's port, the most likely first: its published port, then its address on the network if the
--- engine is on this machine.
---@param context table
---@param inspected table
---@param port integer
---@return string[]
function address.candidates(context, inspected, port)
  local urls = {}
  urls[#urls + 1] = published(context, inspected, port) or nil
  urls[#urls + 1] = context.engine.is_local and on_network(context, inspected, port) or nil
  return urls
end

return address
