--- A plugin that compares the annotations of the library with the library in the running host: tools/check-annotations
--- runs it, in a dry run. Every function must be in both, with the same parameters.
---
--- The parameters of a Lua function are known. A C function is called: it rejects a missing required argument and one
--- of the wrong type by their number, and it ignores any argument after the last.

local BosunPluginBase = require "bosun.plugin_base"
local fs = require "bosun.fs"
local parse = require "parse"
local path = require "bosun.path"
local status = require "bosun.action_status"

local Check = BosunPluginBase:extend("check-annotations")

local FOLDER = "lua/lib"

--- Values that the C functions accept, by the beginning of a type's name; the first match is used.
local SAMPLES = {
  { "string%[%]", { "true" } }, { "string", "/nonexistent/sample" }, { "integer", 0 }, { "number", 0 },
  { "boolean", true }, { "fun", function() end }, { "any", 1 }, { "", {} },
}

--- A value that no function accepts, except one that accepts any value.
local WRONG = coroutine.create(print)

--- Makes an object of each class that is implemented in C.
local OBJECTS = {
  ["bosun.fs.Lock"] = function() return require("bosun.fs").lock "/nonexistent/lock" end,
  ["bosun.Logger"] = function() return require("bosun.log").with {} end,
  ["bosun.crypto.Hasher"] = function() return require("bosun.crypto").hasher() end,
  ["bosun.Secret"] = function() return require("bosun.secret").new "sample" end,
  ["bosun.time.Limit"] = function() return require("bosun.time").limit(1) end,
  ["bosun.Process"] = function() return require("bosun.process").spawn { "true" } end,
}

local differences

