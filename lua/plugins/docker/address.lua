--- Where a container's port is reachable from this machine.

local fs = require "bosun.fs"

local address = {}

local ROOTLESS = "name=rootless"

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

--- Does the engine run without root? Then its networks are in a namespace of its own, and an address of a container
--- here is nobody's, or another engine's.
local function is_rootless(context)
  if context.is_rootless == nil then
    local info = context.engine:info()
    context.is_rootless = false
    for _, option in ipairs(info and type(info.SecurityOptions) == "table" and info.SecurityOptions or {}) do
      if option == ROOTLESS then context.is_rootless = true end
    end
  end
  return context.is_rootless
end

--- Is this machine on the network? Where the network's bridge is, the engine need not be asked.
local function is_here(context, network)
  local bridge = type(network.NetworkID) == "string" and network.NetworkID:match("^%x+$")
  if bridge and fs.exists("/sys/class/net/br-" .. bridge:sub(1, 12)) then return true end
  return not is_rootless(context)
end

local function on_network(context, inspected, port)
  local networks = type(inspected.NetworkSettings) == "table" and inspected.NetworkSettings.Networks
  local network = type(networks) == "table" and networks[context.config.dockerNetwork]
  local ip = type(network) == "table" and network.IPAddress
  return ip and ip ~= "" and is_here(context, network) and ("http://%s:%d"):format(ip, port)
end

--- URLs of a container's port, the most likely first: its published port, then its address on the network if that is
--- on this machine.
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
