-- tools/command-line-docs: the reference page has what the programs print for --help, and a stale page is found.

local Workspace = require "tests.support.runner"
local lfs = require "lfs"

local PAGE = "docs/reference/command-line.md"
local BUILD = Workspace.RUNNER:match "^(.*)/"

describe("the reference page of the command line", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    for _, folder in ipairs { "tools", "docs", "docs/reference" } do workspace:mkdir(folder) end
    for _, file in ipairs { "tools/command-line-docs", PAGE } do
      assert(os.execute(("cp -p '%s/%s' '%s'"):format(lfs.currentdir(), file, workspace:path(file))))
    end
  end)

  after_each(function() workspace:remove() end)

  local function run(options)
    local tool = workspace:path("tools/command-line-docs")
    local pipe = io.popen(("lua5.4 '%s' %s '%s' 2>&1"):format(tool, options, BUILD))
    local text = pipe:read("a")
    return text, (select(3, pipe:close()))
  end

  it("is up to date", function()
    assert.same({ "", 0 }, { run "--check" })
  end)

  it("is written anew when it is stale", function()
    local fresh = workspace:read(PAGE)
    for _, change in ipairs { { "| `%-%-dry%-run` |[^\n]*\n", "" }, { "| 64 | [^\n]*", "| 64 | anything |" } } do
      local stale, count = fresh:gsub(change[1], change[2])
      assert.truthy(count > 0, change[1])
      workspace:write(PAGE, stale)
      assert.same({ PAGE .. " is stale: run tools/command-line-docs\n", 1 }, { run "--check" })
      assert.same({ "", 0 }, { run "" })
      assert.equal(fresh, workspace:read(PAGE))
    end
  end)
end)
