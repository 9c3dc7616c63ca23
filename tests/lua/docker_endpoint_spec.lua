-- bosun.docker: where the engine is looked for, without one being there.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("docker.connect", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  --- The failure to connect with these options and environment.
  local function connect(options, environment)
    return workspace:eval(([[
      local ok, engine, err = pcall(require("bosun.docker").connect, %s)
      if not ok then return { message = tostring(engine) } end
      return { code = err.code, op = err.op, message = tostring(err) }
    ]]):format(options), { before = "env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH -u DOCKER_CONFIG "
      .. (environment or "") })
  end

  local function assert_failure(code, text, seen)
    assert.equal(code, seen.code, seen.message)
    assert.is_truthy(seen.message:find(text, 1, true), seen.message)
  end

  it("goes where DOCKER_HOST says, else to what the option says", function()
    assert_failure("ENOENT", "unix:///nowhere/env.sock", connect("nil", "DOCKER_HOST=unix:///nowhere/env.sock"))
    assert_failure("ENOENT", "unix:///nowhere/option.sock",
      connect("{ host = 'unix:///nowhere/option.sock' }", "DOCKER_HOST=unix:///nowhere/env.sock"))
    local seen = connect("{ host = 'unix:///nowhere/option.sock' }")
    assert.equal("docker", seen.op)
    assert.is_truthy(seen.message:find("is the engine running?", 1, true))
  end)

  it("knows the ports, with TLS and without", function()
    assert_failure("ECONNREFUSED", "port 1 ", connect "{ host = 'tcp://127.0.0.1:1' }")
    assert_failure("ECONNREFUSED", "port 2375 ", connect "{ host = 'tcp://127.0.0.1' }")
    assert_failure("ECONNREFUSED", "port 2376 ", connect "{ host = 'tcp://127.0.0.1', tls = {} }")
    assert_failure("ECONNREFUSED", "port 1 ", connect "{ host = 'https://127.0.0.1:1' }")
    assert_failure("ECONNREFUSED", "port 1 ", connect "{ host = 'http://[::ffff:127.0.0.1]:1' }")
  end)

  it("takes the files of the environment's folder for TLS", function()
    local folder = workspace:mkdir "certificates"
    local environment = "DOCKER_TLS_VERIFY=1 DOCKER_HOST=tcp://127.0.0.1 DOCKER_CERT_PATH=" .. folder
    assert_failure("invalid", folder .. " has none of ca.pem, cert.pem and key.pem", connect("nil", environment))
    workspace:write("certificates/key.pem", "x")
    assert_failure("invalid", folder .. " has no cert.pem", connect("nil", environment))
    assert_failure("ECONNREFUSED", "port 2375 ", connect("nil", environment:gsub("VERIFY=1", "VERIFY=")))
    assert_failure("ECONNREFUSED", "port 2375 ", connect("{ tls = false }", environment))
    assert_failure("ENOENT", "/nowhere", connect("{ host = 'unix:///nowhere' }", environment))
    os.remove(workspace:path "certificates/key.pem")
    workspace:write("certificates/ca.pem", "x")
    assert_failure("ECONNREFUSED", "port 2376 ", connect("nil", environment))
    local home = "DOCKER_TLS_VERIFY=1 DOCKER_HOST=tcp://127.0.0.1 HOME=" .. workspace.root
    assert_failure("invalid", workspace:path ".docker" .. " has none", connect("nil", home))
    assert_failure("invalid", "DOCKER_CERT_PATH", connect("nil", "-u HOME " .. home:gsub("HOME=.*", "")))
  end)

  it("refuses what is no address, and says what to do instead", function()
    for host, text in pairs {
      ["ssh://me@server"] = "ssh -nNT -L", ["/run/docker.sock"] = "did you mean unix:///run/docker.sock?",
      ["server:2375"] = "did you mean tcp://server:2375?", ["fd://3"] = "is not a valid address",
      ["unix://relative"] = "an absolute path", ["tcp://"] = "expected tcp://HOST[:PORT]", ["tcp://h:x"] = "expected",
      ["tcp://u:p@h"] = "expected", ["tcp://h?q"] = "expected", ["tcp://a b"] = "expected",
      [""] = "not a valid address",
    } do
      assert_failure("invalid", text, connect(("{ host = %q }"):format(host)))
    end
    assert_failure("invalid", "contradicts option tls", connect "{ host = 'https://h', tls = false }")
    assert_failure("invalid", "contradicts option tls", connect "{ host = 'http://h', tls = {} }")
    assert_failure("invalid", "expected a table, a folder or false", connect "{ host = 'tcp://h', tls = true }")
  end)

  it("checks an address without asking", function()
    local function check(host)
      return workspace:eval(([[
        local ok, problem = require("bosun.docker").check_host(%q)
        return { ok = ok, problem = problem }
      ]]):format(host))
    end
    assert.same({ ok = true }, check "unix:///nowhere/docker.sock")
    assert.same({ ok = true }, check "tcp://nowhere.example")
    local problem = check("ssh://me@server").problem
    assert.is_truthy(problem:find("ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock me@server", 1, true), problem)
  end)

  it("raises on options that it does not know", function()
    assert.is_truthy(connect("{ hots = 'x' }").message:find('unknown option hots; did you mean "host"?', 1, true))
    local wrong = "option timeout: expected more than 0 seconds, got "
    assert.is_truthy(connect("{ timeout = 'x' }").message:find(wrong .. "a string", 1, true))
    assert.is_truthy(connect("{ timeout = -1 }").message:find(wrong .. "-1", 1, true))
    assert.is_truthy(connect("'x'").message:find("expected a table of options, got a string", 1, true))
  end)
end)
