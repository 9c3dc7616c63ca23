--- Internal: one upload of a blob. The digest is taken while the bytes are sent. After a connection that breaks, the
--- registry is asked how far it got, and the upload goes on from there, or begins anew where that is not possible.
---
--- Format: OCI distribution-spec, "Pushing a blob in chunks".

local crypto = require "bosun.crypto"
local errors = require "bosun.registry.errors"
local log = require "bosun.log"
local progress = require "bosun.registry.progress"
local time = require "bosun.time"

local ATTEMPTS = 5 -- in a row that get no further
local SMALLER = 48 * 1024 * 1024 -- bytes of a request, where a server in between refuses larger ones
local LONGEST_PAUSE = 15
local WRITES = "pull,push"
--- Refusals after which the same bytes can be taken: an upload that is not known any more, or has another length.
local AGAIN = { BLOB_UPLOAD_UNKNOWN = true, BLOB_UPLOAD_INVALID = true, RANGE_INVALID = true }
local OVER = { deadline = true, cancelled = true, tls = true, invalid = true }

local Upload = {}
Upload.__index = Upload

--- Prepares an upload. `blob`: what (for messages: "push registry.example/a:1: the layer"), size in bytes, digest
--- (nil: it is not known before it is read), open (a function of an offset, which returns one that returns the bytes
--- from there in pieces, then nil, or nil and an error; and one that ends that early). `location`: of a session that
--- there is already.
---@param client bosun.registry.Client
---@param at bosun.registry.Reference
---@param blob table
---@param location? string
function Upload.new(client, at, blob, location)
  return setmetatable({
    client = client, at = at, blob = blob, what = blob.what, location = location, chunk = client._chunk_size,
    offset = 0, position = nil, hashed = 0, hasher = crypto.hasher(), failures = 0, resumed = false,
    note = progress.bytes(blob.what, blob.size, client._on_progress),
  }, Upload)
end

-- ---- bytes ----------------------------------------------------------------------------------------------------------

function Upload:_close_reader()
  if self.stop then self.stop() end
  self.read, self.stop, self.rest, self.position = nil, nil, nil, nil
end

--- Has the next bytes begin at `offset`.
function Upload:_seek(offset)
  if self.position == offset then return end
  self:_close_reader()
  self.read, self.stop = self.blob.open(offset)
  self.position = offset
end

--- Takes bytes into the digest unless it has them already.
function Upload:_hash(piece)
  local first = self.hashed - self.position
  if first >= #piece then return end
  self.hasher:update(first > 0 and piece:sub(first + 1) or piece)
  self.hashed = self.position + #piece
end

--- The next bytes, at most `most`.
function Upload:_next(most)
  local piece, err = self.rest, nil
  if not piece then piece, err = self.read() end
  self.rest = nil
  if not piece then
    err = err or errors.invalid(self.what, "there are fewer bytes than the expected %d", self.blob.size)
    self.unreadable = err
    return nil, err
  end
  if #piece > most then piece, self.rest = piece:sub(1, most), piece:sub(most + 1) end
  self:_hash(piece)
  self.position = self.position + #piece
  self.note(self.position)
  return piece
end

function Upload:_source(length)
  local left = length
  return function()
    if left == 0 then return nil end
    local piece, err = self:_next(left)
    if piece then left = left - #piece end
    return piece, err
  end
end

-- ---- the registry's side --------------------------------------------------------------------------------------------

--- How many bytes the registry has, by the header Range: "0-99" are 100. Some have "0-0" for none.
local function received(resp)
  local last = (resp.headers.Range or ""):match "0%-(%d+)%s*$"
  last = math.tointeger(tonumber(last)) or 0
  return last > 0 and last + 1 or 0
end

function Upload:_begin()
  local resp, location = self.client:_send(self.at, "POST", ("/v2/%s/blobs/uploads/"):format(self.at.repository), {
    what = self.what, actions = WRITES, body = "", unknown = "NAME_UNKNOWN",
  })
  if not resp then return nil, location end
  if not location then
    return nil, errors.new { code = "protocol",
      message = ("%s: the registry %s began an upload without a Location"):format(self.what, self.at.domain) }
  end
  self.location, self.offset = location, 0
  local least = tonumber(resp.headers["OCI-Chunk-Min-Length"])
  if self.chunk and least then self.chunk = math.max(self.chunk, math.tointeger(least) or 0) end
  return true
end

