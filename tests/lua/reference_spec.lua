-- tools/reference sees that a page is stale, and mends it. tools/check-codes knows the codes of errors.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local lfs = require "lfs"

local BUILD = os.getenv("BOSUN_BUILD") or "build"
if BUILD:sub(1, 1) ~= "/" then BUILD = lfs.currentdir() .. "/" .. BUILD end

describe("tools/reference", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    assert(os.execute(("cp -r tools docs host lua '%s' && mkdir '%s/tests' && cp -r tests/messages '%s/tests'")
      :format(workspace.root, workspace.root, workspace.root)))
  end)
  after_each(function() workspace:remove() end)

  local function run_command(command)
    local pipe = assert(io.popen(("cd '%s' && %s 2>&1"):format(workspace.root, command)))
    local text = pipe:read("a")
    return text, select(3, pipe:close())
  end

  local function run(words) return run_command(("tools/reference %s '%s'"):format(words, BUILD)) end

  it("finds the pages fresh, and writes them anew when they are not", function()
    assert.same({ "", 0 }, { run "--check" })
    local page = workspace:read "docs/reference/configuration.md"
    workspace:write("docs/reference/configuration.md", (page:gsub("| `baseDir` [^\n]*\n", "")))
    assert.same({ "docs/reference/configuration.md is stale: run tools/reference\n", 1 }, { run "--check" })
    assert.same({ "", 0 }, { run "" })
    assert.equal(page, workspace:read "docs/reference/configuration.md")
  end)

  it("wants every group of messages in a page", function()
    workspace:mkdir "tests/messages/new"
    workspace:write("tests/messages/new/one.case", "says: one\nwhy: Because.\ndo: Nothing.\n")
    assert.same({ "docs/reference/messages.md has no block for tests/messages/new\n", 1 }, { run "--check" })
    local page = workspace:read "docs/reference/messages.md"
    workspace:write("docs/reference/messages.md", page .. "\n<!-- begin messages new -->\n<!-- end -->\n")
    assert.same({ "", 0 }, { run "" })
    assert.matches("```text\none\n```\n\nBecause%.\n%*%*Do:%*%* Nothing%.\n",
      workspace:read "docs/reference/messages.md")
  end)

  it("knows the codes of the sources, and the sources those of the list", function()
    local function check_codes() return run_command "tools/check-codes" end
    assert.same({ "", 0 }, { check_codes() })
    local list = workspace:read "host/core/base/err_codes.c"
    workspace:write("host/core/base/err_codes.c", (list:gsub('"dns"', '"dnss"')))
    workspace:write("lua/plugins/new.lua", 'return { code = "full" }\n')
    local text, code = check_codes()
    assert.equal(1, code)
    for _, line in ipairs {
      'host/core/http/http.h: the code "dns" is missing in host/core/base/err_codes.c',
      'lua/plugins/new.lua: the code "full" is missing in host/core/base/err_codes.c',
      'host/core/base/err_codes.c: no source has the code "dnss"',
    } do
      assert.truthy(text:find(line, 1, true), text)
    end
  end)

  it("refuses an unknown option", function()
    assert.same({ "usage: tools/reference [--check] [BUILD]\n", 64 }, { run "--chekc" })
  end)
end)
