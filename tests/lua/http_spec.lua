-- bosun.http against nginx and a server that echoes: what a plugin's author counts on while all goes well.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("bosun.http", function()
  local workspace, nginx, echo

  setup(function()
    workspace = Workspace.new()
    nginx = web.nginx(workspace)
    echo = web.bad(workspace)
  end)

  teardown(function()
    nginx.handle:close()
    echo.handle:close()
    workspace:remove()
  end)

  --- Runs code in the host with `http`, the servers' URLs and the workspace's folder at hand.
  local function run(code, more)
    local head = ([[
      local http = require "bosun.http"
      local root, url, echo, tls, mutual, named, expired, socket = %q, %q, %q, %q, %q, %q, %q, %q
      local function read(path) local f = assert(io.open(path, "rb")); local s = f:read("a"); f:close(); return s end
      local function misuse(fn, ...) local ok, problem = pcall(fn, ...); return not ok and tostring(problem) end
    ]]):format(workspace.root, nginx.url, echo.url, nginx.tls, nginx.mutual, nginx.named, nginx.expired, nginx.socket)
    return workspace:eval(head .. code, more)
  end

  it("loads libcurl with the first request, not before", function()
    assert.same({ false, false, true }, run [[
      local function loaded() return read("/proc/self/maps"):find("libcurl", 1, true) ~= nil end
      package.loaded["bosun.http"] = nil
      local before = loaded()
      local required = (require "bosun.http") and loaded()
      assert(http.get(url .. "/method"))
      return { before, required, loaded() }
    ]])
  end)

  it("sends each method", function()
    assert.same({ "GET", "", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE" }, run [[
      local bodies = {}
      for _, method in ipairs { "get", "head", "post", "put", "patch", "delete" } do
        bodies[#bodies + 1] = assert(http[method](url .. "/method")).body
      end
      for _, method in ipairs { "OPTIONS", "PURGE" } do
        local resp = assert(http.request { method = method, url = echo .. "/echo" })
        bodies[#bodies + 1] = resp:json().method
      end
      return bodies
    ]])
  end)

  local TRACEPARENT = "^00%-%x+%-%x+%-01$"

  --- A header of those that the server saw, by whatever spelling.
  local function header(headers, name)
    for key, value in pairs(headers) do
      if key:lower() == name then return value end
    end
  end

  it("tells the server its place in the trace, unless the plugin does or does not want that", function()
    local sent, again, own, of_client, without = table.unpack(run [[
      local client <close> = http.client { headers = { TraceParent = "the client's" } }
      local function headers(options) return assert(http.get(echo .. "/echo", options)):json().headers end
      return { headers(), headers(), headers { headers = { traceparent = "own" } },
        client:get(echo .. "/echo"):json().headers, headers { traceparent = false } }
    ]])
    assert.matches(TRACEPARENT, header(sent, "traceparent"))
    assert.matches(TRACEPARENT, header(again, "traceparent"))
    assert.equal(header(sent, "traceparent"):sub(1, 35), header(again, "traceparent"):sub(1, 35))
    assert.are_not.equal(header(sent, "traceparent"), header(again, "traceparent"))
    assert.equal("own", header(own, "traceparent"))
    assert.equal("the client's", header(of_client, "traceparent"))
    assert.is_nil(header(without, "traceparent"))
  end)

  it("is in the trace with the span that the server was told", function()
    local trace = workspace:path "http-trace"
    local told = run([[
      return assert(http.get(echo .. "/echo", { retry = { max = 1, on = { 200 }, backoff = 0.01 } })):json().headers
    ]], { args = { "--trace", trace } })
    local spans = {}
    for line in workspace:read("http-trace"):gmatch "[^\n]+" do
      local span = line:find('"message":"http.get"', 1, true) and line:match '"span_id":"(%x+)"'
      if span then spans[#spans + 1] = span end
    end
    assert.equal(2, #spans)
    assert.are_not.equal(spans[1], spans[2])
    assert.equal(spans[2], header(told, "traceparent"):sub(37, 52))
    assert.matches('"http.request.resend_count":1', workspace:read "http-trace")
  end)

  it("returns a response for every status", function()
    local seen = run [[
      local resp = assert(http.get(url .. "/teapot"))
      local missing = assert(http.get(url .. "/none"))
      local several = assert(http.get(echo .. "/several"))
      local names = {}
      for name, value in pairs(several.headers) do names[#names + 1] = name .. "=" .. value end
      local _, err = resp:json()
      return { resp.status, resp.ok, resp.body, missing.status, several.ok, several.headers["X-SEVERAL"],
        several.headers:all("x-Several"), several.headers["x-empty"], tostring(several.headers.none), names,
        resp.elapsed >= 0, resp.received, resp.attempts, err.message, err.code }
    ]]
    assert.same({ 418, false, "short and stout", 404, true, "one, two", { "one", "two" }, "", "nil",
      { "Content-Length=0", "X-Several=one", "x-several=two", "X-Empty=" }, true, 15, 1 },
      table.move(seen, 1, 13, 1, {}))
    assert.is_truthy(seen[14]:find("the body of GET http://127.0.0.1:%d+/teapot %(status 418%) is not JSON"), seen[14])
    assert.equal("syntax", seen[15])
  end)

  it("sends bodies as text, JSON and form, with their types", function()
    local seen = run [[
      local function send(options)
        local sent = assert(http.post(echo .. "/echo", options)):json()
        return { sent.length, sent.headers["content-type"] or "none", sent.headers["content-length"] }
      end
      return {
        send { body = "a\0b" }, send { json = { a = 1 } }, send { json = {}, headers = { ["content-TYPE"] = "x/y" } },
        send { form = { name = "a&b", list = { 1, 2 } } }, send {}, send { body = "" },
        assert(http.get(echo .. "/echo", { body = "x" })):json().length,
      }
    ]]
    assert.same({ { 3, "none", "3" }, { 7, "application/json", "7" }, { 2, "x/y", "2" },
      { 24, "application/x-www-form-urlencoded", "24" }, { 0, "none", "0" }, { 0, "none", "0" }, 1 }, seen)
  end)

  it("sends in a dry run what only reads", function()
    assert.same({ true, "POST", false, false }, run([[
      local planned = assert(http.post(echo .. "/echo", { body = "x" }))
      local sent = assert(http.post(echo .. "/echo", { body = "x", reads = true }))
      assert(http.get(echo .. "/echo", { sink = root .. "/planned", reads = true }))
      return { planned.dry_run, sent:json().method, sent.dry_run, io.open(root .. "/planned") ~= nil }
    ]], { args = { "--dry-run" } }))
  end)

  it("sends no header about a body with a GET", function()
    assert.same({ "none none", "none none", "x/y none" }, run [[
      local function send(options)
        local headers = assert(http.get(echo .. "/echo?at=u@host", options)):json().headers
        return (headers["content-type"] or "none") .. " " .. (headers.expect or "none")
      end
      return { send(), send { body = ("x"):rep(2 * 1024 * 1024) }, send { headers = { ["Content-Type"] = "x/y" } } }
    ]])
  end)

  it("escapes a query and keeps the URL's own", function()
    assert.same({ "/echo?x=1&a=b%20c&list=1&list=2&n=1.5", "/echo?a=%26%2F%3D%C3%A9", "/echo", "a%2Fb~%2E%2E"},
      run [[
        local function target(path, query) return assert(http.get(echo .. path, { query = query })):json().target end
        return { target("/echo?x=1#part", { a = "b c", list = { 1, 2 }, n = 1.5 }), target("/echo", { a = "&/=é" }),
          target("/echo", {}), (http.escape("a/b~"):gsub("$", "%%2E%%2E")) }
      ]])
  end)

  it("sends and receives bodies of every size", function()
    assert.same({}, run [[
      local crypto = require "bosun.crypto"
      local wrong = {}
      for _, size in ipairs { 0, 1, 16383, 16384, 16385, 65536, 262144, 1048577, 5000001 } do
        local bytes = ("0123456789abcdef"):rep(size // 16 + 1):sub(1, size)
        local function compare(what, resp)
          if resp:json().length ~= size or resp:json().sha256 ~= crypto.sha256(bytes) then
            wrong[#wrong + 1] = what .. " " .. size
          end
        end
        compare("body", assert(http.put(echo .. "/echo", { body = bytes })))
        local file = assert(io.open(root .. "/sent", "wb"))
        file:write(bytes):close()
        compare("file", assert(http.put(echo .. "/echo", { source = root .. "/sent" })))
        local at = 1
        local function source()
          local piece = bytes:sub(at, at + 99999)
          at = at + #piece
          return #piece > 0 and piece or nil
        end
        compare("function", assert(http.post(echo .. "/echo", { source = source })))
        at = 1
        compare("function of known length", assert(http.post(echo .. "/echo",
          { source = source, headers = { ["Content-Length"] = size } })))
        local out = assert(io.open(root .. "/www/back", "wb"))
        out:write(bytes):close()
        if assert(http.get(url .. "/back")).body ~= bytes then wrong[#wrong + 1] = "memory " .. size end
        assert(http.get(url .. "/back", { sink = root .. "/got" }))
        if read(root .. "/got") ~= bytes then wrong[#wrong + 1] = "sink file " .. size end
        local pieces = {}
        assert(http.get(url .. "/back", { sink = function(piece) pieces[#pieces + 1] = piece end }))
        if table.concat(pieces) ~= bytes then wrong[#wrong + 1] = "sink function " .. size end
      end
      return wrong
    ]])
  end)

  it("sends a function's bytes in chunks, or as many as Content-Length says", function()
    assert.same({ "chunked", "none", "none", "4" }, run [[
      local function send(headers)
        local given = false
        local sent = assert(http.post(echo .. "/echo", { headers = headers, source = function()
          given = not given
          return given and "abcd" or nil
        end })):json().headers
        return sent["transfer-encoding"] or "none", sent["content-length"] or "none"
      end
      local a, b = send()
      local c, d = send { ["content-length"] = "4" }
      return { a, b, c, d }
    ]])
  end)

  it("keeps a connection within a client, and only there", function()
    workspace:write("www/a", "a")
    run [[
      local client <close> = http.client()
      for _ = 1, 20 do assert(client:get(url .. "/a", { query = { keep = 1 } })) end
      local other <close> = http.client()
      assert(other:get(url .. "/a"))
      return true
    ]]
    local connections, requests = {}, 0
    for line in workspace:read("access.log"):gmatch("[^\n]+") do
      local connection = line:match("^(%d+) GET /a 200")
      if connection then
        requests = requests + 1
        connections[connection] = (connections[connection] or 0) + 1
      end
    end
    local counts = {}
    for _, number in pairs(connections) do counts[#counts + 1] = number end
    table.sort(counts)
    assert.equal(21, requests)
    assert.same({ 1, 20 }, counts)
  end)

  it("gives a client's defaults to its requests", function()
    assert.same({ "/api/x?y=1", "one", "theirs", "none", true }, run [[
      local client <close> = http.client { base_url = echo .. "/", headers = { ["X-One"] = "one", ["X-Two"] = "ours" } }
      local seen = assert(client:get("/echo", { headers = { ["x-two"] = "theirs" } })):json()
      local api = http.client { base_url = echo .. "/echo/.." }
      local _ = api:close() or api:close()
      return { "/api/x?y=1", seen.headers["x-one"], seen.headers["x-two"], seen.headers["x-three"] or "none",
        misuse(api.get, api, "/echo"):find("closed") ~= nil }
    ]])
  end)

  it("asks for gzip and decompresses it in memory; a file gets the bytes as sent", function()
    workspace:write("www/text", ("some text\n"):rep(1000))
    assert.same({ "gzip", 10000, 10000, 10000, "none" }, run [[
      local memory = assert(http.get(url .. "/gzip"))
      local file = assert(http.get(url .. "/gzip", { sink = root .. "/unpacked" }))
      return { memory.headers["content-encoding"] or "none", #memory.body, memory.received, #read(root .. "/unpacked"),
        file.headers["content-encoding"] or "none" }
    ]])
  end)

  it("uses a Unix socket, whatever the proxy", function()
    assert(os.execute(("/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"%s/dead\")'")
      :format(workspace.root)))
    assert.same({ "GET", "ENOENT", "ENAMETOOLONG", "ECONNREFUSED", true }, run([[
      local function code(path)
        local _, err = http.get("http://unix/method", { unix_socket = path })
        return err.code, err.message
      end
      local refused, message = code(root .. "/dead")
      return { assert(http.get("http://unix/method", { unix_socket = socket })).body, code(root .. "/none"),
        (code("/" .. ("x"):rep(200))), refused, message:find("GET http://unix/method failed", 1, true) == 1 }
    ]], { before = "env http_proxy=http://127.0.0.1:1" }))
  end)

  it("uses the proxy of the environment, except for NO_PROXY", function()
    assert.same({ "ECONNREFUSED", "GET", "GET" }, run([[
      local _, err = http.get(url .. "/method")
      return { err.code, assert(http.get((url:gsub("127.0.0.1", "localhost")) .. "/method")).body,
        assert(http.get(url .. "/method", { proxy = false })).body }
    ]], { before = "env http_proxy=http://127.0.0.1:1 no_proxy=localhost" }))
  end)

  it("keeps the password of a proxy that libcurl cannot parse to itself", function()
    local request = 'return select(2, http.get(url .. "/method")).message'
    for _, user in ipairs { "http://user:p#S3cret", "user:p/S3cret", "xyz://user:S3cret" } do
      local message = run(request, { before = ("env http_proxy=%s@127.0.0.1:1"):format(user) })
      assert.truthy(message:find("[redacted]@127.0.0.1:1", 1, true), message)
      assert.falsy(message:find("S3cret", 1, true), message)
    end
  end)

  describe("TLS", function()
    it("trusts the given CA only, from a file or from memory", function()
      assert.same({ "HTTP/2.0", "HTTP/2.0", "tls", "tls", "HTTP/2.0", "ENOENT", "tls" }, run [[
        local function try(options, at)
          local resp, err = http.client():get((at or tls) .. "/seen", { tls = options })
          return resp and resp.body:match("|(HTTP[^|]*)$") or err.code
        end
        local ca = root .. "/ca.crt"
        return { try { ca = ca }, try { ca = read(ca) }, try(nil), try { ca = root .. "/other-ca.crt" },
          try { verify = false }, (try { ca = root .. "/none" }), (try { ca = "-----BEGIN nonsense" }) }
      ]])
    end)

    it("keeps CAs and client certificates of requests apart", function()
      assert.same({ 200, "tls", 200, "tls", 200, 400 }, run [[
        local ca, cert, key = root .. "/ca.crt", root .. "/client.crt", root .. "/client.key"
        local client <close> = http.client()
        local function try(at, options)
          local resp, err = client:get(at, { tls = options })
          return resp and resp.status or err.code
        end
        return { try(tls .. "/seen", { ca = ca }), try(tls .. "/seen"), try(tls .. "/seen", { verify = false }),
          try(tls .. "/seen"), try(mutual, { ca = ca, cert = cert, key = key }), try(mutual, { ca = ca }) }
      ]])
    end)

    it("refuses another name and an expired certificate", function()
      assert.same({ "tls", "tls", true, "inner.example|" .. nginx.named:gsub("https://", ""), "tls" }, run [[
        local ca = root .. "/ca.crt"
        local _, wrong = http.get(named, { tls = { ca = ca } })
        local _, old = http.get(expired, { tls = { ca = ca } })
        local resp = assert(http.get(named, { tls = { ca = ca, server_name = "inner.example" } }))
        local _, other = http.get(named, { tls = { ca = ca, server_name = "outer.example" } })
        return { wrong.code, old.code, old.message:find("expired") ~= nil, resp.body, other.code }
      ]])
    end)

    it("sends a client certificate, from files or from memory", function()
      assert.same({ "CN=client", "CN=client", 400, "tls" }, run [[
        local secret = require "bosun.secret"
        local ca, cert, key = root .. "/ca.crt", root .. "/client.crt", root .. "/client.key"
        local files = assert(http.get(mutual, { tls = { ca = ca, cert = cert, key = key } }))
        local memory = assert(http.client():get(mutual,
          { tls = { ca = ca, cert = read(cert), key = secret.new(read(key)) } }))
        local none = assert(http.client():get(mutual, { tls = { ca = ca } }))
        local _, err = http.client():get(mutual, { tls = { ca = ca, cert = cert, key = root .. "/server.key" } })
        return { files.body, memory.body, none.status, err.code }
      ]])
    end)
  end)

  describe("redirects", function()
    it("are followed for GET and HEAD, and others on demand", function()
      assert.same({ 200, 200, 302, 303, "GET", "POST", "PUT", 302 }, run [[
        return { http.get(url .. "/near").status, http.head(url .. "/near").status,
          http.get(url .. "/near", { follow = false }).status, http.post(url .. "/303").status,
          http.post(url .. "/303", { follow = true }).body, http.post(url .. "/307", { follow = 1, body = "x" }).body,
          http.put(url .. "/307", { follow = true, body = "x" }).body, http.get(url .. "/near", { follow = 0 }).status }
      ]])
    end)

    it("take no credentials to another host", function()
      local port = nginx.port
      assert.same({ "[redacted]|a=b|own|127.0.0.1:" .. port, "||own|localhost:" .. port,
        "[redacted]|||127.0.0.1:" .. port, "|||localhost:" .. port }, run [[
        local options = { auth = { bearer = "t0ken" }, headers = { Cookie = "a=b", ["X-Own"] = "own" } }
        local inside = url:gsub("//", "//u:p@")
        return { http.get(url .. "/near", options).body, http.get(url .. "/away", options).body,
          http.get(inside .. "/near").body, http.get(inside .. "/away").body }
      ]])
    end)

    it("take no traceparent to another host", function()
      local same, other = table.unpack(run [[
        local function seen(to) return assert(http.get(echo .. "/redirect", { query = { to = to } })):json().headers end
        local port = echo:match ":(%d+)$"
        return { seen(echo .. "/echo"), seen("http://localhost:" .. port .. "/echo") }
      ]])
      assert.matches(TRACEPARENT, header(same, "traceparent"))
      assert.is_nil(header(other, "traceparent"))
    end)

    it("send a file again, but not what a function made", function()
      assert.same({ 7, "redirect" }, run [[
        local file = assert(io.open(root .. "/again", "wb"))
        file:write("content"):close()
        local to = { query = { to = echo .. "/echo", status = "307 Again" }, follow = true, source = root .. "/again" }
        local resp = assert(http.put(echo .. "/redirect", to))
        local at = 0
        to.source = function() at = at + 1; return at < 3 and "bytes" or nil end
        local _, err = http.put(echo .. "/redirect", to)
        return { resp:json().length, err.code }
      ]])
    end)
  end)

  it("makes many requests at once, with results in order", function()
    local seen = run [[
      local requests = {}
      for i = 1, 300 do requests[i] = { url = echo .. "/counted", query = { key = "all", i = i } } end
      requests[7] = { url = "http://127.0.0.1:1/" }
      requests[8] = { url = url .. "/teapot" }
      local results = http.all(requests, { concurrency = 32 })
      local bodies, statuses = {}, {}
      for i, result in ipairs(results) do
        if i ~= 7 and i ~= 8 then bodies[#bodies + 1] = tonumber(result[1].body) end
      end
      table.sort(bodies)
      return { #results, #bodies, bodies[1], bodies[298], tostring(results[7][1]), results[7].err.code,
        results[8].response.status, #http.all({}) }
    ]]
    assert.same({ 300, 298, 1, 298, "nil", "ECONNREFUSED", 418, 0 }, seen)
  end)

  it("streams lines that arrive in pieces of any size", function()
    assert.same({ { "one", "two", "", "thrée", "last" }, false, { "one", "two" }, true, 200, 418, "short and stout",
      "not this one", "too_large", "own" }, run [[
      local all, some = {}, {}
      local resp = assert(http.stream(echo .. "/lines", function(line) all[#all + 1] = line end))
      local stopped = assert(http.stream({ url = echo .. "/lines" }, function(line)
        some[#some + 1] = line
        return #some < 2
      end))
      local other = assert(http.stream(url .. "/teapot", error))
      local _, raised = pcall(http.stream, echo .. "/lines", function() error("not this one", 0) end)
      local _, long = http.stream({ url = echo .. "/lines", max_line = 4 }, function() end)
      local _, own = http.stream(echo .. "/lines", function() return nil, { code = "own" } end)
      return { all, resp.stopped, some, stopped.stopped, stopped.status, other.status, other.body, raised, long.code,
        own.code }
    ]])
  end)

  it("lets functions raise, stop and make requests themselves", function()
    assert.same({ "from the sink", "from the source", true, "GET", 200, "made" }, run [[
      local _, sink = pcall(http.get, url .. "/method", { sink = function() error("from the sink", 0) end })
      local _, source = pcall(http.post, echo .. "/echo", { source = function() error("from the source", 0) end })
      local stopped = assert(http.get(echo .. "/endless-body", { sink = function() return false end }))
      local inner
      local outer = assert(http.stream(echo .. "/lines", function()
        inner = assert(http.get(url .. "/method")).body
      end))
      local _, own = http.post(echo .. "/echo", { source = function() return nil, "made" end })
      return { sink, source, stopped.stopped, inner, outer.status, own }
    ]])
  end)

  it("streams hundreds of megabytes in constant memory", function()
    assert(os.execute(("truncate -s 300M %s/www/huge"):format(workspace.root)))
    local seen = run [[
      local function peak() return tonumber(read("/proc/self/status"):match("VmHWM:%s*(%d+)")) end
      assert(http.get(url .. "/method"))
      assert(http.post(echo .. "/echo", { body = "x" }))
      local before, size, at = peak(), 0, 0
      local resp = assert(http.get(url .. "/huge", { sink = root .. "/huge" }))
      assert(http.get(url .. "/huge", { sink = function(bytes) size = size + #bytes end }))
      local sent = assert(http.put(echo .. "/echo", { source = root .. "/www/huge" })):json().length
      local piece = ("x"):rep(100000)
      local made = assert(http.put(echo .. "/echo", { source = function()
        at = at + 1
        return at <= 1000 and piece or nil
      end })):json().length
      return { peak() - before, resp.received, size, sent, made }
    ]]
    assert(os.execute(("cmp %s/www/huge %s/huge"):format(workspace.root, workspace.root)))
    local grown = table.remove(seen, 1)
    local size = 300 * 1024 * 1024
    assert.same({ size, size, size, 100000000 }, seen)
    -- AddressSanitizer keeps what is freed for a while.
    local build = os.getenv("BOSUN_BUILD") or "build"
    local sanitized = os.execute(("grep -q __asan_init %s/bosun-plugin-runner"):format(build))
    assert.is_true(sanitized or grown < 16 * 1024, "memory grew by " .. grown .. " kB")
  end)

  it("replaces a file completely or not at all", function()
    workspace:write("www/new", "new")
    workspace:write("kept", "old")
    assert.same({ 404, "old", "too_large", "old", 200, "new", "", "EISDIR", "ENOENT", 0 }, run [[
      local kept = root .. "/kept"
      local missing = assert(http.get(url .. "/none", { sink = kept }))
      local after_missing = read(kept)
      local _, large = http.get(url .. "/new", { sink = kept, max_bytes = 2 })
      local after_large = read(kept)
      local resp = assert(http.get(url .. "/new", { sink = kept, sync = true }))
      local _, folder = http.get(url .. "/new", { sink = root .. "/www/" })
      local _, none = http.get(url .. "/new", { sink = root .. "/none/x" })
      local left = #require("bosun.fs").glob(root .. "/.bosun-*")
      return { missing.status, after_missing, large.code, after_large, resp.status, read(kept), resp.body, folder.code,
        none.code, left }
    ]])
  end)

  it("returns the connection after a change of protocol", function()
    assert.same({ 101, "tcp", "hello", "ping", "timeout", "upgrade", 403, "Forbidden", "closed" }, run [[
      local c <close> = assert(http.connect(echo .. "/upgrade", { method = "POST", upgrade = "tcp", body = "" }))
      local hello = assert(c:recv())
      local _, late = c:recv { timeout = 0 }
      assert(c:send("ping"))
      local ping = assert(c:recv { timeout = 60 })
      c:close()
      local _, refused = http.connect(echo .. "/upgrade-refused", { upgrade = "websocket" })
      local _, dropped = http.connect(echo .. "/drop", { upgrade = "websocket" })
      return { c.status, c.headers.upgrade, hello, ping, late.code, refused.code, refused.response.status,
        refused.response:json().reason, dropped.code }
    ]])
  end)

  it("raises an error about invalid options at the plugin's line", function()
    for code, expected in pairs {
      ['http.get(1)'] = "http.get: option url: expected a string or a secret, got 1",
      ['http.get()'] = "http.get: option url: missing",
      ['http.get("file:///etc/passwd")'] = 'http.get: option url: not a valid URL: the host is missing',
      ['http.get("ftp://u:p@h/x")'] = "http.get: option url: expected an http or https URL, got ftp://h/x",
      ['http.get("a/b")'] = "http.get: option url: not a valid URL: expected it to begin with a scheme",
      ['http.get("http://a b/")'] = "not a valid URL: contains a space (at byte 9); see http.escape",
      ['http.get("http://a/\\r\\nX: y")'] = "not a valid URL: contains a control character (at byte 10)",
      ['http.get("http://a/\\127")'] = "not a valid URL: contains a control character (at byte 10)",
      ['http.get("http://?a")'] = "http.get: option url: not a valid URL: the host is missing",
      ['http.get("http://a/", { timeuot = 1 })'] = 'unknown option timeuot; did you mean "timeout"?',
      ['http.get("http://a/", { timeout = -1 })'] = "option timeout: expected more than 0 seconds, got -1",
      ['http.get("http://a/", { tls = { veriffy = false } })'] = 'unknown option tls.veriffy; did you mean "verify"?',
      ['http.get("http://a/", { headers = { ["X-A"] = "b\\r\\nX-C: d" } })'] = "X-A: the value contains a line end",
      ['http.get("http://a/", { headers = { ["X-A"] = "b\\0" } })'] = "header X-A: the value contains",
      ['http.get("http://a/", { headers = { ["X A"] = "b" } })'] = 'header "X A": not a valid header name',
      ['http.get("http://a/", { headers = { "X-A: b" } })'] = "headers: expected names as keys",
      ['http.post("http://a/", { body = "x", json = 1 })'] = "options body and json: a request has only one body",
      ['http.post("http://a/", { source = "" })'] = "option source: expected a path, got an empty",
      ['http.post("http://a/", { json = print })'] = "http.post: option json: value is a function, which",
      ['http.request { url = "http://a/", method = "GET / HTTP/1.1" }'] =
        'option method: "GET / HTTP/1.1" is not a valid method',
      ['http.all { { url = "http://a/" }, { ulr = "x" } }'] = "http.all: request 2: unknown option ulr",
      ['http.stream("http://a/")'] = "http.stream: expected a function",
      ['http.connect("http://a/")'] = "http.connect: option upgrade",
      ['http.get("http://a/", { unix_socket = "/a\\0b" })'] = "option unix_socket: contains a NUL byte",
      ['http.all({}, { conc = 1 })'] = "http.all: unknown option conc",
      ['http.all({}, { concurrency = 0 })'] = "http.all: option concurrency: expected an integer of 1 or more, got 0",
      ['http.all({}, 5)'] = "http.all: expected a table of options, got 5",
      ['http.connect("http://a/", { upgrade = "x", sink = "y" })'] = "http.connect: options sink and source: ",
      ['http.client { heders = {} }'] = "http.client: unknown option heders",
      ['http.client():get("http://a/", { proxy = "ftp://x" })'] = "option proxy: expected http://",
    } do
      local message = run(("return misuse(function() local _ = %s end)"):format(code))
      assert.is_truthy(message and message:find(expected, 1, true), code .. ": " .. tostring(message))
      assert.is_truthy(message:find("eval.lua:%d+: "), message)
    end
  end)

  it("only reads in a dry run, and plans the rest", function()
    local status = workspace:act("pe_status", nil, { args = { "--dry-run" }, plugin = workspace:plugin_file("dry", ([[
      function P:pe_status()
        local http = require "bosun.http"
        local url, root = %q, %q
        local read = assert(http.get(url .. "/method")).body
        local made = assert(http.post(url:gsub("//", "//u:pa55@") .. "/x?token=canary&a=1",
          { body = "x", dry_run = { status = 201, headers = { Location = "/y", Empty = "" }, body = '{"id":1}' } }))
        local file = assert(http.get(url .. "/method", { sink = root .. "/planned" }))
        local c = assert(http.connect(url, { upgrade = "tcp" }))
        local all = http.all { { method = "DELETE", url = url .. "/z" } }
        return ActionStatusInfo{ status = ActionStatus.OK, data = { seen = { read, made.status, made.dry_run,
          made.headers.location .. made.headers.empty, made:json().id, file.status, file.body, c.dry_run, c:send("x"),
          tostring(c:recv()), all[1].response.status } } }
      end
    ]]):format(nginx.url, workspace.root)) })
    assert.same({ "GET", 201, true, "/y", 1, 200, "", true, true, "nil", 200 }, status.data.seen)
    assert.same({
      "http.post " .. nginx.url .. "/x?token=[redacted]&a=1",
      ("http.get %s/method -> %s/planned"):format(nginx.url, workspace.root),
      "http.connect " .. nginx.url, "http.delete " .. nginx.url .. "/z",
    }, Workspace.steps(status.data.plan))
    assert.is_nil(workspace:read("planned"))
  end)

  it("shows a secret nowhere", function()
    local trace = workspace:path("trace.json")
    local plugin = workspace:plugin_file("canary", ([[
        function P:pe_status()
          local http, secret, log = require "bosun.http", require "bosun.secret", require "bosun.log"
          local url = %q
          local canary = function(n) return "canary-" .. n .. "-0xdeadbeef" end
          local closed = "http://127.0.0.1:1"
          local said = {}
          for _, options in ipairs {
            { auth = { bearer = canary(1) } }, { auth = { user = "u", password = canary(2) } },
            { headers = { Authorization = "Token " .. canary(3) } },
            { headers = { ["X-Any"] = secret.new(canary(4)) } },
            { query = { token = canary(5) } }, { query = { any = secret.new("can ary-6-0xdeadbeef") } },
            { body = secret.new(canary(7)) }, { proxy = "http://u:canary-8-0xdeadbeef@127.0.0.1:1" },
            { auth = { bearer = secret.new(canary(9)) } },
          } do
            for _, at in ipairs { url .. "/seen", closed, (closed:gsub("//", "//u:canary-0-0xdeadbeef@")), } do
              local resp, err = http.get(at, options)
              said[#said + 1] = resp and resp.body or tostring(err)
              log.info(tostring(err), { err = tostring(err) })
            end
          end
          for _, at in ipairs { closed .. "/hook/canary-c-0xdeadbeef", url .. "/canary-c-0xdeadbeef" } do
            local resp, err = http.get(secret.new(at))
            said[#said + 1] = resp and select(2, resp:json()).message or tostring(err)
          end
          local ok, problem = pcall(http.get, "http://u:canary-a-0xdeadbeef@/", { auth = { bearer = canary("b") } })
          said[#said + 1] = tostring(problem)
          return ActionStatusInfo{ status = ActionStatus.WARN, msg = table.concat(said, "; "), data = { said = said } }
        end
      ]]):format(nginx.url))
    local result = workspace:run { action = "pe_status", config = {}, plugin = plugin,
      args = { "--log-level", "trace", "--trace", trace } }
    assert.equal(2, result.code)
    local all = result.text .. result.stderr .. result.stdout .. assert(workspace:read("trace.json"))
    assert.is_nil(all:find("ary%-%w%-0xdeadbeef"), all:match("[^\n]*ary%-%w%-0xdeadbeef[^\n]*"))
    assert.is_nil(all:find("can%20ary", 1, true))
    assert.is_truthy(all:find("[redacted]", 1, true))
    assert.is_truthy(all:find("http.get", 1, true))
  end)

  it("leaves no descriptor behind", function()
    assert.same({ 0, 0 }, run [[
      local fs = require "bosun.fs"
      local function open() return #assert(fs.list("/proc/self/fd")) end
      local function requests(client)
        for _ = 1, 20 do
          assert(client:get(url .. "/method"))
          assert(client:get(url .. "/method", { sink = root .. "/fd" }))
          assert(client:put(echo .. "/echo", { source = root .. "/fd" }))
          client:get("http://127.0.0.1:1/")
          client:get(echo .. "/short", { sink = root .. "/fd" })
          client:get(url .. "/none", { sink = root .. "/fd" })
          pcall(client.get, client, url .. "/method", { sink = function() error("x") end })
          local c = http.connect(echo .. "/upgrade", { upgrade = "tcp" })
          c:close()
        end
      end
      local client = http.client()
      requests(client)
      local before = open()
      requests(client)
      local grown = open() - before
      client:close()
      local closed = open()
      local another <close> = http.client()
      requests(another)
      another:close()
      return { grown, open() - closed }
    ]])
  end)
end)
