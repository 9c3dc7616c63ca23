-- The objects of the kubernetes plugin on a real cluster, in a namespace that enforces the level restricted of Pod
-- Security: whether the API takes them with everything that the config can ask for, and whether predictions arrive by
-- each way of routing them.
package.path = "./tests/support/?.lua;./tests/kubernetes/support/?.lua;" .. package.path
local Bench = require "bench"
local Parts = require "kubernetes_parts"

local INGRESS = os.getenv "BOSUN_TEST_INGRESS" or "http://10.244.0.1:30080"
local PPS = (os.getenv "BOSUN_TEST_REGISTRY" or "10.244.0.1:5000") .. "/pps:1"

--- All that the config can ask for.
local EVERYTHING = [[
resources: {requests: {cpu: 10m, memory: 16Mi, ephemeral-storage: 1Mi}, limits: {cpu: 1, memory: 1Gi}}
nodeSelector: {"kubernetes.io/os": linux}
tolerations: [{key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 60}, {operator: Exists}]
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {a: b}}}
topologySpreadConstraints: [{topologyKey: kubernetes.io/hostname, maxSkew: 2, matchLabelKeys: [pod-template-hash]}]
podSecurityContext: {fsGroup: 1000, supplementalGroups: [5]}
securityContext: {readOnlyRootFilesystem: true}
serviceAccount: default
imagePullSecrets: [registry]
env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
ppsEnvironment: {PLAIN: "1"}
secretEnvironment: {TOKEN: hushhush}
volumes: [{name: tmp, emptyDir: {sizeLimit: 1Gi}}, {name: model, configMap: {name: model}}]
volumeMounts: [{name: tmp, mountPath: /tmp}, {name: model, mountPath: /opt/ml/model, readOnly: true}]
labels: {team: ml}
annotations: {"example.com/a": "any text"}
probes: {startup: {periodSeconds: 1}, readiness: {tcpSocket: {port: 8080}}, liveness: {exec: {command: ["true"]}}}
autoscaler: {minimum: 1, maximum: 3, cpu: 70}
podDisruptionBudget: {minAvailable: 50%}
ingressTLS: {secretName: certificate}
ingressAnnotations: {"example.com/b": c}
agentImage: agent:1
rabbitmqVolumeClaim: queue
monitoring: {resources: {limits: {cpu: 0.5}}, nodeSelector: {a: b}}
proof: url
]]

