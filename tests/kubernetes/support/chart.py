"""The Helm chart in tests: templates, and a release in a namespace of its own at Pod Security level `restricted`, whose
agent is a stand-in that takes orders."""
import json
import os
import random
import shutil
import string
import subprocess
import tempfile

import yaml

from runs import parse_status
from tap import expect, wait_until

from .cluster import KUBECONFIG

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CHART = os.path.join(ROOT, "charts", "bosun")
PATIENCE = 60


def run(*argv, text=None, check=True):
    """Standard output of a program; with check=False the finished process. KUBECONFIG is that of the tests."""
    done = subprocess.run(argv, input=text, text=True, capture_output=True, timeout=120, check=False,
                          env={**os.environ, "KUBECONFIG": KUBECONFIG})
    if not check:
        return done
    expect(done.returncode == 0, f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}{done.stdout[-2000:]}")
    return done.stdout


def template(values, *more, namespace="models", check=True):
    """What the chart makes of values, as text; with check=False the finished process."""
    return run("helm", "template", "try", CHART, "--namespace", namespace, "--kube-version", "1.35.0", "--values", "-",
               *more, text=json.dumps(values), check=check)


def objects(values, **more):
    return [item for item in yaml.safe_load_all(template(values, **more)) if item]


def of_kind(kind, items):
    return [item for item in items if item["kind"] == kind]


class Release:
    """A release of the chart, to be used in a with statement. Its agent is the stand-in with the runner under test."""

    def __init__(self, name="try"):
        self.name = name
        self.namespace = "chart-" + "".join(random.choices(string.ascii_lowercase, k=8))
        self.folder = tempfile.mkdtemp(prefix="chart-")
        os.chmod(self.folder, 0o777)
        repository, tag = run(os.path.join(HERE, "..", "images", "build"), "agent").strip().rsplit(":", 1)
        self.base = {
            "image": {"repository": repository, "tag": tag},
            "agent": {"files": {"agent.conf.yaml": 'command: "{{ include "bosun.command" . }}"\n'}},
            "persistence": {"storageClass": self.namespace, "size": "64Mi"},
            "terminationGracePeriodSeconds": 30,
            "readinessProbe": {"exec": {"command": ["test", "-e", "/var/lib/bosun/results/pe_status.yaml"]},
                               "periodSeconds": 1},
        }

    def __enter__(self):
        self.kubectl("create", "namespace", self.namespace, own=False)
        level = [f"pod-security.kubernetes.io/{how}=restricted" for how in ("enforce", "warn")]
        self.kubectl("label", "namespace", self.namespace, *level, own=False)
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": self.namespace}, "spec": {
            "capacity": {"storage": "64Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": self.namespace,
            "hostPath": {"path": self.folder}}}
        self.kubectl("apply", "-f", "-", text=json.dumps(volume), own=False)
        return self

    def __exit__(self, *_):
        for what in ("namespace", "persistentvolume"):
            self.kubectl("delete", what, self.namespace, "--wait=false", own=False, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kubectl(self, *argv, own=True, **more):
        return run("kubectl", *(["--namespace", self.namespace] if own else []), *argv, **more)

    def helm(self, command, *argv, **more):
        return run("helm", command, self.name, "--namespace", self.namespace, *argv, **more)

    def deploy(self, command, values):
        """command: install or upgrade. Returns when the agent is ready."""
        self.helm(command, CHART, "--values", "-", "--set-json", f"image={json.dumps(self.base['image'])}", "--wait",
                  "--timeout", f"{PATIENCE}s", text=json.dumps({**self.base, **values}))

    def pod(self):
        """The one pod of the agent."""
        pods = json.loads(self.kubectl("get", "pods", "-l", "app.kubernetes.io/component=agent", "-o", "json"))["items"]
        pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        expect(len(pods) == 1, "one pod expected:", [pod["metadata"]["name"] for pod in pods])
        return pods[0]["metadata"]["name"]

    def log(self):
        return self.kubectl("logs", self.pod())

    def shell(self, script, text=None, check=True):
        """Runs a script in the agent's pod."""
        return self.kubectl("exec", "-i", self.pod(), "--", "sh", "-c", script, text=text, check=check)

    def write(self, path, text):
        """A file in the agent's folder, which appears whole."""
        self.shell(f'cd "$HOME" && cat > .new && mv .new {path}', text)

    def result(self, name):
        """The status of an order, or None."""
        done = self.shell(f'cat "$HOME/results/{name}.yaml"', check=False)
        return parse_status(done.stdout) if done.returncode == 0 else None

    def order(self, action, config):
        """Has the agent run an action, and returns its status."""
        name = f"{''.join(random.choices(string.ascii_lowercase, k=6))}.{action}"
        self.write(f"orders/{name}.yaml", json.dumps(config))
        return wait_until(lambda: self.result(name), PATIENCE, f"{action} by the agent")

    def left(self):
        """What there is in the namespace, as kind/name, but for what every namespace has and events."""
        kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
        kinds = [kind for kind in kinds if not kind.startswith("events")]
        found = self.kubectl("get", ",".join(kinds), "-o", "name", "--ignore-not-found").split()
        return sorted(name for name in found
                      if name not in ("configmap/kube-root-ca.crt", "serviceaccount/default"))
