-- bosun.time: times and durations as text.

local Workspace = require "tests.support.runner"

describe("bosun.time", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- What time.<name> returns for each text; false where it returns nil.
  local function map(name, texts)
    return workspace:eval(([[
      local time, results = require "bosun.time", {}
      for i, text in ipairs(require("bosun.json").decode(%q)) do results[i] = time.%s(text) or false end
      return results]]):format(require("cjson").encode(texts), name))
  end

  it("reads RFC 3339 times, with any offset and fraction", function()
    assert.same({ 1795420800, 1795420800.5, 1795420800, 951782400 }, map("parse", {
      "2026-11-23T08:00:00Z", "2026-11-23 10:00:00.5+02:00", "2026-11-23t02:30:00-0530", "2000-02-29T00:00:00z",
    }))
  end)

  it("refuses other text", function()
    local wrong = {
      "", "x", "2026-13-01T00:00:00Z", "2026-11-23T08:00:00", "2026-11-23T08:00:00Zx", "2026-11-23T08:00:00+2",
      "2026-02-31T00:00:00Z", "2026-11-31T00:00:00Z", "2025-02-29T00:00:00Z",
      "26-11-23T08:00:00Z", "2026-11-23", "2026-11-23T", "2026-11-23T24:00:61Z",
    }
    for i, result in ipairs(map("parse", wrong)) do assert.is_false(result, wrong[i]) end
  end)

  it("formats what it reads", function()
    assert.same({ "1970-01-01T00:00:00.000Z", "2026-11-23T08:00:00.123Z" }, map("format", { 0, 1795420800.1234 }))
  end)

  it("reads durations", function()
    assert.same({ 5400, 0.5, 2.5, 90, 86400, 7 }, map("duration", { "1h30m", "500ms", "2.5s", "90", "1d", 7 }))
    for _, result in ipairs(map("duration", { "", "5x", "m", "1h30", "1..5s", "-1s" })) do assert.is_false(result) end
  end)
end)
