--- Runs bosun-plugin-runner as the agent does: config files, a command line, a status file, which lyaml reads, a reader
--- that is not ours. A workspace is a folder of its own with all of that in it.

local lfs = require "lfs"
local lyaml = require "lyaml"

local Workspace = {}
Workspace.__index = Workspace

local function absolute(path)
  return path:sub(1, 1) == "/" and path or lfs.currentdir() .. "/" .. path
end

local RUNNER = absolute(os.getenv("BOSUN_RUNNER") or (os.getenv("BOSUN_BUILD") or "build") .. "/bosun-plugin-runner")

--- The runner's path, for tests that write whole command lines.
Workspace.RUNNER = RUNNER

local SIX_KEYS = { "data", "duration", "msg", "state", "status", "timestamp" }
local EXIT = { passing = 0, failing = 1, warning = 2, unknown = 3 }

local function shell_quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- YAML with every string in double quotes; bytes from 0x80 on are taken over as they are.
local function to_yaml(value)
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return ("\\x%02X"):format(c:byte()) end) .. '"'
  elseif type(value) ~= "table" then
    return tostring(value)
  elseif value[1] ~= nil then
    local items = {}
    for i, item in ipairs(value) do items[i] = to_yaml(item) end
    return "[" .. table.concat(items, ", ") .. "]"
  end
  local pairs_of = {}
  for key, item in pairs(value) do pairs_of[#pairs_of + 1] = to_yaml(key) .. ": " .. to_yaml(item) end
  table.sort(pairs_of)
  return "{" .. table.concat(pairs_of, ", ") .. "}"
end

--- What lyaml read, with nulls as absent keys.
local function without_nulls(value)
  if type(value) ~= "table" then return value end
  if value == lyaml.null then return nil end
  local result = {}
  for key, item in pairs(value) do result[key] = without_nulls(item) end
  return result
end

function Workspace.new()
  local root = os.tmpname()
  os.remove(root)
  assert(lfs.mkdir(root))
  return setmetatable({ root = root, count = 0 }, Workspace)
end

--- A workspace whose folder `base` is the filesystem plugin's baseDir, with two models and a private config.
function Workspace.with_filesystem(private)
  local workspace = Workspace.new()
  workspace.base = workspace:mkdir "base"
  workspace.model_a = workspace:write("model-A.txt", "model A")
  workspace.model_b = workspace:write("model-B.txt", "the other model, B")
  private = private or {}
  private.baseDir = private.baseDir or workspace.base
  workspace.private = private
  workspace.plugin = "filesystem"
  return workspace
end

function Workspace:remove()
  os.execute("rm -rf -- " .. shell_quoted(self.root))
end

function Workspace:path(name)
  return name:sub(1, 1) == "/" and name or self.root .. "/" .. name
end

function Workspace:write(name, text)
  local file = assert(io.open(self:path(name), "wb"))
  assert(file:write(text))
  assert(file:close())
  return self:path(name)
end

--- The file's content, or nil.
function Workspace:read(name)
  local file = io.open(self:path(name), "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

function Workspace:read_yaml(name)
  return without_nulls(lyaml.load(assert(self:read(name), name)))
end

function Workspace:mkdir(name)
  assert(lfs.mkdir(self:path(name)))
  return self:path(name)
end

local function add_tree(folder, prefix, lines)
  for name in lfs.dir(folder) do
    if name ~= "." and name ~= ".." then
      local path = folder .. "/" .. name
      local mode = lfs.symlinkattributes(path, "mode")
      local size = mode == "file" and lfs.attributes(path, "size") or 0
      lines[#lines + 1] = ("%s%s %s %d"):format(prefix, name, mode, size)
      if mode == "directory" then add_tree(path, prefix .. name .. "/", lines) end
    end
  end
end

--- Everything below a folder, with types and sizes, as one text: to compare before and after.
function Workspace:tree(name)
  local lines = {}
  add_tree(self:path(name), "", lines)
  table.sort(lines)
  return table.concat(lines, "\n")
end

--- The names in a folder, sorted.
function Workspace:names(name)
  local names = {}
  for entry in lfs.dir(self:path(name)) do
    if entry ~= "." and entry ~= ".." then names[#names + 1] = entry end
  end
  table.sort(names)
  return names
end

--- "rw-r--r--"
function Workspace:permissions(name)
  return lfs.attributes(self:path(name), "permissions")
end

--- "file", "directory", "link", …
function Workspace:mode(name)
  return lfs.symlinkattributes(self:path(name), "mode")
end

function Workspace:inode(name)
  return lfs.attributes(self:path(name), "ino")
end

--- A config as a file: text as it is, a table as YAML.
function Workspace:config_file(content)
  self.count = self.count + 1
  local text = type(content) == "table" and to_yaml(content) .. "\n" or content
  return self:write(("config-%d.yaml"):format(self.count), text)
end

local function command_line(workspace, options)
  local words = { RUNNER, "--exit-codes" }
  local function add(name, value)
    if value then words[#words + 1] = name; words[#words + 1] = value end
  end
  add("--plugin", options.plugin or workspace.plugin)
  add("--action", options.action)
  add("--config", options.config and workspace:config_file(options.config))
  local private = options.private
  if private == nil then private = workspace.private end
  add("--private-config", private and workspace:config_file(private))
  add("--status-file", options.status_file)
  for _, word in ipairs(options.args or {}) do words[#words + 1] = word end
  for i, word in ipairs(words) do words[i] = shell_quoted(word) end
  return table.concat(words, " ")
end

--- Runs the runner. options: plugin, action, config and private (a table, or the text of a file), args (more words of
--- the command line), cwd, before (a command that gets the runner's command line as its last words).
function Workspace:run(options)
  options.status_file = self:path("status.yaml")
  os.remove(options.status_file)
  local command = ("cd %s && exec %s %s 2>%s </dev/null"):format(shell_quoted(options.cwd or self.root),
    options.before or "", command_line(self, options), shell_quoted(self:path("stderr")))
  local pipe = assert(io.popen(command, "r"))
  local stdout = pipe:read("a")
  local _, how, code = pipe:close()
  local text = self:read("status.yaml")
  return {
    code = code, how = how, stdout = stdout, stderr = self:read("stderr"), text = text,
    status = text and lyaml.load(text),
  }
end

--- The status of a run that ended as it should: the six keys, the exit status that goes with them; nulls are nil.
function Workspace:act(action, deployment, more)
  local options = { action = action, config = { deploymentInfo = deployment } }
  for key, value in pairs(more or {}) do options[key] = value end
  local result = self:run(options)
  assert(result.status, "no status: " .. result.stderr)
  local keys = {}
  for key in pairs(result.status) do keys[#keys + 1] = key end
  table.sort(keys)
  assert(table.concat(keys, " ") == table.concat(SIX_KEYS, " "), result.text)
  assert(result.how == "exit" and result.code == EXIT[result.status.status],
    ("ended with %s %d: %s"):format(result.how, result.code, result.text))
  local status = without_nulls(result.status)
  status.stderr, status.text = result.stderr, result.text
  return status
end

--- The entries of a plan as "OPERATION TARGET".
function Workspace.steps(plan)
  local steps = {}
  for i, entry in ipairs(plan) do steps[i] = entry.operation .. " " .. entry.target end
  return steps
end

--- A plugin from the text of its class P, with BosunPluginBase, ActionStatus, ActionStatusInfo and DeploymentState at
--- hand. Returns its path.
function Workspace:plugin_file(name, body)
  return self:write(name .. ".lua", [[
local BosunPluginBase = require "bosun.plugin_base"
local action_status = require "bosun.action_status"
local ActionStatus, ActionStatusInfo = action_status.ActionStatus, action_status.ActionStatusInfo
local DeploymentState = action_status.DeploymentState
local P = BosunPluginBase:extend("P")
]] .. body .. "\nreturn P\n")
end

--- Runs Lua code inside the host and returns what it returns: plain data.
function Workspace:eval(code, more)
  local plugin = self:plugin_file("eval", "function P:pe_status()\nlocal function body()\n" .. code
    .. "\nend\nreturn ActionStatusInfo{ status = ActionStatus.OK, data = body() }\nend")
  local options = { plugin = plugin }
  for key, value in pairs(more or {}) do options[key] = value end
  local status = self:act("pe_status", nil, options)
  assert(status.status == "passing", status.msg)
  return status.data
end

return Workspace
