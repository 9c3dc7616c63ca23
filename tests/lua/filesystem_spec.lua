-- The filesystem plugin, driven as the agent drives it: action by action.
package.path = "./tests/support/?.lua;" .. package.path
local scene = require "filesystem_scene"

describe("the filesystem plugin", function()
  local workspace
  local deployment, with_model_b, start, expect = scene.deployment, scene.with_model_b, scene.start, scene.expect
  local current_model = scene.current_model

  local function use(private) workspace = scene.use(private) end

  before_each(function() use() end)
  after_each(scene.remove)

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
        "failing", "ready", "serving model A; use deployment_replace_model")
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
        expect(status, "failing", "ready", "still serving model A")
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
      expect(workspace:act("deployment_status", { id = "d1" }), "failing", "errored", "is 3 bytes long; expected 7")
      os.remove(workspace:path "base/deployment_d1/model-A.txt")
      expect(workspace:act("deployment_status", { id = "d1" }), "failing", "errored", "model%-A.txt is missing")
      expect(workspace:act("deployment_status", { id = "d9" }), "failing", "stopped", "not deployed")
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
