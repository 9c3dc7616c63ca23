-- `./make TARGET` on a machine without make, compiler and libraries. The machine is a PATH with the few programs that
-- every system has, and package managers that note what they are asked for.

local Workspace = require "tests.support.runner"
local lfs = require "lfs"

local ROOT = lfs.currentdir()

describe("./make on a bare machine", function()
  local workspace

  --- A program of the machine.
  local function program(name, script)
    workspace:write("bin/" .. name, "#!/bin/sh\n" .. script .. "\n")
    assert(os.execute(("chmod 755 '%s'"):format(workspace:path("bin/" .. name))))
  end

  --- The machine's make, once it is there, says how it was called.
  local MAKE = "echo make: $*"

  before_each(function()
    workspace = Workspace.new()
    workspace:mkdir "bin"
    for name in ("sh awk sed grep tr env cat chmod dirname"):gmatch "%S+" do
      assert(os.execute(("ln -s \"$(command -v %s)\" '%s/bin/'"):format(name, workspace.root)))
    end
    program("id", "echo 1000")
    program("true", "exit 0")
  end)

  after_each(function() workspace:remove() end)

  --- A Debian without the packages to build with, on which apt-get works.
  local function debian()
    program("dpkg-query", "echo 'installed bash'; echo 'installed libc6-dev'")
    program("apt-get", ([[
      echo "apt-get $*" >>'%s/asked'
      case "$*" in *install*make*) echo '#!/bin/sh
        %s' >'%s/bin/make'; chmod 755 '%s/bin/make' ;; esac]]):format(workspace.root, MAKE, workspace.root,
      workspace.root))
  end

  --- Runs a command line in the folder; all that it says, and its exit status.
  local function run(words, folder)
    local pipe = assert(io.popen(("cd '%s' && env -i PATH='%s' %s 2>&1 </dev/null"):format(folder or ROOT,
      workspace:path "bin", words)))
    local said = pipe:read "a"
    local _, _, code = pipe:close()
    return said, code
  end

  it("hands on what it is told when make is there", function()
    program("make", MAKE)
    for _, case in ipairs { { "./make", ROOT }, { "'" .. ROOT .. "/make'", "/" }, { "sh make", ROOT } } do
      local said, code = run(case[1] .. " test V=1 'SUITES=unit lua'", case[2])
      assert.equal(("make: --no-print-directory -C %s test V=1 SUITES=unit lua\n"):format(ROOT), said)
      assert.equal(0, code)
    end
  end)

  it("installs what is missing as root, then runs make", function()
    debian()
    program("id", "echo 0")
    local said, code = run "./make demo"
    assert.equal(0, code)
    assert.matches("^installing: gcc make .*\nmake: .* demo\n$", said)
    local asked = workspace:read "asked"
    assert.matches("apt%-get [^\n]* update\n.*apt%-get [^\n]* install [^\n]*gcc make", asked)
    assert.is_nil(asked:find("strace", 1, true)) -- only for tests
  end)

  it("installs through sudo", function()
    debian()
    program("sudo", 'exec "$@"')
    local said, code = run "./make test"
    assert.equal(0, code)
    assert.matches("make: .* test\n$", said)
    assert.matches("install [^\n]*make[^\n]*strace", workspace:read "asked")
  end)

  it("names the line for an administrator, without root and sudo", function()
    debian()
    local said, code = run "./make test"
    assert.equal(1, code)
    assert.matches("^Packages are missing, and installing them takes root or sudo%. Hand this to an administrator, "
      .. "to be run as root:\n\n    apt%-get update && apt%-get install %-y %-%-no%-install%-recommends "
      .. "gcc make [^\n]*strace[^\n]*\n\nThen run the same command again%.\n$", said)
    assert.is_nil(workspace:read "asked")
  end)

  it("names it, too, when sudo refuses", function()
    debian()
    program("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    local said, code = run "./make demo"
    assert.equal(1, code)
    assert.matches("\n    apt%-get update && apt%-get install [^\n]* gcc make ", said)
    assert.is_nil(workspace:read "asked")
  end)

  it("names it when apt-get fails", function()
    debian()
    program("id", "echo 0")
    program("apt-get", "exit 100")
    local said, code = run "./make demo"
    assert.equal(1, code)
    assert.matches("The packages could not be installed%..*\n    apt%-get update && apt%-get install [^\n]* gcc ", said)
  end)

  it("names the packages of other systems", function()
    for manager, expected in pairs {
      dnf = { "    dnf install -y gcc ", " make ", " pkgconf ", "\n    luarocks install busted\n" },
      apk = { "    apk add gcc ", " lua5.4-dev ", "\n    luarocks install busted\n" },
      brew = { "    brew install bash make ", " libyaml", "\n    pip install pyyaml\n" },
      none = { "    install (these are Debian's names): gcc " },
    } do
      program(manager, "echo called >>asked")
      local said, code = run "./make test"
      assert.equal(1, code)
      for _, text in ipairs(expected) do assert.truthy(said:find(text, 1, true), text .. "\n" .. said) end
      assert.is_nil(workspace:read "asked")
      os.remove(workspace:path("bin/" .. manager))
    end
  end)

  it("does not call itself with . on the PATH", function()
    program("id", "echo 0")
    program("dpkg-query", "echo 'installed nothing'")
    program("apt-get", "exit 100")
    local said, code = run(("PATH='.:%s' ./make demo"):format(workspace:path "bin"))
    assert.equal(1, code)
    assert.matches("could not be installed", said)
  end)
end)
