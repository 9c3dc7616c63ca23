-- bosun.registry: a real registry that wants tokens, which a service gives for a password.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local registries = require "registries"
local web = require "web"

describe("bosun.registry with tokens", function()
  local workspace, service, registry, open

  setup(function()
    workspace = Workspace.new()
    assert(os.execute(("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout token.key -out token.crt -days 2 "
      .. "-subj /CN=tests 2>openssl.log"):format(workspace.root)))
    service = web.token_server(workspace, workspace:path "token.key", workspace:path "token.crt", "EXPIRES=11")
    registry = registries.start(workspace, "registry", {
      tokens = { realm = service.url .. "/token", bundle = workspace:path "token.crt" },
    })
    open = registries.start(workspace, "open")
    open:seed "base:1"
    workspace:write("model", ("model "):rep(50000))
    workspace:mkdir "no-credentials"
  end)
  teardown(function()
    service.handle:close()
    registry:close()
    open:close()
    workspace:remove()
  end)

  local function eval(code, more)
    more = more or {}
    more.before = ("env DOCKER_CONFIG=%s"):format(workspace:path "no-credentials")
    local prelude = ([[
      local registry, tar, time = require "bosun.registry", require "bosun.tar", require "bosun.time"
      local OPEN, TOKENS, ROOT = %q, %q, %q
      local function model() return tar.new { { name = "m", path = ROOT .. "/model" } } end
      local function with(auth)
        auth.serveraddress = TOKENS
        return registry.client { auth = { auth }, on_progress = function() end }
      end
      local TESTER = { username = "tester", password = "secret-of-the-registry" }
      local function failure(ok, err)
        return ok and "no failure" or { code = err.code, message = tostring(err), status = err.status }
      end
    ]]):format(open.domain, registry.domain, workspace.root)
    return workspace:eval(prelude .. code, more)
  end

  --- What the service was asked, in this order.
  local function asked()
    local lines = {}
    for line in workspace:read("token_server.log"):gmatch "[^\n]+" do lines[#lines + 1] = line end
    return lines
  end

  it("gets one for each repository, and what it needs for mounts", function()
    local before = #asked()
    assert.is_true(eval [[
      local client <close> = with(TESTER)
      assert(client:append(OPEN .. "/base:1", TOKENS .. "/bases/a:1", model()))
      assert(client:append(TOKENS .. "/bases/a:1", TOKENS .. "/models/b:1", model()))
      return client:image(TOKENS .. "/models/b:1").content.layers[4] ~= nil
    ]])
    local lines = asked()
    assert.same({
      "GET tester repository:bases/a:pull", "GET tester repository:bases/a:pull,push",
      "GET tester repository:models/b:pull",
      "GET tester repository:models/b:pull,push repository:bases/a:pull",
      "GET tester repository:models/b:pull,push",
    }, { table.unpack(lines, before + 1) })
    local mounted = 0
    for _, request in ipairs(registry:requests()) do
      if request == "POST /v2/models/b/blobs/uploads/ 201" then mounted = mounted + 1 end
    end
    assert.equal(3, mounted)
  end)

  it("reads without a password where that is allowed, and else says what is refused", function()
    local seen = eval [[
      local nobody <close> = registry.client { auth = false }
      local reader <close> = with { username = "reader", password = "secret-of-the-reader" }
      local wrong <close> = with { username = "tester", password = "wrong-password" }
      return { failure(nobody:image(TOKENS .. "/models/b:1")), failure(nobody:image(TOKENS .. "/private/b:1")),
        failure(reader:append(OPEN .. "/base:1", TOKENS .. "/models/c:1", model())),
        failure(wrong:image(TOKENS .. "/models/b:1")) }
    ]]
    assert.equal("no failure", seen[1])
    for i = 2, 4 do assert.is_truthy(seen[i].code == "UNAUTHORIZED" or seen[i].code == "DENIED", seen[i].code) end
    assert.is_truthy(seen[2].message:find("without credentials (option auth)", 1, true), seen[2].message)
    assert.is_truthy(seen[3].message:find("with the credentials of option auth", 1, true), seen[3].message)
    assert.is_truthy(seen[4].message:find("incorrect username or password (401 UNAUTHORIZED from the token service of",
      1, true), seen[4].message)
  end)

  it("takes the refresh token of docker login in place of a password", function()
    local before = #asked()
    assert.is_true(eval [[
      local client <close> = with { identitytoken = "identity-of-tester" }
      return client:append(OPEN .. "/base:1", TOKENS .. "/models/d:1", model()) ~= nil
    ]])
    assert.is_truthy(asked()[before + 1]:find "^POST tester ")
  end)

  it("gets a new one when the old one has expired", function()
    local before = #asked()
    assert.is_true(eval [[
      local client <close> = with(TESTER)
      assert(client:image(TOKENS .. "/models/b:1"))
      assert(time.sleep(2)) -- a token of 11 seconds is used for one
      return client:image(TOKENS .. "/models/b:1") ~= nil
    ]])
    assert.equal(2, #asked() - before)
  end)

  it("tells no token and no password", function()
    local client = [[
      local client <close> = with(TESTER)
      assert(client:append(OPEN .. "/base:1", TOKENS .. "/models/e:1", model()))
      return true
    ]]
    assert.is_true(eval(client, { args = { "--log-level", "trace", "--trace", workspace:path "trace" } }))
    local told = workspace:read "stderr" .. workspace:read "trace" .. workspace:read "status.yaml"
    assert.is_nil(told:match "[^\n]*secret%-of%-the%-registry[^\n]*")
    assert.is_nil(told:match "[^\n]*eyJ[^\n]*")
  end)
end)
