-- The private config of the kubernetes plugin: what it takes, and how it says what is wrong.
package.path = "./tests/support/?.lua;" .. package.path
local Parts = require "kubernetes_parts"

describe("the kubernetes plugin's private config", function()
  local parts

  setup(function() parts = Parts.new() end)
  teardown(function() parts:remove() end)

  --- These lines after the required ones have each of these problems, and no other.
  local function refuses(lines, ...)
    local text = parts:problems(Parts.REQUIRED .. lines)
    local count = select("#", ...)
    for i = 1, count do
      local expected = select(i, ...)
      assert.is_truthy(text:find(expected, 1, true), ("%s\nnot in: %s"):format(expected, text))
    end
    local _, found = text:gsub("%f[^\n\0]%d+:%d+: ", "")
    assert.equal(count, found, text)
  end

  it("needs three keys, and has defaults for the rest", function()
    local text = parts:problems "kubeNamespace: null\n"
    for _, key in ipairs { "generatedImageRepo", "outfacingPredictionURLPrefix", "ppsBaseImage" } do
      assert.is_truthy(text:find(key .. ": missing", 1, true), text)
    end
    assert.same({
      "IN_CLUSTER", "kaniko", "gcr.io/kaniko-project/executor:v1.5.2", "default", "dr-", 1, 600.0, "server",
    }, parts:eval [[
      local c = self.config
      return { c.kubeConfigContext, c.imageBuilder, c.kanikoImage, c.kanikoServiceAccount, c.objectNamePrefix,
        c.replicas, c.startTimeout, c.proof }]])
  end)

  it("takes everything that pods may have", function()
    assert.same({ "2", 500, true }, parts:eval("return { self.config.resources.limits.cpu, "
      .. "self.config.tolerations[1].tolerationSeconds, self.config.affinity.nodeAffinity ~= nil }", [[
kubeConfigFile: "/x"
kubeNamespace: "ns"
ingressClass: "nginx"
ingressController: "other"
ingressHost: "*"
ingressPath: "/x/"
ingressAnnotations: {"example.com/x": "y"}
ingressTLS: {}
resources:
  requests: {cpu: 500m, memory: 1Gi, "nvidia.com/gpu": 1}
  limits: {cpu: "2", memory: 1.5Gi, "nvidia.com/gpu": 1}
nodeSelector: {"kubernetes.io/arch": "amd64", empty: ""}
tolerations: [{key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 500}, {operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}
topologySpreadConstraints: [{topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: DoNotSchedule}]
podSecurityContext: {runAsUser: null, fsGroup: 5}
securityContext: {readOnlyRootFilesystem: true}
serviceAccount: "servers"
imagePullSecrets: ["registry.credentials"]
priorityClassName: "high"
runtimeClassName: "nvidia"
env: [{name: A, value: "1"}, {name: B, valueFrom: {secretKeyRef: {name: x, key: y}}}]
volumes: [{name: data, persistentVolumeClaim: {claimName: x}}, {name: tmp, emptyDir: {}}]
volumeMounts: [{name: data, mountPath: /data, readOnly: true}, {name: tmp, mountPath: /tmp}]
labels: {team: ml}
annotations: {"example.com/any": "text, with spaces"}
probes: {startup: {failureThreshold: 3}, readiness: {exec: {command: [x]}}, liveness: false}
autoscaler: {maximum: 5}
podDisruptionBudget: {maxUnavailable: "25%"}
secretEnvironment: {TOKEN: "secret"}
builder: {resources: {limits: {memory: 4Gi}}, nodeSelector: {build: "yes"}, env: [{name: GOGC, value: "50"}]}
monitoring: {nodeSelector: {a: b}, resources: {requests: {cpu: 0.1}}}
]]))
  end)

  it("names the mistakes of people at their places, and what was probably meant", function()
    refuses("ingresClass: x\n", '4:1: ingresClass: unknown key; did you mean "ingressClass"?')
    refuses("resources:\n  requests: {memory: 12MB}\n  limit: {}\n",
      '5:22: resources.requests.memory: expected an amount such as "500m", "1.5" or "2Gi" ("Mi" and "Gi", without "B")',
      '6:3: resources.limit: unknown key; did you mean "limits"?')
    refuses("resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}\n",
      "4:12: resources: requests.cpu is more than limits.cpu")
    refuses("tolerations: [{operater: Exists}, {effect: NoSchedul}]\n",
      '4:16: tolerations[1].operater: unknown key; did you mean "operator"?', 'did you mean "NoSchedule"?')
    refuses("affinity: {nodeAffinty: {}}\n", 'affinity: unknown key "nodeAffinty"; did you mean "nodeAffinity"?')
    refuses("nodeSelector: {disks: 5}\n",
      "nodeSelector.disks: expected a string, found the integer 5: put it in quotes")
    refuses("topologySpreadConstraints: [{maxSkew: 1}]\n", "topologySpreadConstraints[1].topologyKey: missing")
    refuses("securityContext: {runAsUsr: 1}\n", 'unknown key "runAsUsr"; did you mean "runAsUser"?')
    refuses("podSecurityContext: {privileged: true}\n", "privileged belongs in securityContext")
    refuses("securityContext: {fsGroup: 1}\n", "fsGroup belongs in podSecurityContext")
    refuses("probes: {readyness: {}}\n", 'probes.readyness: unknown key; did you mean "readiness"?')
    refuses("probes: {startup: {periodSecond: 1}}\n", 'unknown key "periodSecond"; did you mean "periodSeconds"?')
    refuses("probes: {liveness: true}\n", "expected a mapping such as {periodSeconds: 10}, or false: none")
    refuses("imageBuilder: kanico\n", 'found the string "kanico"; did you mean "kaniko"?')
    refuses("builder: {resurces: {}}\n", 'builder.resurces: unknown key; did you mean "resources"?')
    refuses("replicas: 0\n", "replicas: expected an integer from 1 to 1000")
    refuses("gateway: {}\n", "gateway.name: missing")
  end)

  it("checks variables, volumes and where they are mounted", function()
    refuses("env: [{name: A, value: 5}]\n", "env[1]: value: expected a string: put it in quotes")
    refuses("env: [{name: A, vale: x}]\n", 'unknown key "vale"; did you mean "value"?')
    refuses("env: [{name: A}, {name: A}]\n", 'env: the name "A" appears twice')
    refuses("env: [{name: A B}]\n", '"A B" is not a valid name of an environment variable')
    refuses("ppsEnvironment: {A=B: c}\n", '"A=B" is not a valid name of an environment variable')
    refuses("volumes: [{name: v}]\n", "expected one source of the volume, such as emptyDir: {}")
    refuses("volumes: [{name: v, emptyDirs: {}}]\n", 'unknown key "emptyDirs"; did you mean "emptyDir"?')
    refuses("volumes: [{name: v, emptyDir: {}, secret: {}}]\n", "expected one source")
    refuses("volumes: [{name: v, emptyDir: }]\n", "emptyDir: expected a mapping, found null")
    refuses("volumes: [{name: v, emptyDir: {}}]\nvolumeMounts: [{name: w, mountPath: /x}]\n",
      'volumeMounts: no volume is named "w"; there are: v')
    refuses("builder: {volumeMounts: [{name: w, mountPath: /x}]}\n", 'no volume is named "w"; there are: none')
  end)

  it("takes no name that the API would refuse", function()
    refuses('kubeNamespace: "my.ns"\n', '"my.ns" is not a valid name')
    refuses('kanikoSecretName: "Bad_Name"\n', '"Bad_Name" is not a valid name')
    refuses('labels: {"a b": c, ok: "x y"}\n', '"a b" is not a valid key', '"x y" is not a valid value of a label')
    refuses('objectNamePrefix: "DR_"\n', 'expected a letter, then letters, digits and "-"')
    refuses('imagePullSecrets: [""]\n', '"" is not a valid name')
  end)

  it("wants autoscaler and budget to make sense", function()
    refuses("autoscaler: {minimum: 5, maximum: 2}\n", "minimum (5) is more than maximum (2)")
    refuses("autoscaler: {minimum: 5}\n", "autoscaler.maximum: missing")
    for _, budget in ipairs { "{}", "{minAvailable: 1, maxUnavailable: 1}" } do
      refuses("podDisruptionBudget: " .. budget .. "\n", "expected one of minAvailable and maxUnavailable")
    end
    for _, share in ipairs { "-1", '"120%"', '"half"', "1.5" } do
      refuses(("podDisruptionBudget: {minAvailable: %s}\n"):format(share), 'or a share such as "50%"')
    end
  end)

  it("takes no prefix that controllers understand differently", function()
    local function with_prefix(url)
      return parts:problems((Parts.REQUIRED:gsub("https://example.com/deployments/", url)))
    end
    for url, problem in pairs {
      ["https://h/a%%20b"] = 'contains "%"', ["https://h/a//b"] = 'contains "//"', ["https://h/a;b"] = 'contains ";"',
      ["https://h/x?y"] = "without a query", ["ftp://h/"] = "expected an http or https URL",
    } do
      local text = with_prefix(url)
      assert.is_truthy(text:find(problem, 1, true), url .. ": " .. text)
    end
    refuses("ingressPath: x\n", "ingressPath: expected a path such as /deployments")
    refuses("ingressHost: a_b\n", '"a_b" is not a valid name')
  end)

  it("wants a repository without a tag for generated images", function()
    for _, name in ipairs { "models:1", "models@sha256:" .. ("0"):rep(64) } do
      local text = parts:problems((Parts.REQUIRED:gsub("registry.example.com/models", name)))
      assert.is_truthy(text:find("contains a tag or digest", 1, true), text)
    end
    assert.equal("\n", parts:problems((Parts.REQUIRED:gsub("registry.example.com/models", "localhost:5000/models"))))
  end)

  it("keeps the values of secretEnvironment to itself", function()
    local status = parts:act("error(tostring(self.config.secretEnvironment.A))", "secretEnvironment: {A: hushhush}\n")
    assert.is_nil((status.text .. status.stderr):find("hushhush", 1, true))
  end)
end)
