--- Internal: lines from bytes that arrive in pieces. As in host/core/base/lines.c, a line ends with LF, and a CR before
--- it is not part of the line. A line of more than 1 MiB comes in parts.

local lines = {}

local LONGEST = 1024 * 1024

--- Calls `on_line(line)` for each line, until it returns false.
---@param on_line fun(line: string): boolean?
---@return fun(bytes: string): boolean add false: on_line has returned false
---@return fun(): boolean finish passes on a last line without an end
function lines.splitter(on_line)
  local held, more = "", true
  local function pass(line)
    more = on_line(line) ~= false
    return more
  end
  local function add(bytes)
    if not more then return false end
    local at, stop = 1, bytes:find("\n", 1, true)
    stop = stop and #held + stop
    held = held .. bytes
    while stop do
      if not pass((held:sub(at, stop - 1):gsub("\r$", ""))) then return false end
      at = stop + 1
      stop = held:find("\n", at, true)
    end
    held = held:sub(at)
    if #held < LONGEST then return true end
    local part = held
    held = ""
    return pass(part)
  end
  local function finish()
    return more and (held == "" or pass(held))
  end
  return add, finish
end

return lines
