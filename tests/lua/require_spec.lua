-- Where `require` looks: the plugin's folder as it is named, never the working directory; and lua-cjson, which
-- bosun.json takes from the system, or does without.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local lfs = require "lfs"

local PLUGIN = [[
local helper = require "helper"
local nested = require "part.one"
function P:pe_status() return ActionStatusInfo.passing(helper .. " and " .. nested, nil, { path = package.path,
  cpath = package.cpath }) end]]

describe("require", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  local function add_plugin(folder, body)
    workspace:mkdir(folder)
    return workspace:plugin_file(folder .. "/mine", body)
  end

  for _, folder in ipairs { "we;ird", "q?mark", "per%cent", "%1;?", "plain" } do
    it("finds the modules beside a plugin in the folder " .. folder, function()
      local plugin = add_plugin(folder, PLUGIN)
      workspace:write(folder .. "/helper.lua", "return 'its own'")
      workspace:mkdir(folder .. "/part")
      workspace:mkdir(folder .. "/part/one")
      workspace:write(folder .. "/part/one/init.lua", "return 'a package'")
      -- What the old search path made of the folder's name.
      for _, bait in ipairs { "ird", "q", "cwd" } do
        workspace:mkdir(bait)
        workspace:write(bait .. "/helper.lua", "return 'of the working directory'")
      end
      workspace:write("helper.lua", "return 'of the working directory'")
      local status = workspace:act("pe_status", nil, { plugin = plugin })
      assert.equal("its own and a package", status.msg)
      for name, path in pairs(status.data) do
        for entry in path:gmatch "[^;]+" do assert.matches("^/", entry, name) end
        assert.is_nil(path:find(workspace.root, 1, true))
      end
    end)
  end

  it("says where it looked", function()
    local plugin = add_plugin("a;b", 'require "no.such"')
    local message = workspace:act("pe_status", nil, { plugin = plugin }).msg
    for _, place in ipairs { "/a;b/no/such.lua'", "/a;b/no/such/init.lua'" } do
      assert.truthy(message:find(place, 1, true), message)
    end
    assert.is_nil(message:find("'./", 1, true))
  end)

  it("says what is wrong with a module that it finds", function()
    local plugin = add_plugin("a", 'require "helper"')
    workspace:write("a/helper.lua", "return = 5")
    local status = workspace:act("pe_status", nil, { plugin = plugin })
    assert.matches("/a/helper.lua:1: unexpected symbol near '='", status.msg)
  end)

  it("gives bosun.json the system's lua-cjson, whatever the plugin has of that name", function()
    local plugin = add_plugin("own", [[
package.loaded["cjson.safe"] = false
local mine = require "cjson"
package.cpath = "/nonexistent/?.so"
function P:pe_status()
  local json = require "bosun.json"
  return ActionStatusInfo.passing(mine, nil, assert(json.decode '{"a":[1]}'))
end]])
    workspace:write("own/cjson.lua", "return 'the plugin\\'s own'")
    workspace:mkdir("own/cjson")
    workspace:write("own/cjson/safe.lua", "error 'not this one'")
    local status = workspace:act("pe_status", nil, { plugin = plugin })
    assert.equal("the plugin's own", status.msg)
    assert.same({ a = { 1 } }, status.data)
  end)

  describe("without lua-cjson", function()
    -- Without leak detection, which does not work under a tracer.
    local function hide_cjson()
      local words = { "env ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e inject=openat:error=ENOENT" }
      for template in package.cpath:gmatch "/[^;]+" do
        local path = template:gsub("%?", "cjson")
        if lfs.attributes(path) then words[#words + 1] = "-P " .. path end
      end
      assert(#words > 1, "lua-cjson is not where package.cpath says")
      return table.concat(words, " ")
    end

    it("runs a plugin that reads no JSON", function()
      local plugin = workspace:plugin_file("writes", [[
local json, http = require "bosun.json", require "bosun.http"
function P:pe_status() return ActionStatusInfo.passing(json.encode({ text = "\"x\"\n", http = type(http.get) },
  { sort = true })) end]])
      local status = workspace:act("pe_status", nil, { plugin = plugin, before = hide_cjson() })
      assert.equal([[{"http":"function","text":"\"x\"\n"}]], status.msg)
    end)

    it("names the package where JSON is read", function()
      local plugin = workspace:plugin_file("reads", [[
function P:pe_status() assert(require("bosun.json").decode "{}") end]])
      local status = workspace:act("pe_status", nil, { plugin = plugin, before = hide_cjson() })
      assert.matches("reads.lua:6: cannot read JSON: lua%-cjson is not installed; its package is lua%-cjson %(Debian",
        status.msg)
      assert.is_nil(status.msg:find("\n", 1, true))
    end)

    it("describes a plugin, in every format", function()
      workspace:plugin_file("described", [[P.config_schema = { name = { type = "string", default = "x\ty" } }]])
      local tool = Workspace.RUNNER:gsub("bosun%-plugin%-runner$", "bosun")
      for _, format in ipairs { "text", "json", "yaml-sample" } do
        local pipe = assert(io.popen(("cd '%s' && %s '%s' describe ./described --format %s 2>&1"):format(workspace.root,
          hide_cjson(), tool, format)))
        local text = pipe:read "a"
        assert.is_true(pipe:close(), text)
        assert.truthy(text:find([[x\ty]], 1, true), text)
      end
    end)
  end)
end)
