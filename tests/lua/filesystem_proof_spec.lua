-- The filesystem plugin with a prediction server on its folder: what the server answers decides, not what is on disk.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

--- What is wrong with the model: its package, what the message says, and keys of the private config.
local PREDICTION = { probeRequest = { json = { n = 7 } }, probeExpect = { json = { n = 7 } } }
local BAD = {
  absent = { "absent: yes", "the server does not have the model" },
  other = { "other: X", "the server serves model X, not B" },
  none = { "none: yes", "the server says that it has no model" },
  broken = { "broken: yes", "answered 500" },
  unable = { "broken-predict: yes", "status 500, expected 200 to 299", PREDICTION },
}

describe("the filesystem plugin with a server on its folder", function()
  local workspace, server

  before_each(function()
    workspace = Workspace.with_filesystem()
    server = web.prediction_server(workspace, workspace.base)
    workspace.private.deploymentPredictionBaseUrl = server.url
    workspace.private.deploymentPredictionPath = "deployments/{directory}/predictions"
    workspace.private.proof, workspace.private.proofTimeout = "url", 0.5
  end)
  after_each(function()
    server.handle:close()
    workspace:remove()
  end)

  local function package(name, directive)
    return workspace:write(name .. ".mlpkg", ("model: %s\n%s\n"):format(name, directive or ""))
  end

  local function private(more)
    local result = {}
    for _, from in ipairs { workspace.private, more or {} } do
      for key, value in pairs(from) do result[key] = value end
    end
    return { private = result }
  end

  local function start(model, directive, more)
    return workspace:act("deployment_start", { id = "d1", modelId = model, modelArtifact = package(model, directive) },
      private(more))
  end

  local function replace(directive, more)
    return workspace:act("deployment_replace_model", { id = "d1", modelId = "A", newModelId = "B",
      modelArtifact = package("B", directive) }, private(more))
  end

  local function expect(status, result, words)
    assert.equal(status, result.status, result.msg)
    if words then assert.truthy(result.msg:find(words, 1, true), result.msg) end
    return result
  end

  it("starts and replaces what the server answers with", function()
    expect("passing", start("A"), "serving model A")
    expect("passing", start("A"), "already serving model A")
    expect("passing", replace(nil, PREDICTION), "serving model B")
    expect("passing", workspace:act("deployment_status", { id = "d1" }, private(PREDICTION)))
    expect("passing", start("B", nil, { proof = "server", predictionServerUrl = server.url }), "already serving")
  end)

  it("sends a prediction that is text", function()
    local text = { probeRequest = { body = '{"n": 7}', headers = { ["Content-Type"] = "application/json" } },
      probeExpect = { json = { n = 7 } } }
    expect("passing", start("A", nil, text), "serving model A")
    text.probeExpect.json.n = 8
    expect("failing", workspace:act("deployment_status", { id = "d1" }, private(text)), "n is 7; expected 8")
  end)

  it("fails a start whose model the server does not answer with, and leaves nothing", function()
    for kind, bad in pairs(BAD) do
      local result = expect("failing", start("B", bad[1], bad[3]), bad[2])
      assert.equal("errored", result.state, kind)
      assert.same({}, workspace:names "base")
    end
  end)

  it("fails such a replacement, and the old model answers", function()
    expect("passing", start("A"))
    local before = workspace:tree "base"
    for kind, bad in pairs(BAD) do
      local result = expect("failing", replace(bad[1], bad[3]), bad[2])
      expect("failing", result, "still serving model A")
      assert.same({ "ready", true }, { result.state, result.data.oldModelInUse }, kind)
      assert.equal(before, workspace:tree "base")
    end
    expect("passing", workspace:act("deployment_status", { id = "d1" }))
  end)

  describe("that never answers with the new model", function()
    local silent
    before_each(function()
      silent = web.routes(workspace, [[
        location = /deployments/deployment_d3/info { return 200 '{"modelId": "A"}'; }
        location / { return 503; }]])
    end)
    after_each(function() silent.handle:close() end)

    it("leaves time to undo before the deadline", function()
      expect("passing", start("A"))
      local before = workspace:tree "base"
      local options = private { deploymentPredictionBaseUrl = silent.url, proofTimeout = 600 }
      options.args = { "--timeout", "3" }
      local result = workspace:act("deployment_replace_model",
        { id = "d1", newModelId = "B", modelArtifact = package "B" }, options)
      expect("failing", result, "answered 503")
      expect("failing", result, "the action's time limit leaves no time to wait longer")
      assert.equal("deadline", result.data.error.code)
      assert.equal(before, workspace:tree "base")
      expect("failing", workspace:act("deployment_start",
        { id = "d2", modelId = "B", modelArtifact = package "B" }, options), "answered 503")
      assert.equal(before, workspace:tree "base")
    end)

    --- Runs an action, and cancels it when it asks the server.
    local function cancelled(action, deployment)
      os.remove(workspace:path "before.log")
      local seen = #(workspace:read "routes.log" or "")
      return workspace:run { action = action, config = { deploymentInfo = deployment }, cwd = workspace.root,
        private = private({ deploymentPredictionBaseUrl = silent.url, proofTimeout = 600 }).private,
        before = ([[sh -c '"$@" & pid=$!
          while [ $(wc -c <routes.log) -le %d ]; do :; done; kill -TERM $pid; wait $pid' sh]]):format(seen) }.status
    end

    it("undoes what a cancelled action has not proved", function()
      expect("passing", start("A"))
      local before = workspace:tree "base"
      local result = cancelled("deployment_replace_model", { id = "d1", newModelId = "B", modelArtifact = package "B" })
      expect("failing", result, "cancelled by SIGTERM; model B, which was not proved, was taken out again")
      assert.equal("cancelled", result.data.error.code)
      assert.equal(before, workspace:tree "base")
      result = cancelled("deployment_start", { id = "d2", modelId = "B", modelArtifact = package "B" })
      expect("failing", result, "cancelled by SIGTERM; model B, which was not proved, was taken out again")
      assert.equal("errored", result.state)
      assert.equal(before, workspace:tree "base")
    end)

    it("says after a cancel that the old model is in use", function()
      expect("passing", workspace:act("deployment_start", { id = "d3", modelId = "A", modelArtifact = package "A" },
        private()))
      local before = workspace:tree "base"
      local result = cancelled("deployment_replace_model", { id = "d3", newModelId = "B", modelArtifact = package "B" })
      expect("failing", result, "was taken out again; still serving model A")
      assert.same({ "ready", true, "cancelled" }, { result.state, result.data.oldModelInUse, result.data.error.code })
      assert.equal(before, workspace:tree "base")
    end)
  end)

  it("does not say that the old model serves when that does not answer", function()
    expect("passing", start("A", "broken-predict: yes"))
    local result = expect("failing", replace("other: X", PREDICTION), "model A is still there, but does not answer")
    assert.same({ "errored" }, { result.state, result.data.oldModelInUse })
  end)

  it("tells in every status what the server does not answer with", function()
    workspace.private.artifactDigest = false -- else the files alone tell
    expect("passing", start("A", "other: A"))
    workspace:write("base/deployment_d1/A.mlpkg", "model: A\nother: X\n")
    expect("failing", workspace:act("deployment_status", { id = "d1" }), "the server serves model X, not A")
    expect("passing", workspace:act("deployment_status", { id = "d1" }, private { proof = false }))
    local pe = { config = { peInfo = { deployments = { "d1", "gone" } } } }
    pe.private = private().private
    local seen = workspace:act("pe_status", nil, pe).data.deploymentsStatus
    assert.same({ "failing", "failing" }, { seen.d1.status, seen.gone.status })
    expect("failing", seen.d1, "the server serves model X, not A")
  end)

  it("refuses a proof that nothing can be asked for", function()
    expect("failing", start("A", nil, { proof = "server" }), "proof: server needs predictionServerUrl")
    expect("failing", start("A", nil, { proof = "maybe" }), "proof: expected url, server or off")
    expect("failing", start("A", nil, { probeExpect = { status = 200 } }), "probeExpect: there is no probeRequest")
    expect("failing", start("A", nil, { probeRequest = { headers = { a = "b" } } }), "expected one of body and json")
    for path, problem in pairs { ["data["] = "expected a path such as", [""] = "expected a path such as" } do
      expect("failing", start("A", nil, { probeRequest = { body = "x" }, probeExpect = { json = { [path] = 0 } } }),
        "the key: " .. problem)
    end
    expect("failing", start("A", nil, { probeRequest = { body = "x", headers = { ["a b"] = "c" } } }),
      "the key: expected the name of a header")
    expect("failing", start("A", nil, { probeRequest = { body = "x" }, probeExpect = { matches = "\\d" } }),
      "probeExpect.matches: \\d is not part of POSIX extended regular expressions; expected [0-9]")
  end)
end)
