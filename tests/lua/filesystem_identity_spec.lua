-- What is served is what was installed: the filesystem plugin takes the SHA-256 of models, tells it, and notices a
-- model that was altered at the same size and time.
package.path = "./tests/support/?.lua;" .. package.path
local scene = require "filesystem_scene"

local COPY, MARK = "base/deployment_d1/model-A.txt", "base/deployment_d1/.bosun.yml"

describe("the filesystem plugin and the identity of models", function()
  local workspace
  local deployment, start, expect, sha256 = scene.deployment, scene.start, scene.expect, scene.sha256

  before_each(function() workspace = scene.use() end)
  after_each(scene.remove)

  local function sh(command)
    assert(os.execute(("cd '%s' && %s"):format(workspace:path ".", command)))
  end

  --- Gives a file other content of the same size, and its modification time back.
  local function alter(name, text)
    assert(#text == #workspace:read(name))
    sh(("cp -p '%s' reference && printf %%s '%s' > '%s' && touch -r reference '%s' && rm reference"):format(name, text,
      name, name))
  end

  local function status() return workspace:act("deployment_status", { id = "d1" }) end

  it("tells the SHA-256 in start, relaunch, replacement, status and list", function()
    local digest = sha256 "model A"
    assert.equal(digest, start().data.artifactSha256)
    assert.equal(digest, start().data.artifactSha256) -- already serving
    assert.equal(digest, workspace:act("deployment_relaunch", deployment()).data.artifactSha256)
    assert.equal(digest, status().data.artifactSha256)
    assert.equal(digest, workspace:act("deployment_list").data.d1.data.artifactSha256)
    local replaced = workspace:act("deployment_replace_model", scene.with_model_b())
    assert.equal(sha256 "the other model, B", replaced.data.artifactSha256)
  end)

  it("never tells that a copy altered at the same size and time is fine, and a start repairs it", function()
    start()
    alter(COPY, "model X")
    expect(status(), "failing", "errored",
      "model%-A.txt was altered: its SHA%-256 is " .. sha256 "model X" .. "; expected " .. sha256 "model A")
    assert.is_nil(status().data.artifactSha256)
    local environment = workspace:act("pe_status", nil, { config = { peInfo = { deployments = { "d1" } } } })
    expect(environment.data.deploymentsStatus.d1, "failing", "errored", "was altered")
    expect(workspace:act("deployment_list").data.d1, "failing", "errored", "was altered")
    expect(workspace:act("deployment_start", deployment()), "passing", "ready", "repaired")
    assert.equal("model A", workspace:read(COPY))
    expect(status(), "passing", "ready")
  end)

  it("takes a package altered at the same size and time for another model", function()
    start()
    alter("model-A.txt", "model X")
    expect(workspace:act("deployment_start", deployment()), "passing", "ready", "installed anew")
    assert.equal("model X", workspace:read(COPY))
    alter("model-A.txt", "model Y")
    local replaced = workspace:act("deployment_replace_model", deployment { newModelId = "A" })
    expect(replaced, "passing", "ready", "installed anew")
    assert.same({ "model Y", sha256 "model Y" }, { workspace:read(COPY), replaced.data.artifactSha256 })
  end)

  it("reads a copy once whose properties changed, and notes that it is the same", function()
    start()
    local before = workspace:read(MARK)
    sh(("chmod 640 '%s'"):format(COPY))
    expect(status(), "passing", "ready")
    local after = workspace:read(MARK)
    assert.is_false(before == after)
    expect(status(), "passing", "ready")
    assert.equal(after, workspace:read(MARK))
    expect(workspace:act("deployment_status", { id = "d1" }, { args = { "--dry-run" } }), "passing", "ready")
  end)

  it("does so for a folder, whose SHA-256 sha256sum can take", function()
    sh "mkdir -p model/deep 'model/a.b' model/a && printf one > model/deep/one && printf two > 'model/a.b/t w o'"
    sh "printf three > model/a/three && ln -s ../deep/one model/a/link && mkdir model/empty"
    local folder = { modelArtifact = workspace:path "model" }
    local started = start(folder)
    sh "rmdir base/deployment_d1/model/empty"
    assert.is_false(sha256 "" == started.data.artifactSha256)
    expect(status(), "failing", "errored", "was altered")
    sh "rmdir model/empty"
    started = workspace:act("deployment_start", deployment(folder))
    expect(started, "passing", "ready", "repaired")
    sh ("cd model && find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | "
      .. "cut -c 1-64 | tr -d '\\n' > ../sum")
    assert.equal(workspace:read "sum", started.data.artifactSha256)
    expect(status(), "passing", "ready")
    alter("base/deployment_d1/model/deep/one", "eno")
    expect(status(), "failing", "errored", "its model file model was altered")
  end)

  describe("with the SHA-256 in deploymentInfo", function()
    local function expecting(digest, more)
      local fields = { keyValueConfig = { sha256 = digest } }
      for key, value in pairs(more or {}) do fields[key] = value end
      return workspace:act("deployment_start", deployment(fields))
    end

    it("installs a model that has it", function()
      expect(expecting(sha256("model A"):upper()), "passing", "ready")
      expect(expecting(nil, { modelSha256 = sha256 "model A" }), "passing", "ready", "already serving")
    end)

    it("touches nothing when the model has another one", function()
      local wrong = ("0"):rep(64)
      expect(expecting(wrong), "failing", "errored",
        "the SHA%-256 of the model .*model%-A.txt is " .. sha256 "model A" .. ", not " .. wrong)
      assert.equal("", workspace:tree "base")
      start()
      local before = workspace:tree "base"
      for _, action in ipairs { "deployment_start", "deployment_relaunch", "deployment_replace_model" } do
        expect(workspace:act(action, deployment { newModelId = "B", modelSha256 = wrong }), "failing", "ready",
          "still serving model A")
      end
      assert.equal(before, workspace:tree "base")
      expect(expecting(wrong, { modelArtifact = "/gone" }), "failing", "ready", "cannot read the model")
    end)

    it("refuses one that is no SHA-256, or two that differ", function()
      expect(expecting "abc", "failing", "errored", "keyValueConfig.sha256: expected the 64 hexadecimal digits")
      expect(expecting(sha256 "model A", { modelSha256 = sha256 "other" }), "failing", "errored",
        "deploymentInfo.modelSha256 and deploymentInfo.keyValueConfig.sha256 differ")
    end)
  end)

  describe("with a mark from before", function()
    before_each(function()
      start()
      local kept = {}
      for line in workspace:read(MARK):gmatch "[^\n]+" do
        if not line:find "model_sha256" and not line:find "model_version" then kept[#kept + 1] = line end
      end
      workspace:write(MARK, table.concat(kept, "\n") .. "\n")
    end)

    it("is passing, and a start notes the SHA-256 without moving anything", function()
      expect(status(), "passing", "ready")
      assert.is_nil(status().data.artifactSha256)
      local inode, copy = workspace:inode "base/deployment_d1", workspace:inode(COPY)
      local started = start()
      expect(started, "passing", "ready", "already serving")
      assert.equal(sha256 "model A", started.data.artifactSha256)
      assert.same({ inode, copy }, { workspace:inode "base/deployment_d1", workspace:inode(COPY) })
      assert.equal(sha256 "model A", status().data.artifactSha256)
      alter(COPY, "model X")
      expect(status(), "failing", "errored", "was altered")
    end)

    it("has its model installed anew when the package is another one", function()
      alter("model-A.txt", "model X")
      expect(workspace:act("deployment_start", deployment()), "passing", "ready", "installed anew")
    end)

    it("is left alone by a dry run", function()
      local before = workspace:read(MARK)
      expect(workspace:act("deployment_start", deployment(), { args = { "--dry-run" } }), "passing", "ready")
      assert.equal(before, workspace:read(MARK))
    end)
  end)

  describe("with artifactDigest: false", function()
    before_each(function() workspace = scene.use { artifactDigest = false } end)

    it("takes none, tells none and notes none", function()
      assert.is_nil(start().data)
      assert.same({ currentModelId = "A" }, status().data)
      assert.is_nil(workspace:read(MARK):find "model_sha256")
    end)

    it("compares the files at a start, and a SHA-256 that is given", function()
      start()
      alter("model-A.txt", "model X")
      expect(workspace:act("deployment_start", deployment()), "passing", "ready", "installed anew")
      expect(workspace:act("deployment_start", deployment()), "passing", "ready", "already serving")
      expect(workspace:act("deployment_start", deployment { modelSha256 = ("0"):rep(64) }), "failing", "ready",
        "the SHA%-256 of the model")
    end)
  end)
end)
