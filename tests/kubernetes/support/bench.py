"""A bench for the tests of one file: a namespace of its own, the plugin's config, model packages, runs of the plugin as
the agent does them, and a look at what they left in the cluster."""
import os
import random
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import threading

import yaml

from actions import Action
from runs import PREVIOUS, RUNNER
from tap import expect

from .cluster import EXECUTOR, INGRESS, KUBECONFIG, KUBECTL, PPS, REGISTRY, Cluster, kill_container, registry

# What a deployment may consist of, and what an action may leave.
KINDS = ("deployments", "services", "ingresses", "middlewares", "httproutes", "secrets", "configmaps", "jobs", "pods", "leases",
         "horizontalpodautoscalers", "poddisruptionbudgets", "networkpolicies")
SINGULAR = {"ingresses": "ingress", "networkpolicies": "networkpolicy"}
# What is in each namespace.
NATIVE = {"configmap kube-root-ca.crt"}


class Bench:
    """Use it with `with`. `level`: of Pod Security, which the namespace enforces."""

    def __init__(self, name, level=None):
        self.namespace = f"bt-{name}-{''.join(random.choices(string.ascii_lowercase, k=5))}"
        self.level = level
        self.path = tempfile.mkdtemp(prefix=self.namespace + "-")
        self.url = f"{INGRESS}/{self.namespace}"
        self.repository = f"{REGISTRY}/{self.namespace}"
        self.runs, self.beginning, self.cluster = 0, threading.Lock(), Cluster()

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        self.cluster.__enter__()
        self.cluster.make_namespace(self.namespace, self.level)
        return self

    def __exit__(self, *_):
        self.cluster.remove_namespace(self.namespace)
        self.cluster.__exit__()
        shutil.rmtree(self.path, ignore_errors=True)

    # ---- files -----------------------------------------------------------------------------------------------------

    def join(self, *parts):
        return os.path.join(self.path, *parts)

    def write(self, name, content):
        path = self.join(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True))
        return path

    def package(self, model, *directives):
        """A model package for the stand-in server, "never-healthy: yes" and the like (pps/model.h); its path. Another
        thread's action may be reading it already: it is replaced as a whole."""
        made = self.write(f"models/{model}.{threading.get_ident()}", "\n".join([f"model: {model}", *directives]) + "\n")
        path = self.join(f"models/{model}.mlpkg")
        os.replace(made, path)
        return path

    def deployment(self, deployment="d1", model="A", directives=(), **more):
        """deploymentInfo as the agent hands it over, with the model package at modelArtifact."""
        return {"id": deployment, "name": deployment, "modelId": model, "modelExecutionType": "dedicated",
                "modelArtifact": self.package(model, *directives), **more}

    def replacement(self, deployment="d1", old="A", new="B", directives=(), **more):
        """deploymentInfo of a deployment_replace_model."""
        return {**self.deployment(deployment, new, directives), "modelId": old, "newModelId": new, **more}

    def config(self):
        """The plugin's config with this bench's names and the stand-ins' images."""
        return {"kubeConfigFile": KUBECONFIG, "kubeConfigContext": "test", "kubeNamespace": self.namespace,
                "outfacingPredictionURLPrefix": self.url, "ppsBaseImage": PPS, "kanikoImage": EXECUTOR,
                "generatedImageRepo": self.repository, "insecureRegistries": [REGISTRY]}

    def private(self, server=None, **changes):
        """The path of the plugin's config; a None takes a key out. `server`: another address of the API server, which
        asks for no credentials."""
        config = {**self.config(), **changes}
        if server:
            config["kubeConfigFile"] = self.kubeconfig(server)
        with self.beginning:
            self.runs += 1
            name = f"private-{self.runs}.yaml"
        return self.write(name, {key: value for key, value in config.items() if value is not None})

    def kubeconfig(self, server, **user):
        """The path of a kubeconfig with this server; `user`: what it says of the user, token="…" for one."""
        return self.write(f"kubeconfig-{server.rpartition(':')[2]}", {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server}}], "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]})

    # ---- actions ---------------------------------------------------------------------------------------------------

    def begin(self, action, deployment_info=None, plugin_config=None, pe_info=None, timeout=None, env=None, args=(),
              private=None, prefix=()):
        """Starts an action; returns it running. `private`: changes of the private config, or the path of another;
        `prefix`: a command that runs the runner; `timeout`: the runner's."""
        config = {"pluginConfig": {"name": "kubernetes tests", **(plugin_config or {})},
                  "peInfo": {"id": "pe-1", "name": "bench", **(pe_info or {})}}
        if deployment_info is not None:
            config["deploymentInfo"] = deployment_info
        path = private if isinstance(private, str) else self.private(**(private or {}))
        with self.beginning:
            self.runs += 1
            run = self.runs
        status = self.write(f"status-{run}.yaml", PREVIOUS)
        argv = [*prefix, RUNNER, "--exit-codes", "--plugin", "kubernetes", "--action", action, "--status-file", status,
                "--config", self.write(f"action-{run}.yaml", config), "--private-config", path]
        argv += ["--timeout", str(timeout)] if timeout else []
        return Action([*argv, *args], status, env)

    def act(self, action, deployment_info=None, **options):
        """Runs an action to its end; returns its Outcome."""
        return self.begin(action, deployment_info, **options).finish()

    # ---- the cluster -----------------------------------------------------------------------------------------------

    def kubectl(self, *arguments, text=None):
        """kubectl in the namespace, with this standard input; returns what it prints."""
        return subprocess.run([KUBECTL, "--kubeconfig", KUBECONFIG, "-n", self.namespace, *arguments], input=text,
                              capture_output=True, text=True, check=True).stdout

    def objects(self, kind, selector=""):
        """The objects of a kind in the namespace: objects("deployments")."""
        return self.cluster.list(kind, self.namespace, selector)

    def names(self, kind):
        return sorted(item["metadata"]["name"] for item in self.objects(kind))

    def leftovers(self):
        """What there is in the namespace: ["deployment x", "pod y", …], but for what every namespace has, and for pods
        that are ending."""
        found = {f"{SINGULAR.get(kind, kind[:-1])} {item['metadata']['name']}" for kind in KINDS for item in self.objects(kind)
                 if not (kind == "pods" and item["metadata"].get("deletionTimestamp"))}
        return sorted(found - NATIVE)

    def tags(self):
        """The tags of the repository of generated images."""
        status, answer, _ = registry(f"{self.namespace}/tags/list")
        return sorted(answer["tags"] or []) if status == 200 else []

    def kill_server(self, pod):
        """Kills the server in a pod on its node."""
        kill_container(pod["status"]["containerStatuses"][0])

    def expect_nothing(self):
        expect(self.leftovers() == [], "left behind:", self.leftovers())
