--- Internal: the output of containers without a TTY as the engine sends it: frames, each of a header of 8 bytes
--- `[stream, 0, 0, 0, length]` (the length big-endian) and that many bytes. Stream 1 is stdout; 2 is stderr, and so is
--- 3, which carries errors of the engine itself.

local frames = {}

local HEADER = 8
local NAMES = { [0] = "stdout", [1] = "stdout", [2] = "stderr", [3] = "stderr" }

---@class bosun.docker.Piece
---@field stream "stdout"|"stderr"
---@field bytes string
---@field raw? boolean not from a frame: from here on the bytes have no frames

---@class (private) bosun.docker.Decoder accepts pieces of any size
local Decoder = {}
Decoder.__index = Decoder

--- A decoder. It calls `emit(stream, bytes, starts, raw)` with the content of frames, in order, as soon as it arrives;
--- `starts` marks the first bytes of a frame, which may be empty.
function frames.decoder(emit)
  return setmetatable({ emit = emit, held = "", left = 0, stream = nil, raw = false }, Decoder)
end

--- Stream and length of a header; nil: not a header.
local function read_header(bytes, at)
  local stream, zeros, length = (">B I3 I4"):unpack(bytes, at)
  if zeros ~= 0 or not NAMES[stream] then return nil end
  return NAMES[stream], length
end

--- Begins the frame at `at`; returns where its content begins; nil: the header is not complete yet.
function Decoder:_begin(bytes, at)
  if #bytes - at + 1 < HEADER then return nil end
  local stream, length = read_header(bytes, at)
  if not stream then
    self.raw = true
    return at
  end
  self.stream, self.left, self.starts = stream, length, true
  if length == 0 then self:_give("") end
  return at + HEADER
end

function Decoder:_give(bytes)
  self.left = self.left - #bytes
  local starts = self.starts
  self.starts = false
  self.emit(self.stream, bytes, starts, false)
end

--- Decodes the next bytes.
function Decoder:feed(bytes)
  bytes = self.held .. bytes
  self.held = ""
  local at = 1
  while at <= #bytes and not self.raw do
    if self.left > 0 then
      local last = math.min(#bytes, at + self.left - 1)
      self:_give(bytes:sub(at, last))
      at = last + 1
    else
      local content = self:_begin(bytes, at)
      if not content then break end
      at = content
    end
  end
  if self.raw and at <= #bytes then
    self.emit("stdout", bytes:sub(at), false, true)
  elseif at <= #bytes then
    self.held = bytes:sub(at)
  end
end

--- The bytes of an incomplete header.
function Decoder:rest()
  return self.held
end

--- See docker.demultiplex.
---@param bytes string
---@return bosun.docker.Piece[] pieces
---@return string rest
function frames.split(bytes)
  local pieces = {}
  local decoder = frames.decoder(function(stream, content, _, raw)
    pieces[#pieces + 1] = { stream = stream, bytes = content, raw = raw or nil }
  end)
  decoder:feed(bytes)
  if decoder.starts then pieces[#pieces + 1] = { stream = decoder.stream, bytes = "" } end
  return pieces, decoder:rest()
end

return frames
