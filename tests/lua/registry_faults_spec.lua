-- bosun.registry: registries that break off, lie, lose and refuse.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local json = require "cjson"
local registries = require "registries"
local web = require "web"

describe("bosun.registry", function()
  local workspace, odd, real

  setup(function()
    workspace = Workspace.new()
    odd = web.odd_registry(workspace)
    real = registries.start(workspace, "real")
    real:seed "base:1"
    workspace:mkdir "no-credentials"
    local file = assert(io.open(workspace:path "model", "wb"))
    for i = 1, 300000 do file:write(("%010d"):format(i)) end
    file:close()
  end)
  teardown(function()
    odd.handle:close()
    real:close()
    workspace:remove()
  end)

  local function eval(code, more)
    more = more or {}
    more.before = ("env DOCKER_CONFIG=%s"):format(workspace:path "no-credentials")
    local prelude = ([[
      local registry, tar, json = require "bosun.registry", require "bosun.tar", require "bosun.json"
      local ODD, REAL, ROOT = "127.0.0.1:%d/", %q, %q
      local function model() return tar.new { { name = "m", path = ROOT .. "/model" } } end
      local function failure(ok, err)
        return ok and "no failure" or { code = err.code, message = tostring(err), status = err.status }
      end
      local function push(name, options)
        options = options or {}
        options.on_progress = options.on_progress or function() end
        local client <close> = registry.client(options)
        local pushed, err = client:append(ODD .. "fine/base:base", ODD .. name .. "/models:1", model())
        if not pushed then return failure(pushed, err) end
        local image, problem = client:image(ODD .. name .. "/models:1")
        return image and image.content.layers[2].digest == pushed.layer.digest and "pushed" or problem
      end
    ]]):format(odd.port, real.domain, workspace.root)
    return workspace:eval(prelude .. code, more)
  end

  --- The chunks (Content-Range, "-" for a whole blob) that came to a repository.
  local function chunks(name)
    local pipe = io.popen(("curl -s %s/seen"):format(odd.url))
    local list = {}
    for _, request in ipairs(json.decode(pipe:read "a")) do
      if request[1] == "PATCH" and request[2]:find("^/v2/" .. name .. "/") then
        list[#list + 1] = request[3] == json.null and "-" or request[3]
      end
    end
    pipe:close()
    return list
  end

  it("goes on with an upload where the connection broke", function()
    assert.equal("pushed", eval [[return push "breaks"]])
    local sent = chunks "breaks"
    assert.same({ "-", "720896-3001855", "1441792-3001855", "2162688-3001855", "-" }, sent) -- the last: the config
  end)

  it("begins an upload anew that is gone, or has other bytes", function()
    assert.same({ "pushed", "pushed" }, eval [[return { push "forgets", push "garbles" }]])
  end)

  it("begins anew where a real registry does not go on", function()
    local cutter = web.cutter(workspace, real.port, 1000000, 2)
    local seen = eval(([[
      local client <close> = registry.client { on_progress = function() end }
      local name = "127.0.0.1:%d/"
      local pushed, err = client:append(name .. "base:1", name .. "models:1", model())
      return pushed and client:image(REAL .. "/models:1").content.layers[3].digest == pushed.layer.digest
        or failure(pushed, err)
    ]]):format(cutter.port))
    cutter.handle:close()
    assert.is_true(seen)
  end)

  it("gives up after some attempts, and says where and why", function()
    local seen = eval [[return { push "always_breaks", push "takes_nothing", push "full", push "denies" }]]
    local lost = { ECONNRESET = true, EPIPE = true, closed = true }
    assert.is_true(lost[seen[1].code], seen[1].code)
    assert.same({ "protocol", "UNKNOWN", "DENIED" }, { seen[2].code, seen[3].code, seen[4].code })
    local where = "push 127.0.0.1:%d+/always_breaks/models:1: the new layer: "
    assert.is_truthy(seen[1].message:find(where), seen[1].message)
    assert.is_truthy(seen[3].message:find("no space left on device (500 UNKNOWN from", 1, true), seen[3].message)
    assert.is_truthy(seen[4].message:find("without credentials: ", 1, true), seen[4].message)
    local attempts = #chunks "always_breaks"
    assert.is_true(attempts >= 3 and attempts <= 10, attempts)
  end)

  it("sends chunks of a size, of the size that the registry wants, and what was not taken again", function()
    assert.same({ "pushed", "pushed", "pushed" }, eval [[
      return { push("fine", { chunk_size = 1000000 }), push("least", { chunk_size = 1000000 }), push "halves" }
    ]])
    local sent = chunks "fine"
    assert.same({ "0-999999", "1000000-1999999", "2000000-2999999", "3000000-3001855" }, { table.unpack(sent, 1, 4) })
    assert.same("0-1999999", chunks("least")[1])
  end)

  it("takes an upload for done whose answer was lost", function()
    assert.equal("pushed", eval [[return push "lost_answer"]])
  end)

  it("finds uploads by a relative URL", function()
    assert.equal("pushed", eval [[return push "relative"]])
  end)

  it("reads nothing that is not what its digest says", function()
    local seen = eval [[
      local client <close> = registry.client { on_progress = function() end }
      return { failure(client:image(ODD .. "damages_config/a:base")),
        failure(client:image(ODD .. "damages_manifest/a:base")),
        failure(client:append(ODD .. "damages_layer/a:base", REAL .. "/damaged:1", model())),
        failure(client:digest(REAL .. "/damaged:1") == nil and 1 or nil, { code = "x" }) }
    ]]
    for i = 1, 3 do
      assert.equal("wrong_digest", seen[i].code, seen[i].message)
      assert.is_truthy(seen[i].message:find("sha256:", 1, true), seen[i].message)
    end
    assert.equal("no failure", seen[4])
  end)

  it("goes on with a layer where the connection broke while it was copied", function()
    assert.is_true(eval [[
      local client <close> = registry.client { on_progress = function() end }
      return client:append(ODD .. "short_layer/a:base", REAL .. "/short:1", model()) ~= nil
    ]])
  end)

  it("sends no password to other hosts, for blobs and for uploads", function()
    local seen = eval [[
      local auth = { { serveraddress = ODD:sub(1, -2), username = "me", password = "the-password" } }
      return push("away", { auth = auth })
    ]]
    assert.equal("pushed", seen)
    local pipe = io.popen(("curl -s %s/seen"):format(odd.url))
    local elsewhere = 0
    for _, request in ipairs(json.decode(pipe:read "a")) do
      local is_upload = request[2]:find "^/v2/away/.*/uploads/%d" ~= nil
      if is_upload or request[2]:find "^/elsewhere" then
        elsewhere = elsewhere + 1
        assert.equal(json.null, request[4])
      end
    end
    pipe:close()
    assert.is_true(elsewhere >= 4, elsewhere)
  end)

  it("says what cannot be used, and waits where it is too busy", function()
    local seen = eval [[
      local client <close> = registry.client { on_progress = function() end }
      return { failure(client:image(ODD .. "old/a:base")), failure(client:image(ODD .. "page/a:base")),
        failure(client:image(ODD .. "busy/a:base")), client:tags(ODD .. "pages/a"),
        failure(client:append(ODD .. "fine/base:base", ODD .. "fine/a:1",
          tar.new { { name = "m", path = "/nowhere" } })) }
    ]]
    assert.same({ "invalid", "protocol", "no failure" }, { seen[1].code, seen[2].code, seen[3] })
    assert.is_truthy(seen[1].message:find("schema 1", 1, true), seen[1].message)
    assert.same({ "a", "b", "c" }, seen[4])
    assert.equal("ENOENT", seen[5].code)
  end)

  it("fails when the model gets shorter while it is sent, and pushes nothing", function()
    local seen = eval [[
      local client <close> = registry.client { on_progress = function() end }
      local function cut(length)
        local done = false
        return function()
          if done then return nil end
          done = true
          return ("x"):rep(length)
        end
      end
      local archive = tar.new { { name = "m", source = cut(100000), size = 200000 } }
      return { failure(client:append(REAL .. "/base:1", REAL .. "/cut:1", archive)),
        client:digest(REAL .. "/cut:1") == nil }
    ]]
    assert.equal("invalid", seen[1].code)
    assert.is_truthy(seen[1].message:find("shorter than the expected 200000 bytes", 1, true), seen[1].message)
    assert.is_true(seen[2])
  end)
end)
