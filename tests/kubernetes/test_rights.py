"""Access to the cluster: each missing right is named before the first deployment, a wrong cluster or namespace, too; what
the private config names and the cluster does not have."""
import json
import os
import random

from support import Quick, expect, main, test
from support.cluster import KUBECONFIG

import yaml

ALL = ["get", "list", "watch", "create", "patch", "delete"]
RULES = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ALL},
    {"apiGroups": [""], "resources": ["services", "secrets", "configmaps"], "verbs": ALL},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ALL},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ALL},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ALL},
    {"apiGroups": ["traefik.io"], "resources": ["middlewares"], "verbs": ALL},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]},
]
# Who may not read ingress classes says which one, and whose it is.
BLIND = {"ingressClass": "traefik", "ingressController": "traefik"}


class Limited(Quick):
    """A scene whose actions may be those of a service account with some rights."""

    def user(self, rules, name="agent"):
        """The path of a kubeconfig of a service account with a Role of these rules."""
        self.kubectl("create", "serviceaccount", name)
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
        self.kubectl("apply", "-f", "-", text=json.dumps(role))
        self.kubectl("create", "rolebinding", name, "--role", name, "--serviceaccount", f"{self.namespace}:{name}")
        with open(KUBECONFIG, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", name).strip()}
        return self.write(f"kubeconfig-{name}", config)


def without(resource, verbs):
    """The rules without some verbs of a resource."""
    rules = []
    for rule in RULES:
        for one in rule["resources"]:
            left = [verb for verb in rule["verbs"] if one != resource or verb not in verbs]
            rules.append({**rule, "resources": [one], "verbs": left or ["impossible"]})
    return rules


@test("with the rights of the table and no more: a whole life; with less, plugin_start and pe_status name each of them")
def _():
    with Limited("rights") as scene:
        mine = {**BLIND, "kubeConfigFile": scene.user(RULES)}
        scene.up(private=mine)
        scene.start("d1", "A", private=mine)
        scene.replace("d1", "A", "B", private=mine)
        done = scene.act("deployment_replace_model", scene.replacement("d1", "B", "C", ["crash: 3"]), private=mine)
        done.expect("failing", "still serving model B", "fatal: the model is broken")
        expect(scene.statuses("d1", private=mine)["d1"]["status"] == "passing", "status")
        scene.stop("d1", "B", private=mine)
        for resource, verbs in (("deployments", ["patch", "delete"]), ("pods/log", ["get"]), ("events", ["list"])):
            name = "u" + "".join(random.choices("abcdef", k=5))
            less = {**BLIND, "kubeConfigFile": scene.user(without(resource, verbs), name)}
            for action in ("plugin_start", "pe_status"):
                done = scene.act(action, private=less).expect("failing", f"{', '.join(verbs)} {resource}", "lacks rights")
                expect(done.error["code"] == "Forbidden", done.error)
                expect("services" not in done.msg, done)
        done = scene.act("deployment_start", scene.deployment(), private=less).expect("passing")
        none = {**BLIND, "kubeConfigFile": scene.user([], "nobody")}
        done = scene.act("deployment_start", scene.deployment("d2"), private=none).expect("failing", "forbidden")
        expect(done.error["code"] == "Forbidden" and done.state == "unknown", done, done.error)


@test("a namespace, class, Secret, cluster or context that does not exist: plugin_start says so, with what there is")
def _():
    with Quick("wrong") as scene:
        cases = [
            ({"kubeNamespace": "bt-nowhere"}, ("namespace bt-nowhere", "kubectl create namespace")),
            ({"ingressClass": "treafik"}, ("treafik", "traefik")),
            ({"imagePullSecrets": ["regcred"]}, ("no Secret regcred",)),
            ({"kubeConfigContext": "prod"}, ("prod", "test")),
            ({"kubeConfigFile": scene.kubeconfig("http://10.244.0.1:1")}, ("10.244.0.1:1",)),
            ({"kubeConfigContext": None, "kubeConfigFile": None}, ("this is not a pod",)),
            ({"ppsBaseImage": "10.244.0.1:5000/ppps:1"}, ("10.244.0.1:5000/ppps:1",)),
            ({"gateway": {"name": "front"}}, ("front",)),
        ]
        env = {"KUBERNETES_SERVICE_HOST": "", "KUBECONFIG": os.devnull}
        for private, words in cases:
            done = scene.act("plugin_start", private=private, env=env).expect("failing", *words)
            expect(done.error["code"] not in (None, "plugin"), done.error)
        scene.expect_nothing()


@test("monitoring without the agent's image or the service's address is refused before anything is made")
def _():
    with Quick("mon") as scene:
        on = {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True}
        scene.act("plugin_start", plugin_config=on).expect("failing", "agentImage")
        scene.act("plugin_start", plugin_config=on, private={"agentImage": "x:1"}).expect("failing", "mlopsUrl")
        scene.expect_nothing()


main()
