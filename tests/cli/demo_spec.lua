-- `make demo`: what it shows, and that its commands work when they are pasted.

local Workspace = require "tests.support.runner"
local lfs = require "lfs"

local BUILD = os.getenv("BOSUN_BUILD") or lfs.currentdir() .. "/build"

describe("the demo", function()
  local function output_of(command)
    local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
    local text = pipe:read "a"
    local _, _, code = pipe:close()
    return text, code
  end

  local function count(text, pattern)
    return select(2, text:gsub(pattern, ""))
  end

  --- What of the demo's text is commands: from the left margin, continued by a backslash.
  local function commands_of(text)
    local commands, continued = {}, false
    for line in text:gmatch "[^\n]+" do
      if continued or line:find "^mkdir " or line:find "^sed " or line:sub(1, #BUILD) == BUILD then
        commands[#commands + 1] = line
        continued = line:sub(-1) == "\\"
      end
    end
    return commands
  end

  it("shows nine successes, a failure, a dry run and a check, which work again when pasted", function()
    local text, code = output_of(("bash tools/demo '%s'"):format(BUILD))
    assert.equal(0, code, text)
    local pasted = Workspace.new()
    local script = pasted:write("script", table.concat(commands_of(text), "\n"))
    for _, said in ipairs { text, (output_of("bash " .. script)) } do
      assert.equal(10, count(said, '[^"]status: "passing"'))
      assert.equal(1, count(said, '[^"]status: "failing"'))
      assert.equal(1, count(said, "oldModelInUse"))
      assert.equal(1, count(said, "dry run, nothing was changed"))
      assert.equal(1, count(said, 'baseDri: unknown key; did you mean "baseDir"%?'))
    end
    pasted:remove()
  end)

  it("ends with what to read next, which is there", function()
    local text = output_of(("bash tools/demo '%s'"):format(BUILD))
    local pages = 0
    for page in text:match("What to read next:\n(.*)$"):gmatch "docs/%S+" do
      pages = pages + 1
      assert.equal("file", lfs.attributes(page, "mode"), page)
    end
    assert.equal(4, pages)
  end)
end)
