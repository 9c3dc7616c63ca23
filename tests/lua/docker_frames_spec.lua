-- bosun.docker: output of containers, cut anywhere.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("docker.demultiplex", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  --- Runs code with `frame(stream, content)`, `demultiplex`, and pieces as short texts.
  local function eval(code)
    return workspace:eval([[
      local docker = require "bosun.docker"
      local function frame(stream, content) return (">B I3 I4"):pack(stream, 0, #content) .. content end
      local function demultiplex(bytes)
        local pieces, rest = docker.demultiplex(bytes)
        local texts = {}
        for i, piece in ipairs(pieces) do
          texts[i] = piece.stream .. ":" .. piece.bytes .. (piece.raw and " (raw)" or "")
        end
        return texts, rest
      end
    ]] .. code)
  end

  it("gives back each frame, in order", function()
    assert.same({ { "stdout:one\n", "stderr:two", "stdout:", "stderr:of the engine", "stdout:0" }, 0 }, eval [[
      local texts, rest = demultiplex(frame(1, "one\n") .. frame(2, "two") .. frame(1, "") .. frame(3, "of the engine")
        .. frame(0, "0"))
      return { texts, #rest }
    ]])
  end)

  it("gives back nothing of nothing", function()
    assert.same({ 0, "" }, eval [[
      local texts, rest = demultiplex ""
      return { #texts, rest }
    ]])
  end)

  it("loses nothing, wherever the end is cut off", function()
    assert.same({ "fine", 32 }, eval [[
      local whole = frame(1, "first") .. frame(2, "") .. frame(1, "last")
      local count = 0
      for cut = 0, #whole do
        local pieces, rest = docker.demultiplex(whole:sub(1, cut))
        local size = #rest
        for _, piece in ipairs(pieces) do size = size + 8 + #piece.bytes end
        if size ~= cut or #rest > 7 then return { "cut at " .. cut, size } end
        if #rest == 0 and cut > 0 and #pieces == 0 then return { "no piece", cut } end
        count = count + 1
      end
      return { "fine", count - 2 }
    ]])
  end)

  it("takes what is in no frame for standard output", function()
    assert.same({ { "stdout:framed", "stdout:plain text (raw)" }, "" }, eval [[
      local texts, rest = demultiplex(frame(1, "framed") .. "plain text")
      return { texts, rest }
    ]])
  end)

  it("takes frames of any size, and any bytes", function()
    assert.same({ true, true }, eval [[
      local all = {}
      for i = 0, 255 do all[i + 1] = string.char(i) end
      local bytes = table.concat(all):rep(1000)
      local pieces = docker.demultiplex(frame(1, bytes) .. frame(2, bytes))
      return { pieces[1].bytes == bytes, pieces[2].bytes == bytes }
    ]])
  end)

  it("is the same in pieces of any size", function()
    assert.same("fine", eval [[
      local frames = require "bosun.docker.frames"
      local whole = frame(1, "one") .. frame(2, "two, longer") .. frame(2, "") .. frame(1, "three")
        .. frame(1, "x"):sub(1, 5)
      for size = 1, #whole do
        local got = { stdout = "", stderr = "" }
        local decoder = frames.decoder(function(stream, bytes) got[stream] = got[stream] .. bytes end)
        for at = 1, #whole, size do decoder:feed(whole:sub(at, at + size - 1)) end
        if got.stdout ~= "onethree" or got.stderr ~= "two, longer" or #decoder:rest() ~= 5 then return size end
      end
      return "fine"
    ]])
  end)
end)
