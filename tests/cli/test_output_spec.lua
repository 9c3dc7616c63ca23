-- What `make test` shows: how far it is, and what failed.

local Workspace = require "tests.support.runner"

local PASSES = "#!/bin/sh\necho 'ok 1 - fine'\necho 1..1\n"
local FAILS = "#!/bin/sh\necho 'ok 1 - fine'\necho 'not ok 2 - the thing works'\necho '# expected 5, got 6'\n"
  .. "echo 'said on the way' >&2\necho 1..2\nexit 3\n"

describe("make test", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    for _, folder in ipairs { "tests", "tests/one", "tests/two" } do workspace:mkdir(folder) end
    assert(os.execute(("cp tests/run '%s/tests/'"):format(workspace.root)))
  end)

  after_each(function() workspace:remove() end)

  local function output_of(command)
    local pipe = assert(io.popen(("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u V %s 2>&1 </dev/null")
      :format(command)))
    local text = pipe:read "a"
    local _, _, code = pipe:close()
    return text, code
  end

  --- Runs suites of the workspace.
  local function run(suites)
    return output_of(("BOSUN_BUILD='%s/build' bash '%s/tests/run' %s"):format(workspace.root, workspace.root, suites))
  end

  it("counts files and tests, with the time of each", function()
    workspace:write("tests/one/test_a.sh", PASSES)
    workspace:write("tests/two/test_b.sh", PASSES)
    local text, code = run "one two"
    assert.equal(0, code)
    assert.matches("^%[1/2%]  ok   one/test_a.sh +%d+%.%d s +1 passed\n"
      .. "%[2/2%]  ok   two/test_b.sh +%d+%.%d s +1 passed\n"
      .. "\none +1 passed, 0 failed\ntwo +1 passed, 0 failed\n" .. "in %d+%.%d s\n2 passed, 0 failed\n$", text)
  end)

  it("shows a failure when it happens, and names it at the end with how to run it alone", function()
    workspace:write("tests/one/test_a.sh", FAILS)
    workspace:write("tests/two/test_b.sh", PASSES)
    local text, code = run "one two"
    assert.equal(1, code)
    assert.truthy(text:find("1 passed, 1 failed, exit status 3\n"
      .. "    not ok 2 - the thing works\n    # expected 5, got 6\n"
      .. "    said on the way\n", 1, true), text)
    assert.matches("\nfailed; again with: bash tests/run %-%-file tests/one/test_a.sh\n"
      .. "    not ok 2 %- the thing works\n" .. "in %S+ s\n2 passed, 1 failed\n$", text)
  end)

  it("does not let a suite pass that has no tests", function()
    local text, code = run "one"
    assert.equal(1, code)
    assert.matches("\none: no tests\none +0 passed, 1 failed\n" .. "in %S+ s\n0 passed, 1 failed\n$", text)
  end)

  it("shows the compiler's commands with V=1 only", function()
    -- Makes programs that do nothing, in no time.
    local compiler = workspace:write("cc", [[#!/bin/sh
      for word; do [ "$last" = -o ] && { echo '#!/bin/sh' >"$word"; chmod 755 "$word"; }; last=$word; done
    ]])
    assert(os.execute(("chmod 755 '%s'"):format(compiler)))
    local make = ("make test SUITES=none AR=true CC='%s' BUILD='%s'"):format(compiler, workspace:path "build")
    local quiet = output_of(make)
    assert.matches("^building in %S+ %(V=1 shows how%)\n\nnone: no tests\n", quiet)
    os.execute(("rm -r '%s'"):format(workspace:path "build"))
    assert.matches("\n" .. compiler:gsub("%p", "%%%0") .. " %-std=c11 [^\n]* %-c %-o ", output_of(make .. " V=1"))
  end)
end)
