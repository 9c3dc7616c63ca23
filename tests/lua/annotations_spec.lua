-- tools/check-annotations and tools/api-docs see the differences that they are there for.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local lfs = require "lfs"

local BUILD = os.getenv("BOSUN_BUILD") or "build"
if BUILD:sub(1, 1) ~= "/" then BUILD = lfs.currentdir() .. "/" .. BUILD end

describe("the annotations", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    assert(os.execute(("mkdir -p '%s/lua' && cp -r tools docs '%s' && cp -r lua/lib '%s/lua'"):format(workspace.root,
      workspace.root, workspace.root)))
  end)
  after_each(function() workspace:remove() end)

  local function run(command)
    local pipe = assert(io.popen(("cd '%s' && %s 2>&1"):format(workspace.root, command)))
    local text = pipe:read("a")
    return text, select(3, pipe:close())
  end

  local function check() return run(("tools/check-annotations '%s'"):format(BUILD)) end

  --- Replaces a plain text, which has to be there, in a file of the library.
  local function change(file, from, to)
    local path = "lua/lib/bosun/" .. file
    local text = workspace:read(path)
    local at, stop = text:find(from, 1, true)
    assert(at, from)
    workspace:write(path, text:sub(1, at - 1) .. to .. text:sub(stop + 1))
  end

  it("are those of the library", function()
    assert.same({ "", 0 }, { check() })
  end)

  it("miss nothing that exists, and name nothing that does not", function()
    change("meta/fs.lua", "function fs.exists(path) end", "function fs.is_there(path) end")
    change("meta/secret.lua", "function Secret:reveal() end", "function Secret:show() end")
    change("json.lua", "function json.decode(text)", "function json.read(text)")
    os.remove(workspace:path "lua/lib/bosun/meta/time.lua")
    local text, code = check()
    assert.equal(1, code)
    for _, line in ipairs {
      "fs.is_there: is annotated but does not exist", "fs.exists: exists but has no annotations",
      "Secret:show: is annotated but does not exist", "Secret.reveal: exists but has no annotations",
      "json.read: is annotated but does not exist", "json.decode: exists but has no annotations",
      "bosun.time: exists but has no file in lua/lib/bosun/meta",
    } do
      assert.truthy(text:find(line, 1, true), line .. "\n" .. text)
    end
    assert.matches("7 differences", text)
  end)

  it("have the parameters of the functions, in C too", function()
    change("meta/fs.lua", "function fs.list(path) end", "---@param deep boolean\nfunction fs.list(path, deep) end")
    change("meta/fs.lua", "---@param options? { follow?: boolean }", "--- ")
    change("meta/fs.lua", "function fs.stat(path, options) end", "function fs.stat(path) end")
    change("meta/fs.lua", "---@param uid? integer", "---@param uid integer")
    change("meta/path.lua", "---@param base string", "---@param base? string")
    change("meta/log.lua", "---@param fields table<string, any>\n---@return bosun.Logger\nfunction log.with",
      "---@param names table<string, any>\n---@return bosun.Logger\nfunction log.with")
    change("json.lua", "---@param text string", "---@param name string")
    local text, code = check()
    assert.equal(1, code)
    for _, line in ipairs {
      "fs.list: deep is annotated but ignored", "fs.list: deep is annotated as required but is optional",
      "fs.stat: argument 2 is not annotated", "fs.chown: uid is annotated as required but is optional",
      "path.is_within: base is annotated as optional but is required",
      "log.with: is declared with (fields) but is annotated with (names)",
      "json.decode: takes (text) but is annotated with (name)",
    } do
      assert.truthy(text:find(line, 1, true), line .. "\n" .. text)
    end
  end)

  it("are what docs/reference/api says", function()
    assert.same({ "", 0 }, { run "tools/api-docs" })
    assert.same({ "", 0 }, { run "tools/api-docs --check" })
    change("meta/fs.lua", "Reads a whole file", "Reads the whole of a file")
    workspace:write("docs/reference/api/gone.md", "x")
    local text, code = run "tools/api-docs --check"
    assert.equal(1, code)
    assert.matches("docs/reference/api/fs.md is stale", text)
    assert.matches("docs/reference/api/gone.md is stale", text)
    assert.same({ "", 0 }, { run "tools/api-docs" })
    assert.same({ "", 0 }, { run "tools/api-docs --check" })
    assert.matches("Reads the whole of a file", workspace:read("docs/reference/api/fs.md"))
  end)
end)
