"""The Helm chart: what it makes of its values, and an agent in a pod that serves models with the rights of its Role and
no more."""
import json
import os
import re
import tempfile

import yaml

from support import EXECUTOR, INGRESS, PPS, REGISTRY, expect, main, predict, test, wait_until
from support.chart import CHART, PATIENCE, ROOT, Release, objects, of_kind, run, template
from runs import RUNNER, parse_status  # tests/support, which the line above finds

PLUGIN = {"outfacingPredictionURLPrefix": "https://models.example.com/", "ppsBaseImage": "registry.example.com/pps:1",
          "generatedImageRepo": "registry.example.com/mlops-model"}
LEAST = {"image": {"repository": "registry.example.com/agent"}, "plugin": {"config": PLUGIN}}
EVERYTHING = {
    **LEAST, "imagePullSecrets": [{"name": "pull"}], "command": ["/agent"], "args": ["--verbose"],
    "runner": {"options": ["--log-format", "json"]},
    "plugin": {"config": {**PLUGIN, "kubeNamespace": "elsewhere", "gateway": {"name": "web", "namespace": "web"}}},
    "agent": {"files": {"a.yaml": "x: y\n", "b": "{{ .Release.Name }}\n"}, "secrets": {"TOKEN": "se: 'cret"},
              "env": [{"name": "A", "value": "b"}]},
    "persistence": {"storageClass": "-", "annotations": {"helm.sh/resource-policy": "keep"}},
    "serviceAccount": {"name": "agent", "annotations": {"a": "b"}},
    "rbac": {"extraRules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]},
    "livenessProbe": {"exec": {"command": ["true"]}}, "readinessProbe": {"exec": {"command": ["true"]}},
    "podLabels": {"a": "b"}, "podAnnotations": {"a": "b"}, "nodeSelector": {"a": "b"},
    "tolerations": [{"operator": "Exists"}], "affinity": {"nodeAffinity": {}}, "priorityClassName": "high",
    "volumes": [{"name": "ca", "configMap": {"name": "ca"}}], "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    "networkPolicy": {"enabled": True, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
    "podDisruptionBudget": {"enabled": True},
}
VARIANTS = {
    "the least": LEAST, "everything": EVERYTHING,
    "what is there already": {
        **LEAST, "plugin": {"config": {**PLUGIN, "secretEnvironment": {"KEY": "hush"}}},
        "agent": {"existingSecret": "s"}, "persistence": {"existingClaim": "c"},
        "serviceAccount": {"create": False, "name": "a"}, "rbac": {"create": False}},
    "no volume, another plugin": {
        **LEAST, "image": {"repository": "r/agent", "digest": "sha256:" + "0" * 64}, "persistence": {"enabled": False},
        "plugin": {"name": "/opt/plugins/mine.lua", "config": {"key": 1}}},
}


@test("helm lint has nothing to say, and names what has to be given")
def _():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as values:
        json.dump(LEAST, values)
        values.flush()
        run("helm", "lint", CHART, "--strict", "--kube-version", "1.35.0", "--values", values.name)
    missing = run("helm", "lint", CHART, "--strict", "--kube-version", "1.35.0", check=False)
    expect(missing.returncode != 0 and "ppsBaseImage" in missing.stdout + missing.stderr, missing)
    no_image = template({"plugin": {"config": PLUGIN}}, check=False)
    expect("image.repository is required" in no_image.stderr, no_image)


@test("the cluster's own schemas allow everything that the chart makes of its values, and the plain manifests")
def _():
    with tempfile.TemporaryDirectory() as schemas:
        run(os.path.join(ROOT, "tests", "kubernetes", "schemas"), schemas)
        location = os.path.join(schemas, "{{.ResourceKind}}{{.KindSuffix}}.json")
        texts = {name: template(values) for name, values in VARIANTS.items()}
        with open(os.path.join(ROOT, "charts", "manifests", "bosun.yaml"), encoding="utf-8") as file:
            texts["plain"] = file.read()
        for name, text in texts.items():
            done = run("kubeconform", "-strict", "-schema-location", location, text=text, check=False)
            expect(done.returncode == 0, name, done.stdout, done.stderr)
        wrong = run("kubeconform", "-strict", "-schema-location", location, check=False,
                    text=texts["plain"].replace("replicas: 1", "replicaz: 1"))
        expect(wrong.returncode != 0 and "replicaz" in wrong.stdout, "a wrong field is not seen:", wrong)


@test("each value of values.yaml is in the schema, and a misspelt one is refused")
def _():
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        values = yaml.safe_load(file)
    with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
        known = json.load(file)["properties"]
    expect(set(values) == set(known) - {"global"}, "not in both:", set(values) ^ set(known))
    for name, value in values.items():
        inner = known[name].get("properties")
        if inner is not None:
            expect(set(value) == set(inner), f"{name}, not in both:", set(value) ^ set(inner))
            refused = template({**LEAST, name: {**LEAST.get(name, {}), "misspelt": 1}}, check=False)
            expect("misspelt" in refused.stderr, name, refused)
    refused = template({**LEAST, "replicas": 2}, check=False)
    expect("replicas" in refused.stderr, refused)


@test("the values reach the objects")
def _():
    made = objects(EVERYTHING)
    agent, = of_kind("Deployment", made)
    pod = agent["spec"]["template"]["spec"]
    container, = pod["containers"]
    expect(container["image"] == "registry.example.com/agent:0.1.0" and container["command"] == ["/agent"], container)
    expect({"name": "A", "value": "b"} in container["env"] and pod["serviceAccountName"] == "agent", pod)
    secret, = of_kind("Secret", made)
    expect(secret["stringData"] == {"TOKEN": "se: 'cret"}, secret)
    files = of_kind("ConfigMap", made)
    expect(files[1]["data"] == {"a.yaml": "x: y\n", "b": "try\n"}, files[1])
    config = yaml.safe_load(files[0]["data"]["plugin.kubernetes.conf.yaml"])
    expect(config == EVERYTHING["plugin"]["config"], config)
    role, = of_kind("Role", made)
    binding, = of_kind("RoleBinding", made)
    expect(role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "elsewhere", role, binding)
    expect(binding["subjects"] == [{"kind": "ServiceAccount", "name": "agent", "namespace": "models"}], binding)
    expect(of_kind("NetworkPolicy", made) and of_kind("PodDisruptionBudget", made), made)
    secret, = of_kind("Secret", objects(VARIANTS["what is there already"]))
    expect("hush" in secret["stringData"]["plugin.kubernetes.conf.yaml"], "the config is not a secret:", secret)
    other = objects(VARIANTS["no volume, another plugin"])
    expect({item["kind"] for item in other} == {"ServiceAccount", "ConfigMap", "Deployment", "Pod"}, other)


# Configs that need different rights; with how predictions are routed, where the config alone does not say it.
TRAEFIK = {"middleware": "traefik.io/v1alpha1"}
RIGHTS = [
    ({}, {}), ({"imageBuilder": "registry"}, {}), ({"gateway": {"name": "web"}}, {}),
    ({"ingressClass": "nginx", "autoscaler": {"maximum": 3}}, {}),
    ({"ingressClass": "own", "ingressController": "traefik"}, {}), ({"ingressClass": "traefik"}, TRAEFIK),
    ({"ingressClass": "traefik-internal", "ingressController": "ingress-nginx"}, {}),
]
ASK = """
local base, rights = require "bosun.plugin_base", require "kubernetes.rights"
local json, status = require "bosun.json", require "bosun.action_status"
local Ask = base:extend "Ask"
function Ask:pe_status()
  local answers = {}
  for i, case in ipairs(json.decode(%s)) do answers[i] = rights.needed(case[1], case[2]) end
  return status.ActionStatusInfo { status = status.ActionStatus.OK, data = { answers = answers } }
end
return Ask
"""


def needed_rights():
    """What the plugin says that it needs, {(verb, resource), …} for each of RIGHTS."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(ROOT, "lua", "plugins", "kubernetes"), os.path.join(folder, "kubernetes"))
        with open(os.path.join(folder, "ask.lua"), "w", encoding="utf-8") as file:
            file.write(ASK % f"[==[{json.dumps(RIGHTS)}]==]")
        path = os.path.join(folder, "status.yaml")
        run(RUNNER, "--plugin", os.path.join(folder, "ask.lua"), "--action", "pe_status", "--status-file", path)
        with open(path, encoding="utf-8") as file:
            answers = parse_status(file.read())["data"]["answers"]
    return [{(right["verb"], right["resource"]) for right in answer} for answer in answers]


def granted_rights(role):
    """What a Role grants, in the same form."""
    return {(verb, f"{resource}.{group}".rstrip(".")) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


@test("the Role has the rights that the plugin needs with its config, and no more")
def _():
    for (config, _), needed in zip(RIGHTS, needed_rights(), strict=True):
        role, = of_kind("Role", objects({**LEAST, "plugin": {"config": {**PLUGIN, **config}}}))
        expect(granted_rights(role) == needed, config, "not in both:", granted_rights(role) ^ needed)


@test("the Role of the page on rights is that of the chart")
def _():
    with open(os.path.join(ROOT, "docs", "how-to", "kubernetes-rights.md"), encoding="utf-8") as file:
        text = re.search(r"`role\.yaml`:\n\n```yaml\n(.*?)```", file.read(), re.DOTALL).group(1)
    shown, = of_kind("Role", yaml.safe_load_all(text))
    config = {**PLUGIN, "imageBuilder": "registry", "ingressClass": "traefik"}
    made, = of_kind("Role", objects({**LEAST, "plugin": {"config": config}}))
    expect(granted_rights(shown) == granted_rights(made), "not in both:", granted_rights(shown) ^ granted_rights(made))


@test("the plain manifests are what the chart makes")
def _():
    run(os.path.join(ROOT, "tools", "manifests"), "--check")


MODELS = "/var/lib/bosun/models"


def with_plugin(release, **more):
    """The chart's values for the kubernetes plugin, the cluster's registry and ingress controller. The ingress class has
    to be named, since a Role cannot grant the right to list the classes."""
    config = {
        "outfacingPredictionURLPrefix": f"{INGRESS}/{release.namespace}", "ppsBaseImage": PPS, "drainTime": 2,
        "generatedImageRepo": f"{REGISTRY}/{release.namespace}", "insecureRegistries": [REGISTRY],
        "kanikoImage": EXECUTOR, "ingressClass": "traefik", **more}
    return {"networkPolicy": {"enabled": True}, "podDisruptionBudget": {"enabled": True}, "plugin": {"config": config}}


def info(deployment, model, artifact=None, **more):
    package = f"{MODELS}/{artifact or model}.mlpkg"
    return {"deploymentInfo": {"id": deployment, "modelId": model, "modelArtifact": package, **more}}


def expect_served(status, model):
    expect((status["status"], status["state"]) == ("passing", "ready"), status)
    code, answer = predict(status["data"]["predictionUrl"])
    expect(code == 200 and answer["model"] == model, f"{model} expected:", code, answer)


def live(release):
    """A deployment's life through the agent; in the end d1 serves B."""
    for model, more in (("A", ""), ("B", ""), ("C", "crash: 3\n")):
        release.write(f"models/{model}.mlpkg", f"model: {model}\n{more}")
    expect_served(release.order("deployment_start", info("d1", "A")), "A")
    expect_served(release.order("deployment_replace_model", info("d1", "A", "B", newModelId="B")), "B")
    failed = release.order("deployment_replace_model", info("d1", "B", "C", newModelId="C"))
    expect(failed["status"] == "failing" and failed["data"]["oldModelInUse"] is True, failed)
    expect("CrashLoopBackOff" in failed["msg"], failed)


def expect_rights_named(release):
    """`helm test` fails without one of the rights, and its log names it."""
    role = json.loads(release.kubectl("get", "role", "try-bosun", "-o", "json"))
    kept = [rule for rule in role["rules"] if "pods/log" not in rule["resources"]]
    release.kubectl("patch", "role", "try-bosun", "--type=merge", "-p", json.dumps({"rules": kept}))
    failed = release.helm("test", "--timeout", "60s", check=False)
    expect(failed.returncode != 0, failed)
    log = release.kubectl("logs", "try-bosun-test")
    expect("get pods/log" in log and "lacks rights" in log, log)
    release.kubectl("delete", "pod", "try-bosun-test")


def expect_restricted(release, text):
    """The cluster would take these manifests in this namespace, without a warning."""
    taken = release.kubectl("apply", "--dry-run=server", "--filename", "-", text=text, check=False)
    expect(taken.returncode == 0 and "Warning" not in taken.stderr, taken.stderr)


@test("the cluster takes the plain manifests and all that the chart makes at the Pod Security level restricted")
def _():
    with open(os.path.join(ROOT, "charts", "manifests", "bosun.yaml"), encoding="utf-8") as file:
        plain = [item for item in yaml.safe_load_all(file) if item["kind"] != "Namespace"]
    with Release() as release:
        for item in plain:
            item["metadata"]["namespace"] = release.namespace
        expect_restricted(release, yaml.safe_dump_all(plain))
        everything = {**EVERYTHING, "plugin": {"config": PLUGIN}}
        expect_restricted(release, template(everything, "--skip-tests", namespace=release.namespace))
        wrong = {**LEAST, "securityContext": {"privileged": True, "allowPrivilegeEscalation": True}}
        refused = release.kubectl("apply", "--dry-run=server", "--filename", "-", check=False,
                                  text=template(wrong, "--skip-tests", namespace=release.namespace))
        expect("PodSecurity" in refused.stderr, "the level is not enforced:", refused)


@test("an agent in the cluster serves models under its Role, and is upgraded and removed without them noticing")
def _():
    with Release() as release:
        release.deploy("install", with_plugin(release, imageBuilder="registry"))
        expect(release.result("plugin_start")["status"] == "passing", release.result("plugin_start"))
        release.helm("test", "--timeout", "60s")
        live(release)
        before = release.pod()
        release.deploy("upgrade", with_plugin(release, imageBuilder="kaniko"))
        expect(release.pod() != before, "another config, the same pod")
        listed = wait_until(lambda: release.result("deployment_list"), PATIENCE, "the list after the upgrade")
        expect(listed["data"]["d1"]["data"]["currentModelId"] == "B", listed)
        expect_served(release.order("deployment_start", info("d2", "A")), "A")
        stopped = release.order("deployment_stop", info("d2", "A"))
        expect((stopped["status"], stopped["state"]) == ("passing", "stopped"), stopped)
        expect_rights_named(release)
        release.helm("uninstall", "--wait")
        status, answer = predict(f"{INGRESS}/{release.namespace}/d1/predict")
        expect((status, answer["model"]) == (200, "B"), "the model went with the agent:", status, answer)
        left = [name for name in release.left() if "bosun" in name]
        expect(not left, "left behind:", left)


main()
