"""The control plane of a Kubernetes cluster with many deployments in it, as the kubernetes plugin makes them: Deployments
without pods, Services and ingresses."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(HERE, "..", "kubernetes")
PREFIX, ENVIRONMENT = "dr-", "pe"
CONNECTIONS = 8


def programs():
    """The folder of the cluster's programs; None: they are not built."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "bosun", "kubernetes", "bin")
    return folder if os.path.exists(os.path.join(folder, "kube")) else None


def _call(*arguments):
    return subprocess.run([os.path.join(TESTS, "cluster"), *arguments], check=False, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def kubeconfig():
    """Yields the kubeconfig of a cluster: that of BOSUN_TEST_KUBECONFIG, one that runs, or a control plane alone."""
    runs = os.environ.get("BOSUN_TEST_KUBECONFIG") or _call("running").returncode == 0
    os.environ["BOSUN_TEST_KUBECONFIG"] = _call("up", "api").stdout.strip()
    try:
        yield os.environ["BOSUN_TEST_KUBECONFIG"]
    finally:
        if not runs:
            del os.environ["BOSUN_TEST_KUBECONFIG"]
            _call("down")


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _metadata(name, deployment, model):
    return {
        "name": name,
        "labels": {
            "app.kubernetes.io/managed-by": "bosun", "app.kubernetes.io/name": "prediction-server",
            "app.kubernetes.io/instance": name, "bosun/owner": "dr-" + _digest(PREFIX), "bosun/role": "server",
            "bosun/scope": _digest(f"{PREFIX}\0{ENVIRONMENT}"), "bosun/deployment": name, "bosun/model": model},
        "annotations": {
            "bosun/prefix": PREFIX, "bosun/environment": ENVIRONMENT, "bosun/deployment-id": deployment,
            "bosun/model-id": model, "bosun/digest": _digest(name) * 6, "bosun/package": _digest(model) * 6,
            "bosun/info": json.dumps({"name": deployment, "keyValueConfig": {"memory": "2g"}})},
    }


def _objects(number):
    deployment, model = f"deployment-{number}", f"model-{number}"
    name = PREFIX + deployment
    metadata = _metadata(name, deployment, model)
    selector = {"bosun/deployment": name, "bosun/role": "server"}
    container = {"name": "server", "image": f"registry.example/models@sha256:{'0' * 64}",
                 "ports": [{"name": "http", "containerPort": 8080}]}
    backend = {"service": {"name": name, "port": {"number": 8080}}}
    return {
        "deployments": {"metadata": metadata, "spec": {
            "replicas": 0, "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": metadata["labels"]}, "spec": {"containers": [container]}}}},
        "services": {"metadata": metadata, "spec": {
            "selector": selector, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]}},
        "ingresses": {"metadata": metadata, "spec": {"ingressClassName": "traefik", "rules": [
            {"host": "example.com", "http": {"paths": [
                {"path": f"/{deployment}/predict", "pathType": "Exact", "backend": backend}]}}]}},
    }


class Fleet:
    """A namespace with so many deployments: use it with `with`. `requests(run)`: the questions that a run of the plugin
    asks, by way of a man in the middle whose address `run` gets."""

    def __init__(self, count):
        sys.path.insert(0, TESTS)
        from support import Cluster, Middleman  # pylint: disable=import-outside-toplevel
        self.cluster, self.middleman, self.count = Cluster(), Middleman, count
        self.namespace = f"bench-{random.randrange(10 ** 6)}"

    def __enter__(self):
        self.cluster.__enter__()
        self.cluster.make_namespace(self.namespace)

        def make(number):
            for kind, body in _objects(number).items():
                self.cluster.create(kind, self.namespace, body)
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(make, range(self.count)))
        return self

    def __exit__(self, *_):
        self.cluster.remove_namespace(self.namespace)
        self.cluster.__exit__()

    def ids(self):
        return [f"deployment-{number}" for number in range(self.count)]

    def requests(self, run):
        with self.middleman(self.cluster) as middle:
            run(middle.url)
            return [request.partition(" ")[2] for request in middle.requests if request.startswith("GET ")]


def certificates(path, folder):
    """Options for curl with the credentials of a kubeconfig of these tests, and the server."""
    import base64  # pylint: disable=import-outside-toplevel
    import yaml  # pylint: disable=import-outside-toplevel
    with open(path, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    options = []
    for option, data in (("--cert", user["client-certificate-data"]), ("--key", user["client-key-data"]),
                         ("--cacert", cluster["certificate-authority-data"])):
        target = os.path.join(folder, option.strip("-") + ".pem")
        with open(target, "wb") as file:
            file.write(base64.b64decode(data))
        options += [option, target]
    return options, cluster["server"]
