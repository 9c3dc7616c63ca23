--- Internal: what an editor unfolds: the scopes of a frame and the parts of values, by reference numbers that are valid
--- while the action is stopped.

local frames = require "bosun.debug.frames"
local values = require "bosun.debug.values"

local MAX_CHILDREN = 1000 -- at once, where the editor asks for all

---@class bosun.debug.Variables
local Variables = {}
Variables.__index = Variables

function Variables.new()
  return setmetatable({ nodes = {}, of_table = {} }, Variables)
end

function Variables:add(node)
  table.insert(self.nodes, node)
  return #self.nodes
end

local function has_parts(value)
  return type(value) == "table" or type(value) == "userdata" and debug.getmetatable(value) ~= nil
end

--- The reference for a value; 0: it has no parts.
function Variables:reference(value)
  if not has_parts(value) then return 0 end
  local known = self.of_table[value]
  if not known then
    known = self:add { value = value }
    self.of_table[value] = known
  end
  return known
end

--- A value as the protocol has it.
function Variables:describe(name, value, expression)
  local described = { name = name, value = values.text(value), type = math.type(value) or type(value),
    variablesReference = self:reference(value), evaluateName = expression }
  if type(value) == "table" then
    described.indexedVariables = rawlen(value)
    described.namedVariables = 1 -- at least; the editor asks for all
  end
  return described
end

--- The scopes of a frame.
---@param frame bosun.debug.Frame
function Variables:scopes(frame)
  local list = {}
  local function add(name, items, hint, expensive)
    if #items == 0 and name ~= "Locals" then return end
    list[#list + 1] = { name = name, variablesReference = self:add { items = items, frame = frame },
      presentationHint = hint, expensive = expensive or false, namedVariables = #items }
  end
  if frame.is_lua then
    add("Locals", frames.locals(frame), "locals")
    add("Varargs", frames.varargs(frame), "arguments")
    add("Upvalues", frames.upvalues(frame))
  end
  list[#list + 1] = { name = "Globals", expensive = true,
    variablesReference = self:add { value = frames.globals(frame), frame = frame } }
  return list
end

local function expression_of(parent, key)
  if not parent then return nil end
  local text = values.key(key)
  return text:sub(1, 1) == "[" and parent .. text or parent .. "." .. text
end

--- The parts of a table, userdata's uservalue and the metatable of either: { name, value, set }.
local function parts(value, filter, from, count)
  local list = {}
  local length = type(value) == "table" and rawlen(value) or 0
  local function add(key)
    list[#list + 1] = { name = values.key(key), key = key, value = rawget(value, key),
      set = function(new) rawset(value, key, new) end }
  end
  if filter ~= "named" and type(value) == "table" then
    local last = count and math.min(length, from + count) or math.min(length, from + MAX_CHILDREN)
    for index = from + 1, last do add(index) end
  end
  if filter == "indexed" then return list end
  if type(value) == "table" then
    for _, key in ipairs(values.keys(value)) do
      if not (math.type(key) == "integer" and key >= 1 and key <= length) then add(key) end
      if #list >= MAX_CHILDREN then break end
    end
  end
  local meta = debug.getmetatable(value)
  if type(meta) == "table" then
    list[#list + 1] = { name = "(metatable)", value = meta, set = function(new) debug.setmetatable(value, new) end }
  end
  return list
end

local function items_of(node, filter, from, count)
  if node.items then return node.items end
  return parts(node.value, filter, from, count)
end

--- The children of a reference.
---@param reference integer
---@param filter? "indexed"|"named"
---@param from? integer
---@param count? integer
---@return table[]|nil nil: there is no such reference
function Variables:children(reference, filter, from, count)
  local node = self.nodes[reference]
  if not node then return nil end
  local items = items_of(node, filter, from or 0, count and count > 0 and count or nil)
  local list = {}
  local first, last = 1, #items
  if node.items and count and count > 0 then first, last = (from or 0) + 1, math.min(#items, (from or 0) + count) end
  if not node.items and filter == "named" and count and count > 0 then
    first, last = (from or 0) + 1, math.min(#items, (from or 0) + count)
  end
  for index = first, last do
    local item = items[index]
    local name = node.items and item.name or item.key ~= nil and expression_of(node.expression, item.key) or nil
    local described = self:describe(item.name, item.value, name)
    local child = self.nodes[described.variablesReference]
    if child then child.expression = child.expression or name end
    list[#list + 1] = described
  end
  return list
end

--- Sets the child of that name.
---@return boolean|nil done
---@return string|nil problem
function Variables:set(reference, name, value)
  local node = self.nodes[reference]
  if not node then return nil, "these variables are no longer valid: the action has gone on since" end
  local items = items_of(node, nil, 0, nil)
  local number = not node.items and math.tointeger(tonumber(name:match "^%[(%d+)%]$"))
  if number then
    rawset(node.value, number, value)
    return true
  end
  for index = #items, 1, -1 do
    if items[index].name == name then
      items[index].set(value)
      items[index].value = value
      return true
    end
  end
  return nil, "there is no variable " .. name
end

return Variables
