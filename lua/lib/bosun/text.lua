--- Internal: text from outside, such as a server's reply or a program's output, made fit for a message.

local text = {}

--- No more than the first `most` bytes, cut between two characters.
---@param bytes string
---@param most integer
---@return string
function text.head(bytes, most)
  if #bytes <= most then return bytes end
  local cut = most
  while cut > 1 and (bytes:byte(cut + 1) & 0xC0) == 0x80 do cut = cut - 1 end
  return bytes:sub(1, cut) .. "…"
end

--- No more than the last `most` bytes, cut between two characters.
---@param bytes string
---@param most integer
---@return string
function text.tail(bytes, most)
  if #bytes <= most then return bytes end
  return "…" .. bytes:sub(-most):gsub("^[\x80-\xBF]*", "")
end

--- Without white space at the end.
---@param bytes string
---@return string
function text.trimmed(bytes)
  return (bytes:gsub("%s+$", ""))
end

--- One line of no more than `most` bytes.
---@param bytes string
---@param most integer
---@return string
function text.one_line(bytes, most)
  return text.head((bytes:gsub("[%c%s]+", " "):gsub("^ +", ""):gsub(" +$", "")), most)
end

return text
