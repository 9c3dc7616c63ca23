--- Internal: the progress of pulls, pushes and builds, one readable line at a time.

local lines = require "bosun.lines"
local shared = require "bosun.registry.progress"
local text = require "bosun.text"
local time = require "bosun.time"

local progress = {}

local megabytes, writer = shared.megabytes, shared.writer
progress.writer = writer

local SECONDS = shared.SECONDS
local DONE = { ["Pull complete"] = true, ["Already exists"] = true, ["Pushed"] = true, ["Layer already exists"] = true,
  ["Download complete"] = true }
--- Podman's layers are done once they are downloaded; Docker unpacks them after that.
local DOWNLOADED = { ["Download complete"] = true, ["Verifying Checksum"] = true, ["Extracting"] = true }

local function summary(what, layers)
  local done, count, current, total = 0, 0, 0, 0
  for _, layer in pairs(layers) do
    count = count + 1
    if layer.done then done = done + 1 end
    current, total = current + layer.current, total + layer.total
  end
  local size = total > 0 and (", %s of %s MB"):format(megabytes(current), megabytes(total)) or ""
  return ("%s: %d of %d layers%s"):format(what, done, count, size)
end

local function update(layer, message)
  local status, detail = message.status, message.progressDetail
  layer.done = DONE[status] or false
  if DOWNLOADED[status] or layer.done then layer.current = layer.total end
  local moves = status == "Downloading" or status == "Pushing"
  if moves and type(detail) == "table" and math.type(detail.current) == "integer" then
    layer.current = detail.current
    if math.type(detail.total) == "integer" and detail.total > 0 then layer.total = detail.total end
  end
end

--- A function for the messages of a pull or push, which reports the progress every few seconds.
---@param what string "pull alpine:latest"
---@param on_progress? fun(text: string)
---@param seconds? number between two lines, default 2
function progress.transfer(what, on_progress, seconds)
  local write, layers, last = writer(on_progress), {}, time.monotonic()
  return function(message)
    local id = message.id
    if type(id) ~= "string" or type(message.status) ~= "string" or message.status:find "^Pulling from" then return end
    layers[id] = layers[id] or { current = 0, total = 0, done = false }
    update(layers[id], message)
    if time.monotonic() - last >= (seconds or SECONDS) then
      last = time.monotonic()
      write(summary(what, layers))
    end
  end
end

--- A function for the output of a build, which arrives in pieces, and one for its end, which returns the last lines as
--- one text.
---@param on_progress? fun(text: string)
---@param keep integer how many lines
function progress.output(on_progress, keep)
  local write, last = writer(on_progress), {}
  local add, finish = lines.splitter(function(line)
    line = text.trimmed((line:gsub("\27%[[%d;]*m", "")))
    if line == "" then return end
    write(line)
    last[#last + 1] = line
    if #last > keep then table.remove(last, 1) end
  end)
  return add, function()
    finish()
    return table.concat(last, "\n")
  end
end

return progress
