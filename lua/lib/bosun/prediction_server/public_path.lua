--- Internal: the path of outfacingPredictionURLPrefix. Proxies compare paths after decoding them, so their rules have
--- it decoded. What clients or some versions of a proxy change on the way, or what is special in a rule, is refused.

local url = require "bosun.url"

local public_path = {}

local EXPECTED = "expected a path such as /predictions"

local function decoded(path)
  return (path:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function without_end(path)
  return (path:gsub("/+$", ""))
end

--- The path, decoded and without "/" at its end; "": none.
---@param prefix string the URL
---@return string
function public_path.of(prefix)
  return decoded(without_end(assert(url.parse(prefix)).path))
end

local function segment_problem(segment)
  local text = decoded(segment)
  if text == "" then return 'contains "//", which not every proxy and client keeps' end
  if text == "." or text == ".." then return ('contains the segment "%s", which clients resolve'):format(segment) end
  if text:find("/", 1, true) then return 'contains an encoded "/" (%2F)' end
  if text:find("[%c{}`\"\\]") then
    return 'contains a control character or one of { } ` " \\, which are special in a rule of the proxy'
  end
  if not utf8.len(text) then return "is not valid UTF-8 when decoded" end
end

--- For the schema: can the prefix be part of the proxy's rules?
---@param prefix string
---@return true|nil ok
---@return string|nil problem
function public_path.check(prefix)
  local parsed = url.parse(prefix)
  if not parsed then return true end -- the schema's type says that
  if parsed.query or parsed.fragment then return nil, "expected a URL without a query and a fragment" end
  if parsed.path:gsub("%%%x%x", ""):find("%", 1, true) then
    return nil, 'the path contains a "%" that is not followed by two hexadecimal digits'
  end
  local path = without_end(parsed.path)
  for segment in (path .. "/"):sub(2):gmatch("([^/]*)/") do
    local problem = segment_problem(segment)
    if problem then return nil, ("the path %s; %s"):format(problem, EXPECTED) end
  end
  return true
end

return public_path
