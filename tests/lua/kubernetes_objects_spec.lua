-- The objects of a deployment in Kubernetes, as the plugin describes them: names, labels, pods, routes. That a cluster
-- takes them, and that they work, is in tests/kubernetes.
package.path = "./tests/support/?.lua;" .. package.path
local Parts = require "kubernetes_parts"

describe("the objects of a deployment in Kubernetes", function()
  local parts

  setup(function() parts = Parts.new() end)
  teardown(function() parts:remove() end)

  --- What the code says of the objects of deployment d1 with model m1 (see Parts.of_objects).
  local function of_objects(...) return parts:of_objects(...) end

  --- The message of the error with which objects cannot be made.
  local function problem_of(private, values)
    return parts:eval(([[
      local _, problem = objects.desired(context_of(self), deployment("d1", "m1", %s), IMAGE)
      return tostring(problem)]]):format(values or "nil"), private)
  end

  describe("the Deployment", function()
    it("replaces pods without a gap, and lets them end their requests", function()
      local seen = of_objects([[
        return { main.spec.strategy.rollingUpdate, main.spec.replicas, main.spec.progressDeadlineSeconds,
          pod.terminationGracePeriodSeconds, server.lifecycle, server.startupProbe, server.readinessProbe.httpGet,
          server.image, main.spec.selector.matchLabels["bosun/deployment"] }]],
        "startTimeout: 5m\ndrainTime: 20\nstopTimeout: 10\nminReadySeconds: 3\nreplicas: 2\n")
      assert.same({
        { maxUnavailable = 0, maxSurge = 1 }, 2, 363, 30, { preStop = { sleep = { seconds = 20 } } },
        { periodSeconds = 2, timeoutSeconds = 5, failureThreshold = 150,
          httpGet = { path = "/ping", port = 8080, scheme = "HTTP" } },
        { path = "/ping", port = 8080, scheme = "HTTP" }, "registry.example.com/models@sha256:" .. ("0"):rep(64),
        "dr-d1",
      }, seen)
    end)

    it("notes where the model came from without the credentials of its URL", function()
      local note = parts:eval [[
        local given = deployment("d1", "m1")
        given.info.modelArtifact = "https://user:s3cret@example.com/m1.mlpkg?X-Signature=s3cret"
        for _, object in ipairs(assert(objects.desired(context_of(self), given, IMAGE))) do
          if object.kind == "Deployment" then return object.metadata.annotations["bosun/info"] end
        end]]
      assert.matches("https://example.com/m1.mlpkg", note, 1, true)
      assert.is_nil(note:find("s3cret", 1, true), note)
    end)

    it("waits with a shell where the cluster cannot do that, and not at all with drainTime 0", function()
      local old = "{ cluster = { server_version = 'v1.29.3' } }"
      assert.same({ "/bin/sh", "-c", "sleep 10" }, of_objects("return server.lifecycle.preStop.exec.command", nil, old))
      assert.is_true(of_objects("return server.lifecycle == nil", "drainTime: 0\n"))
    end)

    it("passes the level restricted of Pod Security, and takes other contexts", function()
      local seen = of_objects "return { pod.securityContext, server.securityContext, pod.automountServiceAccountToken }"
      assert.same({
        { runAsNonRoot = true, runAsUser = 1000, seccompProfile = { type = "RuntimeDefault" } },
        { allowPrivilegeEscalation = false, capabilities = { drop = { "ALL" } } }, false,
      }, seen)
      assert.same({ { seccompProfile = { type = "RuntimeDefault" }, runAsNonRoot = false },
        { allowPrivilegeEscalation = true, privileged = true, capabilities = { drop = { "ALL" } } } },
        of_objects("return { pod.securityContext, server.securityContext }",
          "podSecurityContext: {runAsNonRoot: false}\nsecurityContext: {privileged: true}\n"))
      assert.same({ runAsNonRoot = true, fsGroup = 5, seccompProfile = { type = "RuntimeDefault" } },
        of_objects("return pod.securityContext", "podSecurityContext: {runAsUser: null, fsGroup: 5}\n"))
    end)

    it("has probes as configured", function()
      local seen = of_objects("return { server.startupProbe, server.readinessProbe, server.livenessProbe == nil }",
        "probes: {startup: {failureThreshold: 9}, readiness: {tcpSocket: {port: 8080}}, liveness: false}\n")
      assert.same({ 9, "/ping" }, { seen[1].failureThreshold, seen[1].httpGet.path })
      assert.same({ { port = 8080 }, nil, true }, { seen[2].tcpSocket, seen[2].httpGet, seen[3] })
    end)

    it("has each variable once, as text that nobody expands", function()
      local seen = of_objects([[
        local values = {}
        for _, variable in ipairs(server.env) do
          assert(values[variable.name] == nil, variable.name)
          values[variable.name] = variable.value or variable.valueFrom
        end
        return values]], [[
ppsEnvironment: {A: "$(HOME) $x", MLOPS_MODEL_ID: other, B: "1", C: "1"}
secretEnvironment: {B: hidden}
env: [{name: C, value: "$(A)"}, {name: D, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
]])
      assert.same({
        MLOPS_DEPLOYMENT_ID = "d1", MLOPS_MODEL_ID = "other", A = "$$(HOME) $$x", C = "$(A)",
        B = { secretKeyRef = { name = "dr-d1", key = "B" } }, D = { fieldRef = { fieldPath = "status.podIP" } },
      }, seen)
    end)

    it("has secrets in a Secret, whose change makes pods anew", function()
      local code = [[
        local annotations = main.spec.template.metadata.annotations
        local data = find(list, "Secret").data
        return { require("bosun.base64").decode(data.TOKEN) == self.config.secretEnvironment.TOKEN:reveal(),
          annotations["bosun/secrets"], list[1].kind }]]
      local one = of_objects(code, "secretEnvironment: {TOKEN: hushhush}\n")
      local other = of_objects(code, "secretEnvironment: {TOKEN: another}\n")
      assert.same({ true, "Secret" }, { one[1], one[3] })
      assert.is_truthy(one[2] and one[2] ~= other[2])
      assert.is_true(of_objects "return find(list, 'Secret') == nil and list[1] == main")
    end)

    it("is pulled with the credentials with which it was pushed, unless there are others", function()
      local code = "return pod.imagePullSecrets or {}"
      assert.same({ { name = "push" } }, of_objects(code, "kanikoSecretName: push\n"))
      assert.same({ { name = "pull" } }, of_objects(code, "kanikoSecretName: push\nimagePullSecrets: [pull]\n"))
      assert.same({}, of_objects(code))
    end)

    it("has what the config says of pods, and labels that nobody else sets", function()
      local seen = of_objects([[
        return { pod.nodeSelector, pod.tolerations, pod.affinity, pod.topologySpreadConstraints, pod.imagePullSecrets,
          pod.serviceAccountName, pod.volumes, server.volumeMounts, main.spec.template.metadata.labels,
          main.metadata.annotations["example.com/a"], main.metadata.labels.team }]], [[
nodeSelector: {gpu: "yes"}
tolerations: [{key: gpu, operator: Exists}]
affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
topologySpreadConstraints: [{topologyKey: zone}]
imagePullSecrets: [a]
serviceAccount: servers
volumes: [{name: v, emptyDir: {}}]
volumeMounts: [{name: v, mountPath: /v}]
labels: {team: ml, "bosun/deployment": "stolen"}
annotations: {"example.com/a": "b"}
]])
      assert.same({ { gpu = "yes" }, { { key = "gpu", operator = "Exists" } },
        { nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution = {} } } }, { seen[1], seen[2], seen[3] })
      assert.same({ "dr-d1", { { name = "a" } }, "servers", { { name = "v", emptyDir = {} } },
        { { name = "v", mountPath = "/v" } }, "dr-d1", "b", "ml" }, {
        seen[4][1].labelSelector.matchLabels["bosun/deployment"], seen[5], seen[6], seen[7], seen[8],
        seen[9]["bosun/deployment"], seen[10], seen[11] })
    end)
  end)

  describe("limits", function()
    local RESOURCES = "resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {memory: 2Gi}}\n"

    it("are those of the config, and of the deployment", function()
      assert.same({ requests = { cpu = "500m", memory = "1Gi" }, limits = { memory = "2Gi" } },
        of_objects("return server.resources", RESOURCES))
      assert.same({
        { requests = { cpu = "250m", memory = "536870912" },
          limits = { memory = "536870912", cpu = "250m", ["nvidia.com/gpu"] = "1" } }, 3,
      }, of_objects("return { server.resources, main.spec.replicas }", RESOURCES, nil,
        '{ memory = "512m", cpus = "0.25", gpus = 1, replicas = "3" }'))
      assert.is_true(of_objects "return server.resources == nil")
    end)

    it("that nobody understands are named with their key", function()
      for values, text in pairs {
        ['{ memory = "lots" }'] = "deploymentInfo.keyValueConfig.memory", ['{ cpus = "two" }'] = "keyValueConfig.cpus",
        ['{ gpus = "all" }'] = "Kubernetes chooses the GPUs", ['{ replicas = 0 }'] = "a number of pods from 1 to 1000",
        ['{ replicas = {} }'] = "keyValueConfig.replicas", ['{ cpus = "0.0001" }'] = "at least 0.001",
      } do
        local message = problem_of(nil, values)
        assert.is_truthy(message:find(text, 1, true), message)
      end
    end)
  end)

  describe("an autoscaler", function()
    local PRIVATE = "resources: {requests: {cpu: 1}}\nautoscaler: {minimum: 2, maximum: 5, cpu: 70}\n"

    it("has the number of pods to itself", function()
      local seen = of_objects("return { main.spec.replicas == nil, find(list, 'HorizontalPodAutoscaler').spec }",
        PRIVATE)
      assert.is_true(seen[1])
      assert.same({ 2, 5, "dr-d1", 70 }, { seen[2].minReplicas, seen[2].maxReplicas, seen[2].scaleTargetRef.name,
        seen[2].metrics[1].resource.target.averageUtilization })
    end)

    it("leaves a deployment alone that has a number of its own", function()
      assert.same({ 4, true }, of_objects("return { main.spec.replicas, find(list, 'HorizontalPodAutoscaler') == nil }",
        PRIVATE, nil, "{ replicas = 4 }"))
    end)

    it("needs a request for processors", function()
      local message = problem_of "autoscaler: {maximum: 5}\n"
      assert.is_truthy(message:find("4:13: autoscaler: it needs resources.requests.cpu", 1, true), message)
      assert.is_true(of_objects("return main.spec.replicas == nil", "autoscaler: {maximum: 5}\n", nil,
        '{ cpus = "1" }'))
    end)
  end)

  it("include a budget for pods", function()
    assert.same({ minAvailable = "50%", selector = { matchLabels = { ["bosun/deployment"] = "dr-d1",
      ["bosun/role"] = "server" } } }, of_objects("return find(list, 'PodDisruptionBudget').spec",
      "podDisruptionBudget: {minAvailable: 50%}\n"))
  end)

  describe("the digest", function()
    it("changes with what is served, and with nothing else", function()
      local digests = parts:eval [[
        local function digest(change, image, options)
          local d = deployment("d1", "m1", { cpus = "1" })
          change(d)
          local list = assert(objects.desired(context_of(self), d, image or IMAGE, options))
          return labels.read(find(list, "Deployment")).digest
        end
        local function nothing() end
        local other = { reference = IMAGE.reference, package = "other" }
        return { same = { digest(nothing), digest(nothing, nil, { stamp = "now" }),
            digest(function(d) d.info.modelArtifact = "/elsewhere" end) },
          different = { digest(nothing), digest(nothing, other), digest(function(d) d.model = "m2" end),
            digest(function(d) d.info.name = "new" end), digest(function(d) d.info.keyValueConfig.any = "1" end) } }]]
      for _, one in ipairs(digests.same) do assert.equal(digests.same[1], one) end
      local seen = {}
      for _, one in ipairs(digests.different) do
        assert.is_nil(seen[one])
        seen[one] = true
      end
    end)
  end)

  it("that lead to a model are of no deployment", function()
    assert.same({ "Deployment server", "Service server", "Ingress server", "Service model", "Ingress model" },
      of_objects [[
        local result = {}
        for i, object in ipairs(list) do result[i] = ("%s %s"):format(object.kind, labels.read(object).role) end
        return result]])
  end)

  it("that are no longer wanted are told", function()
    assert.same({ surplus = { "Ingress old" }, routes = { "m2", "d2" } }, parts:eval [[
      local context = context_of(self)
      local function model_route(model)
        return find(assert(objects.desired(context, deployment("d1", model), IMAGE)), "Ingress", "model")
      end
      local list = assert(objects.desired(context, deployment("d1", "m1"), IMAGE))
      local old = { kind = "Ingress", metadata = { name = "old", labels = { ["bosun/role"] = "server" } } }
      local surplus, routes = {}, {}
      for i, object in ipairs(objects.surplus({ list[1], old, model_route "m2" }, list)) do
        surplus[i] = object.kind .. " " .. object.metadata.name
      end
      local present = { model_route "m1", model_route "m2", model_route "d2" }
      for i, object in ipairs(objects.unneeded_routes(present, { d1 = "m1", d2 = "d2" })) do
        routes[i] = labels.read(object).model
      end
      return { surplus = surplus, routes = routes }]])
  end)

  it("of monitoring keep the token in a Secret, and are one set for an environment", function()
    local seen = parts:eval([[
      local monitoring = require "kubernetes.monitoring"
      local function desired(environment)
        local context = context_of(self, { monitored = true, environment = environment, plugin_config = {
          MLOPS_BOSUN_MONITORING_URL = "https://service", mlopsApiToken = "hush" } })
        return assert(monitoring.desired(context)), monitoring.channel(context), context
      end
      local list, channel, context = desired "env-1"
      local kinds = {}
      for i, object in ipairs(list) do kinds[i] = object.kind end
      local agent = list[#list].spec.template.spec.containers[1]
      local text = require("bosun.json").encode(list[#list])
      local server = find(assert(objects.desired(context, deployment("d1", "m1"), IMAGE)), "Deployment")
      local values = {}
      for _, variable in ipairs(server.spec.template.spec.containers[1].env) do
        values[variable.name] = variable.value
      end
      local token = require("bosun.base64").decode(list[4].data.MLOPS_API_TOKEN)
      return { kinds, list[2].metadata.name, channel.queue_url, token == "hush", text:find("hush", 1, true) == nil,
        desired("env-2")[1].metadata.name ~= list[1].metadata.name, values.MLOPS_RABBITMQ_QUEUE_URL, #agent.env }]],
      "agentImage: agent:1\n")
    assert.same({ "Deployment", "Service", "ConfigMap", "Secret", "Deployment" }, seen[1])
    assert.equal(("amqp://%s.ns.svc:5672"):format(seen[2]), seen[3])
    assert.same({ true, true, true, seen[3], 3 }, { seen[4], seen[5], seen[6], seen[7], seen[8] })
    assert.is_true(of_objects "return require('kubernetes.monitoring').channel(context) == nil")
  end)
end)
