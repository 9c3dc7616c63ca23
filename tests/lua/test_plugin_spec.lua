-- The test plugin, driven as the agent drives it, with sleeps of no length.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

local SLEEPS = {
  plugin_start = "plugin_start_time", plugin_stop = "plugin_stop_time", pe_status = "pe_status_time_sec",
  deployment_list = "deployment_list_time_sec", deployment_start = "launch_time_sec",
  deployment_stop = "stop_time_sec", deployment_replace_model = "replace_model_time_sec",
  deployment_status = "deployment_status_time_sec", endpoint_update = "endpoint_update_time_sec",
  endpoint_status = "endpoint_status_time_sec",
}

--- What every action needs.
local BOTH = {
  deploymentInfo = { id = "d1", modelId = "A" },
  endpointInfo = { id = "e1", name = "e", predictionEnvironmentId = "pe", endpointType = "online" },
}

describe("the test plugin", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    workspace:mkdir "tmp"
    workspace.plugin = "test"
    workspace.private = { tmp_dir = workspace:path "tmp" }
    for _, key in pairs(SLEEPS) do workspace.private[key] = 0 end
  end)
  after_each(function() workspace:remove() end)

  local function act(action, deployment, more)
    local status = workspace:act(action, deployment, more)
    assert.equal("passing", status.status, status.msg)
    return status
  end

  it("plays a deployment's life", function()
    local deployment = { id = "d1", name = "first", modelId = "A", modelArtifact = "/tmp/a" }
    act "plugin_start"
    assert.same({}, act("deployment_list").data)
    assert.equal("ready", act("deployment_start", deployment).state)
    local listed = act("deployment_list").data.d1
    for key, value in pairs(deployment) do assert.equal(value, listed[key]) end
    assert.same({ "passing", "ready", "A" }, { listed.status, listed.state, listed.data.currentModelId })
    assert.same({ currentModelId = "A" }, act("deployment_status", deployment).data)
    deployment.newModelId = "B"
    act("deployment_replace_model", deployment)
    assert.same({ currentModelId = "B" }, act("deployment_status", deployment).data)
    assert.equal("ready", act("deployment_relaunch", { id = "d1", modelId = "B" }).state)
    assert.equal("stopped", act("deployment_stop", deployment).state)
    assert.equal("stopped", act("deployment_stop", deployment).state)
    assert.same({}, act("deployment_list").data)
    act "plugin_stop"
  end)

  it("tells the status of what is there and of what is not", function()
    act("deployment_start", { id = "d1", modelId = "A" })
    local config = { peInfo = { deployments = { "d1", { id = "d2" } } } }
    local of = act("pe_status", nil, { config = config }).data.deploymentsStatus
    assert.equal("passing", of.d1.status)
    assert.equal("failing errored", of.d2.status .. " " .. of.d2.state)
    for action, deployment in pairs {
      deployment_status = { id = "d2" }, deployment_replace_model = { id = "d2", newModelId = "B" },
    } do
      local status = workspace:act(action, deployment)
      assert.equal("failing errored", status.status .. " " .. status.state)
    end
    assert.same({ deploymentsStatus = {} }, act("pe_status").data)
  end)

  it("plays an endpoint's life", function()
    local function endpoint(action)
      return workspace:act(action, nil, { config = { endpointInfo = {
        id = "e1", name = "first", predictionEnvironmentId = "pe", endpointType = "online",
        trafficSplit = { d1 = 60.5, d2 = 39.5 },
      } } })
    end
    assert.equal("endpoint e1 does not exist", endpoint("endpoint_status").msg)
    assert.equal("passing", endpoint("endpoint_update").status)
    assert.same({ trafficSplit = { d1 = 60.5, d2 = 39.5 } }, endpoint("endpoint_status").data)
  end)

  it("leaves a file for each action", function()
    act "plugin_start"
    act("deployment_start", { id = "d1", modelId = "A" })
    assert.equal("plugin_start", workspace:read_yaml("tmp/bosun_test_action_plugin_start.yaml").action)
    assert.equal("d1", workspace:read_yaml("tmp/bosun_test_action_deployment_start.yaml").deploymentInfo.id)
  end)

  it("names its files safely, whatever the id", function()
    for _, id in ipairs { "../x", "a/b", ".", "", ("x"):rep(300), "a\nb", "a\0b", "$(touch x)", "'" } do
      local status = workspace:act("deployment_start", { id = id, modelId = "A" })
      if status.status == "passing" then
        assert.equal("A", act("deployment_list").data[id].modelId)
        act("deployment_stop", { id = id })
      end
    end
    assert.equal("bosun_test_action_", workspace:tree("tmp"):match "^bosun_test_action_")
    assert.is_nil(workspace:tree("tmp"):find("bosun_test_deployment_", 1, true))
    assert.is_nil(workspace:inode "x")
  end)

  it("raises where it is told to, in every action", function()
    workspace.private.raise_exception = true
    for action in pairs(SLEEPS) do
      local status = workspace:act(action, nil, { config = BOTH })
      assert.equal("failing", status.status)
      assert.matches("raise_exception is set", status.msg)
    end
    assert.equal("", workspace:tree "tmp")
  end)

  it("sleeps as long as each action is told to", function()
    for action, key in pairs(SLEEPS) do
      workspace.private[key] = 100
      local status = workspace:act(action, nil, { config = BOTH, args = { "--timeout", "0.1" } })
      assert.equal("failing", status.status, action)
      assert.matches("timed out", status.msg)
      workspace.private[key] = 0
    end
  end)

  it("sleeps a second unless it is told otherwise", function()
    workspace.private = { tmp_dir = workspace:path "tmp" }
    local status = workspace:act("pe_status")
    assert.equal("passing", status.status)
    assert.is_true(status.duration >= 1)
  end)

  it("reports a wrong private config", function()
    workspace.private = "tmp_dirr: x\nlaunch_time_sec: -1\n"
    local msg = workspace:act("plugin_start").msg
    assert.matches('1:1: tmp_dirr: unknown key; did you mean "tmp_dir"%?', msg)
    assert.matches("2:18: launch_time_sec: expected seconds, or a duration such as 5m, found the integer %-1", msg)
  end)
end)
