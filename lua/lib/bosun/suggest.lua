--- Internal: "did you mean": the nearest of some known words. Case counts nothing, '-' is '_', a swap of two neighbours
--- counts once. The same rule as that of host/core/base/suggest.c, which serves the command line.

local suggest = {}

local LONGEST_WORD = 64

local function plain(word)
  return (word:lower():gsub("-", "_"))
end

--- The edit distance of two words, by bytes (optimal string alignment).
local function distance(a, b)
  local before, previous = nil, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, previous = previous, row
  end
  return previous[#b]
end

--- The candidate nearest to `word`, or nil when none is near.
---@param word string
---@param candidates string[]
---@return string|nil
function suggest.nearest(word, candidates)
  local nearest, least = nil, math.huge
  for _, candidate in ipairs(candidates) do
    local longer = math.max(#word, #candidate)
    local far = longer <= LONGEST_WORD and distance(plain(word), plain(candidate)) or math.huge
    if far <= longer // 3 and far < least then
      nearest, least = candidate, far
    end
  end
  return nearest
end

--- `; did you mean "…"?`, or an empty text when no candidate is near: to be put at the end of a message.
---@param word any
---@param candidates string[]
---@return string
function suggest.hint(word, candidates)
  local nearest = type(word) == "string" and suggest.nearest(word, candidates)
  return nearest and ('; did you mean "%s"?'):format(nearest) or ""
end

return suggest
