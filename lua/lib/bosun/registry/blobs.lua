--- Internal: blobs: layers and configs, which are named by the digest of their bytes.

---@class bosun.registry.Client
local Client = require "bosun.registry.client"

local Upload = require "bosun.registry.upload"
local crypto = require "bosun.crypto"
local errors = require "bosun.registry.errors"
local time = require "bosun.time"

local LARGEST_CONFIG = 16 * 1024 * 1024
local READS = 5 -- attempts in a row that bring no bytes
local PAUSE = 0.25 -- seconds before the first of them
local OVER = { deadline = true, cancelled = true, tls = true }

local function path_of(at, digest)
  return ("/v2/%s/blobs/%s"):format(at.repository, digest)
end

--- Is there a blob? nil, err: it is not known. A registry to which somebody is just adding the same blob may answer
--- 500; adding it once more does no harm.
function Client:_has_blob(at, digest, what)
  local resp, err = self:_send(at, "HEAD", path_of(at, digest), { what = what, unknown = "BLOB_UNKNOWN" })
  if resp then return true end
  if err.status == 404 or err.status == 500 then return false end
  return nil, err
end

--- The problem of bytes that should have this digest and size; nil: none.
local function problem_of(digest, size, actual, count)
  if size and count ~= size then return ("there are %d bytes, not %d"):format(count, size) end
  if actual ~= digest then return ("the bytes have the digest %s, not %s"):format(actual, digest) end
end

--- A small blob as a whole, checked.
---@param at bosun.registry.Reference
---@param descriptor { digest: string, size?: integer }
---@param what string
---@return string|nil bytes
---@return bosun.registry.Error|nil err
function Client:_small_blob(at, descriptor, what)
  local resp, err = self:_send(at, "GET", path_of(at, descriptor.digest), {
    what = what, unknown = "BLOB_UNKNOWN", max_bytes = LARGEST_CONFIG,
  })
  if not resp then return nil, err end
  local actual = "sha256:" .. crypto.sha256(resp.body)
  local problem = problem_of(descriptor.digest, descriptor.size, actual, #resp.body)
  if not problem then return resp.body end
  return nil, errors.digest(what, "the registry %s sent something else than the blob %s: %s", at.domain,
    descriptor.digest, problem)
end

-- ---- reading a large one --------------------------------------------------------------------------------------------

--- Reads from `offset` on, and yields the pieces. Returns where it got, and the error if the reply is broken off.
local function yield_from(client, at, digest, offset, what)
  local position, skip = offset, nil
  local resp, err = client:_send(at, "GET", path_of(at, digest), {
    what = what, unknown = "BLOB_UNKNOWN", once = true, apart = true,
    headers = offset > 0 and { Range = ("bytes=%d-"):format(offset) } or nil,
    sink = function(piece, reply)
      skip = skip or (reply.status == 206 and 0 or offset)
      local dropped = math.min(skip, #piece)
      skip, position = skip - dropped, position + #piece - dropped
      if dropped < #piece then coroutine.yield(dropped > 0 and piece:sub(dropped + 1) or piece) end
    end,
  })
  return position, not resp and err or nil
end

--- The pieces of a blob from `offset` on, over as many requests as it takes.
local function yield_all(client, at, descriptor, offset, what)
  local failures = 0
  while offset < descriptor.size do
    local position, err = yield_from(client, at, descriptor.digest, offset, what)
    failures = position > offset and 0 or failures + 1
    offset = position
    if err and (err.status or failures >= READS or OVER[err.code]) then return nil, err end
    if failures >= READS then
      return nil, errors.digest(what, "the registry %s sends fewer than %d bytes", at.domain, descriptor.size)
    end
    if err and not time.sleep(PAUSE * 2 ^ failures) then return nil, err end
  end
end

--- `open` of an upload: the bytes of a blob that a registry has.
function Client:_opener(at, descriptor, what)
  return function(offset)
    local running = coroutine.create(yield_all)
    local arguments = table.pack(self, at, descriptor, offset, what)
    local function next_piece()
      if coroutine.status(running) == "dead" then return nil end
      local ok, piece, err = coroutine.resume(running, table.unpack(arguments, 1, arguments.n))
      arguments = { n = 0 }
      if not ok then error(piece, 0) end
      return piece, err
    end
    return next_piece, function() coroutine.close(running) end
  end
end

--- Reads a blob, and passes its bytes on piece by piece.
function Client:_read_blob(at, descriptor, what, consume)
  local next_piece, stop = self:_opener(at, descriptor, what)(0)
  local hasher, count = crypto.hasher(), 0
  local piece, err = next_piece()
  while piece do
    hasher:update(piece)
    count = count + #piece
    local ok, problem = consume(piece)
    if ok == nil and problem ~= nil then
      stop()
      return nil, problem
    end
    piece, err = next_piece()
  end
  if err then return nil, err end
  local problem = problem_of(descriptor.digest, descriptor.size, "sha256:" .. hasher:hex(), count)
  if problem then return nil, errors.digest(what, "the registry %s: %s", at.domain, problem) end
  return true
end

-- ---- writing --------------------------------------------------------------------------------------------------------

--- Uploads a blob; `location`: of an upload that has begun. Its digest; or nil, err.
function Client:_push_blob(at, blob, location)
  return Upload.new(self, at, blob, location):run()
end

--- Uploads a small blob unless it is there. Its digest.
function Client:_push_text(at, text, what)
  local digest = "sha256:" .. crypto.sha256(text)
  local there, err = self:_has_blob(at, digest, what)
  if there == nil then return nil, err end
  if there then return digest end
  return self:_push_blob(at, {
    what = what, size = #text, digest = digest,
    open = function(offset)
      local rest = offset < #text and text:sub(offset + 1) or nil
      return function()
        local piece = rest
        rest = nil
        return piece
      end
    end,
  })
end

--- Asks for a blob of another repository of the same registry. true: it is there; false, location: an upload has begun;
--- false: nothing came of it.
local function mount(client, from, at, digest, what)
  local resp, location = client:_send(at, "POST", ("/v2/%s/blobs/uploads/"):format(at.repository), {
    what = what, actions = "pull,push", scopes = { ("repository:%s:pull"):format(from.repository) }, body = "",
    query = { mount = digest, from = from.repository }, unknown = "NAME_UNKNOWN",
  })
  if not resp then return false end
  return resp.status == 201, location
end

--- Makes sure that a repository has a blob of another one: it has it already, mounts it, or gets a copy.
---@param from bosun.registry.Reference
---@param at bosun.registry.Reference
---@param descriptor { digest: string, size: integer }
---@param what string
---@return "there"|"mounted"|"copied"|nil how
---@return bosun.registry.Error|nil err
function Client:_bring_blob(from, at, descriptor, what)
  local there, err = self:_has_blob(at, descriptor.digest, what)
  if there == nil then return nil, err end
  if there then return "there" end
  local location
  if from.domain == at.domain then
    there, location = mount(self, from, at, descriptor.digest, what)
    if there then return "mounted" end
  end
  local digest, problem = self:_push_blob(at, {
    what = what, size = descriptor.size, digest = descriptor.digest, open = self:_opener(from, descriptor, what),
  }, location)
  if digest then return "copied" end
  return nil, problem
end

return Client
