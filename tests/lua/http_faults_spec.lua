-- bosun.http against servers that misbehave, each in its own way: an error that says so, and nothing left behind.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("bosun.http, when the server", function()
  local workspace, bad

  setup(function()
    workspace = Workspace.new()
    bad = web.bad(workspace)
  end)

  teardown(function()
    bad.handle:close()
    workspace:remove()
  end)

  local function run(code, more)
    local head = ([[
      local http = require "bosun.http"
      local fs = require "bosun.fs"
      local root, bad = %q, %q
      local function code(...)
        local resp, err = http.get(...)
        return resp and resp.status or err.code, err and err.message
      end
      local function sent(key) return tonumber(http.get(bad .. "/how-many", { query = { key = key } }).body) end
    ]]):format(workspace.root, bad.url)
    return workspace:eval(head .. code, more)
  end

  --- What a GET of the path ends with: into memory, into a file that holds "old", and line by line.
  local function outcomes(path, options)
    return run(([[
      local options = %s
      local function with(more) for k, v in pairs(options) do more[k] = v end; return more end
      local in_memory, message = code(bad .. %q, with {})
      local kept = root .. "/kept"
      assert(fs.write(kept, "old"))
      local in_file = code(bad .. %q, with { sink = kept })
      local _, err = http.stream(with { url = bad .. %q }, function() end)
      local left = #fs.glob(root .. "/.bosun-*")
      return { in_memory, in_file, err and err.code or "none", assert(fs.read(kept)), left, message }
    ]]):format(options or "{}", path, path, path))
  end

  for path, expected in pairs {
    ["/reset"] = "closed", ["/short"] = "closed", ["/cut-chunk"] = "closed", ["/drop"] = "closed",
    ["/endless-headers"] = "too_large", ["/long-header"] = "too_large", ["/endless-continue"] = "too_large",
    ["/garbage"] = "protocol", ["/loop"] = "redirect", ["/redirect?to=file:///etc/passwd"] = "redirect",
    ["/redirect?to=gopher://127.0.0.1/"] = "redirect", ["/redirect?to=ftp://127.0.0.1/"] = "redirect",
  } do
    it("answers with " .. path, function()
      local seen = outcomes(path)
      local message = table.remove(seen)
      assert.same({ expected, expected, expected, "old", 0 }, seen, message)
      assert.is_truthy(message:find("GET " .. bad.url .. path:match("^[^?]*"), 1, true) == 1, message)
    end)
  end

  it("sends one byte a second, or nothing, or never answers", function()
    for _, path in ipairs { "/trickle", "/stall", "/silent" } do
      local seen = outcomes(path, "{ timeout = 0.2 }")
      local message = table.remove(seen)
      assert.same({ "timeout", "timeout", "timeout", "old", 0 }, seen, message)
    end
    assert.equal("timeout", (run [[ return code(bad .. "/stall", { stall = 1 }) ]]))
  end)

  it("sends no end of body", function()
    local seen = outcomes("/endless-body", "{ max_bytes = 1000000, max_line = 1000000 }")
    local message = table.remove(seen)
    assert.same({ "too_large", "too_large", "too_large", "old", 0 }, seen, message)
    assert.is_truthy(message:find("larger than 1000000 bytes", 1, true), message)
  end)

  it("sends a line without end", function()
    assert.same({ "too_large", true }, run [[
      local _, err = http.stream({ url = bad .. "/endless-body", max_line = 100000 }, function() end)
      return { err.code, err.message:find("a line is longer than 100000 bytes", 1, true) ~= nil }
    ]])
  end)

  it("sends a gzip bomb: what counts is the size unpacked, and streams are not unpacked", function()
    local seen = run [[
      local function peak() return tonumber(io.open("/proc/self/status"):read("a"):match("VmHWM:%s*(%d+)")) end
      code(bad .. "/short")
      local before = peak()
      local in_memory = code(bad .. "/bomb", { max_bytes = 10000000 })
      local in_file = code(bad .. "/bomb", { max_bytes = 10000000, sink = root .. "/bomb" })
      local _, err = http.stream(bad .. "/bomb", function() end)
      local pieces = code(bad .. "/bomb", { sink = function() end })
      return { in_memory, in_file, err.code, pieces, code(bad .. "/bad-gzip"), #fs.glob(root .. "/*bomb*"),
        peak() - before < 64 * 1024 }
    ]]
    assert.same({ "too_large", "too_large", "protocol", "protocol", "protocol", 0, true }, seen)
  end)

  it("is not there, or its name is not", function()
    assert.same({ "ECONNREFUSED", "dns", "ECONNREFUSED", true }, run [[
      local refused, message = code("http://127.0.0.1:1/")
      return { refused, (code("http://none.invalid/")), (code("http://[::1]:1/")),
        message:find("is the server running", 1, true) ~= nil }
    ]])
  end)

  it("fills the disk", function()
    local small = workspace:mkdir("small")
    if not os.execute(("mount -t tmpfs -o size=64k none %s 2>/dev/null"):format(small)) then
      return pending("mounting a tmpfs needs rights")
    end
    local seen = run [[
      local name = root .. "/small/model"
      assert(fs.write(name, "old"))
      local ended, message = code(bad .. "/endless-body", { sink = name })
      return { ended, assert(fs.read(name)), #fs.glob(root .. "/small/.bosun-*"), message }
    ]]
    os.execute("umount " .. small)
    local message = table.remove(seen)
    assert.same({ "ENOSPC", "old", 0 }, seen)
    assert.is_truthy(message:find("/small/model: No space left on device", 1, true), message)
  end)

  it("is asked for a file to send that is not one", function()
    assert.same({ "ENOENT", "invalid", "none" }, run [[
      local _, none = http.put(bad .. "/echo", { source = root .. "/none" })
      local _, folder = http.put(bad .. "/echo", { source = root })
      return { none.code, folder.code, "none" }
    ]])
  end)

  describe("fails for a while: retry", function()
    it("repeats idempotent requests, up to the limit", function()
      assert.same({ 200, "3", 3, 429, 2, 503, 1, 429, 1, 200, 4 }, run [[
        local function busy(key, method, times, retry, more)
          local options = { query = { key = key, times = times }, retry = retry, method = method, url = bad .. "/busy" }
          for name, value in pairs(more or {}) do options.query[name] = value end
          return assert(http.request(options))
        end
        local good = busy("a", "GET", 2, { backoff = 0 })
        local given_up = busy("b", "GET", 9, { backoff = 0, max = 1 })
        local other = busy("c", "GET", 9, { backoff = 0, on = { 429 } }, { status = "503 Unavailable" })
        local post = busy("d", "POST", 9, { backoff = 0 })
        local forced = busy("e", "POST", 3, { backoff = 0, any_method = true })
        return { good.status, good.body, good.attempts, given_up.status, sent "b", other.status, sent "c", post.status,
          sent "d", forced.status, forced.attempts }
      ]])
    end)

    it("waits as Retry-After says, but not past the deadline", function()
      assert.same({ 200, 200, 429, 1, 429, 2 }, run([[
        local function busy(key, after, retry)
          return assert(http.get(bad .. "/busy", { query = { key = key, times = 1, after = after }, retry = retry }))
        end
        local short, past = busy("f", 1, {}), busy("g", "date", { backoff = 0 })
        local long = busy("h", 100000, { max_wait = 200000 })
        local capped = assert(http.get(bad .. "/busy",
          { query = { key = "i", times = 9, after = 100000 }, retry = { max = 1, max_wait = 0 } }))
        return { short.status, past.status, long.status, long.attempts, capped.status, capped.attempts }
      ]], { args = { "--timeout", "60" } }))
    end)

    it("repeats any failure of a server that asks to come again, when told to", function()
      assert.same({ 200, 2, 500, 1, 403, 1 }, run [[
        local function busy(key, after, status)
          local query = { key = key, times = 1, after = after, status = status }
          local retry = { on = { "retry_after" }, max_wait = 0 }
          local resp = assert(http.get(bad .. "/busy", { query = query, retry = retry }))
          return resp.status, resp.attempts
        end
        local results = { busy("r1", 1, "500 Oh") }
        results[3], results[4] = busy("r2", nil, "500 Oh")
        results[5], results[6] = busy("r3", 1, "403 No")
        return results
      ]])
    end)

    it("follows failed connections, but not once the sink has received bytes", function()
      assert.same({ "closed", 3, "closed", 1, "closed", 1, 2 }, run [[
        local function drop(key, options)
          options.query = { key = key }
          options.retry = { max = 2, backoff = 0 }
          options.url = bad .. "/drop"
          local _, err = http.request(options)
          return err.code, sent(key)
        end
        local get, gets = drop("j", {})
        local post, posts = drop("k", { method = "POST", body = "x" })
        local made, mades = drop("l", { method = "PUT", source = function() end })
        local pieces = 0
        http.get(bad .. "/cut-chunk", { retry = { max = 2, backoff = 0 }, sink = function() pieces = pieces + 1 end })
        local results = http.all({ { url = bad .. "/busy?key=m&times=1", retry = { backoff = 0 } } })
        return { get, gets, post, posts, made, mades, results[1].response.attempts }
      ]])
    end)
  end)

  it("closes a kept connection under a request: POST is not sent twice", function()
    assert.same({ "closed", 1, true }, run [[
      local client <close> = http.client()
      assert(client:get(bad .. "/echo"))
      local _, err = client:post(bad .. "/drop", { query = { key = "once" } })
      return { err.code, sent "once", err.message:find("may already have carried out the request", 1, true) ~= nil }
    ]])
  end)

  it("never answers while the action is cancelled", function()
    local code = "function P:pe_status() local _, err = require('bosun.http').get(%q); error(err) end"
    local plugin = workspace:plugin_file("cancelled", code:format(bad.url .. "/silent"))
    local result = workspace:run { action = "pe_status", config = {}, plugin = plugin, before = "timeout -s TERM 0.5" }
    assert.equal("failing", result.status.status)
    assert.is_truthy(result.status.msg:find("SIGTERM", 1, true), result.status.msg)
  end)

  it("does not answer before the deadline of the action", function()
    for _, call in ipairs {
      'http.get(bad .. "/silent")', 'http.stream(bad .. "/trickle", print)',
      'http.get(bad .. "/trickle", { sink = root .. "/x" })',
      'http.all { { url = bad .. "/silent" }, { url = bad .. "/stall" } }',
      'http.connect(bad .. "/silent", { upgrade = "x" })',
      'http.get(bad .. "/busy?key=z&times=99", { retry = { max = 99, backoff = 1000, max_wait = 1000 } })',
      'http.get("http://127.0.0.1:1/", { retry = { max = 99, backoff = 0.01 } })',
    } do
      local plugin = workspace:plugin_file("late",
        ("function P:pe_status() local http, bad, root = require 'bosun.http', %q, %q; %s; while true do end end")
          :format(bad.url, workspace.root, call))
      local status = workspace:act("pe_status", nil, { args = { "--timeout", "1" }, plugin = plugin })
      assert.equal("failing", status.status)
      assert.is_truthy(status.msg:find("timed out after 1 s", 1, true), call .. ": " .. status.msg)
    end
    assert.is_nil(workspace:read("x"))
  end)
end)
