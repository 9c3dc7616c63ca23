-- The samples do what the docs say, with the very command lines of the docs: run from the repository's root.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local lfs = require "lfs"
local lyaml = require "lyaml"

local ROOT = lfs.currentdir()

local function read(name)
  local file = assert(io.open("sample_configs/" .. name, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

describe("the samples", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  local function act(plugin, private, action, config)
    return workspace:act(action, nil,
      { plugin = plugin, private = private, config = read(config), cwd = ROOT })
  end

  local function play(plugin, private)
    for _, step in ipairs {
      { "plugin_start", "action_config_pe_status_only.yaml" },
      { "deployment_list", "action_config_pe_status_only.yaml" },
      { "deployment_start", "action_config_deployment_1_model_A.yaml", "ready" },
      { "deployment_start", "config_deployment-1_model-A.yaml", "ready" },
      { "deployment_status", "action_config_deployment_1_model_A.yaml", "ready" },
      { "pe_status", "action_config_pe_status_deployment_1.yaml" },
      { "deployment_replace_model", "action_config_deployment_1_replace_with_model_B.yaml", "ready" },
      { "deployment_relaunch", "action_config_deployment_1_model_B.yaml", "ready" },
      { "deployment_status", "action_config_deployment_1_model_B.yaml", "ready" },
      { "pe_status", "action_config_pe_status_only.yaml" },
      { "deployment_stop", "action_config_deployment_1_model_B.yaml", "stopped" },
      { "plugin_stop", "action_config_pe_status_only.yaml" },
    } do
      local status = act(plugin, private, step[1], step[2])
      assert.equal("passing", status.status, step[1] .. ": " .. tostring(status.msg))
      assert.equal(step[3], status.state, step[1])
      for _, one in pairs(status.data and status.data.deploymentsStatus or {}) do
        assert.equal("passing", one.status, one.msg)
      end
    end
  end

  it("play a deployment's life with the filesystem plugin", function()
    local base = workspace:mkdir "base"
    local private, changed = read("plugin.filesystem.conf.yaml"):gsub('baseDir: "."', ("baseDir: %q"):format(base))
    assert.equal(1, changed)
    play("filesystem", private)
    assert.equal("", workspace:tree "base")
  end)

  it("play it with the test plugin", function()
    local private = read("plugin.test.conf.yaml"):gsub("(time[_sec]*): 1", "%1: 0")
      :gsub('"/tmp"', ("%q"):format(workspace.root))
    play("test", private)
  end)

  it("play it with the sample plugin", function()
    local environment = workspace:path "environment"
    local private, changed = read("sample_plugin_config.yaml"):gsub('"/tmp/[^"]*"', ("%q"):format(environment))
    assert.equal(1, changed)
    play("sample_plugin/sample_plugin", private)
    assert.equal("", workspace:tree "environment")
  end)

  it("show a sample plugin that keeps the old model when a replacement fails", function()
    local private = { environmentDir = workspace:mkdir "environment", largestModel = 40 }
    local plugin = "sample_plugin/sample_plugin"
    act(plugin, private, "deployment_start", "action_config_deployment_1_model_A.yaml")
    local status = act(plugin, private, "deployment_replace_model",
      "action_config_deployment_1_replace_with_model_B.yaml")
    assert.equal("failing", status.status)
    assert.same({ true, "config" }, { status.data.oldModelInUse, status.data.error.code })
    assert.matches("largestModel: the model has %d+ bytes", status.msg)
    status = act(plugin, private, "deployment_status", "action_config_deployment_1_model_A.yaml")
    assert.equal("model-A", status.data.currentModelId)
  end)

  --- The two commands of the page that documents the Python runner, word for word.
  local PAGE = {
    [[bosun-plugin-runner \
        --plugin sample_plugin/sample_plugin \
        --action pe_status \
        --config sample_configs/action_config_pe_status_only.yaml \
        --private-config sample_configs/sample_plugin_config.yaml \
        --status-file /tmp/status.yaml \
        --show-status]],
    [[bosun-plugin-runner \
        --plugin sample_plugin/sample_plugin \
        --config sample_configs/action_config_deployment_1_model_A.yaml \
        --private-config sample_configs/sample_plugin_config.yaml \
        --action deployment_start \
        --status-file /tmp/status.yaml \
        --show-status]],
  }

  it("make the page's two commands pass in its order, without a plugin_start before them", function()
    local private = workspace:write("private.yaml",
      (read("sample_plugin_config.yaml"):gsub('"/tmp/[^"]*"', ("%q"):format(workspace:path "environment"))))
    for _, command in ipairs(PAGE) do
      command = command:gsub("^bosun%-plugin%-runner", ("'%s'"):format(Workspace.RUNNER))
        :gsub("/tmp/status.yaml", workspace:path "status.yaml")
        :gsub("sample_configs/sample_plugin_config.yaml", private)
      local _, _, code = os.execute(command .. " >/dev/null 2>&1")
      local status = workspace:read_yaml "status.yaml"
      assert.equal("passing", status.status, status.msg)
      assert.equal(0, code)
    end
    assert.equal("ready", workspace:read_yaml("status.yaml").state)
  end)

  it("have an action config with all three sections", function()
    local config = lyaml.load(read "config_deployment-1_model-A.yaml")
    for _, section in ipairs { "pluginConfig", "peInfo", "deploymentInfo" } do assert.is_table(config[section]) end
    assert.same({ "deployment-1", "deployment-2" }, config.peInfo.deployments)
  end)

  it("are all YAML mappings", function()
    for name in lfs.dir "sample_configs" do
      if name:find "%.yaml$" then assert.is_table(lyaml.load(read(name)), name) end
    end
  end)
end)
