--- Internal: certificates and keys of a kubeconfig: base64 in it (KEY-data), or a file it names (KEY). They are checked
--- for their form, so that a mistake is found where it is made, and not as a failed handshake.

local base64 = require "bosun.base64"
local fs = require "bosun.fs"
local secret = require "bosun.secret"

local pem = {}

--- What is wrong with the text of a PEM file; nil: nothing.
local function problem_of(text, label)
  local count = 0
  for name, body in text:gmatch "%-%-%-%-%-BEGIN ([%w ]+)%-%-%-%-%-(.-)%-%-%-%-%-END %1%-%-%-%-%-" do
    local bytes = base64.decode((body:gsub("[%w-]+: [^\n]*\n", ""):gsub("%s", "")))
    if not bytes or bytes:byte(1) ~= 0x30 then return ("the %s in it is damaged"):format(name) end
    if name:find(label, 1, true) then count = count + 1 end
  end
  if count == 0 then return ("it holds no %s in PEM form"):format(label) end
end

local function decoded(entry, key, text)
  local bytes = base64.decode((text:gsub("%s", "")))
  if bytes then return bytes, key end
  return nil, nil, entry:wrong(key, "not base64")
end

local function from_file(entry, key, name)
  local file = entry:absolute(name)
  local bytes, err = fs.read(file, { max_bytes = 1024 * 1024 })
  if bytes then return bytes, key end
  return nil, nil, entry:wrong(key, "%s", err.message)
end

--- The PEM text of `key`, from KEY-data or else from the file; nil: neither is there; or nil, err.
---@param entry table of kubeconfig
---@param key string "certificate-authority"
---@param label "CERTIFICATE"|"PRIVATE KEY"
---@return string|nil text
---@return bosun.kubernetes.Error|nil err
function pem.read(entry, key, label)
  local data, err = entry:text(key .. "-data")
  if err then return nil, err end
  local name, at, text
  name, err = entry:text(key)
  if err then return nil, err end
  if data then
    text, at, err = decoded(entry, key .. "-data", data)
  elseif name then
    text, at, err = from_file(entry, key, name)
  end
  if not text then return nil, err end
  if label == "PRIVATE KEY" then secret.new(text) end
  local problem = problem_of(text, label)
  if problem then return nil, entry:wrong(at, "%s", problem) end
  return text
end

--- What is wrong with PEM text from elsewhere; nil: nothing.
pem.problem = problem_of

return pem
