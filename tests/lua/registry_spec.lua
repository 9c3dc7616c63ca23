-- bosun.registry: a real registry (Debian's docker-registry), as its user has it.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local json = require "cjson"
local registries = require "registries"

local ACCEPT = "-H 'Accept: application/vnd.oci.image.manifest.v1+json, "
  .. "application/vnd.docker.distribution.manifest.v2+json'"

describe("bosun.registry", function()
  local workspace, open, closed

  setup(function()
    workspace = Workspace.new()
    open = registries.start(workspace, "open")
    closed = registries.start(workspace, "closed", { password = true })
    open:seed "base:oci"
    open:seed("base:docker", "--docker")
    open:seed("base:index", "--index")
    open:seed("base:docker-index", "--index --docker")
    workspace:write("model", ("model "):rep(50000))
    workspace:mkdir "no-credentials"
  end)
  teardown(function()
    open:close()
    closed:close()
    workspace:remove()
  end)

  --- Runs code with: client, OPEN and CLOSED (registries), MODEL (its layer), failure(ok, err).
  local function eval(code, more)
    more = more or {}
    more.before = ("env DOCKER_CONFIG=%s"):format(workspace:path(more.docker_config or "no-credentials"))
    local prelude = ([[
      local registry, tar, fs = require "bosun.registry", require "bosun.tar", require "bosun.fs"
      local OPEN, CLOSED, ROOT = %q, %q, %q
      local function model() return tar.new { { name = "opt/ml/model/m.mlpkg", path = ROOT .. "/model" } } end
      local function quiet() end
      local function failure(ok, err)
        return ok and "no failure" or { code = err.code, message = tostring(err), status = err.status, op = err.op }
      end
      local client <close> = registry.client { on_progress = quiet }
    ]]):format(open.domain, closed.domain, workspace.root)
    return workspace:eval(prelude .. code, more)
  end

  --- Manifest and config as the registry has them, read by curl.
  local function image(registry, name, tag)
    local manifest = json.decode(registry:get(("/v2/%s/manifests/%s"):format(name, tag), ACCEPT))
    return manifest, json.decode(registry:get(("/v2/%s/blobs/%s"):format(name, manifest.config.digest)))
  end

  for base, type in pairs { oci = "application/vnd.oci.image.layer.v1.tar",
    docker = "application/vnd.docker.image.rootfs.diff.tar" } do
    it("adds a layer to an image of the format " .. base, function()
      local pushed = eval(([[
        return assert(client:append(OPEN .. "/base:%s", OPEN .. "/models/%s:m-1", model(), {
          labels = { mine = "yes" }, env = { KEEP = "no", NEW = "a b" }, created = 86400, created_by = "the test" }))
      ]]):format(base, base))
      local manifest, config = image(open, "models/" .. base, "m-1")
      local before, old = image(open, "base", base)
      assert.equal(before.mediaType, manifest.mediaType)
      assert.same({ before.layers[1], before.layers[2] }, { manifest.layers[1], manifest.layers[2] })
      assert.same({ mediaType = type, digest = pushed.layer.digest, size = pushed.layer.size }, manifest.layers[3])
      assert.same(3, pushed.layers)
      assert.same({ old.rootfs.diff_ids[1], old.rootfs.diff_ids[2], pushed.layer.digest }, config.rootfs.diff_ids)
      assert.same({ created = "1970-01-02T00:00:00.000Z", created_by = "the test" }, config.history[3])
      assert.same({ of = "base", mine = "yes" }, config.config.Labels)
      assert.same({ "PATH=/bin", "KEEP=no", "NEW=a b" }, config.config.Env)
      assert.same({ old.config.Cmd, old.config.Volumes, old.config.ExposedPorts, json.null },
        { config.config.Cmd, config.config.Volumes, config.config.ExposedPorts, config.config.Entrypoint })
      assert.equal(manifest.config.digest, pushed.config)
      assert.equal(("%s/models/%s@%s"):format(open.domain, base, pushed.digest), pushed.reference)
      assert.is_truthy(open:get(("/v2/models/%s/manifests/%s"):format(base, pushed.digest), "-I " .. ACCEPT)
        :find(pushed.digest, 1, true))
    end)
  end

  it("has the file in the layer, as tar reads it", function()
    local digest = eval [[
      return assert(client:append(OPEN .. "/base:oci", OPEN .. "/models/read:1", model())).layer.digest
    ]]
    open:get("/v2/models/read/blobs/" .. digest, "-o " .. workspace:path "layer")
    assert(os.execute(("tar -xOf %s opt/ml/model/m.mlpkg | cmp - %s"):format(workspace:path "layer",
      workspace:path "model")))
    local sum = io.popen("sha256sum <" .. workspace:path "layer"):read "a"
    assert.equal(digest, "sha256:" .. sum:match "%x+")
  end)

  it("takes the image for a platform from an index, and says which there are", function()
    local seen = eval [[
      local function platform(name, options)
        local image, config = client:image(OPEN .. "/base:" .. name, options)
        if not image then return failure(image, config) end
        return image.platform .. " " .. config.architecture
      end
      local pushed = assert(client:append(OPEN .. "/base:index", OPEN .. "/models/arm:1", model(),
        { platform = "linux/arm64" }))
      local _, config = client:image(OPEN .. "/models/arm:1")
      return { platform "index", platform("index", { platform = "linux/arm64" }),
        platform("docker-index", { platform = "linux/arm64/v8" }), platform("index", { platform = "linux/riscv64" }),
        config.architecture, client:manifest(OPEN .. "/base:index").kind }
    ]]
    assert.same({ "linux/amd64 amd64", "linux/arm64/v8 arm64", "linux/arm64/v8 arm64" }, { seen[1], seen[2], seen[3] })
    assert.equal("MANIFEST_UNKNOWN", seen[4].code)
    assert.is_truthy(seen[4].message:find("riscv64; there are those for linux/amd64, linux/arm64/v8", 1, true),
      seen[4].message)
    assert.same({ "arm64", "index" }, { seen[5], seen[6] })
  end)

  it("mounts layers within a registry, copies them from another one, and leaves those that are there", function()
    workspace:mkdir "logged-in"
    workspace:write("logged-in/config.json", ('{"auths":{"%s":{"username":"%s","password":"%s"}}}'):format(
      closed.domain, registries.USER, registries.PASSWORD))
    local lines = eval([[
      local lines = {}
      local noisy <close> = registry.client { on_progress = function(line) lines[#lines + 1] = line end }
      assert(noisy:append(OPEN .. "/base:oci", OPEN .. "/models/mounted:1", model()))
      assert(noisy:append(OPEN .. "/base:oci", CLOSED .. "/models/copied:1", model()))
      assert(noisy:append(OPEN .. "/base:oci", CLOSED .. "/models/copied:2", model()))
      return lines
    ]], { docker_config = "logged-in" })
    local counts = {}
    for i, line in ipairs(lines) do counts[i] = line:match ": (%d+ there.*)" end
    assert.same({ "0 there, 2 mounted, 0 copied", "0 there, 0 mounted, 2 copied", "2 there, 0 mounted, 0 copied" },
      counts)
    local manifest = image(closed, "models/copied", "1")
    for _, layer in ipairs(manifest.layers) do
      local sum = io.popen(("curl -s -u %s %s/v2/models/copied/blobs/%s | sha256sum"):format(closed.user, closed.url,
        layer.digest)):read "a"
      assert.equal(layer.digest, "sha256:" .. sum:match "%x+")
    end
  end)

  it("gives no name to an image of a model that was altered while it was read", function()
    local seen = eval [[
      local errors = require "bosun.error"
      local function no() return nil, errors.new { code = "invalid", message = "the model changed" } end
      return { failure(client:append(OPEN .. "/base:oci", OPEN .. "/models/altered:1", model(), { confirm = no })),
        client:digest(OPEN .. "/models/altered:1") == nil }
    ]]
    assert.equal("invalid", seen[1].code)
    assert.is_truthy(seen[1].message:find("push .*/models/altered:1: the model changed"), seen[1].message)
    assert.is_true(seen[2])
  end)

  it("lists tags, and deletes manifests; a tag alone where the registry can", function()
    local seen = eval [[
      local name = OPEN .. "/models/tags"
      for tag = 1, 3 do assert(client:append(OPEN .. "/base:oci", name .. ":" .. tag, model())) end
      local tags = assert(client:tags(name))
      local digest = assert(client:digest(name .. ":2"))
      local alone = failure(client:delete(name .. ":2"))
      assert(client:delete(name .. "@" .. digest))
      return { tags, alone, client:digest(name .. ":2") == nil, failure(client:manifest(name .. ":2")),
        client:delete(name .. "@" .. digest), failure(client:tags(OPEN .. "/models/none")) }
    ]]
    assert.same({ "1", "2", "3" }, seen[1])
    assert.equal("UNSUPPORTED", seen[2].code)
    assert.is_true(seen[3])
    assert.equal("MANIFEST_UNKNOWN", seen[4].code)
    assert.is_true(seen[5])
    assert.equal("NAME_UNKNOWN", seen[6].code)
  end)

  it("says what a registry refuses, with its own code", function()
    local seen = eval [[
      return {
        unknown = failure(client:image(OPEN .. "/base:none")), away = failure(client:image "127.0.0.1:1/a"),
        denied = failure(client:image(CLOSED .. "/base:oci")), name = failure(client:image "a/Upper"),
        push = failure(client:append(OPEN .. "/base:oci", CLOSED .. "/a:1", model())),
        digest = failure(client:append(OPEN .. "/base:oci", OPEN .. "/a@sha256:" .. ("0"):rep(64), model())),
      }
    ]]
    assert.same({ "MANIFEST_UNKNOWN", 404, "registry" }, { seen.unknown.code, seen.unknown.status, seen.unknown.op })
    assert.equal("ECONNREFUSED", seen.away.code)
    assert.same({ "UNAUTHORIZED", "UNAUTHORIZED" }, { seen.denied.code, seen.push.code })
    assert.is_truthy(seen.denied.message:find("without credentials: ", 1, true), seen.denied.message)
    assert.same({ "invalid", "invalid" }, { seen.name.code, seen.digest.code })
  end)

  it("sends the password of a config, of a text or a given one, and never tells it", function()
    workspace:write("auth.json", ('{"auths":{"%s":{"username":"%s","password":"%s"}}}'):format(closed.domain,
      registries.USER, registries.PASSWORD))
    local seen = eval([[
      local text = assert(fs.read(ROOT .. "/auth.json"))
      local secret = require "bosun.secret"
      local function push(name, options)
        options.on_progress = quiet
        local with <close> = registry.client(options)
        local pushed, err = with:append(OPEN .. "/base:oci", CLOSED .. "/auth/" .. name .. ":1", model())
        return pushed and "pushed" or failure(pushed, err)
      end
      local given = { serveraddress = CLOSED, username = "tester", password = "secret-of-the-registry" }
      local wrong = { serveraddress = CLOSED, username = "tester", password = "wrong-password" }
      return { push("file", { config_file = ROOT .. "/auth.json" }),
        push("text", { configs = { { text = secret.new(text), source = "the Secret push" } } }),
        push("given", { auth = { given } }), push("wrong", { auth = { wrong } }), push("none", { auth = false }) }
    ]], { args = { "--log-level", "trace", "--trace", workspace:path "trace" } })
    assert.same({ "pushed", "pushed", "pushed" }, { seen[1], seen[2], seen[3] })
    assert.same({ "UNAUTHORIZED", "UNAUTHORIZED" }, { seen[4].code, seen[5].code })
    assert.is_truthy(seen[4].message:find("with the credentials of option auth", 1, true), seen[4].message)
    local told = workspace:read "stderr" .. workspace:read "trace" .. workspace:read "status.yaml"
    assert.is_nil(told:match "[^\n]*secret%-of%-the%-registry[^\n]*")
    assert.is_nil(told:find("wrong-password", 1, true))
  end)

  it("sends nothing in a dry run, but reads the base image", function()
    local before = #open:requests()
    local status = workspace:act("pe_status", nil, {
      plugin = workspace:plugin_file("dry", ([[
        function P:pe_status()
          local registry, tar = require "bosun.registry", require "bosun.tar"
          local client <close> = registry.client()
          local archive = tar.new { { name = "m", path = %q } }
          local pushed = assert(client:append(%q, %q, archive, { note = "base oci" }))
          assert(client:delete(%q))
          return ActionStatusInfo { status = ActionStatus.OK, data = { digest = pushed.digest } }
        end]]):format(workspace:path "model", open.domain .. "/base:oci", open.domain .. "/models/dry:1",
        open.domain .. "/models/dry:1")), args = { "--dry-run" },
    })
    assert.equal("passing", status.status)
    assert.same({ ("registry.push %s/models/dry:1 (base oci, 0.3 MB)"):format(open.domain),
      ("registry.delete %s/models/dry:1"):format(open.domain) }, Workspace.steps(status.data.plan))
    local requests = open:requests()
    for i = before + 1, #requests do
      assert.is_truthy(requests[i]:find "^GET " or requests[i]:find "^HEAD ", requests[i])
    end
    assert.is_truthy(#requests > before)
  end)
end)
