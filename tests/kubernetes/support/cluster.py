"""The cluster that the tests run against: the one that BOSUN_TEST_KUBECONFIG names (tests/kubernetes/run sets it), its
API, its registries, and a man in the middle in front of it."""
import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

import middleman
from runs import Process
from tap import Skip, expect, wait_until

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "bosun", "kubernetes")
STATE = os.path.join(CACHE, "cluster")
KUBECONFIG = os.environ.get("BOSUN_TEST_KUBECONFIG") or os.path.join(STATE, "kubeconfig")
KUBECTL = shutil.which("kubectl") or os.path.join(CACHE, "bin", "kubectl")
# Takes images without a password, and with that of kube; both without TLS.
REGISTRY = os.environ.get("BOSUN_TEST_REGISTRY") or "10.244.0.1:5000"
PRIVATE_REGISTRY, USER, PASSWORD = "10.244.0.1:5001", "kube", "kube"
PPS, EXECUTOR, BUSYBOX = f"{REGISTRY}/pps:1", f"{REGISTRY}/executor:1", f"{REGISTRY}/busybox:1"
# Where the ingress controller listens.
INGRESS = os.environ.get("BOSUN_TEST_INGRESS") or "http://10.244.0.1:30080"
READY = 30
# The path of a kind's objects in a namespace.
GROUPS = {
    "pods": "/api/v1", "services": "/api/v1", "secrets": "/api/v1", "configmaps": "/api/v1", "events": "/api/v1",
    "serviceaccounts": "/api/v1", "resourcequotas": "/api/v1", "persistentvolumeclaims": "/api/v1",
    "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1", "jobs": "/apis/batch/v1",
    "ingresses": "/apis/networking.k8s.io/v1", "networkpolicies": "/apis/networking.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2", "poddisruptionbudgets": "/apis/policy/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1", "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "leases": "/apis/coordination.k8s.io/v1", "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "middlewares": "/apis/traefik.io/v1alpha1",
}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Cluster:
    """The API, without credentials, on the socket `path`: `kubectl proxy` has them. Use it with `with`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bosun-kube-")
        self.path = os.path.join(self.folder, "api.sock")
        self.process = None

    def __enter__(self):
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = Process([KUBECTL, "--kubeconfig", KUBECONFIG, "proxy", "--disable-filter",
                                    "--unix-socket", self.path], stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: self.request("GET", "/version")[0] == 200, READY, "kubectl proxy answers")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, content_type="application/json"):
        """(status, answer) of one request: an answer in JSON is returned decoded, anything else as text."""
        connection = _UnixConnection(self.path)
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": content_type})
        response = connection.getresponse()
        data = response.read().decode(errors="replace")
        connection.close()
        try:
            return response.status, json.loads(data)
        except ValueError:
            return response.status, data

    def must(self, method, path, body=None, content_type="application/json"):
        status, answer = self.request(method, path, body, content_type)
        expect(status < 300, f"{method} {path}: {status} {answer}")
        return answer

    # ---- objects ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _path(kind, namespace, name=None):
        path = f"{GROUPS[kind]}/namespaces/{namespace}/{kind}"
        return f"{path}/{name}" if name else path

    def list(self, kind, namespace, selector=""):
        """The objects of a kind: "deployments"; none where the cluster does not know it."""
        status, answer = self.request("GET", self._path(kind, namespace) + (f"?labelSelector={selector}" if selector else ""))
        expect(status in (200, 404), f"list {kind}: {status} {answer}")
        return answer["items"] if status == 200 else []

    def get(self, kind, namespace, name):
        status, answer = self.request("GET", self._path(kind, namespace, name))
        expect(status in (200, 404), f"get {kind} {name}: {status} {answer}")
        return answer if status == 200 else None

    def create(self, kind, namespace, body):
        return self.must("POST", self._path(kind, namespace), body)

    def merge(self, kind, namespace, name, patch, subresource=""):
        return self.must("PATCH", self._path(kind, namespace, name) + subresource, patch, "application/merge-patch+json")

    def delete(self, kind, namespace, name, grace=None):
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        status, answer = self.request("DELETE", self._path(kind, namespace, name), body)
        expect(status in (200, 202, 404), f"delete {kind} {name}: {status} {answer}")

    def logs(self, namespace, pod, container=None):
        path = self._path("pods", namespace, pod) + "/log" + (f"?container={container}" if container else "")
        return self.request("GET", path)[1]

    def make_namespace(self, name, level=None):
        """`level`: of Pod Security, "restricted"."""
        labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
        self.must("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        wait_until(lambda: self.get("serviceaccounts", name, "default"), READY, f"the service account of {name}")

    def remove_namespace(self, name):
        status, _ = self.request("DELETE", f"/api/v1/namespaces/{name}")
        expect(status in (200, 202, 404, 409), f"delete namespace {name}: {status}")


class Middleman(middleman.Middleman):
    """A man in the middle in front of the API server; `url` is the server of a kubeconfig."""

    def __init__(self, cluster):
        super().__init__(cluster.path, tcp=True)
        self.url = f"http://127.0.0.1:{self.port}"


def need_node(what):
    """Skips the test when the node of the cluster is another machine."""
    if os.path.realpath(KUBECONFIG) != os.path.realpath(os.path.join(STATE, "kubeconfig")):
        raise Skip(f"{what}: needs the cluster of tests/kubernetes/cluster")


def kill_container(status):
    """Kills a container on its node, of which Kubernetes knows nothing; `status` is one of containerStatuses."""
    subprocess.run(["ctr", "-a", os.path.join(STATE, "run", "containerd.sock"), "-n", "k8s.io", "tasks", "kill",
                    "--signal", "SIGKILL", status["containerID"].rpartition("/")[2]], check=True, capture_output=True)


class RegistryFront(middleman.Middleman):
    """A man in the middle in front of the open registry, for pods, too. `name`: the registry, in names of images."""

    def __init__(self):
        host, port = REGISTRY.rsplit(":", 1)
        super().__init__((host, int(port)), tcp=True, host=host)
        self.name = f"{host}:{self.port}"


# ---- registries ----------------------------------------------------------------------------------------------------

ACCEPT = ", ".join("application/vnd." + kind + "+json" for kind in
                   ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2",
                    "docker.distribution.manifest.v2"))


def registry(path, host=REGISTRY, method="GET", body=None, content_type=None):
    """(status, answer, headers) of a request to a registry: registry("repo/tags/list")."""
    headers = {"Accept": ACCEPT, **({"Content-Type": content_type} if body else {})}
    request = urllib.request.Request(f"http://{host}/v2/{path}", method=method, headers=headers, data=body)
    if host == PRIVATE_REGISTRY:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            data, status, headers = response.read(), response.status, response.headers
    except urllib.error.HTTPError as error:
        data, status, headers = error.read(), error.code, error.headers
    try:
        return status, json.loads(data), headers
    except ValueError:
        return status, data, headers


def split_image(image):
    """Host, repository and tag or digest of "HOST/REPOSITORY:TAG" or "HOST/REPOSITORY@DIGEST"."""
    host, repository, reference = re.fullmatch(r"([^/]+)/([^@]+?)(?:@(.+)|:([^:/]+))", image).group(1, 2, 0)
    reference = image[len(host) + 1 + len(repository) + 1:]
    return host, repository, reference


def image_config(image):
    """What the config of an image says ({"Labels": …, "Env": …}), its digest and its number of layers; None: no such
    image."""
    host, repository, reference = split_image(image)
    status, manifest, headers = registry(f"{repository}/manifests/{reference}", host)
    if status == 404:
        return None
    expect(status == 200, f"{image}: {status} {manifest}")
    status, config, _ = registry(f"{repository}/blobs/{manifest['config']['digest']}", host)
    expect(status == 200, f"the config of {image}: {status}")
    return {**config.get("config", {}), "digest": headers["Docker-Content-Digest"], "layers": len(manifest["layers"])}
