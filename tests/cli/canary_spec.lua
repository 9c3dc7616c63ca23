-- Secrets from every place that text comes from, through every place where it could show: status, log, trace, what
-- `bosun` prints. None may show, whole or in pieces of eight characters, as it is, escaped or in base64.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local canary = require "canary"

local TOOL = Workspace.RUNNER:gsub("[^/]*$", "bosun")

--- One for each trouble that a character can make: a YAML tag, alias, anchor, quotes, what URLs, JSON, Lua's patterns
--- and string.format treat specially, more than a message shows, more than one line.
local SECRETS = {
  "!tagK7vQ9xWz2LmN", "*aliasR4tYp8sDf3", "&anchorH6jKl1zXc", 'qu"oteB5nM\'v9aSd', "per%41cent%sT2yUi",
  "sl/ash?q#f@atP0oLk", "back\\sl\\nashM3nBv", "sp ace: co#lonG7hJk", "[br]{ck},etW8eRt",
  "long" .. ("Zq9Xw4Ev7R"):rep(30),
  "-----BEGIN PRIVATE KEY-----\nMIIEvK9xQw2LmN4tYp8s\nDf3H6jKl1zXcB5nMv9aS\n-----END PRIVATE KEY-----\n",
}

describe("a secret", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  local function shows_nothing(text, secrets, what)
    local piece, around = canary.find(text, secrets)
    assert.is_nil(piece, ("%s shows %q: …%s…"):format(what, piece, around))
  end

  --- Double-quoted YAML.
  local function quoted(text)
    return '"' .. text:gsub('[%c"\\]', function(c) return ("\\x%02X"):format(c:byte()) end) .. '"'
  end

  --- Every third of the templates, beginning with another one for each number, with the secret for SECRET.
  local function filled(templates, secret, number)
    local texts = {}
    for i = number % 3 + 1, #templates, 3 do
      texts[#texts + 1] = templates[i]:gsub("SECRET", function() return quoted(secret) end) .. "\n"
    end
    return texts
  end

  local SCHEMA = [[
    P.config_schema = {
      token = { type = "string", secret = true },
      strict = { type = "string", secret = true, pattern = "^%d+$" },
      chosen = { type = "string", secret = true, enum = { "a", "b" } },
      checked = { type = "string", secret = true, check = function(value) return nil, "not " .. value end },
      address = { type = "url" },
      webhook = { type = "url", secret = true },
      number = { type = "integer", secret = true },
      span = { type = "seconds", secret = true },
      size = { type = "bytes", secret = true },
      folder = { type = "path", secret = true },
      flag = { type = "boolean", secret = true },
      anything = { type = "any", secret = true },
      several = { type = "list", secret = true, items = { type = "string" } },
      of_each = { type = "list", items = { type = "string", secret = true } },
      bare_list = { type = "list", secret = true },
      by_name = { type = "map", values = { type = "string", secret = true } },
      vault = { type = "map", secret = true, fields = { inner = { type = "string" }, level = { type = "integer" } } },
      plain = { type = "map", fields = { pin = { type = "string", secret = true }, open = { type = "string" } } },
    }
  ]]

  --- Configs in which SECRET stands for one, each wrong or right.
  local PRIVATE = {
    "token: SECRET", "token: [SECRET]", "token: {a: SECRET}", "strict: SECRET", "chosen: SECRET", "checked: SECRET",
    "webhook: SECRET", "number: SECRET", "span: SECRET", "size: SECRET", "folder: [SECRET]", "flag: SECRET",
    "anything: [SECRET, {a: SECRET}]", "several: [SECRET, 5]", "several: SECRET", "of_each: [SECRET, 5, SECRET]",
    "bare_list: [SECRET]", "bare_list: SECRET", "by_name: {a: SECRET, b: 5}", "by_name: [SECRET]",
    "vault: {inner: SECRET, level: SECRET}", "vault: {other: SECRET}", "vault: SECRET", "vault:\n  inner: SECRET\n  x",
    "plain: {pin: [SECRET], open: 5}", "password: SECRET", "token: SECRET\ntoken: SECRET",
    "of_each:\n- SECRET\n- - SECRET",
  }

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    return lines
  end

  --- A shell command; returns what it prints on both streams.
  local function output(command)
    local pipe = assert(io.popen(("cd '%s' && { %s; } 2>&1 </dev/null"):format(workspace.root, command)))
    local text = pipe:read "a"
    pipe:close()
    return text
  end

  --- What `bosun validate` and the runner say about many configs: one run for each.
  local function check_configs(plugin, option, texts, secrets)
    for number, text in ipairs(texts) do
      local path = workspace:write(("c%d.yaml"):format(number), text)
      local said = output(([[
        '%s' validate --plugin '%s' %s '%s'; '%s' validate --plugin '%s' %s '%s' --format json
        '%s' --plugin '%s' --action pe_status %s '%s' --status-file status.yaml --trace trace --log-level trace
        cat status.yaml trace; rm -f status.yaml trace]]):format(TOOL, plugin, option, path, TOOL, plugin, option, path,
        Workspace.RUNNER, plugin, option, path))
      assert.is_truthy(said:find("duration:", 1, true), said)
      shows_nothing(said, secrets, text)
    end
  end

  local PLUGIN = SCHEMA .. [[
    function P:pe_status()
      return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine", data = self.config }
    end
  ]]

  it("in a private config, right or wrong", function()
    local plugin = workspace:plugin_file("private", PLUGIN)
    for number, secret in ipairs(SECRETS) do
      check_configs(plugin, "--private-config", filled(PRIVATE, secret, number), { secret })
    end
  end)

  it("that is a number", function()
    local plugin = workspace:plugin_file("private", PLUGIN)
    local texts = { "number: 8461379205", "token: 8461379205", "size: 8461379205", "several: [8461379205]",
      "strict: 8461379205", "flag: 8461379205", "vault: {inner: 8461379205, level: 8461379205}" }
    check_configs(plugin, "--private-config", texts, { "8461379205" })
  end)

  it("in a URL of a config", function()
    local plugin = workspace:plugin_file("private", PLUGIN)
    local passwords = { "pl4inPassw0rdX", "sl/ashP4ssw0rd", "qu?eryP4ssw0rd", "h#ashP4ssw0rd7", "a@tP4ssw0rd77" }
    for _, secret in ipairs(passwords) do
      check_configs(plugin, "--private-config", {
        "address: http://user:" .. secret .. "@host/x", "address: ftp://user:" .. secret .. "@host/x",
        "address: [http://user:" .. secret .. "@host/x]", "plain: {open: [http://user:" .. secret .. "@host]}",
        'address: "http://user:' .. secret .. '@host/x', "webhook: http://user:" .. secret .. "@host:x",
      }, { secret })
    end
  end)

  local DAMAGE = { "\t", '"', "'", "!", "*x ", "&", "@", ": ", "{", "]", "%", "\1", "\n", "- ", "\xFF" }

  --- Texts that are no longer YAML, or mean something else: cut, and with something put in, at each third place but in
  --- the name of the secret key and in front of it.
  local function damaged(text, key)
    local texts = {}
    local function add(at)
      local before, after = text:sub(1, at), text:sub(at + 1)
      texts[#texts + 1] = before
      for _, more in ipairs(DAMAGE) do
        if #more == 1 and at % 2 == 0 or at % 7 == 0 then texts[#texts + 1] = before .. more .. after end
      end
    end
    local first, last = text:find(key .. ": ", 1, true)
    for at = 1, #text, 3 do
      if at < first - 2 or at >= last then add(at) end
    end
    return texts
  end

  --- What `bosun validate` says about many texts, in one shell.
  local function check_damaged(plugin, option, texts, secret)
    local script = {}
    for number, text in ipairs(texts) do
      workspace:write(("d%d.yaml"):format(number), text)
      script[#script + 1] = ("echo %d; '%s' validate --plugin '%s' %s d%d.yaml"):format(number, TOOL, plugin, option,
        number)
    end
    workspace:write("script", table.concat(script, "\n"))
    local said = output "sh ./script"
    assert.is_truthy(#lines_of(said) > #texts, said)
    shows_nothing(said, { secret }, option)
  end

  it("in a private config that is not YAML", function()
    local plugin = workspace:plugin_file("private", PLUGIN)
    for _, secret in ipairs { "!tagK7vQ9xWz2LmN", "*aliasR4tYp8sDf3", "plainK7vQ9xWz2LmN" } do
      local text = "open: x\nplain: {pin: " .. secret .. ", open: y}\n"
      check_damaged(plugin, "--private-config", damaged(text, "pin"), secret)
    end
    local block = "plain:\n  pin: |\n    firstK7vQ9xWz2\n    secondR4tYp8s\n  open: x\n"
    check_damaged(plugin, "--private-config", damaged(block, "pin"), "firstK7vQ9xWz2")
    check_damaged(plugin, "--private-config", damaged(block, "pin"), "secondR4tYp8s")
  end)

  it("in an action config that is not YAML", function()
    for _, secret in ipairs { "!tagK7vQ9xWz2LmN", "*aliasR4tYp8sDf3", "plainK7vQ9xWz2LmN" } do
      local text = "pluginConfig:\n  mlopsApiToken: " .. secret .. "\npeInfo: {id: a}\n"
      check_damaged("test", "--config", damaged(text, "mlopsApiToken"), secret)
    end
  end)

  it("in an action config, right or wrong", function()
    local plugin = workspace:plugin_file("public", [[
      function P:pe_status()
        return ActionStatusInfo{ status = ActionStatus.OK, data = { self.plugin_config, self.pe_info } }
      end
    ]])
    local templates = {
      "pluginConfig: {mlopsApiToken: SECRET}", "pluginConfig: {a: {mlopsApiToken: [SECRET]}}",
      "pluginConfig: {mlopsApiToken: SECRET}\npeInfo: {id: [SECRET], deployments: SECRET}",
      "peInfo: {id: {token: SECRET}, keyValueConfig: {dbPassword: SECRET}}", "peInfo: {password: SECRET, id: 5}",
      "pluginConfig: {mlopsApiToken: SECRET}\ndeploymentInf: {id: SECRET}", "peInfo: {secret: SECRET, SECRET : 1}",
      "pluginConfig: {mlopsApiToken: SECRET}\npluginConfig: {}",
    }
    for number, secret in ipairs(SECRETS) do
      check_configs(plugin, "--config", filled(templates, secret, number), { secret })
    end
  end)

  --- What a plugin can do with a secret, `s`: each line is tried, and its failure logged.
  local TRIES = [[
    error(s)
    error(s, 0)
    error { message = s, code = s, op = s, path = s, file = s }
    error(setmetatable({}, { __tostring = function() return s end }))
    error(errors.new { code = s, op = s, message = s, path = s, file = s, line = 3 })
    error(errors.wrap(errors.new { code = "x", message = s }, s))
    log.info(s, { [s] = s, list = { s } })
    log.with({ [s] = s }):error(s)
    print(s, s) warn(s)
    print(json.encode { [s] = { s } }, yaml.encode { [s] = { s } }) log.warn(("%q"):format(s))
    print(base64.encode(s), base64.encode("x" .. s .. "y"), base64.encode("xy" .. s))
    print(base64.encode(s .. "?", { url = true }), base64.encode("user:" .. s, { url = true }))
    print(http.escape(s), (http.escape(s):gsub("%%%x%x", string.lower)))
    for n = 0, 60 do print(("x"):rep(2020 + n) .. s) error(("x"):rep(0)) end
    for n = 2000, 2060 do print(tostring(errors.new { code = "x", message = ("x"):rep(n) .. s })) end
    for n = 65500, 65560, 7 do log.info(("x"):rep(n) .. s, { f = ("x"):rep(n) .. s }) end
    for _, name in ipairs { "read", "list", "stat", "remove" } do print(pcall(fs[name], "/nowhere/" .. s)) end
    for _, name in ipairs { "sha256", "readlink", "walk", "mkdir" } do print(pcall(fs[name], "/nowhere/" .. s)) end
    assert(fs.write("/nowhere/" .. s, s))
    assert(fs.copy(s, s))
    assert(fs.move("/nowhere/" .. s, s))
    assert(path.safe_component(s .. "/"))
    assert(process.run { s, s })
    assert(process.run({ "sh", "-c", "printf '%s\\n' \"$1\" >&2; exit 3", "x", s }, { check = true }))
    assert(process.run({ "cat" }, { stdin = s .. s }))
    for n = 970, 1000, 3 do print(process.run({ "sh", "-c", PADDED }, { env = { X = s, N = n }, check = true })) end
    process.run({ "true" }, { env = { [s .. "="] = s } })
    process.run({ "true" }, { cwd = "/nowhere/" .. s })
    process.run({ "true" }, { [s] = s })
    assert(yaml.decode(s .. ": " .. s .. ": ["))
    assert(yaml.decode("a: !" .. s .. " x"))
    assert(yaml.decode("a: *" .. s))
    assert(json.decode("{" .. s))
    assert(config.load(s, { a = { type = s } }))
    assert(http.get(s))
    assert(http.get("http://127.0.0.1:1/" .. http.escape(s) .. "?x=" .. http.escape(s)))
    assert(http.get("http://" .. http.escape(s) .. ":" .. http.escape(s) .. "@127.0.0.1:1/"))
    assert(http.get("http://u:" .. s .. "@127.0.0.1:1/"))
    assert(http.get("http://" .. http.escape(s) .. ".invalid/"))
    assert(http.get("http://127.0.0.1:1/", { headers = { [s] = s } }))
    assert(http.get("http://127.0.0.1:1/", { headers = { X = s }, auth = { user = s, password = s } }))
    assert(http.get("http://127.0.0.1:1/", { query = { [s] = s }, proxy = s }))
    assert(http.get("http://127.0.0.1:1/", { proxy = "http://u:" .. s .. "@127.0.0.1:1" }))
    assert(http.post("http://127.0.0.1:1/", { form = { [s] = s }, timeout = s }))
    assert(http.get("http://127.0.0.1:1/", { tls = { ca = s, cert = s, key = s } }))
    assert(http.get("https://127.0.0.1:1/", { tls = { ca = s, cert = s, key = s }, unix_socket = s }))
    assert(http.get("http://127.0.0.1:1/", { [s] = s }))
    require(s)
    local x = nil .. s
    local x = s + 1
    local t = nil; t[s] = 1
    ActionStatusInfo { status = s }
    ActionStatusInfo { [s] = s }
    local x = ActionStatus[s]
    assert(time.duration(s))
    assert(wait.poll(function() return nil, s end, { timeout = 0.01, interval = 0.01 }))
    assert(retry.run(function() return nil, s end, { max = 2, backoff = 0 }))
    assert(tar.new { { name = s, source = s } })
    docker.parse_reference(s)
    assert(docker.credentials("alpine", "/nowhere/" .. s))
    assert(docker.new { host = "tcp://" .. s })
  ]]

  local MODULES = "base64 config crypto docker fs http json log path process retry tar time wait yaml"

  local function plugin_that_tries(name, secret)
    local body = { ("local s = require('bosun.secret').new(%q):reveal()"):format(secret),
      "local errors = require 'bosun.error'", [[local PADDED = 'printf "%s%*s" "$X" $N . >&2; exit 3']] }
    for module in MODULES:gmatch "%w+" do body[#body + 1] = ("local %s = require 'bosun.%s'"):format(module, module) end
    body[#body + 1] = "local tries = {"
    for _, line in ipairs(lines_of(TRIES)) do body[#body + 1] = "function() " .. line .. " end," end
    body[#body + 1] = [[}
      function P:pe_status()
        local number = tonumber(os.getenv "TRY")
        if number then return tries[number]() end
        for _, try in ipairs(tries) do
          local ok, err = pcall(try)
          log.warn(err, { err = err })
          if not ok then print(pcall(error, err)) end
        end
        return ActionStatusInfo{ status = ActionStatus.WARN, msg = "because " .. s .. " and " .. http.escape(s),
          data = { [s] = { s, { [s] = s } }, text = "x" .. s, code = base64.encode(s) } }
      end
    ]]
    return workspace:plugin_file(name, table.concat(body, "\n"))
  end

  local function run_and_look(plugin, secret, number, format)
    local said = output(([[
      %s '%s' --plugin '%s' --action pe_status --status-file status.yaml --trace trace --log-level trace \
        --log-format %s --timeout 50
      cat status.yaml trace; rm -f status.yaml trace]]):format(number and "TRY=" .. number or "", Workspace.RUNNER,
      plugin, format))
    assert.is_truthy(said:find("duration:", 1, true), said)
    assert.is_truthy(said:find("pe_status", 1, true), said)
    shows_nothing(said, { secret }, ("try %s, %s,"):format(number, format))
  end

  it("that a plugin puts everywhere", function()
    for i, secret in ipairs(SECRETS) do
      local plugin = plugin_that_tries("tries" .. i, secret)
      for _, format in ipairs { "text", "json", "logfmt" } do run_and_look(plugin, secret, nil, format) end
    end
  end)

  it("that a plugin fails with", function()
    local secrets = { SECRETS[1], SECRETS[6], SECRETS[10] }
    local plugins = {}
    for i, secret in ipairs(secrets) do plugins[i] = plugin_that_tries("fails" .. i, secret) end
    for number = 1, #lines_of(TRIES) do
      local i = number % #secrets + 1
      run_and_look(plugins[i], secrets[i], number, number % 2 == 0 and "text" or "json")
    end
  end)

  it("in the proxies of the environment", function()
    local plugin = workspace:plugin_file("proxied", [[
      function P:pe_status()
        local http, process = require "bosun.http", require "bosun.process"
        for _, url in ipairs { "http://127.0.0.1:1/x", "https://127.0.0.1:1/x" } do print(http.get(url)) end
        for _, name in ipairs { "http_proxy", "https_proxy", "all_proxy" } do print(process.env(name)) end
        print(process.run({ "env" }).stdout)
        return ActionStatusInfo{ status = ActionStatus.OK, data = process.run({ "env" }) }
      end
    ]])
    local passwords = { "p#S3cretW0rd77", "p/S3cretW0rd77", "p?S3cretW0rd77", "p@S3cretW0rd77", "plainS3cretW0rd",
      "p%40S3cretW0rd", "p S3cretW0rd77", ("long/S3cretW0rd"):rep(30) }
    local proxies = { "http://user1:%s@127.0.0.1:1", "user1:%s@127.0.0.1:1", "http://%s@127.0.0.1:1",
      "//user1:%s@127.0.0.1:1", "ftp://user1:%s@127.0.0.1:99999", "http://user1:%s@:x" }
    for _, password in ipairs(passwords) do
      for _, proxy in ipairs(proxies) do
        local value = proxy:format((password:gsub("%%", "%%%%")))
        local said = output(([[
          export http_proxy='%s' https_proxy='%s' all_proxy='%s' HTTPS_PROXY='%s'
          '%s' --plugin '%s' --action pe_status --status-file status.yaml --trace trace --log-level trace
          cat status.yaml trace; rm -f status.yaml trace]]):format(value, value, value, value, Workspace.RUNNER,
          plugin))
        assert.is_truthy(said:find('status: "passing"', 1, true), said)
        shows_nothing(said, { password }, value)
      end
    end
  end)

  it("in the default of a key", function()
    local plugin = workspace:plugin_file("described", [[
      P.config_schema = {
        token = { type = "string", secret = true, default = "defaultK7vQ9xWz2" },
        number = { type = "integer", secret = true, default = 8461379205 },
        several = { type = "list", secret = true, items = { type = "string" }, default = { "defaultR4tYp8sDf3" } },
        server = { type = "map", default = { pin = "defaultH6jKl1zXc" }, fields = {
          pin = { type = "string", secret = true, default = "defaultB5nMv9aSd" } } },
        vault = { type = "map", secret = true, fields = { inner = { type = "string", default = "defaultT2yUiP0o" },
          one = { type = "string", enum = { "defaultM3nBvG7h" } } } },
      }
    ]])
    for _, format in ipairs { "text", "json", "yaml-sample" } do
      local said = output(("'%s' describe '%s' --format %s"):format(TOOL, plugin, format))
      assert.is_truthy(said:find("several", 1, true), said)
      shows_nothing(said, { "K7vQ9xWz2", "8461379205", "R4tYp8sDf3", "H6jKl1zXc", "B5nMv9aSd", "T2yUiP0o", "M3nBvG7h" },
        format)
    end
  end)

  it("is passed on where it is meant to go", function()
    local data = workspace:eval([[
      local secret = require("bosun.secret").new "meantK7vQ9xWz2"
      local run = require("bosun.process").run
      return { same = run({ "cat" }, { stdin = secret }).stdout == secret:reveal(),
        environment = run({ "sh", "-c", "printf %s \"$X\"" }, { env = { X = secret } }).stdout == secret:reveal() }
    ]])
    assert.same({ same = true, environment = true }, data)
  end)
end)
