-- bosun.docker on the Docker Engine: what holds for every engine, ways to reach it, and what goes wrong on the way.
package.path = "./tests/support/?.lua;./tests/docker/library/?.lua;" .. package.path
local Workspace = require "runner"
local Bench = require "bench"
local servers = require "servers"
-- With describe and it.
local common = assert(loadfile("tests/docker/library/common.lua", "t", _ENV))()
local registries = assert(loadfile("tests/docker/library/registries.lua", "t", _ENV))()

describe("bosun.docker on Docker", function()
  local workspace, bench, engine, open, closed, proxy, between

  setup(function()
    workspace = Workspace.new()
    engine = servers.engine()
    bench = Bench.new(workspace, { host = engine.host })
    open = servers.registry(workspace, "open")
    closed = servers.registry(workspace, "closed", { user = registries.USER, password = registries.PASSWORD })
    proxy = servers.haproxy(workspace, engine.socket)
    between = servers.between(workspace, engine.socket, "between")
  end)

  teardown(function()
    bench:close()
    for _, server in ipairs { open, closed, proxy, between } do server.handle:close() end
    workspace:remove()
  end)

  common(function() return bench end)
  registries.tests(function() return { bench = bench, open = open, closed = closed } end)

  --- Connects as this code says, and returns what is known of the engine, or the failure.
  local function connect(options, before)
    return bench:eval(([[
      local found, err = docker.connect(%s)
      if not found then return failure(nil, err) end
      local known = { host = found.host, api = found.api_version, kind = found.kind, is_local = found.is_local,
        hostname = found.hostname, min = found.min_api_version, version = found.server_version, ping = found:ping() }
      found:close()
      found:close()
      return known
    ]]):format(options), { before = before })
  end

  local function assert_failure(code, texts, seen)
    assert.equal(code, seen.code, seen.message)
    for _, text in ipairs(texts) do assert.is_truthy(seen.message:find(text, 1, true), seen.message) end
  end

  describe("an engine", function()
    it("tells what it is", function()
      local seen = connect "{}"
      assert.equal("docker", seen.kind)
      assert.is_true(seen.is_local)
      assert.equal("127.0.0.1", seen.hostname)
      assert.is_truthy(seen.api:find "^1%.%d+$" and seen.min:find "^1%.%d+$" and seen.version:find "^%d+%.")
      assert.is_true(seen.ping)
      assert.is_string(bench:eval "return assert(engine:info()).ServerVersion")
    end)

    it("is found by the environment", function()
      local seen = connect("{}", ("env DOCKER_HOST=tcp://127.0.0.1:%d"):format(proxy.ports.plain))
      assert.same({ "tcp://127.0.0.1:" .. proxy.ports.plain, false, "127.0.0.1" },
        { seen.host, seen.is_local, seen.hostname })
      seen = connect("{}", ("env DOCKER_HOST=tcp://localhost:%d DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=%s/verified")
        :format(proxy.ports.mutual, proxy.root))
      assert.same({ false, "localhost", true }, { seen.is_local, seen.hostname, seen.ping })
    end)

    it("takes any call of its API", function()
      local seen = bench:eval [[
        local id = run "called"
        return { #assert(engine:call("GET", "/containers/json", { query = { filters = { id = { id } } } })),
          engine:call("POST", "/containers/" .. id .. "/resize", { query = { h = 10, w = 20 } }) ~= nil,
          failure(engine:call("GET", "/nowhere")),
          failure(engine:call("GET", "/containers/nobody/json", { what = "look" })),
          select(2, pcall(engine.call, engine, "GET", "/x", { queryx = 1 })) }
      ]]
      assert.equal(1, seen[1])
      assert.same({ "not_found", 404 }, { seen[3].code, seen[3].status })
      assert_failure("not_found", { "look: ", "(404 from unix://" }, seen[4])
      assert.is_truthy(seen[5]:find('unknown option queryx; did you mean "query"?', 1, true), seen[5])
    end)

    it("may have several networks of one name", function()
      assert.same({ "ambiguous", "ambiguous", true, true }, bench:eval [[
        local name = RUN .. "-twin"
        local body = { Name = name, CheckDuplicate = false, Labels = LABELS }
        local ids = {}
        for i = 1, 2 do ids[i] = assert(engine:call("POST", "/networks/create", { json = body })).Id end
        local results = { code(engine:inspect_network(name)), code(engine:remove_network(name)) }
        assert(engine:call("DELETE", "/networks/" .. ids[1]))
        results[3] = assert(engine:inspect_network(name)).Id == ids[2]
        results[4] = engine:remove_network(name)
        return results
      ]])
    end)
  end)

  describe("TLS", function()
    local function over_tls(port, tls)
      return connect(("{ host = 'tcp://localhost:%d', tls = %s }"):format(proxy.ports[port], tls))
    end
    local function folder(name) return ("%q"):format(proxy.root .. "/" .. name) end

    it("is spoken with the files of a folder, or with options", function()
      assert.equal("docker", over_tls("server", folder "trusting").kind)
      assert.equal("docker", over_tls("mutual", folder "verified").kind)
      assert.equal("docker", over_tls("server", ("{ ca = %q }"):format(proxy.root .. "/ca.crt")).kind)
      local named = ("{ ca = %q, server_name = 'inner.example' }"):format(proxy.root .. "/ca.crt")
      assert.equal("docker", over_tls("named", named).kind)
      assert.equal("docker", over_tls("expired", "{ verify = false }").kind)
      assert.equal("docker", connect(("{ host = 'https://127.0.0.1:%d', tls = %s }"):format(proxy.ports.server,
        folder "trusting")).kind)
    end)

    it("fails with certificates that are expired, of another name, of strangers, or missing", function()
      local host = "no answer from the engine at tcp://localhost:"
      assert_failure("tls", { host, "expired", "DOCKER_CERT_PATH" }, over_tls("expired", folder "trusting"))
      assert_failure("tls", { host, "localhost" }, over_tls("named", folder "trusting"))
      assert_failure("tls", { host, "issuer" }, over_tls("server", folder "stranger"))
      local missing = over_tls("mutual", folder "trusting")
      assert.is_truthy(missing.code == "tls" or missing.code == "closed", missing.code)
      assert_failure("invalid", { "half has no key.pem" }, over_tls("server", folder "half"))
      assert_failure("invalid", { "nowhere has none of ca.pem, cert.pem and key.pem" },
        over_tls("server", folder "nowhere"))
    end)

    it("is not mixed up with plain HTTP", function()
      assert_failure("tls", { "is it a TLS server" }, over_tls("plain", folder "trusting"))
      local plain = connect(("{ host = 'tcp://localhost:%d', tls = false }"):format(proxy.ports.server))
      assert.is_not_nil(plain.code)
    end)

    it("carries containers, their logs, commands and archives", function()
      assert.same({ "hello\n", { code = 0, stdout = "content", stderr = "" } }, bench:eval([[
        local id = run("over-tls", shell("echo hello; exec sleep 100"))
        assert(engine:put_archive(id, "/", tar.new { { name = "opt/file", content = "content" } }))
        local first
        engine:follow_logs(id, function(line) first = line; return false end)
        return { first .. "\n", assert(engine:exec(id, { "cat", "/opt/file" })) }
      ]], { host = "tcp://127.0.0.1:" .. proxy.ports.server,
        before = ("env DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=%s/verified"):format(proxy.root) }))
    end)
  end)

  describe("an engine that cannot be reached", function()
    it("is not running, or not there", function()
      assert_failure("ENOENT", { "connect: no answer from the engine at unix:///nowhere/docker.sock: the socket does",
        "is the engine running?", "DOCKER_HOST" }, connect "{ host = 'unix:///nowhere/docker.sock' }")
      local left = workspace:path "left.sock"
      os.execute(("/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"%s\")'"):format(left))
      assert_failure("ECONNREFUSED", { "nothing is listening on the socket" },
        connect(("{ host = 'unix://%s' }"):format(left)))
      local port = servers.free_ports(1)[1]
      assert_failure("ECONNREFUSED", { "Connection refused", "is the server running" },
        connect(("{ host = 'tcp://127.0.0.1:%d' }"):format(port)))
      assert.equal("dns", connect("{ host = 'tcp://no-such-host.invalid' }").code)
    end)

    it("is not for this user", function()
      if servers.output_of "id -u" ~= "0\n" then return pending "needs root, to become somebody else" end
      local closed_off = workspace:mkdir "closed-off"
      os.execute(("ln -s %s %s/docker.sock; chmod 755 %s; chmod 700 %s"):format(engine.socket, closed_off,
        workspace.root, closed_off))
      local status = workspace:mkdir "nobody" .. "/status"
      local plugin = workspace:plugin_file("nobody", ([[
        function P:pe_status()
          local _, err = require("bosun.docker").connect { host = "unix://%s/docker.sock" }
          return ActionStatusInfo { status = ActionStatus.OK, msg = err.code .. ": " .. tostring(err) }
        end]]):format(closed_off))
      os.execute("chmod 777 " .. workspace:path "nobody")
      local shown = servers.output_of(("setpriv --reuid=65534 --regid=65534 --clear-groups %s --plugin %s --action "
        .. "pe_status --status-file %s 2>&1; cat %s"):format(Workspace.RUNNER, plugin, status, status))
      assert.is_truthy(shown:find("EACCES: connect: no answer", 1, true), shown)
      assert.is_truthy(shown:find("usually docker", 1, true), shown)
    end)

    it("has an impossible address", function()
      assert_failure("invalid", { "ssh -nNT -L" }, connect "{ host = 'ssh://me@server' }")
      assert_failure("invalid", { "did you mean unix:///run/docker.sock?" }, connect "{ host = '/run/docker.sock' }")
      assert_failure("invalid", { "did you mean tcp://server:2375?" }, connect "{ host = 'server:2375' }")
      assert_failure("invalid", { "tls" }, connect "{ host = 'http://server', tls = {} }")
      for _, host in ipairs {
        "unix://", "unix://relative", "tcp://", "tcp://a:b", "tcp://u@h", "tcp://h?x=1", "npipe:////./x",
      } do
        assert_failure("invalid", {}, connect(("{ host = %q }"):format(host)))
      end
    end)

    it("is another server", function()
      assert_failure("protocol", { "is not a Docker Engine (GET /version: 40" },
        connect(("{ host = 'tcp://%s' }"):format(open.domain)))
    end)
  end)

  describe("on the way to the engine", function()
    --- Runs code with the engine behind the interposer, which has these rules.
    local function disturbed(rules, code)
      between:rules(rules)
      return bench:eval(code, { host = between.host })
    end

    local function version(api, oldest)
      return { match = "GET /version", answer = { status = 200, type = "application/json",
        body = ('{"ApiVersion":"%s","MinAPIVersion":"%s","Version":"99"}'):format(api, oldest) } }
    end

    it("nothing happens", function()
      assert.same({ "said\n", 3 }, disturbed({}, [[
        local id = run("undisturbed", shell("echo said; exit 3"))
        local status = engine:wait_container(id)
        return { engine:logs(id), status }
      ]]))
    end)

    it("versions are agreed on, or not", function()
      local function greet(api, oldest)
        between:rules { version(api, oldest) }
        return connect(("{ host = %q }"):format(between.host))
      end
      assert.equal("1.41", greet("1.41", "1.12").api)
      assert.equal("1.47", greet("1.47", "1.24").api)
      assert.equal("1.51", greet("1.60", "1.44").api)
      assert_failure("unsupported", { "1.24 to 1.40", "1.41 to 1.51", "too old" }, greet("1.40", "1.24"))
      assert_failure("unsupported", { "1.52 to 1.60", "1.41 to 1.51", "too new" }, greet("1.60", "1.52"))
    end)

    it("answers are not those of an engine", function()
      local function answered(match, status, kind, body)
        between:rules { { match = match, answer = { status = status, type = kind, body = body } } }
        return connect(("{ host = %q }"):format(between.host))
      end
      assert_failure("protocol", { "is not a Docker Engine (GET /version: 403, an HTML page: Forbidden)" },
        answered("/version", 403, "text/html", "<html><head><title>Forbidden</title></head><body>no</body></html>"))
      assert_failure("protocol", { "200, hello" }, answered("/version", 200, "text/plain", "hello\n"))
      for _, body in ipairs { "[1]", '{"ApiVersion":"x"}', "{}", "" } do
        assert_failure("protocol", { "is not a Docker Engine" }, answered("/version", 200, "application/json", body))
      end
      assert_failure("engine", { "connect: out of order (500 from unix://" },
        answered("/version", 500, "application/json", '{"message":"out of order"}'))
      assert_failure("protocol", { "400, nope" }, answered("/version", 400, "text/plain", "nope"))
      assert_failure("invalid", { "HTTPS server", "DOCKER_TLS_VERIFY" },
        answered("/version", 400, "text/plain", "Client sent an HTTP request to an HTTPS server."))
    end)

    it("refusals come as plain text, in Podman's form, or empty", function()
      local seen = disturbed({
        { match = "/info", answer = { status = 503, type = "text/plain", body = "come back later\n" } },
        { match = "/one/json", answer = { status = 500, type = "application/json",
          body = '{"cause":"the cause","message":"the message","response":500}' } },
        { match = "/two/json", answer = { status = 418, type = "text/plain", body = "" } },
        { match = "/three/json", answer = { status = 401, type = "application/json", body = '{"message":"who?"}' } },
        { match = "/four/json", answer = { status = 200, type = "application/json", body = '{"Id":' } },
      }, [[
        local results = { failure(engine:info()) }
        for _, name in ipairs { "one", "two", "three", "four" } do
          results[#results + 1] = failure(engine:inspect_container(name))
        end
        return results
      ]])
      assert_failure("engine", { "come back later (503 from unix://" }, seen[1])
      assert_failure("engine", { "inspect container one: the message (500 from" }, seen[2])
      assert_failure("status_418", { "no reason given (418 from" }, seen[3])
      assert_failure("denied", { "who? (401 from" }, seen[4])
      assert_failure("protocol", { "is not JSON" }, seen[5])
    end)

    it("an engine that is being restarted is asked again, when that is safe", function()
      assert.is_true(disturbed({ { match = "GET .*/info", drop = true, times = 2 } }, "return engine:info() ~= nil"))
      assert.equal(3, #between:requests "/info")
      local seen = disturbed({ { match = "POST", drop = true } }, [[
        return failure(engine:create_container(RUN .. "-dropped", { Image = IMAGE })) ]])
      assert_failure("closed", { "create container", "no answer from the engine" }, seen)
      assert.equal(1, #between:requests "POST")
    end)

    it("a build breaks off", function()
      local dockerfile = [["FROM " .. IMAGE .. "\nRUN echo now is the time\nRUN true\n"]]
      local cut = disturbed({ { match = "POST .*/build", after = "now is the time" } }, [[
        return failure(build(]] .. dockerfile .. [[, { tag = RUN .. "-cut" })) ]])
      assert.equal("closed", cut.code)
      local ended = disturbed({ { match = "POST .*/build", after = "now is the time", ends = true } }, [[
        return failure(build(]] .. dockerfile .. [[, { tag = RUN .. "-cut" })) ]])
      assert_failure("incomplete", { "ended before the image was built" }, ended)
    end)

    it("an archive turns out to be unreadable", function()
      local seen = disturbed({}, [[
        local id = create "unreadable"
        local path = ROOT .. "/shrinking"
        assert(fs.write(path, ("x"):rep(3000000)))
        local archive = tar.new { { name = "a", path = path } }
        local function source() return nil, { code = "EIO", op = "read", message = "bad disk" } end
        local sized = tar.new { { name = "a", size = 10, source = source } }
        assert(fs.remove(path))
        return { failure(engine:put_archive(id, "/", archive)), failure(engine:put_archive(id, "/", sized)),
          failure(engine:build(archive, { on_progress = quiet })) }
      ]])
      assert_failure("ENOENT", { "copy an archive to / in container", "shrinking" }, seen[1])
      assert_failure("EIO", { "bad disk" }, seen[2])
      assert_failure("ENOENT", { "build an image", "shrinking" }, seen[3])
    end)

    it("a pull breaks off, and is done again", function()
      bench:eval(([[
        local name = %q .. "/models/again:v1"
        assert(engine:tag_image(IMAGE, name))
        assert(engine:push(name, { on_progress = quiet }))
      ]]):format(open.domain))
      local pull = ([[
        local name, lines = %q .. "/models/again:v1", {}
        engine:remove_image(name)
        local ok, err = engine:pull(name, { on_progress = function(line) table.insert(lines, line) end })
        return { ok or failure(nil, err), lines }
      ]]):format(open.domain)
      for _, ends in ipairs { false, true } do
        local seen = disturbed({ { match = "/images/create", after = "Pulling from", ends = ends, times = 2 } }, pull)
        assert.is_true(seen[1])
        assert.equal(3, #between:requests "/images/create")
        assert.is_truthy(seen[2][1]:find("the engine went away; trying again", 1, true), seen[2][1])
      end
      local seen = disturbed({ { match = "/images/create", after = "Pulling from", ends = true } }, pull)
      assert_failure("incomplete", { "pull 127.0.0.1:", "ended before the transfer was complete" }, seen[1])
      assert.equal(4, #between:requests "/images/create")
      local refusal = { status = 500, type = "application/json", body = '{"message":"no"}' }
      disturbed({ { match = "/images/create", answer = refusal } }, pull)
      assert.equal(1, #between:requests "/images/create")
    end)

    it("an error comes in the middle of a stream", function()
      local function streamed(lines) return { status = 200, type = "application/json", body = lines } end
      local failing = '{"status":"x"}\r\n{"errorDetail":{"message":"disk is full"},"error":"disk is full"}\r\n'
      local seen = disturbed({
        { match = "/images/create", answer = streamed(failing) }, { match = "/push", answer = streamed(failing) },
        { match = "/build", answer = streamed(failing) },
      }, [[
        local options = { on_progress = quiet, auth = false }
        return { failure(engine:pull("a", options)), failure(engine:push("a", options)),
          failure(build("FROM scratch")) }
      ]])
      assert_failure("pull_failed", { "pull a:latest: disk is full (from unix://" }, seen[1])
      assert_failure("push_failed", { "push a: disk is full" }, seen[2])
      assert_failure("build_failed", { "disk is full" }, seen[3])
      assert.equal(1, #between:requests "/images/create")
    end)

    it("a container is being removed already", function()
      local refusal = { status = 409, type = "application/json", body = '{"message":"removal is already in progress"}' }
      local removing = { status = 200, type = "application/json", body = '{"State":{"Status":"removing"}}' }
      local seen = disturbed({
        { match = "DELETE", answer = refusal, times = 2 }, { match = "GET .*/json", answer = removing, times = 2 },
      }, [[
        local id = create "going"
        return { engine:remove_container(id), code(engine:inspect_container(id)) } ]])
      assert.same({ true, "not_found" }, seen)
      assert.equal(3, #between:requests "DELETE")
    end)

    it("credentials travel in the header that is theirs", function()
      workspace:write("docker-config.json", registries.config(closed.domain, registries.USER, registries.PASSWORD))
      disturbed({}, ([[
        local with <close> = assert(docker.connect { host = HOST, config_file = ROOT .. "/docker-config.json" })
        with:pull(%q .. "/models/b:none", { on_progress = quiet })
        with:pull("127.0.0.1:1/a", { on_progress = quiet })
      ]]):format(closed.domain))
      local requests = between:requests "/images/create"
      local function auth(i) return requests[i].headers["X-Registry-Auth"] end
      assert.is_truthy(#auth(1) > 40 and auth(1):find "^[%w_-]+=*$", auth(1))
      assert.equal("e30", auth(2):match "^[^=]*")
    end)
  end)
end)
