-- bosun.http: bodies arrive whole or are an error, in both directions, through compression and redirects.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("bosun.http transfers a body whole or fails:", function()
  local workspace, bad

  setup(function()
    workspace = Workspace.new()
    bad = web.bad(workspace)
    workspace:write("model", ("model "):rep(1000))
  end)

  teardown(function()
    bad.handle:close()
    workspace:remove()
  end)

  local function run(code)
    local head = ([[
      local http = require "bosun.http"
      local fs = require "bosun.fs"
      local root, bad = %q, %q
    ]]):format(workspace.root, bad.url)
    return workspace:eval(head .. code)
  end

  --- What GETs of /packed with the query end with, into memory and into a file: length of the body, or error code.
  local function unpacked(query)
    return run(([[
      local resp, err = http.get(bad .. "/packed", { query = %s })
      local kept = root .. "/kept"
      assert(fs.write(kept, "old"))
      local saved, why = http.get(bad .. "/packed", { query = %s, sink = kept })
      local content = assert(fs.read(kept))
      return { resp and #resp.body or err.code, saved and #content or why.code,
        saved == nil and content or "new", #fs.glob(root .. "/.bosun-*"), err and err.message or "" }
    ]]):format(query, query))
  end

  it("gzip, of one member or several", function()
    assert.same({ 10000, 10000, "new", 0, "" }, unpacked "{}")
    assert.same({ 20000, 20000, "new", 0, "" }, unpacked "{ members = 2 }")
    assert.same({ 10000, 10000, "new", 0, "" }, unpacked "{ as = 'X-GZip' }")
    assert.same({ 0, 0, "new", 0, "" }, unpacked "{ keep = 0 }")
  end)

  for _, keep in ipairs { 1, 10, 40, -8, -4, -1 } do
    it("gzip cut after " .. keep .. " bytes", function()
      local whole = run [[return http.get(bad .. "/packed?as=identity").received]]
      local seen = unpacked(("{ keep = %d }"):format(keep > 0 and keep or whole + keep))
      assert.same({ "closed", "closed", "old", 0 }, { table.unpack(seen, 1, 4) })
      assert.is_truthy(seen[5]:find("the compressed body ends before it is complete", 1, true), seen[5])
    end)
  end

  for query, code in pairs {
    ["{ more = 'junk' }"] = "protocol", ["{ as = 'br' }"] = "protocol", ["{ as = 'zstd' }"] = "protocol",
    ["{ as = 'deflate' }"] = "protocol", ["{ as = 'gzip, gzip' }"] = "protocol",
    ["{ as = 'br', status = '404 Not Found' }"] = "protocol",
  } do
    it("no junk, and no encoding that was not asked for: " .. query, function()
      local seen = unpacked(query)
      assert.same({ code, code, "old", 0 }, { table.unpack(seen, 1, 4) }, seen[5])
    end)
  end

  --- The code of the error that a PUT of a source gives, and its message; or the length that arrived.
  local function put(path, source, more)
    return run(([[
      local resp, err = http.put(bad .. %q, { source = %s, %s })
      return { resp and (resp:json() or {}).length or err.code, err and err.message or "" }
    ]]):format(path, source, more or ""))
  end

  it("files of the kernel, whose size only reading tells", function()
    for _, path in ipairs { "/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/filesystems" } do
      local file <close> = io.open(path, "rb")
      if file then
        local content = file:read "a"
        assert.same({ #content, "" }, put("/echo", ("%q"):format(path)))
        assert.same({ #content, content, #content, content }, run(([[
          local path, tar = %q, require "bosun.tar"
          local copied = assert(fs.copy(path, root .. "/copy"))
          local archive = tar.new { { name = "v", path = path } }
          local parts = {}
          for piece in archive:reader() do parts[#parts + 1] = piece end
          local all = table.concat(parts)
          assert(#all == archive:size())
          local size = tonumber(all:sub(125, 135), 8)
          local hash = assert(fs.sha256(root .. "/copy")) == assert(fs.sha256(path))
          local read = assert(fs.read(root .. "/copy"))
          assert(fs.remove(root .. "/copy"))
          return { copied, hash and read, size, all:sub(513, 512 + size) }
        ]]):format(path)))
      end
    end
    assert.same({ false, false, true, true }, run [[
      return { fs.stat("/proc/version").sized, fs.stat("/sys/kernel/mm").type == "file",
        fs.stat(root .. "/model").sized, fs.stat("/proc").sized }
    ]])
  end)

  it("a file that grows or shrinks while it is sent", function()
    local path = workspace:write("growing", "content")
    local grown = put("/change?file=" .. path, ("%q"):format(path))
    assert.same({ "invalid", ("cannot send %s: it changed while being sent"):format(path) }, grown)
    workspace:write("shrinking", ("x"):rep(30 * 1024 * 1024))
    local name = workspace:path "shrinking"
    local shrunk = put("/change?size=100&file=" .. name, ("%q"):format(name))
    assert.same({ "invalid", ("cannot send %s: it became shorter while being sent"):format(name) }, shrunk)
  end)

  it("a source that gives as many bytes as Content-Length says, and no other", function()
    local function of(pieces, length)
      local source = "(function() local at, all = 0, %s; return function() at = at + 1; return all[at] end end)()"
      return put("/echo", source:format(pieces), ("headers = { ['Content-Length'] = %d }"):format(length))
    end
    assert.same({ 5, "" }, of("{ 'a', 'bcde' }", 5))
    assert.same({ 0, "" }, of("{}", 0))
    local few, many, far = of("{ 'a', 'b' }", 5), of("{ 'a', 'bcde', 'f' }", 5), of("{ ('x'):rep(300000) }", 5)
    assert.same({ "invalid", "invalid", "invalid" }, { few[1], many[1], far[1] })
    assert.is_truthy(few[2]:find("the source gave 2 bytes, fewer than the 5 of Content-Length", 1, true), few[2])
    assert.is_truthy(many[2]:find("the source gives more bytes than the 5 of Content-Length", 1, true), many[2])
  end)

  it("also if the server is content with less", function()
    workspace:write("large", ("x"):rep(30 * 1024 * 1024))
    for _, body in ipairs {
      ("source = %q"):format(workspace:path "large"), "body = ('x'):rep(30 * 1024 * 1024)",
      "source = function() return ('x'):rep(65536) end",
    } do
      assert.equal("closed", (run(([[
        local resp, err = http.put(bad .. "/early", { %s })
        return resp and resp.status or err.code
      ]]):format(body))))
    end
  end)

  describe("a redirect", function()
    --- The methods, lengths and types that arrive for a request with a body, by the status of the redirect.
    local function redirected(method, body)
      return run(([[
        local seen = {}
        for _, status in ipairs { 301, 302, 303, 307, 308 } do
          local resp, err = http.request { method = %q, url = bad .. "/redirect", follow = true, %s
            query = { to = bad .. "/echo", status = status .. " Moved" }, headers = { ["Content-Type"] = "x/y" } }
          local at = resp and resp:json()
          seen[#seen + 1] = at and ("%%s %%d %%s"):format(at.method, at.length, at.headers["content-type"] or "-")
            or resp and resp.headers["x-method"] or err.code
        end
        return seen
      ]]):format(method, body))
    end

    for name, body in pairs { memory = 'body = "12345",', file = ("source = %q,"):format "SMALL" } do
      it("keeps method and body, but for POST and 303: from " .. name, function()
        body = body:gsub("SMALL", workspace:write("small", "12345"))
        for _, method in ipairs { "PUT", "PATCH", "DELETE", "REPORT" } do
          local kept = method .. " 5 x/y"
          assert.same({ kept, kept, "GET 0 -", kept, kept }, redirected(method, body))
        end
        assert.same({ "GET 0 -", "GET 0 -", "GET 0 -", "POST 5 x/y", "POST 5 x/y" }, redirected("POST", body))
      end)
    end

    it("of a request without a body", function()
      assert.same({ "HEAD", "HEAD", "HEAD", "HEAD", "HEAD" }, redirected("HEAD", ""))
      local kept = "DELETE 0 x/y"
      assert.same({ kept, kept, "GET 0 -", kept, kept }, redirected("DELETE", ""))
    end)

    it("cannot repeat what a function made, and says so", function()
      local source = "source = (function() local n = 0; return function() n = n + 1; return n % 2 == 1 and 'x' or nil "
        .. "end end)(),"
      assert.same({ "redirect", "redirect", "GET 0 -", "redirect", "redirect" }, redirected("PUT", source))
      local message = run([[
        local to = { query = { to = bad .. "/echo", status = "307 Again" }, follow = true, ]] .. source .. [[ }
        return select(2, http.put(bad .. "/redirect", to)).message]])
      assert.is_truthy(message:find("with status 307, and the body, which a function makes, cannot be sent again", 1,
        true), message)
    end)

    it("counts: the limit, the timeout and the body before it", function()
      assert.same({ "redirect", 200, "timeout", 5, "5" }, run [[
        local function to(path, more)
          more.query = { to = bad .. path }
          return http.get(bad .. "/redirect", more)
        end
        local twice = "/redirect?to=" .. http.escape(bad .. "/echo")
        local _, few = to(twice, { follow = 1 })
        local enough = assert(to(twice, { follow = 2 }))
        local _, late = to("/silent", { timeout = 0.3 })
        local streamed = {}
        assert(http.stream({ url = bad .. "/redirect", query = { to = bad .. "/lines" } },
          function(line) streamed[#streamed + 1] = line end))
        local resp = assert(http.get(bad .. "/redirect", { query = { to = bad .. "/echo" }, sink = root .. "/after" }))
        return { few.code, enough.status, late.code, #streamed,
          resp.received == #fs.read(root .. "/after") and "5" or "wrong" }
      ]])
    end)
  end)
end)
