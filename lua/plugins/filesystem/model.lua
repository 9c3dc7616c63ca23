--- The model in a deployment's directory that does not say which file it is.

local fs = require "bosun.fs"
local path = require "bosun.path"

local model = {}

--- A package before anything else, then the newest.
local function comes_before(a, b)
  if a.package ~= b.package then return a.package end
  if a.mtime ~= b.mtime then return a.mtime > b.mtime end
  return a.name < b.name
end

--- The name of the model in a directory of the Python runner. After a replacement there can be several; the newest is
--- the one. Raises when the directory cannot be read.
---@param folder string
---@param others table<string, true> the names of the files that are no model
---@return string|nil name
function model.find(folder, others)
  local candidates = {}
  for _, name in ipairs(assert(fs.list(folder))) do
    local stat = not others[name] and name:sub(1, 1) ~= "." and fs.stat(path.join(folder, name))
    if stat and (stat.type == "file" or stat.type == "directory") then
      candidates[#candidates + 1] = { name = name, package = path.ext(name) == ".mlpkg", mtime = stat.mtime }
    end
  end
  table.sort(candidates, comes_before)
  return candidates[1] and candidates[1].name
end

return model
