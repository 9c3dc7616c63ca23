--- Internal: collects output that arrives in pieces, of which only so much is kept.

local collect = {}

--- Keeps the last bytes.
---@param limit integer
---@return fun(bytes: string) add
---@return fun(): string text
function collect.tail(limit)
  local pieces, size, first = {}, 0, 1
  local function add(bytes)
    pieces[#pieces + 1], size = bytes, size + #bytes
    while size - #pieces[first] >= limit do
      size = size - #pieces[first]
      pieces[first], first = "", first + 1
    end
  end
  local function text()
    local all = table.concat(pieces, "", first)
    return #all > limit and all:sub(-limit) or all
  end
  return add, text
end

--- Keeps the first bytes.
---@param limit integer
---@return fun(bytes: string) add
---@return fun(): string text
function collect.head(limit)
  local pieces, size = {}, 0
  local function add(bytes)
    if size < limit then pieces[#pieces + 1] = bytes:sub(1, limit - size) end
    size = size + #bytes
  end
  return add, function() return table.concat(pieces) end
end

return collect
