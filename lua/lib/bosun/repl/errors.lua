--- Internal: what a prompt prints about an error: the error, the source around its place, and the frames with their
--- locals.

local console = require "bosun.native.console"
local places = require "bosun.repl.places"
local pretty = require "bosun.repl.pretty"

local errors = {}

local FRAMES_MAX, AROUND = 12, 2

local function is_library(source)
  return source:find "^@bosun/" ~= nil
end

--- The frames from `level` on, up to the prompt's own.
local function frames_from(level)
  local frames = {}
  for i = level + 1, level + 200 do
    local info = debug.getinfo(i, "Slnf")
    if not info or info.func == errors.bottom then
      table.remove(frames) -- xpcall
      break
    end
    info.level = i - 1
    local is_own = info.source:find "^@bosun/repl/" -- what makes `self`
    if not is_own and not (info.what == "C" and #frames == 0 and (info.name == "error" or info.name == "assert")) then
      frames[#frames + 1] = info
    end
  end
  return frames
end

--- The frame to show: the innermost with Lua code that is not the library's.
local function shown_frame(frames)
  for _, frame in ipairs(frames) do
    if frame.currentline > 0 and not is_library(frame.source) then return frame end
  end
  for _, frame in ipairs(frames) do
    if frame.currentline > 0 then return frame end
  end
  return nil
end

--- A function that was called in a tail call has no name: perhaps it is a method of the plugin.
local function method_name(f)
  for name, method in pairs(console.class() or {}) do
    if method == f then return tostring(name) end
  end
  return "a function"
end

local function frame_name(frame)
  if frame.what == "main" then return "main chunk" end
  return frame.name or method_name(frame.func)
end

local function place_text(frame)
  if frame.currentline <= 0 then return "C" end
  return ("%s:%d"):format(frame.source:gsub("^[@=]", ""), frame.currentline)
end

--- "name = value" for each local of a frame; level counts from the caller.
local function locals_of(level, width)
  local out = {}
  for i = 1, 200 do
    local name, value = debug.getlocal(level + 1, i)
    if not name then break end
    if not name:find "^%(" then
      out[#out + 1] = ("      %s = %s\n"):format(name, pretty.line(value, math.max(20, width - 10 - #name)))
    end
  end
  return table.concat(out)
end

local function trace_text(frames, width)
  local out, shown, last = {}, 0, nil
  for _, frame in ipairs(frames) do
    local line = ("  in %s (%s)\n"):format(frame_name(frame), place_text(frame))
    if line ~= last then
      shown = shown + 1
      out[#out + 1] = line
    elseif out[#out] ~= "  …\n" then
      out[#out + 1] = "  …\n" -- it has called itself
    end
    if shown > FRAMES_MAX then break end
    local is_new = line ~= last
    last = line
    if is_new and frame.currentline > 0 and frame.what ~= "main" and not is_library(frame.source) then
      out[#out + 1] = locals_of(frame.level + 1, width)
    end
  end
  return table.concat(out)
end

local function message_of(err)
  if type(err) == "string" then return err end
  local ok, shown = pcall(tostring, err)
  if type(err) == "table" and not (getmetatable(err) or {}).__tostring then shown = pretty.line(err, 2000) end
  local code = type(err) == "table" and rawget(err, "code")
  shown = ok and shown or "an error whose __tostring raises"
  return code and ("%s [%s]"):format(shown, tostring(code)) or shown
end

--- A message handler: the report as a text. The stack is still that of the error.
---@param err any
---@return string
function errors.report(err)
  local settings = console.settings()
  local frames = frames_from(2)
  local frame = shown_frame(frames)
  local red, off = settings.color and "\27[1;31m" or "", settings.color and "\27[0m" or ""
  local out = { ("%serror: %s%s\n"):format(red, message_of(err), off) }
  if frame then out[#out + 1] = places.excerpt(frame.source, frame.currentline, AROUND) end
  if #frames > 1 or frame and frame.what ~= "main" then out[#out + 1] = trace_text(frames, settings.width) end
  return table.concat(out)
end

return errors
