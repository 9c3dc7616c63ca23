-- bosun.folder, as the plugin of an author uses it: a folder that is its own when it has a file `mine`.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.folder", function()
  local workspace

  --- Runs `body` with `place`, the place "d" of the workspace, and `make`, which builds a folder with these files.
  local function run(body, more)
    return workspace:eval(([[
      local fs, folder, path = require "bosun.fs", require "bosun.folder", require "bosun.path"
      local place = folder.place(%q, {
        is_ours = function(p) return fs.exists(path.join(p, "mine")), p .. " is not mine" end, last = { "mine" },
      })
      local function make(files)
        return function(new)
          assert(fs.mkdir(new))
          assert(fs.write(path.join(new, "mine"), ""))
          for name, text in pairs(files) do assert(fs.write(path.join(new, name), text)) end
        end
      end
      local function said(ok, err) return { ok or false, err and tostring(err), err and err.code } end
      %s
    ]]):format(workspace:path "d", body), more)
  end

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  local function left()
    local names = {}
    for _, name in ipairs(workspace:names ".") do
      if name:find "^%.?d" then names[#names + 1] = name end
    end
    return names
  end

  it("puts a folder in place, replaces it and removes it", function()
    run [[
      local lock <close> = assert(place:lock())
      assert(place:settle())
      assert(place:put(make { a = "1" }))
      assert(place:put(make { b = "2" }))]]
    assert.same({ "b", "mine" }, workspace:names "d")
    assert.same({ "d" }, left())
    run "assert(place:remove())"
    assert.same({}, left())
  end)

  it("keeps what is there when the new one cannot be built", function()
    local result = run [[
      assert(place:put(make { a = "1" }))
      return said(place:put(function(new) make {} (new); error("no more", 0) end))]]
    assert.same({ false, "no more" }, result)
    assert.same({ "d" }, left())
    assert.equal("1", workspace:read "d/a")
  end)

  it("touches nothing that is not its own, under any of its names", function()
    for _, name in ipairs { "d", ".d.bosun-new", ".d.bosun-next" } do
      workspace:mkdir(name)
      workspace:write(name .. "/precious", "x")
      local calls = name == "d" and { "place:put(make {})", "place:remove()" } or { "place:settle()" }
      for _, call in ipairs(calls) do
        local result = run(("return said(%s)"):format(call))
        assert.same({ false, workspace:path(name) .. " is not mine; left untouched: move it away", "foreign" }, result)
      end
      assert.equal("x", workspace:read(name .. "/precious"))
      assert.same({ name }, left())
      os.execute(("rm -r '%s'"):format(workspace:path(name)))
    end
  end)

  it("finishes a replacement that was interrupted between two renames, and one before them", function()
    for _, names in ipairs { { ".d.bosun-next", ".d.bosun-new" }, { ".d.bosun-next", "d" } } do
      run "assert(place:put(make { old = '' }))"
      os.rename(workspace:path "d", workspace:path "kept")
      run "assert(place:put(make { new = '' }))"
      os.rename(workspace:path "d", workspace:path(names[1]))
      os.rename(workspace:path "kept", workspace:path(names[2]))
      assert.same({ true, true, false }, run [[
        local before = place:interrupted()
        return { before, place:settle(), place:interrupted() }]])
      assert.same({ "mine", "new" }, workspace:names "d")
      assert.same({ "d" }, left())
    end
  end)

  it("tells which place a hidden name belongs to", function()
    assert.same({ "d", "d", "d", false, false, false }, run [[
      local found = {}
      for i, name in ipairs { ".d.bosun-new", ".d.bosun-next", ".d.bosun-lock", "d", "..bosun-new", "d.bosun-new" } do
        found[i] = folder.owner(name) or false
      end
      return found]])
  end)

  it("shows the changes in the plan of a dry run, and makes none", function()
    run "assert(place:put(make { a = '1' }))"
    local plan = run("assert(place:settle()) assert(place:put(make {})) assert(place:remove())",
      { args = { "--dry-run" } }).plan
    local steps = table.concat(Workspace.steps(plan), "\n")
    assert.matches("fs.exchange " .. workspace:path "d" .. "\n", steps)
    assert.matches("fs.move " .. workspace:path "d" .. "\n", steps)
    assert.equal("1", workspace:read "d/a")
  end)
end)
