---@meta bosun.lines
-- luacheck: ignore 212 241

--- Lines from bytes that arrive in pieces: the output of a program, a body that is streamed. A line ends in "\n" or
--- "\r\n", neither of which is part of it. A line longer than 1 MiB comes in parts.
local lines = {}

--- Splits what it is given.
---
---     local add, finish = lines.splitter(function(line) log.info(line) end)
---     http.get(url, { sink = add })
---     finish()
---
---@param on_line fun(line: string): boolean? called for each line; false: no more
---@return fun(bytes: string): boolean add takes the next bytes; false once on_line has returned false
---@return fun(): boolean finish at the end: passes on a last line without an ending
function lines.splitter(on_line) end

return lines
