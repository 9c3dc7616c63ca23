-- The filesystem plugin on directories as the Python runner leaves them, and what it leaves for the Python runner: an
-- info file with two keys, the model under its own name.
package.path = "./tests/support/?.lua;" .. package.path
local scene = require "filesystem_scene"

local ID, MODEL, NEW_MODEL = "6543210fedcba98765432100", "65aa00000000000000000001", "65bb00000000000000000002"
local PACKAGE = "model_" .. MODEL .. ".mlpkg"
local NEW_PACKAGE = "model_" .. NEW_MODEL .. ".mlpkg"

describe("a deployment of the Python runner", function()
  local workspace, dir, artifact, new_artifact
  local expect = scene.expect

  --- The deploymentInfo of the agent: with everything it knows, nulls and an empty map.
  local function info(fields)
    local text = ("deploymentInfo: {id: '%s', name: n, description: null, modelId: '%s', modelArtifact: '%s', "
      .. "modelFormat: datarobot, modelExecutionType: dedicated, keyValueConfig: {}}\n"):format(ID,
        fields and fields.model or MODEL, fields and fields.artifact or artifact)
    return { config = text }
  end

  local function act(action, fields) return workspace:act(action, nil, info(fields)) end
  local function replacement() return { model = NEW_MODEL, artifact = new_artifact } end

  --- The directory is one that the Python runner takes for its own.
  local function is_of_python(model)
    assert.same({ deployment_id = ID, model_id = model }, workspace:read_yaml(dir .. "/config.yml"))
  end

  before_each(function()
    workspace = scene.use { deploymentPredictionBaseUrl = "http://localhost:8080" }
    dir = "base/deployment_" .. ID
    scene.python_deployment(ID, MODEL, PACKAGE, "package A")
    workspace:mkdir "scratch"
    artifact = workspace:write("scratch/" .. PACKAGE, "package A")
    new_artifact = workspace:write("scratch/" .. NEW_PACKAGE, "package B")
  end)
  after_each(scene.remove)

  it("is listed, as a whole status with the current model, and with the deployment's facts", function()
    local listed = act("deployment_list").data[ID]
    assert.same({ currentModelId = MODEL }, listed.data)
    assert.same({ "passing", "ready", ID, MODEL, workspace:path(dir .. "/" .. PACKAGE) },
      { listed.status, listed.state, listed.id, listed.modelId, listed.modelArtifact })
  end)

  it("is healthy", function()
    local status = act("deployment_status")
    expect(status, "passing", "ready")
    assert.same({ currentModelId = MODEL }, status.data)
    status = workspace:act("pe_status", nil, { config = "deploymentInfo: null\npeInfo: {deployments: [{id: '" .. ID
      .. "', modelArtifact: null}, {id: gone, keyValueConfig: {}}]}\n" })
    local of = status.data.deploymentsStatus
    assert.same({ "passing", "ready" }, { of[ID].status, of[ID].state })
    assert.same({ "failing", "errored" }, { of.gone.status, of.gone.state })
  end)

  it("is broken without its model", function()
    os.remove(workspace:path(dir .. "/" .. PACKAGE))
    expect(act("deployment_status"), "failing", "errored", "its model is missing")
  end)

  it("is left as it is by plugin_start, plugin_stop and a start of the same model", function()
    local before, inode = workspace:tree "base", workspace:inode(dir)
    for _, action in ipairs { "plugin_start", "deployment_start", "plugin_stop" } do
      assert.equal("passing", act(action).status)
    end
    assert.equal(before, workspace:tree "base")
    assert.equal(inode, workspace:inode(dir))
  end)

  it("has its model replaced, without newModelId", function()
    local status = act("deployment_replace_model", replacement())
    expect(status, "passing", "ready", "instead of model " .. MODEL)
    assert.equal("http://localhost:8080/" .. ID .. "/predict", status.data.predictionUrl)
    assert.same({ ".bosun.yml", "config.yml", NEW_PACKAGE }, workspace:names(dir))
    is_of_python(NEW_MODEL)
    assert.same({ "deployment_" .. ID }, workspace:names "base")
  end)

  it("is started with another model, relaunched and stopped", function()
    expect(act("deployment_start", replacement()), "passing", "ready", "instead of model " .. MODEL)
    is_of_python(NEW_MODEL)
    scene.remove()
    workspace = scene.use {}
    scene.python_deployment(ID, MODEL, PACKAGE, "package A")
    artifact = workspace:write(PACKAGE, "package A")
    expect(act("deployment_relaunch"), "passing", "ready")
    is_of_python(MODEL)
    expect(act("deployment_stop"), "passing", "stopped")
    assert.equal("", workspace:tree "base")
    scene.python_deployment(ID, MODEL, PACKAGE, "package A")
    expect(act("deployment_stop"), "passing", "stopped")
    assert.equal("", workspace:tree "base")
  end)

  it("serves the newest of several models, as the Python runner leaves them after a start", function()
    workspace:write(dir .. "/" .. NEW_PACKAGE, "package B")
    os.execute(("touch -d '2020-01-01' '%s'"):format(workspace:path(dir .. "/" .. PACKAGE)))
    workspace:write(dir .. "/config.yml", ("deployment_id: %s\nmodel_id: %s\n"):format(ID, NEW_MODEL))
    local listed = act("deployment_list").data[ID]
    assert.same({ NEW_MODEL, workspace:path(dir .. "/" .. NEW_PACKAGE) }, { listed.modelId, listed.modelArtifact })
    expect(act("deployment_start", replacement()), "passing", "ready", "already serving")
  end)

  it("may have its settings in the info file, where deploymentKVFile says so", function()
    workspace.private.deploymentKVFile = "config.yml"
    workspace:write(dir .. "/config.yml", ("a: [1, x]\ndeployment_id: %s\nmodel_id: %s\n"):format(ID, MODEL))
    expect(act("deployment_status"), "passing", "ready")
    assert.same({ a = { 1, "x" } }, act("deployment_list").data[ID].keyValueConfig)
    expect(act("deployment_stop"), "passing", "stopped")
  end)

  it("stays ours when the Python runner has changed it since", function()
    act("deployment_replace_model", replacement())
    workspace:write(dir .. "/" .. PACKAGE, "package A, the second")
    workspace:write(dir .. "/config.yml", ("deployment_id: %s\nmodel_id: %s\n"):format(ID, MODEL))
    os.remove(workspace:path(dir .. "/" .. NEW_PACKAGE))
    local status = act("deployment_status")
    expect(status, "passing", "ready")
    assert.same({ currentModelId = MODEL }, status.data)
    expect(act("deployment_stop"), "passing", "stopped")
  end)

  it("is one of an earlier Bosun, with five keys in its info file", function()
    workspace:write(dir .. "/config.yml", ('"deployment_id": "%s"\n"deployment_name": "n"\n"model_id": "%s"\n'
      .. '"model_file": "%s"\n"model_size": 9\n'):format(ID, MODEL, PACKAGE))
    expect(act("deployment_status"), "passing", "ready")
    assert.equal("n", act("deployment_list").data[ID].name)
    workspace:write(dir .. "/" .. PACKAGE, "cut")
    expect(act("deployment_status"), "failing", "errored", "is 3 bytes long; expected 9")
    expect(act("deployment_replace_model", replacement()), "passing", "ready")
    is_of_python(NEW_MODEL)
  end)
end)
