-- The filesystem plugin: its private config, ids and files that it must not trust, folders that are not its own.
package.path = "./tests/support/?.lua;" .. package.path
local scene = require "filesystem_scene"

describe("the filesystem plugin", function()
  local workspace
  local deployment, with_model_b, start, expect = scene.deployment, scene.with_model_b, scene.start, scene.expect

  local function use(private) workspace = scene.use(private) end

  before_each(function() use() end)
  after_each(scene.remove)

  describe("the private config", function()
    it("has all its mistakes reported at once, with positions and suggestions", function()
      workspace.private = 'basedir: "/tmp"\ndeploymentInfoFile: 5\ndeploymentPredictionBaseUrl: "ftp://x"\n'
        .. 'deploymentDirPrefix: "a/b"\ndeploymentKVFile: ".."\n'
      local msg = workspace:act("plugin_start").msg
      assert.matches('%.yaml:1:1: basedir: unknown key; did you mean "baseDir"%?', msg)
      assert.matches("%.yaml:2:21: deploymentInfoFile: expected a string, found the integer 5: put it in quotes", msg)
      assert.matches(
        '%.yaml:3:30: deploymentPredictionBaseUrl: expected an http or https URL, found the string "ftp://x"', msg)
      assert.matches("%.yaml:4:22: deploymentDirPrefix: ", msg)
      assert.matches("%.yaml:5:19: deploymentKVFile: ", msg)
    end)

    it("names the file that is missing", function()
      local status = workspace:act("plugin_start", nil, { args = { "--private-config=/nonexistent/x.yaml" },
        private = false })
      assert.equal("failing", status.status)
    end)
  end)

  --- Every action that changes something, on d1: fails with this message and this state, and changes nothing.
  local function expect_untouched(pattern)
    local before = workspace:tree "base"
    for action, info in pairs {
      deployment_start = deployment(), deployment_stop = deployment(), deployment_relaunch = deployment(),
      deployment_replace_model = with_model_b(),
    } do
      local status = workspace:act(action, info)
      expect(status, "failing", "errored", pattern)
      assert.matches("left untouched: move it away", status.msg)
      assert.same({ "foreign", false }, { status.data.error.code, status.data.error.retryable })
      assert.equal(before, workspace:tree "base")
    end
  end

  -- What a config.yml may hold that is not ours, although some of it names the deployment.
  local FOREIGN = {
    ["none at all"] = false,
    ["another deployment"] = "deployment_id: another\nmodel_id: A\n",
    ["no model"] = "deployment_id: d1\n",
    ["a third key"] = "deployment_id: d1\nmodel_id: A\nowner: someone\n",
    ["a list"] = "- a list\n",
    ["nothing"] = "",
    ["null"] = "~\n",
    ["a comment"] = "# mine\ndeployment_id: d1\nmodel_id: A\n",
    ["a comment behind a value"] = "deployment_id: d1 # mine\nmodel_id: A\n",
    ["an unknown tag"] = "deployment_id: !mine d1\nmodel_id: A\n",
    ["a known tag"] = "deployment_id: !!str d1\nmodel_id: A\n",
    ["an anchor"] = "deployment_id: &a d1\nmodel_id: *a\n",
    ["a tagged mapping"] = "!!map\ndeployment_id: d1\nmodel_id: A\n",
    ["two documents"] = "deployment_id: d1\nmodel_id: A\n---\ndeployment_id: d1\nmodel_id: A\n",
    ["a duplicate key"] = "deployment_id: d1\nmodel_id: A\nmodel_id: A\n",
    ["a tab"] = "deployment_id: d1\n\tmodel_id: A\n",
    ["an integer of 30 digits"] = "deployment_id: d1\nmodel_id: 123456789012345678901234567890\n",
    ["a number"] = "deployment_id: d1\nmodel_id: 5\n",
    ["half a line"] = "deployment_id: d1\nmodel_id:",
    ["bytes that are not UTF-8"] = "deployment_id: d1\nmodel_id: \xFF\n",
    ["too much"] = "deployment_id: d1\nmodel_id: A\n" .. ("\n"):rep(70000),
  }

  describe("a directory that is not ours", function()
    before_each(function()
      workspace:mkdir "base/deployment_d1"
      workspace:write("base/deployment_d1/precious", "data")
    end)

    for what, content in pairs(FOREIGN) do
      it("is never touched: its config.yml has " .. what, function()
        if content then workspace:write("base/deployment_d1/config.yml", content) end
        expect_untouched "not a deployment of this plugin"
        assert.is_nil(next(workspace:act("deployment_list").data))
        expect(workspace:act("deployment_status", { id = "d1" }), "failing", "errored",
          "not a deployment of this plugin")
      end)

      it("is never touched without a prefix: its config.yml has " .. what, function()
        use { deploymentDirPrefix = "" }
        workspace:mkdir "base/d1"
        workspace:write("base/d1/precious", "data")
        if content then workspace:write("base/d1/config.yml", content) end
        expect_untouched "not a deployment of this plugin"
      end)
    end

    it("is never touched when its config.yml cannot be read", function()
      workspace:mkdir "base/deployment_d1/config.yml"
      expect_untouched "config%.yml.*%(EISDIR%)"
    end)

    it("is never touched when its mark is another deployment's, half, or no mark", function()
      start { id = "d2" }
      os.execute(("rm -rf '%s/deployment_d1'; cp -r '%s/deployment_d2' '%s/deployment_d1'"):format(workspace.base,
        workspace.base, workspace.base))
      expect_untouched "does not name deployment d1"
      workspace:write("base/deployment_d1/config.yml", "{{{")
      for _, text in ipairs { "", "deployment_id: d1\n", 'deployment_id: d1\nmodel_id: A\nmodel_file: "../x"\n' } do
        workspace:write("base/deployment_d1/.bosun.yml", text)
        expect_untouched "not a deployment of this plugin"
      end
    end)
  end)

  it("never touches a symlink or a file of the deployment's name", function()
    start()
    os.rename(workspace:path "base/deployment_d1", workspace:path "elsewhere")
    os.execute(("ln -s ../elsewhere '%s/deployment_d1'"):format(workspace.base))
    local before = workspace:tree "elsewhere"
    expect_untouched "it is a symlink"
    assert.equal(before, workspace:tree "elsewhere")
    os.remove(workspace:path "base/deployment_d1")
    workspace:write("base/deployment_d1", "data")
    expect_untouched "it is a file"
  end)

  describe("under a hidden name of ours", function()
    for _, suffix in ipairs { "new", "next" } do
      it("touches nothing that is not provably a deployment: " .. suffix, function()
        local dir = "base/.deployment_d1.bosun-" .. suffix
        start()
        workspace:mkdir(dir)
        workspace:write(dir .. "/precious", "data")
        local before = workspace:tree "base"
        for _, action in ipairs { "deployment_start", "deployment_stop", "deployment_relaunch" } do
          expect(workspace:act(action, deployment()), "failing", "ready", "bosun%-" .. suffix
            .. " is not a deployment of this plugin.*left untouched")
        end
        local status = workspace:act("plugin_start")
        expect(status, "passing", nil)
        assert.matches("left untouched", status.stderr)
        expect(workspace:act("deployment_status", { id = "d1" }), "passing", "ready")
        assert.equal("passing", workspace:act("deployment_list").data.d1.status)
        assert.equal(before, workspace:tree "base")
      end)

      it("follows and removes no symlink: " .. suffix, function()
        start()
        workspace:mkdir "empty"
        os.execute(("ln -s ../empty '%s/.deployment_d1.bosun-%s'"):format(workspace.base, suffix))
        expect(workspace:act("deployment_stop", deployment()), "failing", "ready", "is a symlink, not a directory")
        assert.equal("link", workspace:mode("base/.deployment_d1.bosun-" .. suffix))
      end)
    end

    it("removes no lock file with content", function()
      workspace:write("base/.deployment_d1.bosun-lock", "data")
      expect(workspace:act("deployment_start", deployment()), "failing", "errored", "is not a lock file")
      expect(workspace:act("plugin_start"), "passing", nil)
      assert.equal(".deployment_d1.bosun-lock file 4", workspace:tree "base")
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

    it("is written anew when a start brings other settings", function()
      for _, file in ipairs { "kv.yaml", "config.yml" } do
        use { deploymentKVFile = file }
        start { keyValueConfig = { a = 1 } }
        expect(start { keyValueConfig = { a = 1, deployment_id = file == "config.yml" and "x" or nil } }, "passing",
          "ready", "already serving")
        expect(start(), "passing", "ready", "already serving")
        expect(start { keyValueConfig = { a = 2 } }, "passing", "ready", "installed anew")
        assert.equal(2, workspace:read_yaml("base/deployment_d1/" .. file).a)
      end
    end)

    it("that is the info file has them added, ours first", function()
      use { deploymentKVFile = "config.yml" }
      local given = { deployment_id = "evil", model_file = "../../x" }
      for key, value in pairs(settings) do given[key] = value end
      local status = start { keyValueConfig = given }
      local info = workspace:read_yaml "base/deployment_d1/config.yml"
      assert.equal("d1", info.deployment_id)
      assert.equal("A", info.model_id)
      assert.equal("value", info.key1)
      assert.matches("key=deployment_id", status.stderr)
      local listed = workspace:act("deployment_list").data.d1
      assert.equal(workspace.base .. "/deployment_d1/model-A.txt", listed.modelArtifact)
      given.deployment_id = nil
      assert.same(given, listed.keyValueConfig)
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

  it("fills in the prediction path", function()
    use { deploymentPredictionBaseUrl = "http://localhost:8080/x//", deploymentPredictionPath =
      "/deployments/{directory}/predictions;{modelId}" }
    assert.equal("http://localhost:8080/x/deployments/deployment_a%20b/predictions;A%2F1",
      start { id = "a b", modelId = "A/1" }.data.predictionUrl)
  end)

  it("refuses bases and paths of prediction URLs that cannot work", function()
    for text, pattern in pairs {
      ["{Id}/predict"] = '{Id} is not known: .*; did you mean "id"%?', ["{}"] = "{} is not known",
      ["{id"] = "not the path of a URL", ["a b"] = "not the path of a URL", ["p?x=1"] = "not the path of a URL",
    } do
      use { deploymentPredictionPath = text }
      assert.matches("deploymentPredictionPath: .*" .. pattern, workspace:act("plugin_start").msg)
    end
    for _, base in ipairs { "http://h/x?y=1", "http://h/#z" } do
      use { deploymentPredictionBaseUrl = base }
      assert.matches("deploymentPredictionBaseUrl: .*no query", workspace:act("plugin_start").msg)
    end
  end)

  it("refuses the name of its own file for those that it writes, and for a model", function()
    for _, key in ipairs { "deploymentInfoFile", "deploymentKVFile" } do
      use { [key] = ".bosun.yml" }
      assert.matches(key .. ": .*own file", workspace:act("plugin_start").msg)
    end
    use()
    local artifact = workspace:write(".bosun.yml", "x")
    expect(workspace:act("deployment_start", deployment { modelArtifact = artifact }), "failing", "errored", "reserved")
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
    expect(workspace:act("deployment_status", { id = "d1" }), "failing", "unknown", "cannot read baseDir")
  end)
end)