describe("the kubernetes plugin's objects", function()
  local bench, parts

  setup(function()
    bench, parts = Bench.new(), Parts.new()
    assert(os.execute(("kubectl --kubeconfig '%s' label namespace %s pod-security.kubernetes.io/enforce=restricted "
      .. ">/dev/null"):format(bench.kubeconfig, bench.namespace)))
    Parts.REQUIRED = ([[
outfacingPredictionURLPrefix: "%s/%s/deployments/"
ppsBaseImage: "%s"
generatedImageRepo: "localhost/models"
]]):format(INGRESS, bench.namespace, PPS)
    bench:eval [[
      assert(cluster:apply { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "model" },
        data = { ["m.mlpkg"] = "model: A\n" } })]]
  end)
  teardown(function()
    if bench then
      bench:close()
      parts:remove()
    end
  end)

  --- Runs code with `cluster`, and `context` for it.
  local function run(code, private, kubeconfig)
    return parts:eval(([[
      local cluster <close> = assert(require("bosun.kubernetes").connect { config_file = %q, namespace = %q })
      local context = context_of(self, { cluster = cluster, namespace = cluster.namespace })
      context.routing = nil
      %s]]):format(kubeconfig or bench.kubeconfig, bench.namespace, code), private)
  end

  it("are taken by the API, with all that the config can ask for, however predictions are routed", function()
    for _, way in ipairs { "ingressClass: traefik\n", "ingressClass: nginx\n",
      "gateway: {name: web, namespace: kube-system, sectionName: web}\n" } do
      local seen = run([[
        local monitoring = require "kubernetes.monitoring"
        context.monitored = true
        context.plugin_config = { MLOPS_BOSUN_MONITORING_URL = "https://service", mlopsApiToken = "hush" }
        assert(routes.resolve(context))
        local count = 0
        for _, list in ipairs { assert(objects.desired(context, deployment("D/1", "m:1", { cpus = "0.5" }),
          { reference = "x@sha256:" .. ("0"):rep(64) })), assert(monitoring.desired(context)) } do
          for _, object in ipairs(list) do
            assert(cluster:apply(object, { check = true }))
            count = count + 1
          end
        end
        return count]], EVERYTHING .. way)
      assert.is_truthy(seen >= 12, way)
    end
  end)

  local SERVE = [[
volumes: [{name: model, configMap: {name: model}}]
volumeMounts: [{name: model, mountPath: /opt/ml/model}]
ppsEnvironment: {MONEY: "$(HOME) $$"}
startTimeout: 60
minReadySeconds: 0
proof: url
]]

  it("serve at both paths, whoever routes", function()
    for class, way in pairs {
      traefik = "ingressClass: traefik\n", nginx = "ingressClass: nginx\n",
      gateway = "gateway: {name: web, namespace: kube-system}\n",
    } do
      local seen = run(([[
        local http, wait = require "bosun.http", require "bosun.wait"
        assert(routes.resolve(context))
        local one = deployment("%s-1", "Model.%s~1")
        for _, object in ipairs(assert(objects.desired(context, one, { reference = %q }))) do
          assert(cluster:apply(object))
        end
        local name = names.object("dr-", one.id)
        assert(cluster:follow_rollout(name, { timeout = 60 }))
        local base = routes.prediction_url(context, one.id):gsub("/[^/]+/predict$", "/")
        local function ask(method, path)
          local body = assert(wait.poll(function()
            local sent = method == "POST" and "{}" or nil
            local answer, err = http.request { method = method, url = base .. path, body = sent }
            local is_there = answer and answer.status ~= 404 and answer.status < 500
            return is_there and answer.body, answer and tostring(answer.status) or err and err.message
          end, { timeout = 30, interval = 0.2, what = path }))
          return body
        end
        local answers = { ask("POST", one.id .. "/predict"), ask("POST", one.model .. "/predict"),
          ask("GET", one.id .. "/info") }
        local pod = assert(cluster:list("Pod", { labels = labels.pods(context, one.id) }))[1]
        local printed = assert(cluster:exec(pod.metadata.name, { "sh", "-c", 'echo "$MONEY"' })).stdout
        return { answers = answers, printed = printed, missing = assert(http.get(base .. one.id .. "/ping")).status }
      ]]):format(class, class, PPS), SERVE .. way)
      assert.same({ 3, "$(HOME) $$\n", 404 }, { #seen.answers, seen.printed, seen.missing }, class)
      for _, answer in ipairs(seen.answers) do
        assert.is_truthy(answer:find(('"deploymentId": "%s-1"'):format(class), 1, true), answer)
      end
    end
  end)

  describe("who routes", function()
    local RESOLVE = [[
      local routing, err = routes.resolve(context)
      return routing or tostring(err)]]

    local function assert_says(text, private, kubeconfig)
      local seen = run(RESOLVE, private, kubeconfig)
      assert.is_truthy(type(seen) == "string" and seen:find(text, 1, true), tostring(seen))
    end

    it("is the cluster's default class, or the one of the config", function()
      local routing = run(RESOLVE)
      assert.same({ class = "traefik", controller = "traefik", middleware = "traefik.io/v1alpha1" }, routing)
      assert.same({ class = "nginx", controller = "ingress-nginx" }, run(RESOLVE, "ingressClass: nginx\n"))
      assert.same({ class = "any", controller = "other" }, run(RESOLVE,
        "ingressClass: any\ningressController: other\n"))
    end)

    it("is named with those that there are, when it is not there", function()
      assert_says('4:15: ingressClass: cannot route predictions: the cluster has no ingress class "ngnix"; there are: ',
        "ingressClass: ngnix\n")
      assert_says('did you mean "nginx"?', "ingressClass: ngnix\n")
      assert_says('no Gateway is named "nowhere" in namespace kube-system',
        "gateway: {name: nowhere, namespace: kube-system}\n")
    end)

    it("has to be said where classes may not be read", function()
      local file = bench:kubeconfig_of "reader"
      assert_says("expected a class: the cluster has no default class, or it cannot be read", nil, file)
      assert_says("expected a controller", "ingressClass: internal\n", file)
      assert.equal("ingress-nginx", run(RESOLVE, "ingressClass: nginx\n", file).controller)
      bench:eval [[
        local rbac = "rbac.authorization.k8s.io"
        assert(cluster:apply { apiVersion = rbac .. "/v1", kind = "RoleBinding", metadata = { name = "admin" },
          roleRef = { apiGroup = rbac, kind = "ClusterRole", name = "admin" },
          subjects = { { kind = "ServiceAccount", name = "reader", namespace = cluster.namespace } } })]]
      assert.equal("traefik", run(RESOLVE, nil, file).class)
    end)
  end)
end)
