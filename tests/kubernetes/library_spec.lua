-- bosun.kubernetes on a real cluster, with pods that run (tests/kubernetes/cluster). What a healthy API server never
-- says is in tests/lua/kubernetes_faults_spec.lua.
package.path = "./tests/support/?.lua;./tests/kubernetes/support/?.lua;" .. package.path
local Bench = require "bench"

describe("bosun.kubernetes", function()
  local bench

  setup(function() bench = Bench.new() end)
  teardown(function()
    if bench then bench:close() end
  end)

  local function run(code, more) return bench:eval(code, more) end

  local function assert_failure(code, texts, failure)
    assert.equal(code, failure.code, failure.message)
    assert.equal("kubernetes", failure.op)
    for _, text in ipairs(texts) do assert.is_truthy(failure.message:find(text, 1, true), failure.message) end
  end

  describe("a cluster", function()
    it("tells what it is", function()
      local seen = run "return { cluster.server_version, cluster:ready(), cluster.namespace, cluster.server }"
      assert.is_truthy(seen[1]:find "^v1%.%d+%.%d+" and seen[4]:find "^https://", seen[1])
      assert.same({ true, bench.namespace }, { seen[2], seen[3] })
    end)

    it("takes any call, and knows its kinds", function()
      local seen = run [[
        return { assert(cluster:call("GET", "/api/v1")).kind, cluster:knows "autoscaling/v2/HorizontalPodAutoscaler",
          cluster:knows "autoscaling/v1/HorizontalPodAutoscaler", cluster:knows "example.com/v1/Thing",
          failure(cluster:list "example.com/v1/Thing"), failure(cluster:call("GET", "/nowhere", { what = "look" })),
          select(2, pcall(cluster.get, cluster, "Deploymnt", "x")) }
      ]]
      assert.same({ "APIResourceList", true, true, false }, { seen[1], seen[2], seen[3], seen[4] })
      assert_failure("NotFound", { "does not know the kind example.com/v1/Thing" }, seen[5])
      assert_failure("NotFound", { "look: " }, seen[6])
      assert.is_truthy(seen[7]:find('kind "Deploymnt": expected one of Kubernetes itself', 1, true), seen[7])
    end)

    it("is closed", function()
      assert.is_truthy(run([[
        cluster:close()
        cluster:close()
        return select(2, pcall(cluster.get, cluster, "Pod", "x"))
      ]]):find "closed")
    end)
  end)

  describe("an object", function()
    it("is applied, again, changed and removed", function()
      local seen = run [[
        local function map(data) return config_map("one", data) end
        local first = assert(cluster:apply(map { a = "1", b = "2" }))
        local again = assert(cluster:apply(map { a = "1", b = "2" }))
        local less = assert(cluster:apply(map { a = "3" }))
        local patched = assert(cluster:patch("ConfigMap", "one", { data = { c = "4" } }))
        local results = { first.metadata.resourceVersion == again.metadata.resourceVersion, less.data, patched.data,
          assert(cluster:get("ConfigMap", "one")).data.c, cluster:delete("ConfigMap", "one"),
          cluster:wait_gone("ConfigMap", "one"), cluster:delete("ConfigMap", "one"),
          failure(cluster:get("ConfigMap", "one")) }
        return results
      ]]
      assert.same({ true, { a = "3" }, { a = "3", c = "4" }, "4", true, true, true }, table.move(seen, 1, 7, 1, {}))
      assert_failure("NotFound", {
        "get config map one in namespace ", ': configmaps "one" not found (404 NotFound from https://',
      }, seen[8])
      assert.equal(404, seen[8].status)
    end)

    it("that exists is not created, and keeps what others own", function()
      local seen = run [[
        local map = config_map("owned", { a = "1" })
        assert(cluster:create(map))
        map.data.a = "2"
        local mine = { field_manager = "mine", force = false }
        local results = { failure(cluster:create(map)), failure(cluster:apply(map, mine)) }
        results[3] = assert(cluster:apply(map)).data.a
        map.metadata = { generateName = "made-" }
        results[4] = assert(cluster:create(map)).metadata.name
        return results
      ]]
      assert_failure("AlreadyExists", { 'create config map owned in namespace ' }, seen[1])
      assert_failure("Conflict", { "apply config map owned in namespace ", ".data.a" }, seen[2])
      assert.equal("FieldManagerConflict", seen[2].causes[1].reason)
      assert.equal("2", seen[3])
      assert.is_truthy(seen[4]:find "^made%-.")
    end)

    it("that is wrong is refused, in a check, too", function()
      local seen = run [[
        local d = deployment("wrong", shell "true")
        local checked = assert(cluster:apply(d, { check = true }))
        local results = { checked.metadata.name, failure(cluster:get("Deployment", "wrong")) }
        d.spec.nonsense = 1
        results[3] = failure(cluster:apply(d))
        d.spec.nonsense = nil
        assert(cluster:apply(d))
        d.spec.selector.matchLabels.app, d.spec.template.metadata.labels.app = "other", "other"
        results[4] = failure(cluster:apply(d))
        assert(cluster:delete("Deployment", "wrong"))
        results[5] = failure(cluster:apply(config_map "Not_a_name"))
        results[6] = failure(cluster:get("ConfigMap", "../secrets/x"))
        return results
      ]]
      assert.equal("wrong", seen[1])
      assert_failure("NotFound", {}, seen[2])
      assert_failure("Invalid", { ".spec.nonsense: field not declared in schema" }, seen[3])
      assert_failure("Invalid", { "field is immutable" }, seen[4])
      assert_failure("Invalid", { "metadata.name" }, seen[5])
      assert_failure("invalid", { "is not a valid name" }, seen[6])
    end)

    it("is removed with what it owns, and only if it is the right one", function()
      local seen = run [[
        local d = assert(cluster:apply(deployment("owner", shell "sleep 1000")))
        assert(cluster:follow_rollout("owner"))
        local other = failure(cluster:delete("Deployment", "owner", { uid = "12345678-1234-1234-1234-123456789012" }))
        assert(cluster:delete("Deployment", "owner", { propagation = "Foreground", uid = d.metadata.uid }))
        local gone = cluster:wait_gone("Deployment", "owner", { timeout = 60 })
        return { other, gone, #assert(cluster:list("Pod", { labels = { app = "owner" } })) }
      ]]
      assert_failure("Conflict", { "delete deployment owner in namespace " }, seen[1])
      assert.same({ true, 0 }, { seen[2], seen[3] })
    end)

    it("that does not go is waited for no longer than that", function()
      local seen = run [[
        local map = config_map "stays"
        map.metadata.finalizers = { "test/stays" }
        assert(cluster:apply(map))
        assert(cluster:delete("ConfigMap", "stays"))
        local late = failure(cluster:wait_gone("ConfigMap", "stays", { timeout = 0.3, interval = 0.1 }))
        assert(cluster:patch("ConfigMap", "stays", { metadata = { finalizers = require("bosun.json").null } }))
        return { late, cluster:wait_gone("ConfigMap", "stays") }
      ]]
      assert_failure("timeout", { "delete ConfigMap stays", "it waits for test/stays" }, seen[1])
      assert.is_true(seen[2])
    end)
  end)

  describe("objects", function()
    it("are listed in pages, by label, as much of each as is wanted", function()
      local seen = run [[
        for i = 1, 25 do
          local map = config_map(("listed-%02d"):format(i), { text = ("x"):rep(10000) })
          map.metadata.labels = { list = "yes", half = i % 2 == 0 and "even" or "odd", last = i == 25 and "x" or nil }
          assert(cluster:apply(map))
        end
        local function count(labels) return #assert(cluster:list("ConfigMap", { labels = labels, page = 10 })) end
        local list, version = assert(cluster:list("ConfigMap", { labels = "list=yes", page = 7 }))
        local bare = assert(cluster:list("ConfigMap", { labels = { list = "yes" }, metadata_only = true }))
        local function keep(map) return #map.data.text end
        local kept = assert(cluster:list("ConfigMap", { labels = { last = true }, keep = keep }))
        return { count { list = "yes" }, count { list = "yes", half = "odd" }, count { half = { "odd", "even" } },
          count { list = "yes", last = false }, count { list = "no" }, list[1].kind, list[25].metadata.name,
          version ~= nil, bare[1].data == nil and bare[1].metadata.name, kept,
          #assert(cluster:list("Pod", { namespace = false })) >= 0,
          #assert(cluster:list("ConfigMap", { fields = "metadata.name=listed-03" })) }
      ]]
      assert.same({ 25, 13, 25, 24, 0, "ConfigMap", "listed-25", true, "listed-01", { 10000 }, true, 1 }, seen)
    end)

    it("are watched, from those there are to those that come and go", function()
      assert.same({ "ADDED w1", "ADDED w2", "MODIFIED w1", "DELETED w2" }, run [[
        local function map(name, text)
          local object = config_map(name, { a = text })
          object.metadata.labels = { watch = "yes" }
          return object
        end
        assert(cluster:apply(map("w1", "1")))
        local events, steps = {}, {
          function() assert(cluster:apply(map("w2", "1"))) end,
          function() assert(cluster:apply(map("w1", "2"))) end,
          function() assert(cluster:delete("ConfigMap", "w2")) end,
        }
        assert(cluster:watch("ConfigMap", function(event, object)
          events[#events + 1] = event .. " " .. object.metadata.name
          local step = table.remove(steps, 1)
          if not step then return false end
          step()
        end, { labels = { watch = "yes" }, cycle = 2, timeout = 60 }))
        return events
      ]])
    end)
  end)

  describe("rights", function()
    it("that are missing are named", function()
      local seen = run([[
        local all = { { verb = "create", resource = "deployments.apps" }, { verb = "get", resource = "pods/log" },
          { verb = "get", resource = "pods" }, { verb = "list", resource = "secrets" } }
        return { assert(cluster:missing_rights(all)), failure(cluster:list "Secret"),
          failure(cluster:get("Pod", "none")),
          #assert(cluster:list "Pod") >= 0, cluster.user }
      ]], { as = "reader" })
      assert.same({ { verb = "create", resource = "deployments.apps" }, { verb = "list", resource = "secrets" } },
        seen[1])
      assert_failure("Forbidden", { "list secrets in namespace ", 'cannot list resource "secrets"' }, seen[2])
      assert_failure("NotFound", {}, seen[3])
    end)
  end)

  describe("a pod", function()
    it("has a log, whole or followed", function()
      local seen = run [[
        run_pod("talks", shell "for i in 1 2 3 4 5; do echo line $i; done; sleep 1000")
        local lines = {}
        assert(cluster:follow_logs("talks", function(line)
          lines[#lines + 1] = line
          return #lines < 5
        end))
        return { lines, cluster:logs("talks", { tail = 2 }), #assert(cluster:logs("talks", { max_bytes = 10 })),
          assert(cluster:logs("talks", { tail = 1, timestamps = true })),
          failure(cluster:logs("talks", { container = "x" })), failure(cluster:logs "none"),
          failure(cluster:logs("talks", { previous = true })) }
      ]]
      assert.same({ "line 1", "line 2", "line 3", "line 4", "line 5" }, seen[1])
      assert.same({ "line 4\nline 5\n", 10 }, { seen[2], seen[3] })
      assert.is_truthy(seen[4]:find "^20%d%d%-.*Z line 5\n$", seen[4])
      assert_failure("BadRequest", { "container x is not valid" }, seen[5])
      assert_failure("NotFound", { "read the log of pod none" }, seen[6])
      assert_failure("BadRequest", { "previous terminated container" }, seen[7])
    end)

    it("runs commands, with input and output of any size at the same time", function()
      local seen = run [[
        run_pod("works", shell "sleep 1000")
        local function exec(argv, options) return failure(cluster:exec("works", argv, options)) end
        local piece, count, back = ("0123456789abcdef"):rep(16384), 0, 0
        local echo = exec({ "cat" }, { timeout = 120,
          stdin = function() count = count + 1; return count <= 64 and piece or nil end,
          on_output = function(bytes) back = back + #bytes end })
        return {
          exec({ "sh", "-c", "echo out; echo 'err;x' >&2; exit 3" }),
          exec({ "printf", "%s|", "a b", ";", "&c=d", "é" }),
          exec({ "wc", "-c" }, { stdin = piece }), echo.value, back == 64 * #piece,
          exec({ "sh", "-c", "yes | head -c 100000" }, { max_output = 10 }),
          exec({ "sh", "-c", "tty >/dev/null && echo yes; echo x >&2" }, { tty = true }),
          exec({ "yes" }, { on_output = function() return false end }),
          exec({ "/nowhere" }), exec({ "true" }, { container = "x" }), exec({ "sleep", "100" }, { timeout = 0.5 }),
          failure(cluster:exec("none", { "true" })),
        }
      ]]
      assert.same({ code = 3, stdout = "out\n", stderr = "err;x\n" }, seen[1].value)
      assert.equal("a b|;|&c=d|é|", seen[2].value.stdout)
      assert.equal("262144\n", seen[3].value.stdout)
      assert.same({ code = 0, stdout = "", stderr = "" }, seen[4])
      assert.is_true(seen[5])
      assert.same({ "y\ny\ny\ny\ny\n", "yes\r\nx\r\n", true },
        { seen[6].value.stdout, seen[7].value.stdout, seen[8].value.stopped })
      assert.is_truthy(seen[9].message:find("run /nowhere in pod works in namespace ", 1, true), seen[9].message)
      assert_failure("BadRequest", { "container x is not valid" }, seen[10])
      assert_failure("timeout", { "did not finish within 0.5 s" }, seen[11])
      assert_failure("NotFound", { "run true in pod none in namespace " }, seen[12])
    end)

    it("is attached to, and learns the end of its input", function()
      assert.same({ { code = 0, stdout = "1048576\n", stderr = "" }, "Succeeded" }, run [[
        local pod = pod("reads", shell "wc -c")
        pod.spec.restartPolicy = "Never"
        pod.spec.containers[1].stdin, pod.spec.containers[1].stdinOnce = true, true
        start_pod(pod)
        local result = assert(cluster:attach("reads", { stdin = ("0123456789abcdef"):rep(65536) }))
        local phase
        assert(cluster:watch("Pod", function(_, object)
          phase = object.status.phase
          return phase ~= "Succeeded"
        end, { name = "reads", timeout = 60 }))
        return { result, phase }
      ]])
    end)

    it("is reached at its ports", function()
      local seen = run [[
        run_pod("serves", shell "mkdir /tmp/w; echo served >/tmp/w/index.html; httpd -f -p 8080 -h /tmp/w")
        local retry = require "bosun.retry"
        local reply = retry.run(function()
          local connection <close> = assert(cluster:port_forward("serves", 8080))
          assert(connection:send "GET / HTTP/1.0\r\n\r\n")
          local bytes, all = nil, ""
          repeat
            bytes = connection:recv { timeout = 20 }
            all = all .. (bytes or "")
          until not bytes
          return all:find "served" and all
        end, { max = 20, backoff = 0.2 })
        local closed <close> = assert(cluster:port_forward("serves", 81))
        closed:send "x"
        return { reply, failure(closed:recv { timeout = 20 }), failure(cluster:port_forward("none", 80)) }
      ]]
      assert.is_truthy(seen[1]:find "^HTTP/1.%d 200 OK.*\nserved\n$", seen[1])
      assert_failure("connect", { "connect to port 81 of pod serves in namespace ", "refused" }, seen[2])
      assert_failure("NotFound", { "connect to port 80 of pod none in namespace " }, seen[3])
    end)
  end)

  describe("a rollout", function()
    --- Follows the rollout of such a deployment, which never becomes ready: the failure.
    local function follow(name, cmd, container, spec)
      return run(([[
        local d = deployment(%q, shell %q, %s)
        d.spec.template.spec.containers[1].readinessProbe = { exec = { command = { "false" } } }
        for key, value in pairs(%s) do d.spec[key] = value end
        assert(cluster:apply(d))
        return failure(cluster:follow_rollout(%q, { interval = 0.2, patience = 2, timeout = 60 }))
      ]]):format(name, cmd, container or "{}", spec or "{}", name))
    end

    it("is followed to its end, the first and a replacement", function()
      local seen = run [[
        local probe = { exec = { command = { "true" } }, periodSeconds = 1 }
        local d = deployment("rolls", shell "sleep 1000", { readinessProbe = probe })
        d.spec.replicas = 2
        assert(cluster:apply(d))
        local notes = {}
        local function note(text) notes[#notes + 1] = text end
        local first = assert(cluster:follow_rollout("rolls", { interval = 0.2, on_progress = note }))
        d.spec.template.spec.containers[1].env = { { name = "NEW", value = "1" } }
        assert(cluster:apply(d))
        local second = assert(cluster:follow_rollout("rolls", { interval = 0.2 }))
        local old = 0
        for _, p in ipairs(assert(cluster:list("Pod", { labels = { app = "rolls" } }))) do
          if not p.spec.containers[1].env and not p.metadata.deletionTimestamp then old = old + 1 end
        end
        return { first.status.availableReplicas, second.status.updatedReplicas, old, notes }
      ]]
      assert.same({ 2, 2, 0 }, { seen[1], seen[2], seen[3] })
      assert.is_truthy(table.concat(seen[4], " "):find "waiting for new pods")
    end)

    it("fails with the pod's own reason", function()
      local image = follow("no-image", "true", '{ image = REGISTRY .. "/none:1" }')
      assert.is_truthy(image.code == "ErrImagePull" or image.code == "ImagePullBackOff", image.message)
      assert.is_truthy(image.message:find "^rollout of deployment no%-image in namespace .*: pod no%-image%-.*, con")
      local crash = follow("crashes", "echo starting; echo cannot >&2; exit 3")
      assert_failure("CrashLoopBackOff",
        { "it keeps ending: exit status 3; its last lines:\n", "starting", "cannot" }, crash)
      assert_failure("OOMKilled", { "exit status 137" },
        follow("grows", "x=a; while :; do x=$x$x; done", '{ resources = { limits = { memory = "16Mi" } } }'))
      assert_failure("Unschedulable", { "0/1 nodes are available: 1 Insufficient memory" },
        follow("large", "true", '{ resources = { requests = { memory = "900Gi" } } }'))
      assert_failure("CreateContainerConfigError", { 'configmap "none" not found' },
        follow("unconfigured", "true", '{ envFrom = { { configMapRef = { name = "none" } } } }'))
      assert_failure("ProgressDeadlineExceeded", { "has timed out progressing" }, follow("slow", "sleep 1000", "{}",
        "{ progressDeadlineSeconds = 2 }"))
      assert_failure("timeout", { "not finished within 0.5 s; it waits for new pods: 0 of 1 ready" }, run [[
        local probe = { exec = { command = { "false" } } }
        assert(cluster:apply(deployment("waits", shell "sleep 1000", { readinessProbe = probe })))
        assert(cluster:watch("Pod", function(_, p) return p.status.phase ~= "Running" end,
          { labels = { app = "waits" }, timeout = 60 }))
        return failure(cluster:follow_rollout("waits", { timeout = 0.5, interval = 0.1 }))
      ]])
      assert_failure("NotFound", { 'get deployment none' }, run [[return failure(cluster:follow_rollout "none")]])
    end)

    it("is stopped by a quota, or by one who may not see ReplicaSets", function()
      local seen = run [[
        local spec = { hard = { pods = "0" } }
        assert(cluster:apply { apiVersion = "v1", kind = "ResourceQuota", metadata = { name = "none" }, spec = spec })
        for _ = 1, 100 do
          local quota = assert(cluster:get("ResourceQuota", "none"))
          if quota.status and quota.status.hard then break end
          time.sleep(0.1)
        end
        assert(cluster:apply(deployment("too-many", shell "true")))
        local result = failure(cluster:follow_rollout("too-many", { interval = 0.2, patience = 1 }))
        assert(cluster:delete("ResourceQuota", "none"))
        return result
      ]]
      assert_failure("FailedCreate", { "exceeded quota" }, seen)
      run [[
        local probe = { exec = { command = { "false" } } }
        assert(cluster:apply(deployment("unseen", shell "exit 1", { readinessProbe = probe })))
      ]]
      assert_failure("CrashLoopBackOff", { "pod unseen-" },
        run([[return failure(cluster:follow_rollout("unseen", { interval = 0.2 }))]], { as = "reader" }))
    end)
  end)

  describe("a dry run", function()
    it("changes nothing, and says what it would", function()
      local seen = run([[
        local map = config_map "dry"
        local connection <close> = assert(cluster:port_forward("p", 80))
        return { cluster:apply(map).metadata.name, cluster:create(map).metadata.name,
          cluster:patch("ConfigMap", "dry", {}), cluster:delete("ConfigMap", "dry"), cluster:follow_rollout "dry",
          cluster:exec("p", { "rm", "x" }).code,
          cluster:attach("p", { stdin = "x" }).code, connection:send "x", cluster:wait_gone("ConfigMap", "dry"),
          cluster:call("POST", "/x", { what = "tidy up", dry_run = "dry" }),
          failure(cluster:get("ConfigMap", "dry")).code,
          #assert(cluster:missing_rights { { verb = "get", resource = "pods" } }),
          assert(cluster:apply(map, { check = true })).metadata.name }
      ]], { args = { "--dry-run" } })
      assert.same({ "dry", "dry", true, true, true, 0, 0, true, true, "dry", "NotFound", 0, "dry" }, seen)
      local log = bench.workspace:read "stderr"
      for _, text in ipairs {
        "kubernetes.apply config map dry in namespace ", "kubernetes.exec rm x in pod p in namespace ",
        "kubernetes.delete config map dry", "kubernetes.post tidy up", "kubernetes.port_forward port 80 of pod p",
      } do
        assert.is_truthy(log:find(text, 1, true), text)
      end
    end)
  end)

  it("shows no credentials, in the trace neither", function()
    local trace = bench.workspace:path "trace"
    run("assert(cluster:list 'Pod'); return true", { as = "reader", args = { "--trace", trace } })
    local text = assert(bench.workspace:read "trace")
    assert.is_truthy(text:find("/api/v1/namespaces/" .. bench.namespace .. "/pods", 1, true), text)
    assert.is_nil(text:find(bench:token "reader", 1, true))
  end)
end)
