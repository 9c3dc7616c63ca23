-- --keep-runs, and bosun bundle, which packs what it keeps: nothing secret in it, and nothing of the action's at risk.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local json = require "cjson"
local lfs = require "lfs"

local TOOL = Workspace.RUNNER:gsub("[^/]*$", "bosun")
local NAME = "^%d+T%d+%.%d+Z%-[%l_]+%-%d+$"
local ALL = { "config.yaml", "log.jsonl", "private-config.yaml", "run.json", "status.yaml" }

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Base64 without padding, by hand: not the library's.
local function base64(bytes)
  local bits = bytes:gsub(".", function(c)
    local text = {}
    for i = 7, 0, -1 do text[#text + 1] = c:byte() >> i & 1 end
    return table.concat(text)
  end)
  bits = bits .. ("0"):rep(-#bits % 6)
  return (bits:gsub("%d%d%d%d%d%d", function(six)
    local index = tonumber(six, 2) + 1
    return ALPHABET:sub(index, index)
  end))
end

describe("--keep-runs", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  local function names_in(folder)
    local names = {}
    for name in lfs.dir(workspace:path(folder)) do
      if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
    table.sort(names)
    return names
  end

  local function plugin(body, schema)
    return workspace:plugin_file("kept", (schema or "") .. "\nfunction P:deployment_status(info)\n" .. body
      .. "\nreturn ActionStatusInfo { status = ActionStatus.OK, msg = 'fine' }\nend")
  end

  local function run(path, keep, more)
    more = more or {}
    return workspace:run { plugin = path, action = "deployment_status", private = more.private or "a: b\n",
      config = more.config or { deploymentInfo = { id = "d-1", modelId = "m" } }, args = { "--keep-runs", keep },
      before = more.before }
  end

  --- Runs a shell command in the workspace. Returns its output and its exit status.
  local function shell(command)
    local pipe = assert(io.popen(("cd '%s' && { %s; } 2>&1"):format(workspace.root, command)))
    local output = pipe:read "a"
    local _, _, status = pipe:close()
    return output, status
  end

  it("leaves status, log, configs and facts of a run in a folder that only its owner can read", function()
    local result = run(plugin "print 'hello' require('bosun.fs').exists '/'", workspace:path "deep/runs")
    assert.equal("passing", result.status.status)
    local runs = names_in "deep/runs"
    assert.equal(1, #runs)
    assert.matches(NAME, runs[1])
    local folder = "deep/runs/" .. runs[1]
    assert.same(ALL, names_in(folder))
    for _, name in ipairs { "", "/status.yaml", "/log.jsonl" } do
      assert.matches("^rw.%-%-%-%-%-%-$", lfs.attributes(workspace:path(folder .. name), "permissions"))
    end
    assert.equal(result.text, workspace:read(folder .. "/status.yaml"))
    local log = workspace:read(folder .. "/log.jsonl")
    assert.matches('"message":"hello"', log)
    assert.matches('"message":"fs.exists"', log)
    local facts = json.decode(workspace:read(folder .. "/run.json"))
    assert.equal(Workspace.RUNNER, facts.commandLine[1])
    assert.is_truthy(table.concat(facts.commandLine, " "):find(" --keep-runs ", 1, true))
    assert.same({ "deployment_status", 0 }, { facts.action, facts.exitStatus })
    assert.is_truthy(table.concat(facts.environment, " "):find("PATH", 1, true))
    assert.is_nil(workspace:read(folder .. "/run.json"):find(os.getenv "PATH", 1, true))
  end)

  it("keeps the last N, and leaves alone what is not a run", function()
    local path = plugin ""
    lfs.mkdir(workspace:path "runs")
    local mine = "20200101T000000.000Z-pe_status-1"
    for _, name in ipairs { "notes", mine, "20200101T000000.000Z-pe_status-2" } do
      lfs.mkdir(workspace:path("runs/" .. name))
    end
    workspace:write("runs/" .. mine .. "/notes.txt", "of somebody")
    for _ = 1, 5 do run(path, workspace:path "runs" .. ":2") end
    local names = names_in "runs"
    assert.equal(4, #names, table.concat(names, " "))
    assert.same({ mine, "notes" }, { names[1], names[4] })
    assert.equal("of somebody", workspace:read("runs/" .. mine .. "/notes.txt"))
  end)

  it("is safe with runners at once", function()
    local path = plugin ""
    workspace:write("action.yaml", "deploymentInfo: {id: d}\n")
    local command = ("for i in 1 2 3 4 5 6 7 8; do '%s' --plugin '%s' --action deployment_status --config action.yaml "
      .. "--status-file s$i.yaml --keep-runs runs:3 & done; wait; grep -c passing s?.yaml")
    local output = shell(command:format(Workspace.RUNNER, path))
    assert.is_nil(output:find "WARN", output)
    local _, passing = output:gsub("s%d.yaml:1", "")
    assert.equal(8, passing)
    local names = names_in "runs"
    assert.equal(3, #names, table.concat(names, " "))
    for _, name in ipairs(names) do assert.equal(4, #names_in("runs/" .. name)) end
  end)

  it("does not touch the outcome when it cannot write", function()
    local path = plugin ""
    workspace:write("file", "")
    for _, folder in ipairs { "/proc/nowhere", workspace:path "file", workspace:path "file/below" } do
      local result = run(path, folder)
      assert.equal("passing", result.status.status)
      assert.equal(0, result.code)
      assert.matches("WARN +%-%-keep%-runs: .*; this run is not kept, and its outcome stands", result.stderr)
    end
  end)

  it("keeps the run of a worker that was killed, with its configs", function()
    run(plugin "require('bosun.process').run { 'sh', '-c', 'kill -KILL $PPID' }", workspace:path "runs")
    local folder = "runs/" .. names_in("runs")[1]
    assert.matches("killed by signal 9", workspace:read(folder .. "/status.yaml"))
    assert.matches("killed by signal 9", workspace:read(folder .. "/log.jsonl"))
    assert.equal("a: b\n", workspace:read(folder .. "/private-config.yaml"))
  end)

  it("does not keep what a comment of a config says is secret", function()
    run(plugin "", workspace:path "runs", { private = "a: b\n# password: in-a-comment\n" })
    assert.equal("a: b\n# password: [redacted]\n",
      workspace:read("runs/" .. names_in("runs")[1] .. "/private-config.yaml"))
  end)

  it("does not keep configs whose secrets are not known", function()
    local broken = workspace:write("broken.lua", "return nothing.at_all")
    run(broken, workspace:path "runs", { private = "licence: zzz-123\n" })
    local text = workspace:read("runs/" .. names_in("runs")[1] .. "/private-config.yaml")
    assert.matches("^# Not kept: ", text)
    assert.is_nil(text:find "zzz")
  end)

  it("needs a folder and a number above 0", function()
    for _, wrong in ipairs { ":3", "runs:0", "runs:100001", "runs:abc", "runs:-1", "runs:" } do
      local result = run(plugin "", wrong)
      assert.equal(64, result.code)
      assert.matches("^%-%-keep%-runs .*: expected a folder", result.status.msg)
    end
    assert.equal(0, run(plugin "", workspace:path "a:b/").code)
    assert.equal(0, run(plugin "", workspace:path "a:b:7").code)
    assert.equal(2, #names_in "a:b")
  end)

  describe("and bosun bundle", function()
    --- All that is in a bundle, with the names in it.
    local function content(bundle)
      return (shell(("tar xzOf '%s'; tar tzf '%s'"):format(bundle, bundle)))
    end

    it("pack ten planted secrets, and none is in the bundle", function()
      local secrets = { "tok-3n/of+the agent", "pa ss/w+rd&1", "hunter22-url", "lic3nce-marked", "reg1stry-pass",
        "env-s3cret-value", "made-by-plugin-77", "MIIBVQIBADANBgkqh", "client-cr3dential", "s1gned-url-value" }
      local schema = [[P.config_schema = { licence = { type = "string", secret = true }, registry = { type = "map" },
        privateKey = { type = "string" }, words = { type = "map" } }]]
      local path = plugin([[
        local base64, fs, secret = require "bosun.base64", require "bosun.fs", require "bosun.secret"
        local config, licence = self.config, self.config.licence:reveal()
        secret.new "made-by-plugin-77"
        local function escaped(text) return (text:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end)) end
        for _, word in ipairs { licence, config.registry.password, self.plugin_config.mlopsApiToken,
          info.keyValueConfig.password, "made-by-plugin-77", os.getenv "DB_PASSWORD", "hunter22-url",
          "MIIBVQIBADANBgkqh", config.words.clientCredential, "s1gned-url-value" } do
          self.log:info("raw " .. word, { field = word })
          self.log:debug("base64 " .. base64.encode("x" .. word .. "yz"))
          self.log:info("url " .. escaped(word)) print(("%q"):format(word)) fs.exists("/" .. word)
        end
        if true then return ActionStatusInfo { status = ActionStatus.OK, msg = "with " .. os.getenv "DB_PASSWORD",
          data = { list = { licence, base64.encode(config.registry.password) } } } end
      ]], schema)
      local private = "licence: lic3nce-marked\nregistry: {password: reg1stry-pass}\nprivateKey: |\n"
        .. "  -----BEGIN PRIVATE KEY-----\n  MIIBVQIBADANBgkqh\n  -----END PRIVATE KEY-----\n"
        .. "words: {clientCredential: client-cr3dential, link: 'https://x.example/?X-Amz-Signature=s1gned-url-value'}\n"
      local config = { pluginConfig = { mlopsUrl = "https://joe:hunter22-url@x.example", mlopsApiToken = secrets[1] },
        deploymentInfo = { id = "d-1", keyValueConfig = { password = secrets[2], signature = secrets[10] } } }
      local result = run(path, workspace:path "runs", { private = private, config = config,
        before = "env DB_PASSWORD=env-s3cret-value AUDIT_TOKEN=env-s3cret-value" })
      assert.equal("passing", result.status.status, result.stderr)
      local output, status = shell(("DB_PASSWORD=env-s3cret-value '%s' bundle --last runs --output b.tar.gz")
        :format(TOOL))
      assert.equal(0, status, output)
      local text = content "b.tar.gz"
      for _, name in ipairs { "bundle.json", table.unpack(ALL) } do
        assert.is_truthy(text:find("b/" .. name, 1, true), name)
      end
      assert.matches('"message":"raw %[redacted%]"', text)
      assert.is_truthy(text:find("DB_PASSWORD", 1, true))
      for _, secret in ipairs(secrets) do
        assert.is_nil(text:find(secret, 1, true), secret)
        local url = secret:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
        assert.is_nil(text:lower():find(url:lower(), 1, true), url)
        for before = 0, 2 do
          local whole = base64(("\0"):rep(before) .. secret)
          local core = whole:sub(({ 1, 3, 4 })[before + 1], (before + #secret) * 8 // 6)
          assert.is_nil(text:find(core, 1, true), core)
        end
      end
    end)

    it("refuse what still has a secret, and write nothing", function()
      lfs.mkdir(workspace:path "status")
      workspace:write("status/status.yaml", "status: passing\nmsg: about hunter22-url\n")
      workspace:write("status/config.yaml", "pluginConfig: {mlopsUrl: 'https://joe:hunter22-url@x.example'}\n")
      local output, status = shell(("'%s' bundle status --output b.tar.gz"):format(TOOL))
      assert.equal(0, status, output)
      assert.matches("no run.json", output)
      assert.is_nil(content("b.tar.gz"):find("hunter22", 1, true))
      os.remove(workspace:path "b.tar.gz")
      for how, bytes in pairs { ["as it is"] = "\xFF hunter22-url", ["in base64"] = "\xFF eGh1bnRlcjIyLXVybA==",
        escaped = "\xFF %68unter22%2Durl" } do
        workspace:write("status/core", bytes)
        output, status = shell(("'%s' bundle status --output b.tar.gz"):format(TOOL))
        assert.equal(1, status)
        assert.is_truthy(output:find("core contains a secret " .. how .. ": no bundle was made", 1, true), output)
        assert.is_nil(output:find("hunter22", 1, true))
        assert.is_nil(lfs.attributes(workspace:path "b.tar.gz"))
      end
      os.remove(workspace:path "status/core")
      workspace:write("status/hunter22-url.txt", "")
      output, status = shell(("'%s' bundle status --output b.tar.gz"):format(TOOL))
      assert.equal(1, status)
      assert.is_nil(output:find("hunter22", 1, true), output)
    end)

    it("take secrets out of files of any name and format", function()
      lfs.mkdir(workspace:path "any")
      local files = {
        ["private.json"] = '{\n\t"registry": {"password": "json-s3cret"}, "count": 5\n}\n',
        ["broken.json"] = '{"n": {"token": "cut-s3cret", "m": \n',
        ["private.conf"] = "# the database\ndbPassword: conf-s3cret\ncount: 5\n",
        ["plugin.YAML"] = "token: yaml-s3cret\n# password: comment-s3cret\n",
        ["settings.ini"] = "[db]\nuser = joe\npassword=ini-s3cret ; ours\nurl=https://joe:url-s3cret@x.example/\n",
        env = "#!/bin/sh\nexport DB_PASSWORD='env-s3cret'\nexport COUNT=5\nAUTHORIZATION=\"Bearer bearer-s3cret\"\n",
        ["more.jsonl"] = '{"code":"EIO","message":"x","token":"line-s3cret"}\n{"key":"model","n":5}\n',
        ["id_rsa"] = "-----BEGIN RSA PRIVATE KEY-----\nMIIBVQs3cretIBADANBgkqh\n-----END RSA PRIVATE KEY-----\n",
        ["notes.txt"] = "json-s3cret conf-s3cret yaml-s3cret comment-s3cret ini-s3cret env-s3cret line-s3cret\n",
        ["status.yaml"] = "status: passing\nmsg: bearer-s3cret url-s3cret\n",
      }
      for name, text in pairs(files) do workspace:write("any/" .. name, text) end
      local output, status = shell(("'%s' bundle any --output b.tgz"):format(TOOL))
      assert.equal(0, status, output)
      local text = content "b.tgz"
      assert.is_nil(text:find("s3cret", 1, true), text)
      for _, kept in ipairs { '"count": 5', "count: 5", "user = joe", "export COUNT=5", '"code":"EIO"', '"key":"model"',
        "# the database" } do
        assert.is_truthy(text:find(kept, 1, true), kept)
      end
      workspace:write("any/latin1.ini", "; f\xFCr uns\npassword=latin-s3cret\n")
      output, status = shell(("'%s' bundle any --output c.tgz"):format(TOOL))
      assert.equal(1, status)
      assert.matches("latin1.ini contains a secret as it is: no bundle was made", output)
    end)

    it("write to what is there instead of replacing it, and to standard output", function()
      lfs.mkdir(workspace:path "status")
      workspace:write("status/status.yaml", "status: passing\n")
      local output, status = shell(("mkfifo pipe && ln -s real.tgz link && exec 3<>pipe && "
        .. "'%s' bundle status --output pipe && test -p pipe && exec 4<pipe 3>&- && tar tz <&4 && "
        .. "'%s' bundle status --output link && test -L link && tar tzf real.tgz"):format(TOOL, TOOL))
      assert.equal(0, status, output)
      output, status = shell(("'%s' bundle status --output - 2>said | tar tz && cat said; ls")
        :format(TOOL))
      assert.equal(0, status)
      assert.is_truthy(output:find("bosun-bundle-status/status.yaml\n", 1, true), output)
      assert.matches("standard output: %d+ bytes", output)
      assert.is_nil(output:find "\n%-\n")
    end)

    it("name the folder in the bundle after the file, without its ending", function()
      lfs.mkdir(workspace:path "status")
      workspace:write("status/status.yaml", "status: passing\n")
      for file, top in pairs { ["b.tgz"] = "b", ["c.tar.gz"] = "c", d = "bosun-bundle-status" } do
        shell(("'%s' bundle status --output %s"):format(TOOL, file))
        assert.is_truthy(content(file):find("\n" .. top .. "/status.yaml\n", 1, true), file)
      end
    end)

    it("say which run is missing", function()
      lfs.mkdir(workspace:path "runs")
      local function fails(arguments, with, why)
        local output, status = shell(("'%s' bundle %s"):format(TOOL, arguments))
        assert.equal(with, status, output)
        assert.is_truthy(output:find(why, 1, true), output)
      end
      fails("runs", 66, "runs has no files")
      fails("--last runs", 66, "runs has no run: it is not a folder of --keep-runs, or no run has ended since")
      fails("nowhere", 66, "cannot open nowhere")
      run(plugin "", workspace:path "runs")
      fails("runs", 66, "runs has 1 run: name one, such as runs/")
      fails("runs/* --output nowhere/b", 74, "nowhere")
    end)
  end)
end)
