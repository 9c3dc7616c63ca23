-- bosun.docker: credentials of registries, in files and from helpers as the Docker client has them, whole and broken.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("docker.credentials", function()
  local workspace

  setup(function()
    workspace = Workspace.new()
    workspace:mkdir "bin"
  end)
  teardown(function() workspace:remove() end)

  --- "user:password" of these bytes, as the client keeps it.
  local function base64(text)
    workspace:write("plain", text)
    local pipe = assert(io.popen("base64 -w0 " .. workspace:path "plain"))
    local encoded = pipe:read "a"
    pipe:close()
    return encoded
  end

  --- Credentials for an image with this config: {user=, password=, token=, address=}, {code=, message=}, or "none".
  local function find(image, config, more)
    local file = workspace:path "config.json"
    if config then workspace:write("config.json", config) else os.remove(file) end
    more = more or {}
    more.before = ("env %s PATH=%s:$PATH"):format(more.before or "", workspace:path "bin")
    return workspace:eval(([[
      local docker = require "bosun.docker"
      local found, err = docker.credentials(%q, %s)
      if err then return { code = err.code, message = tostring(err) } end
      if not found then return "none" end
      local secret = require "bosun.secret"
      local function size(value) return value and secret.is(value) and #value:reveal() end
      return { user = found.username, password = size(found.password), token = size(found.identitytoken),
        address = found.serveraddress }
    ]]):format(image, more.default and "nil" or ("%q"):format(file)), more)
  end

  --- A helper program. `script` is what `get` does, with the registry in $registry.
  local function helper(name, script)
    local path = workspace:write("bin/docker-credential-" .. name, ([[#!/bin/sh
case $1 in
get) read -r registry; echo "$registry" >>%s; %s ;;
list) echo '{"helped.example":"u"}' ;;
esac
]]):format(workspace:path "asked", script))
    os.execute("chmod 755 " .. path)
    os.remove(workspace:path "asked")
  end

  it("are those of the image's registry", function()
    local config = ('{ "auths": { "host.example:5000": { "auth": "%s" }, "https://index.docker.io/v1/": '
      .. '{ "auth": "%s" }, "https://old.example/v1/": { "username": "u", "password": "plain" } } }')
      :format(base64 "user:secret-one:x", base64 "hub:secret-two")
    assert.same({ user = "user", password = 12, address = "host.example:5000" },
      find("host.example:5000/a/b:c", config))
    assert.same({ user = "hub", password = 10, address = "https://index.docker.io/v1/" },
      find("alpine", config))
    assert.same({ user = "u", password = 5, address = "old.example" }, find("old.example/a", config))
    assert.equal("none", find("other.example/a", config))
    assert.equal("none", find("host.example/a", config))
  end)

  it("of a part of a registry are for the repositories in it alone", function()
    local auths = {}
    for _, key in ipairs { "quay.io/team-a", "quay.io/team-b", "quay.io/team-a/model", "docker.io/team-c", "host:5000",
      "host:5000/deep/er", "v1.example/v1" } do
      auths[#auths + 1] = ('"%s": {"auth": "%s"}'):format(key, base64(key:gsub(":", "-") .. ":secret"))
    end
    local config = ('{"auths": {%s}}'):format(table.concat(auths, ", "))
    for image, user in pairs {
      ["quay.io/team-a/x"] = "quay.io/team-a", ["quay.io/team-b/x:1"] = "quay.io/team-b",
      ["quay.io/team-a/model"] = "quay.io/team-a/model", ["quay.io/team-a/model/small"] = "quay.io/team-a/model",
      ["quay.io/team-a/model-2"] = "quay.io/team-a", ["quay.io/team-a"] = "quay.io/team-a",
      ["quay.io/team-ab/x"] = "none", ["quay.io/other/x"] = "none", ["quay.io/team"] = "none",
      ["team-c/x"] = "docker.io/team-c", alpine = "none", ["host:5000/a"] = "host-5000",
      ["host:5000/deep/er/x"] = "host-5000/deep/er", ["host:5000/deep/error"] = "host-5000", ["host:5001/a"] = "none",
      ["v1.example/v1/x"] = "v1.example/v1", ["v1.example/x"] = "none",
    } do
      local found = find(image, config)
      assert.equal(user, found == "none" and found or found.user, image)
      assert.is_true(found == "none" or not found.address:find "team", found.address)
    end
  end)

  it("of Docker's addresses are for whole registries", function()
    for _, key in ipairs {
      "https://old.example/v1/", "http://old.example", "https://old.example/v2/", "old.example/v1/", "old.example/",
      "https://old.example/any/path",
    } do
      local config = ('{"auths":{"%s":{"auth":"%s"}}}'):format(key, base64 "user:secret")
      assert.equal("user", find("old.example/a/b", config).user, key)
    end
    local hub = { "https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://registry-1.docker.io" }
    for _, key in ipairs(hub) do
      local config = ('{"auths":{"%s":{"auth":"%s"}}}'):format(key, base64 "user:secret")
      assert.equal("https://index.docker.io/v1/", find("a/b", config).address, key)
    end
    local config = ('{"auths":{"docker.io":{"auth":"%s"},"https://index.docker.io/v1/":{"auth":"%s"}}}')
      :format(base64 "podman:secret", base64 "docker:secret")
    assert.equal("docker", find("alpine", config).user)
  end)

  it("of a whole registry are used where the entry of a part is empty", function()
    local config = ('{"auths":{"quay.io":{"auth":"%s"},"quay.io/a":{}}}'):format(base64 "user:secret")
    assert.equal("user", find("quay.io/a/b", config).user)
    assert.equal("none", find("quay.io/a/b", '{"auths":{"quay.io/a":{}}}'))
  end)

  it("of helpers are for whole registries", function()
    helper("own", [[echo '{"Username":"from-own","Secret":"0123456789"}']])
    assert.equal("from-own", find("quay.io/a/b", '{"credHelpers":{"quay.io":"own"}}').user)
    assert.equal("quay.io\n", workspace:read "asked")
    assert.equal("none", find("quay.io/a/b", '{"credHelpers":{"quay.io/a":"own"}}'))
  end)

  it("of a whole file come with what each is for", function()
    local config = ('{"auths":{"quay.io/team-a":{"auth":"%s"},"host.example":{"auth":"%s"},"docker.io":{"auth":"%s"}}}')
      :format(base64 "a:secret", base64 "h:secret", base64 "d:secret")
    local list = workspace:eval(([[
      local users = {}
      for _, auth in ipairs((require("bosun.registry.credentials").all(%q))) do
        users[auth.serveraddress] = auth.username
      end
      return users
    ]]):format(workspace:write("config.json", config)))
    assert.same({ ["quay.io/team-a"] = "a", ["host.example"] = "h", ["https://index.docker.io/v1/"] = "d" }, list)
  end)

  it("may be a token", function()
    assert.same({ token = 9, address = "host.example" },
      find("host.example/a", '{"auths":{"host.example":{"identitytoken":"a.token.x"}}}'))
    local both = ('{"auths":{"host.example":{"auth":"%s","identitytoken":"a.token.x"}}}'):format(base64 "user:")
    assert.same({ user = "user", password = 0, token = 9, address = "host.example" }, find("host.example/a", both))
  end)

  it("may be absent", function()
    assert.equal("none", find("alpine", nil))
    for _, config in ipairs { "", "{}", '{"auths":{}}', '{"auths":null}', '{"auths":{"host.example":{}}}' } do
      assert.equal("none", find("host.example/a", config))
    end
  end)

  it("are in the folder that DOCKER_CONFIG names, else in the home", function()
    local config = ('{"auths":{"host.example":{"auth":"%s"}}}'):format(base64 "user:secret")
    workspace:mkdir "home"
    workspace:mkdir "home/.docker"
    workspace:write("home/.docker/config.json", config:gsub("host", "home"))
    local function default(image, variables) return find(image, config, { default = true, before = variables }) end
    local there = "DOCKER_CONFIG=" .. workspace.root .. " HOME=" .. workspace:path "home"
    assert.equal("user", default("host.example/a", there).user)
    assert.equal("none", default("home.example/a", there))
    assert.equal("user", default("home.example/a", "-u DOCKER_CONFIG HOME=" .. workspace:path "home").user)
    assert.equal("none", default("home.example/a", "-u DOCKER_CONFIG -u HOME"))
  end)

  it("in a broken file are an error that names it, and shows none of it", function()
    local secret = base64 "nobody-has-a-colon-here"
    for config, code in pairs {
      ["{ not json"] = "syntax", ["[1"] = "syntax", ['"text"'] = "syntax", ["null"] = "syntax",
      ['{"auths":{"host.example":{"auth":"%%%"}}}'] = "invalid",
      ['{"auths":{"host.example":{"auth":"' .. secret .. '"}}}'] = "invalid",
      ['{"auths":{"host.example":{"auth":"' .. base64 ":only-a-password" .. '"}}}'] = "invalid",
    } do
      local seen = find("host.example/a", config)
      assert.equal(code, seen.code, config)
      assert.is_truthy(seen.message:find("config.json", 1, true), seen.message)
      assert.is_nil(seen.message:find(secret, 1, true))
      assert.is_nil(seen.message:find("colon", 1, true))
    end
    for _, config in ipairs { '{"auths":[]}', '{"auths":{"host.example":5}}', '{"credHelpers":7,"credsStore":[]}' } do
      assert.equal("none", find("host.example/a", config))
    end
  end)

  it("in a file that cannot be read are an error", function()
    local seen = workspace:eval(([[
      local _, err = require("bosun.docker").credentials("alpine", %q)
      return { code = err.code, message = tostring(err) }
    ]]):format(workspace.root))
    assert.equal("EISDIR", seen.code)
    assert.is_truthy(seen.message:find(workspace.root, 1, true))
  end)

  it("come from helpers, those of a registry before the store of all", function()
    helper("own", [[echo '{"ServerURL":"x","Username":"from-own","Secret":"0123456789"}']])
    helper("all", [[echo '{"ServerURL":"x","Username":"from-all","Secret":"01234"}']])
    local config = '{"credHelpers":{"helped.example":"own"},"credsStore":"all"}'
    assert.same({ user = "from-own", password = 10, address = "helped.example" },
      find("helped.example/a", config))
    assert.same({ user = "from-all", password = 5, address = "https://index.docker.io/v1/" },
      find("alpine", config))
    assert.equal("helped.example\nhttps://index.docker.io/v1/\n", workspace:read "asked")
  end)

  it("are asked of a helper with the whole environment, as the docker program does", function()
    helper("own", [[echo "{\"Username\":\"$SOME_CLOUDS_NEXT_VARIABLE-${BOSUN_CHILD:+marked}\",\"Secret\":\"0123\"}"]])
    local found = find("host.example/a", '{ "credHelpers": { "host.example": "own" } }',
      { before = "SOME_CLOUDS_NEXT_VARIABLE=here" })
    assert.equal("here-marked", found.user)
  end)

  it("from a helper may be a token, or not be there", function()
    helper("token", [[echo '{"Username":"<token>","Secret":"0123456789"}']])
    assert.same({ token = 10, address = "helped.example" },
      find("helped.example/a", '{"credsStore":"token"}'))
    helper("empty", [[echo 'credentials not found in native keychain'; exit 1]])
    assert.equal("none", find("helped.example/a", '{"credsStore":"empty"}'))
    local fallback = ('{"credsStore":"empty","auths":{"helped.example":{"auth":"%s"}}}'):format(base64 "user:secret")
    assert.equal("user", find("helped.example/a", fallback).user)
  end)

  it("from a helper that fails are an error that names it", function()
    helper("broken", [[echo 'the keyring is locked'; exit 1]])
    helper("babbling", "echo hello")
    helper("killed", "kill -9 $$")
    for store, text in pairs {
      broken = "docker-credential-broken get exited with status 1: the keyring is locked",
      babbling = "the output of docker-credential-babbling get is not JSON",
      killed = "docker-credential-killed get was killed by signal 9", missing = "docker-credential-missing",
      ["../bin/sh"] = '"../bin/sh" is not a valid helper name', ["a b"] = "is not a valid helper name",
    } do
      local seen = find("alpine", ('{"credsStore":"%s"}'):format(store))
      assert.is_truthy(seen.message and seen.message:find(text, 1, true), seen.message)
    end
  end)

  it("are asked of a helper in a dry run too", function()
    helper("own", [[echo '{"Username":"from-own","Secret":"0123456789"}']])
    assert.equal("from-own", find("alpine", '{"credsStore":"own"}', { args = { "--dry-run" } }).user)
  end)

  it("do not show up in log, trace and status", function()
    helper("own", [[echo '{"Username":"from-own","Secret":"helper-secret-1"}']])
    local config = ('{"credHelpers":{"helped.example":"own"},"auths":{"host.example":{"auth":"%s"}}}')
      :format(base64 "user:file-secret-2")
    workspace:write("config.json", config)
    workspace:eval(([[
      local docker, log = require "bosun.docker", require "bosun.log"
      for _, image in ipairs { "helped.example/a", "host.example/a" } do
        local found = assert(docker.credentials(image, %q))
        log.info("found", found)
        log.info(found.password:reveal())
      end
      return 1
    ]]):format(workspace:path "config.json"), {
      args = { "--log-level", "trace", "--trace", workspace:path "trace" },
      before = ("env PATH=%s:$PATH"):format(workspace:path "bin"),
    })
    local shown = workspace:read "stderr" .. workspace:read "trace" .. workspace:read "status.yaml"
    for _, text in ipairs { "helper-secret-1", "file-secret-2", base64 "user:file-secret-2" } do
      assert.is_nil(shown:find(text, 1, true), text)
    end
    assert.is_truthy(shown:find("[redacted]", 1, true))
  end)

  it("are asked for by names of images only", function()
    assert.equal("invalid", find("NOT A NAME", "{}").code)
  end)
end)
