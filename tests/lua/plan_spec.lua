-- data.plan of a dry run: what would change, from what to what, and why; after an action, nothing is left to do.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("the plan of a dry run", function()
  local workspace
  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- The plan of a body of pe_status; {} when there is none.
  local function plan_of(body)
    local plugin = workspace:plugin_file("plugin", "local effect, fs = require 'bosun.effect', require 'bosun.fs'\n"
      .. "function P:pe_status()\n" .. body .. "\nreturn ActionStatusInfo.passing() end")
    local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } })
    assert.equal("passing", status.status, status.msg)
    return status.data.plan
  end

  it("says what is there now and what is there then", function()
    workspace:write("old.txt", "12345")
    workspace:mkdir "folder"
    assert(os.execute(("chmod 640 '%s'"):format(workspace:path "old.txt")))
    assert.same({
      { operation = "fs.write", target = "old.txt", before = "5 bytes", after = "4 bytes" },
      { operation = "fs.append", target = "old.txt", before = "5 bytes", after = "3 more bytes" },
      { operation = "fs.copy", target = "new.txt", after = "copy of old.txt" },
      { operation = "fs.move", target = "old.txt", before = "5 bytes", after = "moved to other.txt" },
      { operation = "fs.exchange", target = "old.txt", before = "5 bytes", after = "exchanged with none.txt" },
      { operation = "fs.chmod", target = "old.txt", before = "0640", after = "0600" },
      { operation = "fs.symlink", target = "link", after = "symlink to old.txt" },
      { operation = "fs.remove", target = "folder", before = "folder with everything in it" },
    }, plan_of [[
      fs.write("old.txt", "1234") fs.append("old.txt", "abc") fs.copy("old.txt", "new.txt")
      fs.move("old.txt", "other.txt")
      fs.exchange("none.txt", "old.txt") fs.chmod("old.txt", 384) fs.symlink("old.txt", "link")
      fs.remove("folder", { recursive = true })]])
  end)

  it("has nothing where everything is in place", function()
    workspace:write("file", "text")
    assert(os.execute(("chmod 640 '%s'"):format(workspace:path "file")))
    assert.same({}, plan_of [[
      fs.write("file", "text") fs.mkdir(".", { parents = true }) fs.remove "none" fs.chmod("file", 416)
      fs.chown("file", nil, nil) fs.sync_dir "."
      local file = fs.tempfile { dir = "." } fs.write(file, "x") fs.remove(file)
      local folder = fs.tempdir { dir = "." } fs.write(folder .. "/a", "x") fs.remove(folder, { recursive = true })]])
  end)

  it("keeps apart what was made, what was moved and what is removed", function()
    workspace:mkdir "served"
    local steps = Workspace.steps(plan_of [[
      fs.mkdir ".new" fs.write(".new/a", "x") fs.exchange(".new", "served") fs.remove(".new", { recursive = true })]])
    assert.same({ "fs.mkdir .new", "fs.write .new/a", "fs.exchange served", "fs.remove .new" }, steps)
    assert.same({ "fs.mkdir .new", "fs.move .new" }, Workspace.steps(plan_of [[
      fs.mkdir ".new" fs.move(".new", "other") fs.remove(".new", { recursive = true })]]))
    local plan = plan_of [[fs.move("served", ".old") fs.remove(".old", { recursive = true })]]
    assert.same({ "fs.move served", "fs.remove .old" }, Workspace.steps(plan))
    assert.equal("what served is now", plan[2].before)
  end)

  it("gives the reason of the innermost scope, until it is closed", function()
    local reasons = {}
    for i, entry in ipairs(plan_of [[
      fs.write("a", "x")
      do
        local _ <close> = effect.because "outer"
        fs.write("b", "x")
        pcall(function()
          local _ <close> = effect.because "inner\\0!"
          effect.begin("gpu.reset", "card 0")
          effect.begin("gpu.reset", "card 1", { before = "busy", after = "free", reason = "own" })
          error "leaves"
        end)
        fs.write("c", "x")
      end
      fs.write("d", "x")]]) do
      reasons[i] = entry.reason or "none"
    end
    assert.same({ "none", "outer", "inner\\0!", "own", "outer", "none" }, reasons)
  end)

  it("refuses an option that effect.begin does not have", function()
    local plugin = workspace:plugin_file("plugin", "function P:pe_status() require('bosun.effect').begin('a', 'b', "
      .. "{ aftr = 'x' }) end")
    local status = workspace:act("pe_status", nil, { plugin = plugin })
    assert.matches('unknown option aftr; did you mean "after"', status.msg)
  end)

  describe("of a deployment that is as it should be", function()
    local ACTIONS = { "plugin_start", "plugin_stop", "pe_status", "deployment_list", "deployment_start",
      "deployment_status", "deployment_replace_model", "endpoint_status", "deployment_stop" }

    --- Runs each action, then the same as a dry run, which has nothing to do.
    local function converges(plugin, private)
      for _, action in ipairs(ACTIONS) do
        local info = action:find "^deployment_[^l]" and { id = "d1", modelId = "A",
          newModelId = action == "deployment_replace_model" and "B" or nil,
          modelArtifact = workspace:write("model.mlpkg", "the model") } or nil
        local config = { peInfo = { deployments = { "d1" } }, deploymentInfo = info,
          endpointInfo = { id = "e", name = "e", predictionEnvironmentId = "p", endpointType = "online" } }
        local options = { plugin = plugin, private = private, config = config }
        local first = workspace:act(action, info, options)
        options.args = { "--dry-run", "--detailed-exit-codes" }
        local again = workspace:run { action = action, plugin = plugin, private = private, config = config,
          args = options.args }
        local data = again.status.data
        local plan = type(data) == "table" and type(data.plan) == "table" and data.plan or {}
        assert.same({}, plan, action)
        if first.status == "passing" then assert.equal(0, again.code, action .. "\n" .. again.text) end
      end
    end

    it("is empty after each action of the filesystem plugin", function()
      converges("filesystem", { baseDir = workspace:mkdir "base" })
    end)

    it("is empty after each action of the test plugin", function()
      local private = { tmp_dir = workspace:mkdir "tmp" }
      for _, key in ipairs { "launch_time_sec", "stop_time_sec", "replace_model_time_sec", "pe_status_time_sec",
        "deployment_status_time_sec", "deployment_list_time_sec", "endpoint_status_time_sec", "plugin_start_time",
        "plugin_stop_time" } do
        private[key] = 0
      end
      converges("test", private)
    end)

    it("has the relaunch, which is asked for", function()
      local private = { baseDir = workspace:mkdir "base" }
      local info = { id = "d1", modelId = "A", modelArtifact = workspace:write("model.mlpkg", "the model") }
      local options = { plugin = "filesystem", private = private }
      assert.equal("passing", workspace:act("deployment_start", info, options).status)
      options.args = { "--dry-run" }
      for _, entry in ipairs(workspace:act("deployment_relaunch", info, options).data.plan) do
        assert.equal("a relaunch builds the deployment anew", entry.reason)
      end
    end)

    it("says why the model has to change", function()
      local private = { baseDir = workspace:mkdir "base" }
      local info = { id = "d1", modelId = "A", modelArtifact = workspace:write("model.mlpkg", "the model") }
      local function reason(more)
        local options = { plugin = "filesystem", private = private, args = { "--dry-run" } }
        for key, value in pairs(more) do info[key] = value end
        local plan = workspace:act("deployment_start", info, options).data.plan
        for _, entry in ipairs(plan) do assert.equal(plan[1].reason, entry.reason) end
        return plan[1].reason
      end
      assert.matches("^folder absent: no directory ", reason {})
      local options = { plugin = "filesystem", private = private }
      assert.equal("passing", workspace:act("deployment_start", info, options).status)
      assert.equal("model id differs: A is served, not B", reason { modelId = "B" })
    end)
  end)
end)
