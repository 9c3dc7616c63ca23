--- Reads the LuaLS annotations of the library's Lua files (https://luals.github.io/wiki/annotations). It returns:
---
---     module: name, doc, value (the local variable that the file returns), functions, classes, aliases, internal, meta
---     function: name ("read"), owner ("fs"), method (called with ':'), names (in its signature), params, returns, doc,
---               line
---     class: name, parent, doc, fields, owner (the local variable with its methods), enum (its fields are constants)
---     param, field, return: name, type, optional, doc

local parse = {}

local CLOSING = { ["("] = ")", ["{"] = "}", ["["] = "]", ["<"] = ">" }

--- Splits a type off the beginning of `text`; returns it and the rest. A space ends the type, except in brackets and
--- next to a character that continues it: "string | nil", "fun(): any, any".
local function split_type(text)
  local open, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    if c == '"' then
      at = text:find('"', at + 1, true) or #text
    elseif CLOSING[c] then
      open[#open + 1] = CLOSING[c]
    elseif c == open[#open] then
      open[#open] = nil
    elseif c == " " and #open == 0 and not text:sub(1, at - 1):find "[|,:]$" and not text:find("^ *|", at) then
      break
    end
    at = at + 1
  end
  return text:sub(1, at - 1), text:sub(at):match "^%s*(.-)%s*$"
end

local function named(text)
  local name, optional, rest = text:match "^([%w_%.]+)(%??)%s+(.*)$"
  if not name then return { name = text, type = "any", doc = "" } end
  local kind, doc = split_type(rest)
  return { name = name, optional = optional == "?", type = kind, doc = doc }
end

local tags = {}

function tags.param(block, text) table.insert(block.params, named(text)) end

function tags.field(block, text)
  if not text:find "^private " then table.insert(block.fields, named(text)) end
end

tags["return"] = function(block, text)
  local kind, rest = split_type(text)
  local name, doc = rest:match "^(%.?%.?%.?[%w_]*)%s*(.*)$"
  if name == "" then name = nil end
  table.insert(block.returns, { type = kind, name = name, doc = doc })
end

function tags.class(block, text)
  if text:find "^%(private%)" then return end
  local name, rest = text:match "^([%w_%.]+)%s*(.*)$"
  local parent, doc = rest:match "^:%s*([%w_%.]+)%s*(.*)$"
  block.class, block.parent, block.class_doc = name, parent, doc or rest
end

function tags.enum(block, text) block.class, block.class_doc, block.enum = text:match "^%S+", "", true end

function tags.alias(block, text)
  local name, kind = text:match "^([%w_%.]+)%s+(.*)$"
  table.insert(block.aliases, { name = name, type = kind })
end

function tags.meta(block, text) block.meta = text end

local function new_block()
  return { doc = {}, params = {}, returns = {}, fields = {}, aliases = {} }
end

--- Adds a `---` line to the block: documentation, a tag, or the continuation of a tag.
local function add_line(block, line)
  local tag, rest = line:match "^%-%-%-@(%w+)%s*(.*)$"
  if tag then
    block.tag = { tag, rest }
    table.insert(block, block.tag)
  elseif block.tag and line:find "^%-%-%-[^%s-]" then
    block.tag[2] = block.tag[2] .. " " .. line:sub(4)
  else
    table.insert(block.doc, (line:gsub("^%-%-%- ?", "")))
  end
end

local function finish(block)
  for _, tag in ipairs(block) do
    if tags[tag[1]] then tags[tag[1]](block, tag[2]) end
  end
  block.text = table.concat(block.doc, "\n"):gsub("%s+$", "")
  return block
end

local function signature_names(text)
  local names = {}
  for name in text:gmatch "[^%s,]+" do names[#names + 1] = name end
  return names
end

local function add_function(module, block, line, number)
  local owner, separator, name, names = line:match "^function ([%w_]+)([.:])([%w_]+)%((.-)%)"
  if not owner or name:find "^_" then return end
  table.insert(module.functions, {
    owner = owner, method = separator == ":", name = name, names = signature_names(names), params = block.params,
    returns = block.returns, doc = block.text, line = number,
  })
end

--- Adds to the module what a block of annotations says; `code` is the line after the block.
local function add_block(module, block, code)
  finish(block)
  if block.meta then module.meta, module.name = true, block.meta ~= "" and block.meta or nil end
  for _, alias in ipairs(block.aliases) do table.insert(module.aliases, alias) end
  if block.class then
    local doc = block.text .. (block.text ~= "" and block.class_doc ~= "" and "\n\n" or "") .. block.class_doc
    table.insert(module.classes, {
      name = block.class, parent = block.parent, fields = block.fields, doc = doc, enum = block.enum,
      owner = code:match "^local ([%w_]+)%s*=",
    })
  end
end

--- Adds a line of an enum's table to its class. Returns the class, or nil at the end of the table.
local function add_constant(class, line)
  local name, value = line:match "^%s+([%u_]+) = (.-),?$"
  if name then table.insert(class.fields, { name = name, type = value, doc = "" }) end
  return not line:find "^}" and class or nil
end

--- Parses the text of a file. `name` is the module's name, unless the file gives another.
function parse.text(text, name)
  local module = { name = name, functions = {}, classes = {}, aliases = {} }
  local block, number, first, enum = new_block(), 0, true, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    enum = enum and add_constant(enum, line)
    if line:find "^%-%-%-" then
      add_line(block, line)
    elseif #block.doc + #block > 0 or line:find "^function " then
      add_block(module, block, line)
      local documents_module = first and not block.class and (not line:find "^function " and not block.meta)
      if documents_module then module.doc, first = block.text, false end
      add_function(module, block, line, number)
      if block.enum then enum = module.classes[#module.classes] end
      block = new_block()
    end
  end
  module.value = text:match "\nreturn ([%w_]+)%s*$"
  module.internal = module.doc ~= nil and module.doc:find "^Internal:" ~= nil
  return module
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- The public modules below `folder` (lua/lib), sorted by name, and a module without a name for what they all use.
--- `files`: their paths, relative to `folder`. Classes and aliases of the files in a module's own folder (bosun/http/…)
--- belong to that module.
function parse.files(folder, files)
  local modules, parts, common = {}, {}, parse.text("", nil)
  for _, path in ipairs(files) do
    local name = path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    local module = parse.text(read(folder .. "/" .. path), name)
    module.path = path
    local parent = name:match "^(bosun%.%w+)%."
    if parent and not module.meta then
      parts[#parts + 1] = { parent = parent, module = module }
    elseif not module.name then
      parse.merge(common, module)
    elseif not module.internal then
      modules[#modules + 1] = module
    end
  end
  table.sort(modules, function(a, b) return a.name < b.name end)
  for _, module in ipairs(modules) do
    for _, part in ipairs(parts) do
      if part.parent == module.name then parse.merge(module, part.module) end
    end
  end
  return modules, common
end

local function class_named(module, name)
  for _, class in ipairs(module.classes) do
    if class.name == name then return class end
  end
end

--- Adds a class to the module. If the module has it already, adds what is new.
local function add_class(module, class)
  local known = class_named(module, class.name)
  if not known then return table.insert(module.classes, class) end
  if known.doc == "" then known.doc = class.doc end
  table.move(class.fields, 1, #class.fields, #known.fields + 1, known.fields)
end

--- Adds the classes of `part`, their methods, and the aliases.
function parse.merge(module, part)
  for _, class in ipairs(part.classes) do
    add_class(module, class)
    for _, fn in ipairs(part.functions) do
      if fn.owner == class.owner then table.insert(module.functions, fn) end
    end
  end
  for _, alias in ipairs(part.aliases) do table.insert(module.aliases, alias) end
end

--- The class whose methods are in the local variable `owner`, or nil.
function parse.class_of(module, owner)
  for _, class in ipairs(module.classes) do
    if class.owner == owner then return class end
  end
end

return parse
