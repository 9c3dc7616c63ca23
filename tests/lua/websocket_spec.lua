-- http.websocket against a server that can send any frame.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("http.websocket", function()
  local workspace, server, over_tls

  setup(function()
    workspace = Workspace.new()
    assert(os.execute("tests/support/certificates " .. workspace.root .. " issue server IP:127.0.0.1"))
    server = web.bad(workspace)
    over_tls = web.bad(workspace, workspace:path "server.pem")
  end)

  teardown(function()
    server.handle:close()
    over_tls.handle:close()
    workspace:remove()
  end)

  local function run(code, more)
    return workspace:eval(([[
      local http, time = require "bosun.http", require "bosun.time"
      local url = %q .. "/websocket"
      local function open(query, options)
        options = options or {}
        options.query = query
        return http.websocket(url, options)
      end
      local function failure(value, err) return value and "no failure" or err.code .. ": " .. tostring(err) end
      local function misuse(fn, ...) local ok, problem = pcall(fn, ...); return not ok and tostring(problem) end
    ]]):format(server.url) .. code, more)
  end

  it("carries messages of every length, both ways", function()
    assert.same({ "hello", "text", true, "binary", true, "binary" }, run [[
      local ws <close> = assert(open())
      local results = {}
      assert(ws:send("hello", { text = true }))
      results[1], results[2] = ws:recv()
      assert(ws:send("\0\1"))
      results[3], results[4] = ws:recv()
      results[3], results[5] = results[3] == "\0\1", true
      for _, size in ipairs { 0, 1, 125, 126, 127, 65535, 65536, 1000003 } do
        local message = ("0123456789abcdef"):rep(size // 16 + 1):sub(1, size)
        assert(ws:send(message))
        local got
        got, results[6] = ws:recv { timeout = 20 }
        results[5] = results[5] and got == message
      end
      return results
    ]])
  end)

  it("puts fragments together, and answers pings among them", function()
    assert.same({ "fragments", "text", "pong between", "pong are you there" }, run [[
      local ws <close> = assert(open())
      assert(ws:send "fragments")
      local results = { ws:recv() }
      results[3] = ws:recv()
      assert(ws:send "ping")
      results[4] = ws:recv()
      return results
    ]])
  end)

  it("tells how the server closes it", function()
    assert.same({ "nil nil", 4001, "enough", "closed: the server has closed the WebSocket",
      "closed: the connection was closed without the close of a WebSocket", "recv: the WebSocket is closed" }, run [[
      local ws <close> = assert(open())
      assert(ws:send "bye")
      local results = { tostring(ws:recv()) .. " " .. tostring(ws:recv()), ws.close_code, ws.close_reason,
        failure(ws:send "more") }
      local dropped = assert(open())
      assert(dropped:send "drop")
      results[5] = failure(dropped:recv())
      dropped:close()
      dropped:close()
      results[6] = misuse(dropped.recv, dropped):match "recv: .*"
      return results
    ]])
  end)

  it("receives what the server has said before it stopped to listen", function()
    local seen = run [[
      local ws <close> = assert(open())
      assert(ws:send "leave")
      local sent, err = true, nil
      while sent do
        sent, err = ws:send(("x"):rep(100000), { wait = false })
        if sent then time.sleep(0.01) end
      end
      return { ws:recv { timeout = 20 }, failure(sent, err), failure(ws:recv { timeout = 20 }) }
    ]]
    assert.equal("last word", seen[1])
    assert.is_truthy(seen[2]:find "closed: GET http.* failed: cannot send", seen[2])
    assert.is_truthy(seen[3]:find "cannot send", seen[3])
  end)

  it("waits no longer than it is told to", function()
    local seen = run [[
      local ws <close> = assert(open())
      local limit <close> = time.limit(0.05)
      local first = failure(ws:recv())
      limit:close()
      return { failure(ws:recv { timeout = 0.05 }), first }
    ]]
    assert.equal("timeout: no message arrived in 0.05 s", seen[1])
    assert.is_truthy(seen[2]:find "^timeout: ", seen[2])
  end)

  it("agrees on a protocol", function()
    local seen = run [[
      local ws <close> = assert(open({ protocol = "v2" }, { protocols = { "v1", "v2" } }))
      local none <close> = assert(open({}, { protocols = { "v1" } }))
      return { ws.protocol, tostring(none.protocol),
        failure(open({ protocol = "v3" }, { protocols = { "v1", "v2" } })),
        failure(open { accept = "AAAA" }), failure(open { extension = "deflate" }), failure(open { upgrade = "tcp" }),
        failure(http.websocket((url:gsub("websocket$", "upgrade-refused")))),
        select(2, http.websocket((url:gsub("websocket$", "upgrade-refused")))).response.status }
    ]]
    assert.same({ "v2", "nil" }, { seen[1], seen[2] })
    local start = "^protocol: GET http://127.0.0.1:%d+/websocket.* failed: the server does not open a WebSocket: "
    assert.is_truthy(seen[3]:find(start .. "it chose a protocol that was not offered$"), seen[3])
    assert.is_truthy(seen[4]:find(start .. "its Sec%-WebSocket%-Accept is wrong$"), seen[4])
    assert.is_truthy(seen[5]:find(start .. "it uses an extension that was not offered$"), seen[5])
    assert.is_truthy(seen[6]:find(start .. "it switched to another protocol$"), seen[6])
    assert.is_truthy(seen[7]:find "^upgrade: .*status 403", seen[7])
    assert.equal(403, seen[8])
  end)

  it("refuses what the protocol forbids", function()
    local broken = {
      { "C10161", "uses an extension" }, { "8180", "is masked" }, { "8301", "of an unknown kind" },
      { "8B00", "of an unknown kind" }, { "0900", "a control frame is too long" },
      { "897E0080", "control frame is too" },
      { "8001", "is continued that never began" }, { "0100" .. "8100", "begins inside another" },
      { "827E0001", "not in its shortest form" }, { "827F0000000000000001", "out of range" },
      { "827FFFFFFFFFFFFFFFFF", "out of range" }, { "8101FF", "a text is not UTF-8" }, { "880103", "is incomplete" },
      { "880203E7", "not valid" }, { "880303E8FF", "reason of a close is not UTF-8" },
      { "0101C3" .. "800141", "a text is not UTF-8" },
    }
    local codes = {}
    for i, case in ipairs(broken) do codes[i] = ("%q"):format(case[1]) end
    local seen = run(([[
      local seen = {}
      for i, raw in ipairs { %s } do
        local ws <close> = assert(open { raw = raw })
        seen[i] = failure(ws:recv { timeout = 20 })
      end
      return seen
    ]]):format(table.concat(codes, ", ")))
    for i, case in ipairs(broken) do
      assert.is_truthy(seen[i]:find("protocol: the server breaks the WebSocket protocol: ", 1, true), seen[i])
      assert.is_truthy(seen[i]:find(case[2], 1, true), case[1] .. ": " .. seen[i])
    end
  end)

  it("holds no message that is too long", function()
    local seen = run [[
      local ws <close> = assert(open(nil, { max_message = 10 }))
      assert(ws:send "0123456789")
      local fits = ws:recv()
      assert(ws:send "01234567890")
      local split <close> = assert(open({ raw = "0106" .. ("61"):rep(6) .. "8005" .. ("61"):rep(5) },
        { max_message = 10 }))
      return { fits, failure(ws:recv()), failure(split:recv()) }
    ]]
    assert.equal("0123456789", seen[1])
    assert.equal("too_large: a message is longer than 10 bytes", seen[2])
    assert.equal(seen[2], seen[3])
  end)

  it("sends to a server that does not read before it has written", function()
    local seen = run [[
      local ws <close> = assert(open({ flood = 64 }, { max_message = 65536 * 80 }))
      local big, count = ("y"):rep(3 * 1024 * 1024), 0
      assert(ws:send(big))
      for _ = 1, 64 do count = count + #assert(ws:recv()) end
      local back = ws:recv() == big
      local full <close> = assert(open({ flood = 640 }, { max_message = 65536 }))
      local refused = failure(full:send(big:rep(8)))
      local pump <close> = assert(open { flood = 640 })
      assert(pump:send(big, { wait = false }))
      local received = 0
      while true do
        local bytes = pump:recv { sent = true, timeout = 60 }
        if bytes == false then break end
        received = received + #assert(bytes)
      end
      while received < 640 * 65536 + #big do received = received + #assert(pump:recv { timeout = 60 }) end
      return { count, back, refused, received }
    ]]
    assert.same({ 64 * 65536, true, 640 * 65536 + 3 * 1024 * 1024 }, { seen[1], seen[2], seen[4] })
    assert.is_truthy(seen[3]:find("too_large: cannot send: %d+ bytes that have arrived are waiting"), seen[3])
  end)

  it("does all this over TLS, too", function()
    assert.same({ 640 * 65536 + 32 * 1024 * 1024, true }, run(([[
      url = %q .. "/websocket"
      local tls = { ca = %q }
      local ws <close> = assert(open({ flood = 640 }, { tls = tls }))
      local big, received, same = ("z"):rep(1024 * 1024), 0, true
      for _ = 1, 32 do assert(ws:send(big, { wait = false })) end
      while received < 640 * 65536 + 32 * #big do
        local bytes = assert(ws:recv { timeout = 60 })
        received = received + #bytes
        same = same and (#bytes == 65536 or bytes == big)
      end
      return { received, same }
    ]]):format(over_tls.url, workspace:path "ca.crt")))
  end)

  it("takes the right options only", function()
    local seen = run [[
      local ws <close> = assert(open())
      return { misuse(http.websocket, url, { protocol = { "a" } }), misuse(http.websocket, url,
        { protocols = { "a b" } }),
        misuse(http.websocket, url, "x"), misuse(ws.send, ws, 1), misuse(ws.recv, ws, { waits = 1 }),
        misuse(http.websocket, url, { sink = "x" }) }
    ]]
    for i, text in ipairs { "http.websocket: unknown option protocol", "item 1 is not the name of a protocol",
      "expected a table of options, got a string", "send: expected bytes, got a number", "unknown option waits",
      "http.websocket: options sink and source" } do
      assert.is_truthy(seen[i]:find(text, 1, true), seen[i])
    end
  end)

  it("is a change, which a dry run leaves out, unless it only reads", function()
    local seen = run([[
      local ws = assert(open())
      assert(ws:send "x")
      local read <close> = assert(open(nil, { reads = true }))
      assert(read:send "there")
      return { ws.dry_run, tostring(ws:recv()), read:recv() }
    ]], { args = { "--dry-run" } })
    assert.same({ true, "nil", "there", "binary" }, seen)
  end)
end)
