--- What concerns a plugin as a whole.

local bosun = {}

--- Opens the debugger at the next line, if there is somebody: an editor that is attached, or a terminal. Otherwise it
--- does nothing, so one that was forgotten does no harm.
function bosun.breakpoint()
  local native = require "bosun.native.debugger"
  if native.is_on() then
    native.pause(true)
  elseif native.has_prompt() then
    require("bosun.debug.terminal").breakpoint()
  end
end

return bosun
