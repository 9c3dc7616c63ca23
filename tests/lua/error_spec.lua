--- bosun.error and bosun.options: the one error value, and the one check of option tables.
local Workspace = require "tests.support.runner"

describe("bosun.error", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  it("has fields for programs, and a text for people that begins with the place", function()
    assert.same({
      "a.yaml:3:7: peInfo.id: is wrong", "a.yaml:3: is wrong", "a.yaml: peInfo.id: is wrong", "is wrong", "is wrong",
    }, workspace:eval [[
      local errors = require "bosun.error"
      local texts = {}
      for i, fields in ipairs {
        { file = "a.yaml", line = 3, column = 7, path = "peInfo.id" }, { file = "a.yaml", line = 3 },
        { file = "a.yaml", path = "peInfo.id" }, { file = "a.yaml" }, { line = 3, column = 7 },
      } do
        fields.code, fields.message = "invalid", "is wrong"
        texts[i] = tostring(errors.new(fields))
      end
      return texts]])
  end)

  it("wraps what failed: its message goes on, its fields stay, it is the cause", function()
    assert.same({ "asking: cannot read /none: No such file or directory (ENOENT)", "ENOENT", true, true, "x", "failed",
      "asking: plain" }, workspace:eval [[
      local errors, fs = require "bosun.error", require "bosun.fs"
      local _, err = fs.read "/none"
      local wrapped = errors.wrap(err, "asking", { mine = "x" })
      local plain = errors.wrap("plain", "asking")
      local message = wrapped.message:gsub("cannot open", "cannot read")
      return { message, wrapped.code, wrapped.cause == err, errors.is(wrapped), wrapped.mine, plain.code,
        tostring(plain) }]])
  end)

  it("wants a code and a message", function()
    assert.same({ "field code: expected a string", "field message: expected a string", false, false },
      workspace:eval [[
        local errors = require "bosun.error"
        local function why(fields) return (select(2, pcall(errors.new, fields)):match "%((field.-), got") end
        return { why { message = "m" }, why { code = "c" }, errors.is { code = "c", message = "m" }, errors.is "c" }]])
  end)

  it("shows no secret in its text", function()
    assert.same({ "the token [redacted] is wrong", true }, workspace:eval [[
      local errors, secret = require "bosun.error", require "bosun.secret"
      local canary = secret.new "canary-1234567"
      local err = errors.new { code = "denied", message = "the token " .. canary:reveal() .. " is wrong" }
      return { tostring(err), err.message:find(canary:reveal(), 1, true) ~= nil }]])
  end)

  it("that a plugin raises fails the action, with the plugin's line unless it is about a file", function()
    local function fails(code)
      local plugin = workspace:plugin_file("raises", ("function P:pe_status()\n  %s\nend"):format(code))
      return workspace:act("pe_status", nil, { plugin = plugin }).msg
    end
    assert.matches("raises%.lua:%d+: cannot .* /none: No such file",
      fails 'assert(require("bosun.fs").read "/none")')
    assert.equal("x.conf:4: bad", fails
      'error(require("bosun.error").new { code = "invalid", message = "bad", file = "x.conf", line = 4 })')
  end)
end)

describe("bosun.options", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  it("raises, where the function was called, on unknown options and wrong kinds", function()
    local problems = workspace:eval [[
      local options = require "bosun.options"
      local KNOWN = { timeout = "seconds", tags = "table|string", count = "count", token = "text" }
      local function fetch(given)
        local checked = options.check("lib.fetch", given, KNOWN)
        return checked
      end
      local found = {}
      for _, given in ipairs { { timeuot = 1 }, { timeout = -1 }, { timeout = 0 / 0 }, { tags = 5 }, { count = 1.5 },
        { token = false }, { [1] = 2 } } do
        local _, problem = pcall(function() local _ = fetch(given) end)
        found[#found + 1] = problem:gsub("^.-eval%.lua:%d+: ", "AT ")
      end
      found[#found + 1] = type(fetch(nil)) .. fetch({ timeout = 0.5, tags = "a" }).tags
      return found]]
    problems[3] = problems[3]:gsub("%-?nan", "nan")
    assert.same({
      'AT lib.fetch: unknown option timeuot; did you mean "timeout"?',
      "AT lib.fetch: option timeout: expected 0 or more seconds, got -1",
      "AT lib.fetch: option timeout: expected 0 or more seconds, got nan",
      "AT lib.fetch: option tags: expected a table or a string, got 5",
      "AT lib.fetch: option count: expected an integer of 0 or more, got 1.5",
      "AT lib.fetch: option token: expected a string or a secret, got a boolean",
      "AT lib.fetch: unknown option 1",
      "tablea",
    }, problems)
  end)
end)