local function differ(module, fn, message, ...)
  local name = type(fn) == "table" and ("%s%s%s"):format(fn.owner, fn.method and ":" or ".", fn.name) or fn
  local at = type(fn) == "table" and (":%d"):format(fn.line) or ""
  differences[#differences + 1] = ("%s/%s%s: %s: %s"):format(FOLDER, module.path, at, name, message:format(...))
end

local function sample_of(param)
  for _, sample in ipairs(SAMPLES) do
    if param.type:find("^" .. sample[1]) then return sample[2] end
  end
end

local function takes_anything(param)
  return param.type:find "^any" ~= nil
end

--- The number of the argument that the function rejects when it is called like this, or nil.
local function refused(fn, arguments, count)
  local ok, message = pcall(fn, table.unpack(arguments, 1, count))
  return not ok and tonumber(tostring(message):match "bad argument #(%d+)") or nil
end

local function probe_param(report, fn, arguments, at, param)
  local missing = refused(fn, arguments, at - 1)
  if param.optional and missing == at then
    report("%s is annotated as optional but is required", param.name)
  elseif not param.optional and not takes_anything(param) and missing ~= at then
    report("%s is annotated as required but is optional", param.name)
  end
  if takes_anything(param) then return end
  arguments[at] = WRONG
  if refused(fn, arguments, at) ~= at then report("%s is annotated but ignored", param.name) end
end

--- Finds out the parameters of a C function by calling it. `self`: the object of a method.
local function probe(report, fn, params, self)
  local arguments, count = { self }, self ~= nil and 1 or 0
  for _, param in ipairs(params) do
    if param.name == "..." then return end
    count = count + 1
    probe_param(report, fn, arguments, count, param)
    arguments[count] = sample_of(param)
  end
  arguments[count + 1] = WRONG
  if refused(fn, arguments, count + 1) == count + 1 then report("argument %d is not annotated", #params + 1) end
end

--- The names of a Lua function's parameters, without self.
local function names_of(fn)
  local info, names = debug.getinfo(fn, "u"), {}
  for i = 1, info.nparams do names[i] = debug.getlocal(fn, i) end
  if names[1] == "self" then table.remove(names, 1) end
  if info.isvararg then names[#names + 1] = "..." end
  return names
end

local function compare_names(report, what, names, params)
  local annotated = {}
  for i, param in ipairs(params) do annotated[i] = param.name end
  local left, right = table.concat(names, ", "), table.concat(annotated, ", ")
  if left ~= right then report("%s (%s) but is annotated with (%s)", what, left, right) end
end

local function compare_function(module, fn, live, self)
  local function report(...) differ(module, fn, ...) end
  if type(live) ~= "function" then return report("is annotated but does not exist") end
  if debug.getinfo(live, "S").what == "C" then
    probe(report, live, fn.params, self)
  else
    compare_names(report, "takes", names_of(live), fn.params)
  end
end

--- Reports the functions of a live table that are not among the annotated ones.
local function report_unknown(module, owner, live, annotated)
  for name, value in pairs(live) do
    if type(value) == "function" and type(name) == "string" and not name:find "^_" and not annotated[name] then
      differ(module, owner .. "." .. name, "exists but has no annotations")
    end
  end
end

--- The table with the methods of a C class, and an object of the class. The functions of a Lua class are in the file
--- itself and are compared with that only.
local function methods_of(module, class)
  local make = OBJECTS[class.name]
  if not make then
    differ(module, class.name, "tools/annotations/check.lua makes no object of this C class")
    return nil
  end
  local object = assert(make())
  return getmetatable(object).__index, object
end

--- The tables that hold a module's functions, by their name in the file: {table, object}.
local function owners_of(module, live)
  local owners = {}
  if module.value then owners[module.value] = { live } end
  for name, value in pairs(live) do
    if type(value) == "table" and type(name) == "string" then owners[name] = owners[name] or { value } end
  end
  for _, class in ipairs(module.meta and module.classes or {}) do
    if class.owner and not owners[class.owner] then owners[class.owner] = { methods_of(module, class) } end
  end
  return owners
end

local function check_module(module)
  local ok, live = pcall(require, module.name)
  if not ok then return differ(module, module.name, "cannot be required: %s", live) end
  local owners, annotated = owners_of(module, live), {}
  for _, fn in ipairs(module.functions) do
    if fn.owner == module.value or parse.class_of(module, fn.owner) then
      compare_names(function(...) differ(module, fn, ...) end, "is declared with", fn.names, fn.params)
    end
    local owner = owners[fn.owner]
    if owner and owner[1] then
      annotated[fn.owner] = annotated[fn.owner] or {}
      annotated[fn.owner][fn.name] = true
      compare_function(module, fn, owner[1][fn.name], fn.method and owner[2] or nil)
    end
  end
  for name, owner in pairs(owners) do
    if owner[1] and annotated[name] then report_unknown(module, name, owner[1], annotated[name]) end
  end
end

local function lua_files()
  local files = {}
  for file, kind in assert(fs.walk(FOLDER)) do
    if kind == "file" and path.ext(file) == ".lua" then files[#files + 1] = file:sub(#FOLDER + 2) end
  end
  return files
end

--- Reports the C modules that have no annotations at all.
local function report_missing_modules(modules)
  local known = {}
  for _, module in ipairs(modules) do known[module.name] = true end
  for name in pairs(package.preload) do
    if name:find "^bosun%.%w+$" and not known[name] then
      differences[#differences + 1] = ("%s: exists but has no file in %s/bosun/meta"):format(name, FOLDER)
    end
  end
end

function Check:pe_status()
  differences = {}
  local modules = parse.files(FOLDER, lua_files())
  report_missing_modules(modules)
  local count = 0
  for _, module in ipairs(modules) do
    check_module(module)
    count = count + #module.functions
  end
  table.sort(differences)
  return status.ActionStatusInfo {
    status = #differences == 0 and status.ActionStatus.OK or status.ActionStatus.ERROR,
    msg = ("%d modules, %d functions: %d differences"):format(#modules, count, #differences),
    data = { differences = differences },
  }
end

return Check
