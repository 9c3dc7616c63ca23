-- What an agent of the Python runner sends, and what it reads. Each file of tests/agent/cases is a test:
--
--     about: a replacement without newModelId        the name of the test
--     prefix: --logfile $ROOT/log.txt                what the agent's command prefix has besides the plugin
--     files: {base/deployment_d1/config.yml: …}      what is there before: texts by path, in the folder $ROOT
--     private: {filesystem: "…"}                     lines for the private config of a plugin
--     config: |                                      the action config, as the agent writes it
--     steps:                                         the actions, one after another in the same folder
--       - run: filesystem deployment_status          a plugin, and an action
--         config: |                                  its own action config; the plugin "none" has no private config
--         status: passing                            what the status file says; of a mapping, the keys that matter
--         state: ready                               ~ is null; a text in slashes (/…/) is a pattern of Lua
--         data: {currentModelId: A}
--         files: {base/deployment_d1/config.yml: {}} what is there afterwards: a text, YAML as a mapping, ~ for nothing
--         log: WARN .*                               a pattern of Lua for standard error
--
-- The exit status is always 0. $ROOT stands for the case's folder. The plugins are filesystem (its baseDir is
-- $ROOT/base) and test (without sleeps).
package.path = "./tests/support/?.lua;" .. package.path
local lfs = require "lfs"
local lyaml = require "lyaml"
local Workspace = require "runner"

local CASES = "tests/agent/cases"

local PRIVATE = {
  filesystem = "baseDir: $ROOT/base\ndeploymentPredictionBaseUrl: http://localhost:8080\n"
    .. "deploymentPredictionPath: deployments/{directory}/predictions\n",
  test = "{tmp_dir: $ROOT/tmp, launch_time_sec: 0, stop_time_sec: 0, replace_model_time_sec: 0, pe_status_time_sec: 0, "
    .. "deployment_status_time_sec: 0, deployment_list_time_sec: 0, endpoint_update_time_sec: 0, "
    .. "endpoint_status_time_sec: 0, plugin_start_time: 0, plugin_stop_time: 0}\n",
}

local SIX_KEYS = { "data", "duration", "msg", "state", "status", "timestamp" }

local function read_case(name)
  local file <close> = assert(io.open(CASES .. "/" .. name, "rb"))
  return lyaml.load(file:read "a")
end

local function names()
  local result = {}
  for name in lfs.dir(CASES) do
    if name:find "%.yaml$" then result[#result + 1] = name end
  end
  table.sort(result)
  return result
end

local function filled(workspace, text)
  return (text:gsub("%$ROOT", (workspace.root:gsub("%%", "%%%%"))))
end

local function make_files(workspace, files)
  for path, text in pairs(files or {}) do
    os.execute(("mkdir -p '%s'"):format(workspace:path(path):match "^(.*)/"))
    workspace:write(path, filled(workspace, text))
  end
end

--- Raises unless `found` is what is expected: of a mapping, only the keys that are expected count.
local function expect(workspace, where, expected, found)
  if expected == lyaml.null then
    assert(found == lyaml.null or found == nil, ("%s: expected null, found %s"):format(where, lyaml.dump { found }))
  elseif type(expected) == "table" then
    assert(type(found) == "table", ("%s: expected a mapping, found %s"):format(where, tostring(found)))
    assert(next(expected) ~= nil or next(found) == nil, where .. ": expected nothing in it")
    for key, value in pairs(expected) do expect(workspace, where .. "." .. tostring(key), value, found[key]) end
  else
    local wanted = type(expected) == "string" and filled(workspace, expected) or expected
    local pattern = type(wanted) == "string" and wanted:match "^/(.*)/$"
    local matches = pattern and type(found) == "string" and found:find(pattern) or not pattern and wanted == found
    assert(matches, ("%s: expected %s, found %s"):format(where, tostring(wanted), tostring(found)))
  end
end

local function expect_files(workspace, files)
  for path, content in pairs(files or {}) do
    if type(content) == "table" and content ~= lyaml.null then
      local found = workspace:read_yaml(path)
      expect(workspace, path, content, found)
      for key in pairs(found) do assert(content[key] ~= nil, ("%s has the key %s"):format(path, key)) end
    else
      expect(workspace, path, content, workspace:read(path))
    end
  end
end

--- The agent's command line. The prefix has the plugin and its private config.
local function command_line(workspace, case, plugin, action, config)
  local words = { Workspace.RUNNER, "--plugin", plugin }
  local private = case.private and case.private[plugin] or ""
  if private ~= "none" then
    words[#words + 1] = "--private-config"
    words[#words + 1] = workspace:write("private.yaml", filled(workspace, (PRIVATE[plugin] or "") .. private))
  end
  words[#words + 1] = filled(workspace, case.prefix or "")
  words[#words + 1] = "--action " .. action
  words[#words + 1] = "--config " .. workspace:write("action.yaml", filled(workspace, config))
  words[#words + 1] = "--status-file status.yaml"
  return table.concat(words, " ")
end

local function run_step(workspace, case, step)
  local plugin, action = step.run:match "^(%S+) (%S+)$"
  local command = command_line(workspace, case, plugin, action, step.config or case.config)
  os.remove(workspace:path "status.yaml")
  local _, how, code = os.execute(("cd '%s' && %s >stdout 2>stderr"):format(workspace.root, command))
  local said = workspace:read "stderr"
  assert(how == "exit" and code == 0, ("%s: %s %d: %s"):format(step.run, how, code, said))
  local status = lyaml.load(workspace:read "status.yaml")
  local keys = {}
  for key in pairs(status) do keys[#keys + 1] = key end
  table.sort(keys)
  assert.same(SIX_KEYS, keys)
  for _, key in ipairs { "status", "state", "msg", "data" } do
    local where = ("%s: %s (msg: %s)"):format(step.run, key, tostring(status.msg))
    if step[key] ~= nil then expect(workspace, where, step[key], status[key]) end
  end
  if step.log then assert.matches(step.log, said) end
  expect_files(workspace, step.files)
end

describe("the page about coming from Python", function()
  it("claims what the cases show, and no case is missing there", function()
    local file <close> = assert(io.open("docs/how-to/coming-from-python.md", "rb"))
    local rows = file:read "a":match "<!%-%- cases %-%->\n(.-)<!%-%- end %-%->"
    local unknown, count = {}, 0
    for row in rows:gmatch "\n(|[^\n]+|)" do
      local cases = row:match "<!%-%- ([%w%- ]+) %-%->"
      assert.truthy(cases or row:find "^|%-", row)
      for name in (cases or ""):gmatch "%S+" do
        count = count + 1
        if not lfs.attributes(CASES .. "/" .. name .. ".yaml") then unknown[#unknown + 1] = name end
      end
    end
    assert.same({}, unknown)
    assert.truthy(count > 10)
  end)
end)

describe("an agent of the Python runner:", function()
  for _, name in ipairs(names()) do
    local case = read_case(name)
    it(("%s (%s)"):format(case.about, name), function()
      local workspace = Workspace.new()
      finally(function() workspace:remove() end)
      workspace:mkdir "base"
      workspace:mkdir "tmp"
      make_files(workspace, case.files)
      for _, step in ipairs(case.steps) do run_step(workspace, case, step) end
    end)
  end
end)