--- Sends the next chunk.
function Upload:_send_chunk()
  local length = math.min(self.chunk or math.huge, self.blob.size - self.offset)
  local whole = self.offset == 0 and length == self.blob.size
  self:_seek(self.offset)
  local resp, location = self.client:_send(self.at, "PATCH", self.location, {
    what = self.what, actions = WRITES, source = self:_source(length), length = length, once = true,
    unknown = "BLOB_UPLOAD_UNKNOWN", headers = {
      ["Content-Type"] = "application/octet-stream",
      ["Content-Range"] = not whole and ("%d-%d"):format(self.offset, self.offset + length - 1) or nil,
    },
  })
  if not resp then return nil, location end
  self.location = location or self.location
  local there = resp.headers.Range and received(resp) or self.offset + length
  if there <= self.offset or there > self.offset + length then
    return nil, errors.new { code = "protocol",
      message = ("%s: of %d bytes from byte %d on, the registry %s has taken those up to byte %d"):format(self.what,
        length, self.offset, self.at.domain, there) }
  end
  self.offset, self.failures = there, 0
  return true
end

--- Asks how far the upload got; false: it is gone.
function Upload:_ask()
  local resp, location = self.client:_send(self.at, "GET", self.location, {
    what = self.what, actions = WRITES, unknown = "BLOB_UPLOAD_UNKNOWN",
  })
  if not resp and location.status then return false end
  if not resp then return nil, location end
  self.location = location or self.location
  local there = received(resp)
  if there > self.position then return false end -- more than was sent: it is not this upload
  if there > self.offset then self.failures = 0 end
  self.offset, self.resumed = there, true
  return true
end

--- Can the upload go on after this error?
local function is_passing(err)
  if OVER[err.code] then return false end
  if not err.status then return true end
  return err.status >= 500 or err.status == 429 or err.status == 401 or AGAIN[err.code] == true
end

--- Waits, and has the upload go on where the registry is, or from the beginning.
function Upload:_recover(err)
  if err.status == 413 and not self.chunk then
    self.chunk = SMALLER
    return self:_begin()
  end
  self.failures = self.failures + 1
  if self.unreadable or not is_passing(err) or self.failures >= ATTEMPTS then return nil, err end
  local slept, over = time.sleep(math.min(LONGEST_PAUSE, 0.25 * 2 ^ (self.failures - 1)))
  if not slept then return nil, errors.unreached(self.at.domain, self.what, over) end
  local there, problem = self:_ask()
  if there == nil then return nil, problem end
  if there then
    log.info("registry: an upload goes on", { what = self.what, from = self.offset, after = err.message })
    return true
  end
  log.info("registry: an upload begins anew", { what = self.what, after = err.message })
  return self:_begin()
end

function Upload:_send_all()
  while self.offset < self.blob.size do
    local ok, err = self:_send_chunk()
    if not ok then
      local goes_on, problem = self:_recover(err)
      while not goes_on and self:_is_away(problem) do goes_on, problem = self:_recover(problem) end
      if not goes_on then return nil, self.unreadable and errors.wrap(self.unreadable, self.what) or problem end
    end
  end
  return true
end

--- Is the error one after which the registry can be asked again?
function Upload:_is_away(err)
  return not self.unreadable and is_passing(err) and self.failures < ATTEMPTS
end

--- Ends the upload: the registry checks the digest. When the answer to a first attempt was lost, the upload is not
--- known any more, but the blob is there.
function Upload:_finish(digest)
  local resp, err = self.client:_send(self.at, "PUT", self.location, {
    what = self.what, actions = WRITES, query = { digest = digest }, body = "", slow = true, once = true,
    headers = { ["Content-Type"] = "application/octet-stream" }, unknown = "BLOB_UPLOAD_UNKNOWN",
  })
  if resp then return true end
  if not OVER[err.code] and self.client:_has_blob(self.at, digest, self.what) then return true end
  return nil, err
end

--- Tells the registry that the upload will not be completed. Without that, it keeps the bytes for a while.
function Upload:_abandon(err)
  if OVER[err.code] or not self.location then return end
  self.client:_send(self.at, "DELETE", self.location, { what = self.what, actions = WRITES, once = true })
end

function Upload:_once()
  if not self.location then
    local ok, err = self:_begin()
    if not ok then return nil, err end
  end
  local ok, err = self:_send_all()
  if not ok then return nil, err end
  local digest = "sha256:" .. self.hasher:hex()
  if self.blob.digest and self.blob.digest ~= digest then
    return nil, errors.digest(self.what, "the bytes have the digest %s, not %s", digest, self.blob.digest)
  end
  ok, err = self:_finish(digest)
  if ok then return digest end
  return nil, err
end

--- Uploads the blob. An upload that went on after a break, and is then refused, is done again from the beginning.
---@return string|nil digest
---@return bosun.registry.Error|nil err
function Upload:run()
  local digest, err = self:_once()
  if not digest and self.resumed and (err.code == "DIGEST_INVALID" or AGAIN[err.code]) then
    self.location, self.offset, self.resumed, self.hashed, self.hasher = nil, 0, false, 0, crypto.hasher()
    digest, err = self:_once()
  end
  self:_close_reader()
  if not digest then self:_abandon(err) end
  return digest, err
end

return Upload
