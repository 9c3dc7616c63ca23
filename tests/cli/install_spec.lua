-- `make install`, and what is there afterwards: programs that find what was installed with them.

local Workspace = require "tests.support.runner"
local lfs = require "lfs"

local BUILD = os.getenv("BOSUN_BUILD") or lfs.currentdir() .. "/build"

describe("make install", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- Runs a shell script in the repository's root, without the variables of the make that runs the tests.
  --- What it says, and its exit status.
  local function sh(script)
    workspace:write("script", script)
    local pipe = assert(io.popen(("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u PREFIX -u DESTDIR "
      .. "BUILD='%s' HERE='%s' sh '%s' 2>&1 </dev/null"):format(BUILD, workspace.root, workspace:path "script")))
    local said = pipe:read "a"
    local _, _, code = pipe:close()
    return said, code
  end

  --- The same, for a script that must succeed.
  local function must(script)
    local said, code = sh(script)
    assert.equal(0, code, said)
    return said
  end

  --- Notes which files the build has, with time and owner; without those of tests that run beside this one.
  local function note_build(name)
    must(([[cd "$BUILD" && find . '(' -path ./tests -o -path ./demo ')' -prune -o -type f -printf '%%p %%T@ %%u\n' |
      sort > "$HERE/%s"]]):format(name))
  end

  --- The command that a --help text shows, and the folder that it is for.
  local function sample_of(help)
    return help:match "\nTo try it with the samples:\n  cd (%S+)\n  (.*)$"
  end

  it("installs what was built, with any PREFIX, DESTDIR and flags, and builds nothing again", function()
    note_build "before"
    for _, variables in ipairs {
      "PREFIX=$HERE/opt", "PREFIX=/opt/bosun DESTDIR=$HERE/stage", "DESTDIR=$HERE/b CFLAGS=-g3",
      "CC=no-such-compiler DESTDIR=$HERE/c PREFIX=/usr bindir=/usr/bin libdir=/usr/lib/x86_64-linux-gnu",
    } do
      local said = must('make install BUILD="$BUILD" ' .. variables)
      assert.is_nil(said:find " %-c ", said)
    end
    note_build "after"
    must 'diff "$HERE/before" "$HERE/after"'
    assert.equal(must "cd docs && find . -type f | sort",
      must 'cd "$HERE/stage/opt/bosun/share/doc/bosun/docs" && find . -type f | sort')
  end)

  it("installs programs whose --help shows commands that work, from a stage, too", function()
    local staged = workspace:path "stage/opt/bosun"
    must 'make install BUILD="$BUILD" PREFIX=/opt/bosun DESTDIR="$HERE/stage"'
    local private = workspace:write("private.yaml", ("environmentDir: %q\n"):format(workspace:path "environment"))
    for program, pattern in pairs { ["bosun-plugin-runner"] = 'status: "passing"', bosun = "0 problems" } do
      for _, call in ipairs { staged .. "/bin/" .. program, ("PATH='%s/bin':$PATH %s"):format(staged, program) } do
        local folder, command = sample_of(must(("cd / && %s --help"):format(call)))
        assert.equal(staged .. "/share/doc/bosun", folder)
        command = command:gsub("/tmp/status.yaml", workspace:path "status.yaml")
          :gsub("sample_configs/sample_plugin_config.yaml", private)
        assert.matches(pattern, must(("PATH='%s/bin':$PATH; cd '%s' && %s"):format(staged, folder, command)))
      end
    end
  end)

  it("shows no command with files that are not there", function()
    must 'make install BUILD="$BUILD" PREFIX=/opt/bosun DESTDIR="$HERE/stage"; rm -r "$HERE/stage/opt/bosun/share/doc"'
    for _, program in ipairs { "bosun-plugin-runner", "bosun" } do
      local help = must(('"$HERE/stage/opt/bosun/bin/%s" --help'):format(program))
      assert.is_nil(help:find("sample_configs", 1, true), help)
    end
  end)

  it("installs samples in which the commands of the documentation work", function()
    must 'make install BUILD="$BUILD" PREFIX="$HERE/opt"'
    must [[
      PATH=$HERE/opt/bin:$PATH; cd "$HERE/opt/share/doc/bosun"
      sed "s|/tmp/bosun-sample-environment|$HERE/env|" sample_configs/sample_plugin_config.yaml > "$HERE/private.yaml"
      for words in "pe_status action_config_pe_status_only" "deployment_start action_config_deployment_1_model_A" \
          "deployment_status config_deployment-1_model-A"; do
        bosun-plugin-runner --plugin sample_plugin/sample_plugin --action "${words% *}" \
            --config "sample_configs/${words#* }.yaml" --private-config "$HERE/private.yaml" \
            --status-file "$HERE/status.yaml" && grep -q '^status: "passing"' "$HERE/status.yaml" || exit 1
      done]]
  end)

  it("lets programs elsewhere that load the library find the site folder", function()
    if must('nm -D "$BUILD/libbosun.so.0"'):find("__asan_init", 1, true) then return end -- needs its compiler's runtime
    must 'make install BUILD="$BUILD" PREFIX="$HERE/opt" && mkdir "$HERE/elsewhere"'
    workspace:plugin_file("opt/share/bosun/site/mine", "")
    workspace:write("elsewhere/load.c", [[
      #include <bosun.h>
      #include <stdio.h>
      int main(void)
      {
          bosun_options options;
          bosun_error error = {.code = ""};
          bosun_options_init(&options);
          bosun_host *host = bosun_host_new(&options, &error);
          int rc = host ? bosun_host_load(host, "mine", NULL, &error) : -1;
          puts(error.message);
          bosun_host_free(host);
          return rc < 0;
      }
    ]])
    must [[cd "$HERE/elsewhere" && export PKG_CONFIG_PATH="$HERE/opt/lib/pkgconfig" &&
      cc -o load load.c $(pkg-config --cflags --libs bosun) -Wl,-rpath,"$HERE/opt/lib" && ./load]]
  end)

  it("does not build in a folder of another user", function()
    -- For root a folder that is somebody else's, for others one of root.
    local place = must [[if [ "$(id -u)" != 0 ]; then echo /usr/lib; exit; fi
      mkdir "$HERE/theirs"; chown 65534 "$HERE/theirs"; echo "$HERE/theirs"]]
    local said, code = sh(('make install DESTDIR="$HERE/stage" BUILD="%s"'):format(place:sub(1, -2)))
    assert.equal(2, code)
    assert.matches("not built, or not up to date: run 'make' as %S+ first", said)
    assert.is_nil(lfs.attributes(workspace:path "stage"))
    assert.equal(0, lfs.attributes(workspace:path "theirs") and #must 'ls -A "$HERE/theirs"' or 0)
  end)

  it("refuses a place for the data where the programs would not look", function()
    local said, code = sh 'make install BUILD="$BUILD" DESTDIR="$HERE/stage" datadir=/srv/share'
    assert.equal(2, code)
    assert.matches("the programs do not look in /srv/share: run 'make datadir=/srv/share' first", said)
    assert.is_nil(lfs.attributes(workspace:path "stage"))
  end)
end)
