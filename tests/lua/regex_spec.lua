-- bosun.regex: POSIX extended regular expressions for values in configs.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.regex", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  it("says whether some part of a text matches", function()
    assert.same({ true, false, true, true }, workspace:eval [[
      local regex = require "bosun.regex"
      return { regex.matches('{"prediction": 0.25}', '"prediction": *[0-9.]+'), regex.matches("abc", "^b"),
        regex.matches("one\ntwo", "one.two$"), regex.check "a|b" }]])
  end)

  it("refuses what is no such expression, and texts that are too long", function()
    assert.same({ { "invalid", [[\d is not part of POSIX extended regular expressions; expected [0-9] ]] },
      { "invalid", "a ( has no )" },
      { "too_large", "a text of 20000 bytes is too long for a regular expression; at most 16384 are allowed" },
    }, workspace:eval [[
      local regex = require "bosun.regex"
      local result = {}
      local long = { regex.matches, ("x"):rep(20000), "x" }
      for i, call in ipairs { { regex.check, "\\d" }, { regex.check, "(" }, long } do
        local _, err = call[1](call[2], call[3])
        result[i] = { err.code, err.message .. (i == 1 and " " or "") }
      end
      return result]])
  end)
end)
