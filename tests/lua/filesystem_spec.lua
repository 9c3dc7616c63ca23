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
        start { id = id }
        os.rename(workspace:path("base/deployment_" .. id), workspace:path("base/.deployment_" .. id .. ".bosun-new"))
        workspace:write("base/.deployment_" .. id .. ".bosun-lock", "")
      end
      workspace:mkdir "base/.deployment_empty.bosun-new"
      workspace:mkdir "base/.other.bosun-new"
      workspace:act("plugin_start", nil, { before = "flock base/.deployment_busy.bosun-lock" })
      local left = workspace:tree "base"
      assert.matches("^%.deployment_busy%.bosun%-lock file 0\n%.deployment_busy%.bosun%-new directory 0\n", left)
      assert.matches("%.deployment_busy%.bosun%-new/model%-A%.txt file 7", left)
      assert.matches("%.other%.bosun%-new directory 0$", left)
      assert.is_nil(left:find("gone", 1, true) or left:find("empty", 1, true))
    end)

    it("uses the working directory when no private config says otherwise", function()
      workspace.private = nil
      local status = workspace:act("deployment_start", deployment(), { cwd = workspace.base })
      expect(status, "passing", "ready")
      assert.equal("model A", workspace:read "base/deployment_d1/model-A.txt")
    end)
  end)

  describe("deployment_start", function()
    it("makes the directory with model, info file and mark, and nothing else", function()
      local status = start()
      expect(status, "passing", "ready")
      assert.same({ artifactSha256 = scene.sha256 "model A" }, status.data)
      assert.equal("model A", workspace:read "base/deployment_d1/model-A.txt")
      assert.same({ deployment_id = "d1", model_id = "A" }, workspace:read_yaml "base/deployment_d1/config.yml")
      assert.same({ ".bosun.yml", "config.yml", "model-A.txt" }, workspace:names "base/deployment_d1")
      assert.same({ "deployment_d1" }, workspace:names "base")
    end)

    it("changes nothing when the same model runs already, even if the artifact is gone", function()
      start()
      local inode = workspace:inode "base/deployment_d1"
      expect(workspace:act("deployment_start", deployment { modelArtifact = "/gone" }), "passing", "ready")
      assert.equal(inode, workspace:inode "base/deployment_d1")
    end)

    it("makes it so: another model is exchanged in, and msg says what it replaced", function()
      start()
      expect(workspace:act("deployment_start", deployment { modelId = "B", modelArtifact = workspace.model_b }),
        "passing", "ready", "serving model B from .*, instead of model A")
      assert.equal("B", (current_model()))
      assert.same({ ".bosun.yml", "config.yml", "model-B.txt" }, workspace:names "base/deployment_d1")
    end)

    it("installs another artifact of the same model id anew, even one of the same size", function()
      start()
      for _, content in ipairs { "model Z", "a longer model A" } do
        workspace:write("model-A.txt", content)
        expect(start(), "passing", "ready", "installed anew")
        assert.equal(content, workspace:read "base/deployment_d1/model-A.txt")
      end
      expect(start(), "passing", "ready", "already serving")
    end)

    it("keeps the model that serves when the new one cannot be had", function()
      start()
      expect(workspace:act("deployment_start", deployment { modelId = "B", modelArtifact = "/nonexistent/model" }),
        "failing", "ready", "/nonexistent/model.*still serving model A")
      assert.equal("A", (current_model()))
    end)

    it("fails and leaves nothing when the model cannot be had", function()
      for artifact, pattern in pairs {
        ["/nonexistent/model"] = "/nonexistent/model", [workspace.base] = "contains the deployment's directory",
        [""] = "missing", ["a\0b"] = "NUL",
      } do
        local status = workspace:act("deployment_start", deployment { modelArtifact = artifact })
        expect(status, "failing", "errored", pattern)
        assert.equal("", workspace:tree "base")
      end
    end)

    it("takes a model that is a folder", function()
      workspace:mkdir "net"
      workspace:mkdir "net/weights"
      workspace:write("net/weights/layer 1", "12345")
      workspace:write("net/run.sh", "#!/bin/sh")
      os.execute(("chmod 700 '%s/net/run.sh'; ln -s weights/layer\\ 1 '%s/net/link'"):format(workspace.root,
        workspace.root))
      local net = deployment { modelArtifact = "net/" }
      expect(workspace:act("deployment_start", net), "passing", "ready")
      assert.equal("12345", workspace:read "base/deployment_d1/net/weights/layer 1")
      assert.equal("12345", workspace:read "base/deployment_d1/net/link")
      assert.equal("rwxr-xr-x", workspace:permissions "base/deployment_d1/net/run.sh")
      assert.equal(workspace.base .. "/deployment_d1/net", workspace:act("deployment_list").data.d1.modelArtifact)
      expect(workspace:act("deployment_start", net), "passing", "ready", "already serving")
      workspace:write("net/weights/layer 1", "54321")
      expect(workspace:act("deployment_start", net), "passing", "ready", "installed anew")
      os.remove(workspace:path "base/deployment_d1/net/link")
      expect(workspace:act("deployment_status", net), "failing", "errored", "net is 14 bytes long; expected 19")
      expect(workspace:act("deployment_stop", net), "passing", "stopped")
      assert.equal("", workspace:tree "base")
    end)

    it("refuses a folder with something that is no file, and leaves nothing", function()
      workspace:mkdir "net"
      os.execute(("mkfifo '%s/net/pipe'"):format(workspace.root))
      expect(workspace:act("deployment_start", deployment { modelArtifact = "net" }), "failing", "errored",
        "net/pipe: it is a fifo")
      assert.equal("", workspace:tree "base")
    end)

    it("gives directory and files the permissions that the prediction server needs", function()
      os.execute(("chmod 600 '%s'"):format(workspace.model_a))
      start()
      assert.equal("rwxr-xr-x", workspace:permissions "base/deployment_d1")
      assert.equal("rw-r--r--", workspace:permissions "base/deployment_d1/config.yml")
      assert.equal("rw-r--r--", workspace:permissions "base/deployment_d1/model-A.txt")
    end)

    it("refuses a model that is named like the info file", function()
      local artifact = workspace:write("config.yml", "x")
      expect(workspace:act("deployment_start", deployment { modelArtifact = artifact }), "failing", "errored",
        "config%.yml")
    end)

    it("needs a model id", function()
      expect(workspace:act("deployment_start", { id = "d1", modelArtifact = workspace.model_a }), "failing",
        "errored", "modelId is missing")
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

    it("takes a mark that cannot be read for damage, and repairs it", function()
      start()
      local mark = workspace:read "base/deployment_d1/.bosun.yml"
      local other = mark:gsub('"d1"', '"d2"')
      for _, text in ipairs { "", mark:sub(1, 30), "\0junk", "{{{", other } do
        workspace:write("base/deployment_d1/.bosun.yml", text)
        local before = workspace:tree "base"
        local model, status = current_model()
        expect(status, "failing", "errored", "its %.bosun%.yml is damaged")
        assert.equal("A", model)
        assert.equal(before, workspace:tree "base")
        start()
        expect(select(2, current_model()), "passing", "ready")
      end
      os.remove(workspace:path "base/deployment_d1/.bosun.yml")
      workspace:mkdir "base/deployment_d1/.bosun.yml"
      expect(select(2, current_model()), "failing", "errored", "its %.bosun%.yml is damaged: .*EISDIR")
      start()
      expect(select(2, current_model()), "passing", "ready")
    end)

    it("takes a directory that there is no time to read for no one else's", function()
      start()
      local seen = workspace:eval(([[
        package.path = %q .. package.path
        local folder, time = require "bosun.folder", require "bosun.time"
        local record = require "filesystem.record"
        local dir, files = %q, { info = "config.yml" }
        local limit <close> = time.limit(0.001)
        while time.deadline() > 0 do end
        local found = record.read(dir, "d1", files)
        local place = folder.place(dir, { is_ours = function(p) return record.is_ours(p, "d1", files) end })
        local removed, err = place:remove()
        return { found.kind, found.err and found.err.code, removed or false, err.code }]]):format(
        require("lfs").currentdir() .. "/lua/plugins/?.lua;", workspace:path "base/deployment_d1"))
      assert.same({ "unknown", "timeout", false, "timeout" }, seen)
      expect(select(2, current_model()), "passing", "ready")
    end)

    it("clears the leftovers of an interrupted run", function()
      workspace:mkdir "base/.deployment_d1.bosun-new"
      workspace:write("base/.deployment_d1.bosun-new/.bosun.yml", "deployment_id:")
      workspace:write("base/.deployment_d1.bosun-lock", "")
      start()
      assert.same({ "deployment_d1" }, workspace:names "base")
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
      expect(workspace:act("deployment_start", deployment()), "failing", "unknown", "base")
    end)
  end)

  describe("deployment_replace_model", function()
    it("swaps the directory", function()
      start()
      expect(workspace:act("deployment_replace_model", with_model_b()), "passing", "ready")
      assert.same({ ".bosun.yml", "config.yml", "model-B.txt" }, workspace:names "base/deployment_d1")
      assert.equal("the other model, B", workspace:read "base/deployment_d1/model-B.txt")
      assert.equal("B", (current_model()))
      assert.same({ "deployment_d1" }, workspace:names "base")
    end)

    it("takes modelId for the new model where the agent sends no newModelId", function()
      start()
      expect(workspace:act("deployment_replace_model", deployment { modelId = "B", modelArtifact = workspace.model_b }),
        "passing", "ready", "instead of model A")
      assert.equal("B", (current_model()))
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
        { id = "d1", modelId = "B", modelArtifact = "/nonexistent/model" },
      } do
        local status = workspace:act("deployment_replace_model", info)
        expect(status, "failing", "ready", "still serving model A")
        assert.is_true(status.data.oldModelInUse)
        assert.equal("string", type(status.data.error.code))
        assert.equal(before, workspace:tree "base")
      end
    end)

    it("fails when there is nothing to replace", function()
      local status = workspace:act("deployment_replace_model", with_model_b())
      expect(status, "failing", "errored", "use deployment_start")
      assert.same({ "not_deployed", nil }, { status.data.error.code, status.data.oldModelInUse })
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
      workspace:write("base/deployment_d1/of the server", "x")
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
      local digests = { A = scene.sha256 "model A", B = scene.sha256 "the other model, B" }
      local function listed(id, name, model)
        return {
          status = "passing", msg = ("%s: serving model %s"):format(id, model), state = "ready",
          data = { currentModelId = model, artifactSha256 = digests[model] }, id = id, name = name, modelId = model,
          modelArtifact = ("%s/deployment_%s/model-%s.txt"):format(workspace.base, id, model),
        }
      end
      local status = workspace:act("deployment_list")
      for _, entry in pairs(status.data) do
        assert.equal("integer", math.type(entry.timestamp))
        entry.timestamp = nil
      end
      assert.same({ d1 = listed("d1", "first", "A"), d2 = listed("d2", "second", "B") }, status.data)
      assert.matches('"duration": null', status.text)
    end)

    it("is an empty mapping when nothing runs", function()
      assert.same({}, workspace:act("deployment_list").data)
    end)

    it("tells what is wrong with a deployment, and leaves out what is not ours with a warning", function()
      for _, id in ipairs { "d1", "d2", "d3" } do start { id = id } end
      workspace:write("base/deployment_d1/config.yml", "{{{")
      os.remove(workspace:path "base/deployment_d2/model-A.txt")
      workspace:write("base/deployment_d3/config.yml", "{{{")
      os.remove(workspace:path "base/deployment_d3/.bosun.yml")
      local status = workspace:act("deployment_list")
      for id, pattern in pairs { d1 = "config.yml is damaged", d2 = "model%-A.txt is missing" } do
        assert.equal("failing", status.data[id].status)
        assert.equal("errored", status.data[id].state)
        assert.matches(pattern, status.data[id].msg)
        assert.equal("A", status.data[id].modelId)
      end
      assert.is_nil(status.data.d3)
      assert.matches("deployment_d3", status.stderr)
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
      expect(workspace:act("deployment_status", { id = "d9" }), "failing", "errored", "not deployed")
    end)

    it("of the environment tells of each deployment, with all six keys", function()
      start()
      local status = workspace:act("pe_status", nil,
        { config = { peInfo = { deployments = { "d1", { id = "d2" }, "../x" } } } })
      expect(status, "passing", nil)
      local of = status.data.deploymentsStatus
      assert.equal("passing", of.d1.status)
      assert.same({ currentModelId = "A", artifactSha256 = scene.sha256 "model A" }, of.d1.data)
      assert.equal("failing", of.d2.status)
      assert.equal("errored", of.d2.state)
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
