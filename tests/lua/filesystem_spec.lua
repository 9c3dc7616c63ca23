-- The filesystem plugin, driven as the agent drives it.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("the filesystem plugin", function()
  local workspace

  local function use(private)
    if workspace then workspace:remove() end
    workspace = Workspace.with_filesystem(private)
  end

  before_each(function() use() end)
  after_each(function() workspace:remove(); workspace = nil end)

  local function deployment(fields)
    local info = { id = "d1", name = "first", modelId = "A", modelArtifact = workspace.model_a }
    for key, value in pairs(fields or {}) do info[key] = value end
    return info
  end

  local function with_model_b(fields)
    local info = deployment(fields)
    info.newModelId, info.modelArtifact = "B", workspace.model_b
    return info
  end

  local function start(fields)
    local status = workspace:act("deployment_start", deployment(fields))
    assert.equal("passing", status.status, status.msg)
    return status
  end

  local function expect(status, outcome, state, pattern)
    assert.equal(outcome, status.status, status.msg)
    assert.equal(state, status.state, status.msg)
    if pattern then assert.matches(pattern, status.msg) end
  end

  local function current_model()
    local status = workspace:act("deployment_status", { id = "d1" })
    return status.data and status.data.currentModelId, status
  end

  describe("plugin_start", function()
    it("passes when baseDir can be written, and leaves nothing there", function()
      expect(workspace:act("plugin_start"), "passing", nil)
      assert.equal("", workspace:tree "base")
    end)

    it("fails when baseDir is missing or no directory", function()
      use { baseDir = "/nonexistent/base" }
      expect(workspace:act("plugin_start"), "failing", nil, "/nonexistent/base")
      use {}
      workspace.private.baseDir = workspace.model_a
      expect(workspace:act("plugin_start"), "failing", nil, "is not a directory")
    end)

    it("clears what interrupted runs left, except where somebody works", function()
      for _, id in ipairs { "gone", "busy" } do
        workspace:mkdir("base/.deployment_" .. id .. ".bosun-new")
        workspace:write("base/.deployment_" .. id .. ".bosun-new/model", "half")
        workspace:write("base/.deployment_" .. id .. ".bosun-lock", "")
      end
      workspace:mkdir "base/.other.bosun-new"
      workspace:act("plugin_start", nil, { before = "flock base/.deployment_busy.bosun-lock" })
      assert.equal(".deployment_busy.bosun-lock file 0\n.deployment_busy.bosun-new directory 0\n"
        .. ".deployment_busy.bosun-new/model file 4\n.other.bosun-new directory 0", workspace:tree "base")
    end)

    it("uses the working directory when no private config says otherwise", function()
      workspace.private = nil
      local status = workspace:act("deployment_start", deployment(), { cwd = workspace.base })
      expect(status, "passing", "ready")
      assert.equal("model A", workspace:read "base/deployment_d1/model-A.txt")
    end)
  end)

  describe("the private config", function()
    it("has all its mistakes reported at once, with positions and suggestions", function()
      workspace.private = 'basedir: "/tmp"\ndeploymentInfoFile: 5\ndeploymentPredictionBaseUrl: "ftp://x"\n'
        .. 'deploymentDirPrefix: "a/b"\ndeploymentKVFile: ".."\n'
      local msg = workspace:act("plugin_start").msg
      assert.matches('%.yaml:1:1: basedir: unknown key; did you mean "baseDir"%?', msg)
      assert.matches("%.yaml:2:21: deploymentInfoFile: expected a string, found the integer 5: put it in quotes", msg)
      assert.matches('%.yaml:3:30: deploymentPredictionBaseUrl: expected an http or https URL, found the string "ftp://x"',
        msg)
      assert.matches("%.yaml:4:22: deploymentDirPrefix: ", msg)
      assert.matches("%.yaml:5:19: deploymentKVFile: ", msg)
    end)

    it("names the file that is missing", function()
      local status = workspace:act("plugin_start", nil, { args = { "--private-config=/nonexistent/x.yaml" },
        private = false })
      assert.equal("failing", status.status)
    end)
  end)

  describe("deployment_start", function()
    it("makes the directory with model and info file, and nothing else", function()
      local status = start()
      expect(status, "passing", "ready")
      assert.is_nil(status.data)
      assert.equal("model A", workspace:read "base/deployment_d1/model-A.txt")
      assert.same({ deployment_id = "d1", deployment_name = "first", model_id = "A", model_file = "model-A.txt",
        model_size = 7 }, workspace:read_yaml "base/deployment_d1/config.yml")
      assert.equal(2, select(2, workspace:tree("base"):gsub("\n", "")))
    end)

    it("changes nothing when the same model runs already, even if the artifact is gone", function()
      start()
      local inode = workspace:inode "base/deployment_d1"
      expect(workspace:act("deployment_start", deployment { modelArtifact = "/gone" }), "passing", "ready")
      assert.equal(inode, workspace:inode "base/deployment_d1")
    end)

    it("refuses another model and says how to replace it", function()
      start()
      expect(workspace:act("deployment_start", deployment { modelId = "B", modelArtifact = workspace.model_b }),
        "failing", "ready", "serves model A: use deployment_replace_model")
      assert.equal("A", (current_model()))
    end)

    it("fails and leaves nothing when the model cannot be had", function()
      for artifact, pattern in pairs {
        ["/nonexistent/model"] = "/nonexistent/model", [workspace.base] = "is a directory", [""] = "missing",
        ["a\0b"] = "NUL",
      } do
        local status = workspace:act("deployment_start", deployment { modelArtifact = artifact })
        expect(status, "failing", "errored", pattern)
        assert.equal("", workspace:tree "base")
      end
    end)

    it("refuses a model that is named like the info file", function()
      local artifact = workspace:write("config.yml", "x")
      expect(workspace:act("deployment_start", deployment { modelArtifact = artifact }), "failing", "errored",
        "config%.yml")
    end)

    it("needs a model id", function()
      expect(workspace:act("deployment_start", { id = "d1", modelArtifact = workspace.model_a }), "failing", nil,
        "modelId is missing")
    end)

    it("rebuilds a broken deployment", function()
      start()
      for _, file in ipairs { "model-A.txt", "config.yml" } do
        workspace:write("base/deployment_d1/" .. file, "")
        expect(select(2, current_model()), "failing", "errored")
        start()
        assert.equal("A", (current_model()))
      end
    end)

    it("clears the leftovers of an interrupted run", function()
      workspace:mkdir "base/.deployment_d1.bosun-new"
      workspace:write("base/.deployment_d1.bosun-new/half", "x")
      workspace:write("base/.deployment_d1.bosun-lock", "")
      start()
      assert.is_nil(workspace:tree("base"):find("bosun", 1, true))
    end)

    it("takes a relative modelArtifact, an empty model and one of many blocks", function()
      workspace:write("empty.bin", "")
      expect(workspace:act("deployment_start", deployment { modelArtifact = "empty.bin" }), "passing", "ready")
      workspace:write("big.bin", ("0123456789abcdef"):rep(200000))
      expect(workspace:act("deployment_start", deployment { id = "d2", modelArtifact = "big.bin" }), "passing", "ready")
      assert.equal(3200000, #workspace:read "base/deployment_d2/big.bin")
    end)

    it("fails clearly when baseDir is gone", function()
      os.remove(workspace.base)
      expect(workspace:act("deployment_start", deployment()), "failing", nil, "base")
    end)
  end)

  describe("a directory that is not ours", function()
    before_each(function()
      workspace:mkdir "base/deployment_d1"
      workspace:write("base/deployment_d1/precious", "data")
    end)

    for _, content in ipairs { false, 'deployment_id: "another"', "- a list" } do
      it("is never touched: " .. tostring(content), function()
        if content then workspace:write("base/deployment_d1/config.yml", content) end
        local before = workspace:tree "base"
        for action, info in pairs {
          deployment_start = deployment(), deployment_stop = deployment(), deployment_relaunch = deployment(),
          deployment_replace_model = with_model_b(),
        } do
          local status = workspace:act(action, info)
          assert.equal("failing", status.status)
          assert.matches("no deployment of this plugin", status.msg)
          assert.is_nil(status.data)
        end
        assert.equal(before, workspace:tree "base")
        assert.is_nil(next(workspace:act("deployment_list").data))
        expect(workspace:act("deployment_status", { id = "d1" }), "failing", "unknown")
      end)
    end
  end)

  describe("deployment_replace_model", function()
    it("swaps the directory", function()
      start()
      expect(workspace:act("deployment_replace_model", with_model_b()), "passing", "ready")
      assert.equal("config.yml file", workspace:tree("base/deployment_d1"):match "^config.yml file")
      assert.is_nil(workspace:read "base/deployment_d1/model-A.txt")
      assert.equal("the other model, B", workspace:read "base/deployment_d1/model-B.txt")
      assert.equal("B", (current_model()))
      assert.is_nil(workspace:tree("base"):find("bosun", 1, true))
    end)

    it("passes when the new model runs already", function()
      start()
      workspace:act("deployment_replace_model", with_model_b())
      local inode = workspace:inode "base/deployment_d1"
      expect(workspace:act("deployment_replace_model", with_model_b()), "passing", "ready")
      assert.equal(inode, workspace:inode "base/deployment_d1")
    end)

    it("keeps the old model and says so, whatever fails", function()
      start()
      local before = workspace:tree "base"
      for _, info in ipairs {
        { id = "d1", newModelId = "B", modelArtifact = workspace.base },
        { id = "d1", newModelId = "B", modelArtifact = "/nonexistent/model" },
        { id = "d1", newModelId = "B" },
        { id = "d1", modelArtifact = workspace.model_b },
      } do
        local status = workspace:act("deployment_replace_model", info)
        expect(status, "failing", "ready", "model A is still served")
        assert.same({ oldModelInUse = true }, status.data)
        assert.equal(before, workspace:tree "base")
      end
    end)

    it("fails when there is nothing to replace", function()
      local status = workspace:act("deployment_replace_model", with_model_b())
      expect(status, "failing", "stopped", "use deployment_start")
      assert.is_nil(status.data)
      assert.equal("", workspace:tree "base")
    end)

    it("repairs a broken deployment", function()
      start()
      os.remove(workspace:path "base/deployment_d1/model-A.txt")
      expect(workspace:act("deployment_replace_model", with_model_b()), "passing", "ready")
      assert.equal("B", (current_model()))
    end)
  end)

  describe("deployment_stop", function()
    it("removes the deployment, and passes when it is gone already", function()
      start()
      expect(workspace:act("deployment_stop", deployment()), "passing", "stopped")
      assert.equal("", workspace:tree "base")
      expect(workspace:act("deployment_stop", deployment()), "passing", "stopped")
    end)

    it("removes it whatever model it has, and says which", function()
      start()
      expect(workspace:act("deployment_stop", deployment { modelId = "Z" }), "passing", "stopped", "model A, not Z")
      assert.equal("", workspace:tree "base")
    end)

    it("removes a broken one and leaves the others", function()
      start()
      start { id = "d2" }
      workspace:write("base/deployment_d1/config.yml", "{{{")
      expect(workspace:act("deployment_stop", deployment()), "passing", "stopped")
      assert.is_nil(workspace:inode "base/deployment_d1")
      assert.is_not_nil(workspace:inode "base/deployment_d2")
    end)

    it("does not follow a symlink out of baseDir", function()
      start()
      workspace:mkdir "outside"
      workspace:write("outside/precious", "data")
      os.execute(("ln -s %s %s"):format(workspace:path "outside", workspace:path "base/deployment_d1/link"))
      expect(workspace:act("deployment_stop", deployment()), "passing", "stopped")
      assert.equal("data", workspace:read "outside/precious")
    end)
  end)

  describe("deployment_relaunch", function()
    it("builds the deployment anew", function()
      start()
      local inode = workspace:inode "base/deployment_d1"
      expect(workspace:act("deployment_relaunch", deployment()), "passing", "ready")
      assert.not_equal(inode, workspace:inode "base/deployment_d1")
      assert.equal("A", (current_model()))
    end)

    it("starts one that is not there, and keeps what runs when it fails", function()
      expect(workspace:act("deployment_relaunch", deployment()), "passing", "ready")
      expect(workspace:act("deployment_relaunch", deployment { modelArtifact = "/gone" }), "failing", "ready")
      assert.equal("A", (current_model()))
    end)
  end)

  describe("deployment_list", function()
    it("tells what is on disk", function()
      start()
      start { id = "d2", modelId = "B", modelArtifact = workspace.model_b, name = "second" }
      workspace:mkdir "base/foreign"
      workspace:mkdir "base/deployment_foreign"
      workspace:mkdir "base/.deployment_hidden"
      assert.same({
        d1 = { id = "d1", name = "first", modelId = "A",
          modelArtifact = workspace.base .. "/deployment_d1/model-A.txt" },
        d2 = { id = "d2", name = "second", modelId = "B",
          modelArtifact = workspace.base .. "/deployment_d2/model-B.txt" },
      }, workspace:act("deployment_list").data)
    end)

    it("is an empty mapping when nothing runs", function()
      assert.same({}, workspace:act("deployment_list").data)
    end)

    it("leaves out a damaged one with a warning, and lists one whose model is missing", function()
      start()
      start { id = "d2" }
      workspace:write("base/deployment_d1/config.yml", "{{{")
      os.remove(workspace:path "base/deployment_d2/model-A.txt")
      local status = workspace:act("deployment_list")
      assert.is_nil(status.data.d1)
      assert.equal("A", status.data.d2.modelId)
      assert.matches("deployment_d1", status.stderr)
    end)

    it("fails when baseDir cannot be read", function()
      os.remove(workspace.base)
      expect(workspace:act("deployment_list"), "failing", nil, "base")
    end)
  end)

  describe("status", function()
    it("names what is wrong", function()
      start()
      workspace:write("base/deployment_d1/model-A.txt", "mod")
      expect(workspace:act("deployment_status", { id = "d1" }), "failing", "errored", "has 3 bytes instead of 7")
      os.remove(workspace:path "base/deployment_d1/model-A.txt")
      expect(workspace:act("deployment_status", { id = "d1" }), "failing", "errored", "model%-A.txt is missing")
      expect(workspace:act("deployment_status", { id = "d9" }), "failing", "stopped", "not there")
    end)

    it("of the environment tells of each deployment, with all six keys", function()
      start()
      local status = workspace:act("pe_status", nil,
        { config = { peInfo = { deployments = { "d1", { id = "d2" }, "../x" } } } })
      expect(status, "passing", nil)
      local of = status.data.deploymentsStatus
      assert.equal("passing", of.d1.status)
      assert.same({ currentModelId = "A" }, of.d1.data)
      assert.equal("failing", of.d2.status)
      assert.equal("stopped", of.d2.state)
      assert.equal("failing", of["../x"].status)
      for _, one in pairs(of) do
        assert.equal("integer", math.type(one.timestamp))
        assert.is_number(one.duration)
      end
    end)

    it("of the environment fails without baseDir", function()
      os.remove(workspace.base)
      expect(workspace:act("pe_status"), "failing", nil, "baseDir")
    end)
  end)

  describe("deploymentKVFile", function()
    local settings = { key1 = "value", ["odd: key\n"] = "- no\n structure", number = 5 }

    it("of its own gets the settings", function()
      use { deploymentKVFile = "kv.yaml" }
      start { keyValueConfig = settings }
      assert.same(settings, workspace:read_yaml "base/deployment_d1/kv.yaml")
      assert.same(settings, workspace:act("deployment_list").data.d1.keyValueConfig)
      start { id = "d2" }
      assert.same({}, workspace:read_yaml "base/deployment_d2/kv.yaml")
    end)

    it("that is the info file has them added, ours first", function()
      use { deploymentKVFile = "config.yml" }
      local given = { deployment_id = "evil", model_file = "../../x" }
      for key, value in pairs(settings) do given[key] = value end
      local status = start { keyValueConfig = given }
      local info = workspace:read_yaml "base/deployment_d1/config.yml"
      assert.equal("d1", info.deployment_id)
      assert.equal("model-A.txt", info.model_file)
      assert.equal("value", info.key1)
      assert.matches("deployment_id", status.stderr)
      assert.same(settings, workspace:act("deployment_list").data.d1.keyValueConfig)
    end)
  end)

  it("hands on the prediction URL, with the id encoded", function()
    use { deploymentPredictionBaseUrl = "http://localhost:8080/" }
    local id = "a b#?é%"
    local url = "http://localhost:8080/a%20b%23%3F%C3%A9%25/predict"
    assert.equal(url, start { id = id }.data.predictionUrl)
    assert.equal(url, start { id = id }.data.predictionUrl)
    assert.equal(url, workspace:act("deployment_replace_model", with_model_b { id = id }).data.predictionUrl)
  end)

  describe("hostile ids", function()
    local REFUSED = {
      up = "../x", slash = "a/b", dot = ".", dots = "..", empty = "", long = ("x"):rep(300), newline = "a\nb",
      nul = "a\0b", absolute = "/etc/passwd", too_long_with_prefix = ("x"):rep(233),
    }
    local ACTIONS = { "deployment_start", "deployment_stop", "deployment_replace_model", "deployment_status",
      "deployment_relaunch" }

    for name, id in pairs(REFUSED) do
      it("are refused, and nothing is touched: " .. name, function()
        local before = workspace:tree "base"
        workspace:mkdir "x"
        workspace:write("x/config.yml", 'deployment_id: "../x"')
        for _, action in ipairs(ACTIONS) do
          local status = workspace:act(action, with_model_b { id = id })
          assert.equal("failing", status.status, action)
          assert.is_string(status.msg)
        end
        assert.equal(before, workspace:tree "base")
        assert.equal("config.yml file 21", workspace:tree "x")
      end)
    end

    local NAMES = { "$(touch x)", "'; touch x; '", '"', "`x`", "a b", "-rf", "*", "\\", "é", "~", ("x"):rep(232) }
    for _, id in ipairs(NAMES) do
      it("are only names: " .. id:sub(1, 20), function()
        start { id = id }
        assert.equal(id, workspace:act("deployment_list").data[id].id)
        expect(workspace:act("deployment_replace_model", with_model_b { id = id }), "passing", "ready")
        assert.equal("model A", workspace:read "model-A.txt")
        expect(workspace:act("deployment_stop", deployment { id = id }), "passing", "stopped")
        assert.equal("", workspace:tree "base")
        assert.is_nil(workspace:inode "x")
      end)
    end

    it("that are no UTF-8 are refused by the reader, with their line", function()
      local status = workspace:act("deployment_start", nil,
        { config = 'deploymentInfo:\n  id: "a\xFFb"\n  modelId: "A"\n' })
      assert.equal("failing", status.status)
      assert.matches("%.yaml:2:", status.msg)
      assert.equal("", workspace:tree "base")
    end)

    it("cannot begin with a dot where there is no prefix", function()
      use { deploymentDirPrefix = "" }
      assert.equal("failing", workspace:act("deployment_start", deployment { id = ".hidden" }).status)
      assert.equal("", workspace:tree "base")
      start { id = "plain" }
      assert.is_not_nil(workspace:inode "base/plain")
    end)
  end)

  it("refuses settings that it could not read back", function()
    workspace.private.deploymentKVFile = "config.yml"
    local long = {}
    for i = 1, 4000 do long[i] = "a value of some length" end
    local status = workspace:act("deployment_start", deployment { keyValueConfig = { k = long } })
    expect(status, "failing", "errored", "keyValueConfig is too large")
    assert.equal("", workspace:tree "base")
  end)

  it("probes baseDir with a file of its own", function()
    local precious = workspace:write("precious", "content")
    os.execute(("ln -s '%s' '%s/.bosun-probe'"):format(precious, workspace.base))
    expect(workspace:act("plugin_start"), "passing", nil)
    assert.equal("content", workspace:read("precious"))
  end)

  it("does not call a deployment stopped because its folder is gone", function()
    start()
    os.execute(("rm -rf '%s'"):format(workspace.base))
    expect(workspace:act("deployment_status", { id = "d1" }), "failing", "unknown", "baseDir cannot be read")
  end)

  it("changes nothing in a dry run, and shows the plan", function()
    local dry = { args = { "--dry-run" } }
    expect(workspace:act("plugin_start", nil, dry), "passing", nil)
    expect(workspace:act("deployment_start", deployment(), dry), "passing", nil, "^dry run, nothing was changed: ")
    assert.equal("", workspace:tree "base")
    start()
    local before, inode = workspace:tree "base", workspace:inode "base/deployment_d1"
    for action, info in pairs { deployment_replace_model = with_model_b(), deployment_stop = deployment(),
      deployment_relaunch = deployment() } do
      local status = workspace:act(action, info, dry)
      assert.equal("passing", status.status, status.msg)
      assert.is_true(#status.data.plan > 0)
      assert.equal(before, workspace:tree "base")
      assert.equal(inode, workspace:inode "base/deployment_d1")
    end
  end)
end)
