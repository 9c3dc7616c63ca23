-- bosun.url and bosun.size, as a plugin has them; what they accept is tested in tests/unit.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.url", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code)
    return workspace:eval("local url, size = require 'bosun.url', require 'bosun.size'\n" .. code)
  end

  it("splits a URL", function()
    assert.same({ scheme = "https", user = "me", password = "p%40ss", host = "h.example", port = 8443, path = "/a/b",
      query = "x=1", fragment = "top" }, eval "return (url.parse 'https://me:p%40ss@h.example:8443/a/b?x=1#top')")
    assert.same({ scheme = "http", host = "[::1]", path = "" }, eval "return (url.parse 'http://[::1]')")
  end)

  it("returns an error that repeats nothing of the text", function()
    assert.same({ code = "invalid", message = "not a valid URL: the port is not a number from 1 to 65535" }, eval [[
      local parts, err = url.parse "http://me:secret@h:x/"
      return { parts, code = err.code, message = err.message }]])
    assert.matches("contains a control character", eval "return tostring(select(2, url.parse 'http://h/\\0'))")
  end)

  it("shows a URL without credentials", function()
    assert.same({ "https://h/p?token=[redacted]&x=1", "(not a URL)" },
      eval "return { url.show 'https://me:pw@h/p?token=abc&x=1#f', url.show 'me:pw' }")
  end)
end)

describe("bosun.size", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code)
    return workspace:eval("local size = require 'bosun.size'\n" .. code)
  end

  it("reads and writes sizes", function()
    assert.same({ 512 << 20, 512000000, 512 << 20, "1.5 GiB" },
      eval "return { size.parse '512Mi', size.parse '512m', size.parse_docker '512m', size.show(3 << 29) }")
  end)

  it("returns an error for what is not a size", function()
    assert.same({ "invalid", "expected a size such as 512Mi", "expected a size such as 512m" }, eval [[
      local _, err = size.parse "much"
      local _, docker = size.parse_docker "much"
      return { err.code, err.message, docker.message }]])
    assert.matches("bad argument #1 to 'show' %(expected 0 or more bytes%)",
      eval "return select(2, pcall(function() local text = size.show(-1) return text end))")
  end)
end)
