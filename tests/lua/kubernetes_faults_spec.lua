-- bosun.kubernetes against an API server that says what a healthy one does not (tests/support/awkward.py). What a
-- healthy one says is in tests/kubernetes.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local cjson = require "cjson"
local web = require "web"

describe("bosun.kubernetes with an awkward server", function()
  local workspace, server

  setup(function()
    workspace = Workspace.new()
    server = web.awkward(workspace)
  end)

  teardown(function()
    server.handle:close()
    workspace:remove()
  end)

  --- A kubeconfig whose server has these faults.
  local function kubeconfig(name, user)
    return workspace:write(name .. ".kubeconfig", ([[{ "current-context": "c",
      "clusters": [{ "name": "k", "cluster": { "server": "%s/%s" } }], "users": [{ "name": "u", "user": %s }],
      "contexts": [{ "name": "c", "context": { "cluster": "k", "user": "u" } }] }]])
      :format(server.url, name, user or "{}"))
  end

  --- Runs code with the server's faults of this name, and `cluster` at hand.
  local function run(name, code, more)
    more = more or {}
    return workspace:eval(([[
      local kubernetes, time = require "bosun.kubernetes", require "bosun.time"
      local cluster <close> = assert(kubernetes.connect { config_file = %q })
      local function failure(value, err)
        if value ~= nil then return { value = value } end
        return { code = err.code, message = tostring(err), status = err.status, op = err.op, causes = err.causes }
      end
      local function create() return cluster:create { apiVersion = "v1", kind = "Pod", metadata = { name = "x" } } end
      local function names(list)
        local result = {}
        for i, item in ipairs(list) do result[i] = item.kind .. "/" .. item.metadata.name end
        return result
      end
    ]]):format(kubeconfig(name, more.user)) .. code, more)
  end

  local function seen(name)
    local pipe = assert(io.popen(("curl -sS %s/%s/seen"):format(server.url, name)))
    local list = cjson.decode(pipe:read "a")
    assert(pipe:close())
    return list
  end

  local function assert_failure(code, texts, failure)
    assert.equal(code, failure.code, failure.message)
    assert.equal("kubernetes", failure.op)
    for _, text in ipairs(texts) do assert.is_truthy(failure.message:find(text, 1, true), failure.message) end
  end

  local NOT_REPEATED = [[return failure(create())]]
  local GET = [[return failure(cluster:get("Pod", "x"))]]

  describe("that is busy", function()
    it("is asked again, whatever the request, as it says", function()
      assert.equal("x", run("busy", "return assert(create()).metadata.name"))
      assert.equal(3, #seen "busy")
    end)

    it("is not asked without end", function()
      local failure = run("always_busy", NOT_REPEATED, { args = { "--timeout", "60" } })
      assert_failure("TooManyRequests", {
        "create pod x in namespace default: Too many requests, please try again later. ",
        "(429 TooManyRequests from http://127.0.0.1:",
      }, failure)
      assert.equal(429, failure.status)
      assert.equal(5, #seen "always_busy")
    end)

    it("or in trouble is asked again for what may be done twice", function()
      assert.equal("x", run("overloaded", [[return assert(cluster:get("Pod", "x")).metadata.name]]))
      assert.equal("x", run("overloaded-2", [[
        local object = { apiVersion = "v1", kind = "Pod", metadata = { name = "x" } }
        return assert(cluster:apply(object)).metadata.name
      ]]))
      assert.equal(4, #seen "overloaded")
      assert.equal(4, #seen "overloaded-2")
    end)

    it("is not asked again for what may not", function()
      local lost = run("resets", NOT_REPEATED)
      assert.is_truthy(lost.code == "closed" or lost.code == "ECONNRESET", lost.message)
      local start = "create pod x in namespace default: no answer from the API server at "
      assert.equal(start, lost.message:sub(1, #start))
      assert.equal(1, #seen "resets")
      assert_failure("InternalError", { "boom (500 InternalError from " }, run("broken", GET))
      assert.equal(1, #seen "broken")
    end)
  end)

  describe("that refuses", function()
    it("says why: the reason is the code", function()
      assert_failure("Invalid", { "apply pod x", ".spec.y: field not declared in schema" }, run("schema", [[
        return failure(cluster:apply { apiVersion = "v1", kind = "Pod", metadata = { name = "x" }, y = 1 })
      ]]))
      assert.equal(1, #seen "schema")
      local ending = run("terminating", NOT_REPEATED)
      assert_failure("NamespaceTerminating", { "because it is being terminated" }, ending)
      assert.equal("namespace x is being terminated", ending.causes[1].message)
      assert_failure("Forbidden",
        { 'list pods in namespace default: pods is forbidden: User "me" cannot list resource "pods"' },
        run("forbidden", [[return failure(cluster:list "Pod")]]))
      assert.equal(1, #seen "forbidden")
      assert_failure("RequestEntityTooLarge", { "an HTML page: 413 Request Entity Too Large" },
        run("too_large", NOT_REPEATED))
      assert_failure("protocol", { "get pod x in namespace default: the reply from", "is not JSON" },
        run("nonsense", GET))
    end)

    it("a token that has been replaced in its file gets the new one", function()
      workspace:write("token", "token-old\n")
      local user = '{ "tokenFile": "token" }'
      assert.same({ "x", "x" }, run("rotated", [[
        return { assert(create()).metadata.name, assert(cluster:get("Pod", "x")).metadata.name }
      ]], { user = user }))
      local requests = seen "rotated"
      assert.equal(3, #requests)
      assert.is_truthy(requests[1]:find "Bearer token%-old$" and requests[2]:find "Bearer token%-new$")
    end)

    it("a program's token gets another one, once", function()
      local program = workspace:write("login", [[#!/bin/sh
read n <"$0.count"; n=$((n + 1)); echo $n >"$0.count"
cat <<END
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "token-$n"}}
END
]])
      workspace:write("login.count", "0\n")
      assert(os.execute("chmod +x " .. program))
      local user = '{ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", '
        .. '"command": "./login" } }'
      assert.equal("x", run("second_token", "return assert(create()).metadata.name", { user = user }))
      workspace:write("login.count", "5\n")
      assert_failure("Unauthorized", { 'user "u" of ', "is not accepted" },
        run("second_token-2", NOT_REPEATED, { user = user }))
      assert.equal("7\n", workspace:read "login.count")
    end)

    it("what cannot be renewed is refused at once", function()
      local failure = workspace:eval(([[
        local cluster, err = require("bosun.kubernetes").connect { config_file = %q }
        return { code = err.code, message = tostring(err), op = err.op }
      ]]):format(kubeconfig("refused", '{ "token": "worthless" }')))
      assert_failure("Unauthorized", { "connect to the Kubernetes API: Unauthorized (401", "is not accepted" }, failure)
      assert.is_nil(failure.message:find "worthless")
    end)
  end)

  describe("and its lists", function()
    it("go on where a page has expired, or begin again", function()
      assert.same({ { "Pod/a", "Pod/b", "Pod/c" }, "11" }, run("pages", [[
        local list, version = assert(cluster:list("Pod", { page = 2 }))
        return { names(list), version }
      ]]))
      assert.same({ "Pod/a", "Pod/c" }, run("lost_pages", [[return names(assert(cluster:list("Pod", { page = 2 })))]]))
      for _, request in ipairs(seen "pages") do
        assert.is_nil(request:find "continue" and request:find "resourceVersion")
      end
      assert_failure("Expired", { "list pods in namespace default" },
        run("always_expired", [[return failure(cluster:list "Pod")]]))
      assert.equal(10, #seen "always_expired")
    end)

    it("come packed, whole or in parts that the caller wants", function()
      assert.same({ { "Pod/a" }, { "a" }, 0 }, run("packed", [[
        local function keep(item) return item.metadata.name end
        return { names(assert(cluster:list "Pod")), assert(cluster:list("Pod", { keep = keep })),
          #assert(cluster:list("Pod", { keep = function() end })) }
      ]]))
    end)
  end)

  describe("and its watches", function()
    it("go on over all that can happen to them", function()
      local events = run("watched", [[
        local events = {}
        assert(cluster:watch("Pod", function(event, object)
          events[#events + 1] = ("%s %s %s"):format(event, object.metadata.name, object.spec and object.spec.text or "")
          return object.metadata.name ~= "e"
        end, { cycle = 1, timeout = 60 }))
        return events
      ]])
      assert.same({ "ADDED a ", "ADDED b ", "ADDED c é", "MODIFIED a ", "DELETED b ", "ADDED d ", "ADDED e " }, events)
    end)

    it("start anew after a plain 410", function()
      assert.same({ "ADDED a", "ADDED b" }, run("gone", [[
        local events = {}
        assert(cluster:watch("Pod", function(event, object)
          events[#events + 1] = event .. " " .. object.metadata.name
          return object.metadata.name ~= "b"
        end, { timeout = 60 }))
        return events
      ]]))
    end)

    it("end in time, or with what is not worth another try", function()
      local function watch(name, options)
        return run(name, ("return failure(cluster:watch('Pod', function() end, { %s }))"):format(options or ""))
      end
      assert_failure("timeout", { "watch pods in namespace default: it was not over within 0.3 s; no answer from" },
        watch("endless", "timeout = 0.3"))
      assert_failure("protocol", { "a line is not an event" }, watch "garbled")
      assert_failure("Forbidden", { "watch pods in namespace default: pods is forbidden" }, watch "denied_watch")
      local given_up = watch("endless-2")
      assert.is_truthy(given_up.code == "closed" or given_up.code == "ECONNRESET", given_up.message)
      local watches = #seen "endless-2" - 1
      assert.is_truthy(watches == 7 or watches == 8, watches) -- libcurl repeats what a used connection did not take
    end)
  end)

  describe("and its streams", function()
    it("may not tell the end of input", function()
      assert.same({ code = 0, stdout = "HELLO", stderr = "" },
        run("old_stream", [[return assert(cluster:exec("x", { "tr" }, { stdin = "hello" }))]]))
    end)

    it("may end too early", function()
      local exec = [[return failure(cluster:exec("x", { "true" }))]]
      assert_failure("closed", { "run true in pod x in namespace default: the connection through the API server at ",
        "the connection was closed without the close of a WebSocket" }, run("cut_stream", exec))
      assert_failure("incomplete", { "run true in pod x in namespace default: the stream has ended without a result" },
        run("no_result", exec))
      assert_failure("protocol", { "the API server chose no protocol" }, run("no_protocol", exec))
      assert_failure("Forbidden", { "run true in pod x in namespace default: pods is forbidden" },
        run("forbidden-2", exec))
    end)

    it("get new credentials, too", function()
      workspace:write("token", "token-x\n")
      assert_failure("Forbidden", { "attach to pod x" },
        run("stream_refused", [[return failure(cluster:attach "x")]], { user = '{ "tokenFile": "token" }' }))
      assert.equal(2, #seen "stream_refused")
    end)
  end)

  describe("that is not what it should be", function()
    local function connect(name)
      return workspace:eval(([[
        local cluster, err = require("bosun.kubernetes").connect { config_file = %q }
        if cluster then return { version = tostring(cluster.server_version) } end
        return { code = err.code, message = tostring(err), op = err.op }
      ]]):format(kubeconfig(name)))
    end

    it("is told apart", function()
      assert_failure("protocol",
        { "is not a Kubernetes API server (GET /version: 404, an HTML page: Welcome to nginx!)" }, connect "page")
      assert_failure("protocol", { "is not a Kubernetes API server (GET /version: it has no gitVersion)" },
        connect "other")
      assert_failure("protocol", { "is not JSON" }, connect "not_json")
      assert_failure("unsupported", { "the cluster is too old: it is v1.24.17, and 1.25 or later is needed" },
        connect "old")
      assert.same({ version = "nil" }, connect "closed_off")
    end)
  end)
end)
