"""The engine that the tests run against: the one that DOCKER_HOST names (tests/docker/run sets it)."""
import http.client
import json
import os
import socket
import subprocess
from urllib.parse import urlsplit

from tap import Skip

HOST = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
# Its path, or None when the engine is not on this machine.
SOCKET = HOST[len("unix://"):] if HOST.startswith("unix://") else None
# Where published ports are reached.
HOSTNAME = "127.0.0.1" if SOCKET else urlsplit(HOST).hostname
API = "/v1.41"


def need_local(what):
    """Skips the test when the engine is on another machine, or may be."""
    if not SOCKET:
        raise Skip(f"{what}: needs an engine on a local socket, not {HOST}")


def docker(*arguments, check=True, stdin=None, host=HOST, timeout=120):
    """Runs the docker program; returns its output without the last line end. check=False: also that of a failure."""
    done = subprocess.run(["docker", *map(str, arguments)], input=stdin, capture_output=True, check=False,
                          timeout=timeout, env={**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"})
    out = done.stdout.decode(errors="replace").rstrip("\n")
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(map(str, arguments))}: exit {done.returncode}: "
                             + done.stderr.decode(errors="replace"))
    return out if check else out + done.stderr.decode(errors="replace").rstrip("\n")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connection(host=HOST, timeout=60):
    if host.startswith("unix://"):
        return _UnixConnection(host[len("unix://"):], timeout)
    url = urlsplit(host)
    return http.client.HTTPConnection(url.hostname, url.port or 2375, timeout=timeout)


def engine_request(method, path, body=None, headers=None, host=HOST, timeout=60):
    """(status, answer) of one request of the engine's API: a table or list body is sent as JSON, an answer in JSON is
    returned decoded, anything else as bytes."""
    with_json = isinstance(body, (dict, list))
    made = connection(host, timeout)
    made.request(method, API + path, json.dumps(body) if with_json else body,
                 {**({"Content-Type": "application/json"} if with_json else {}), **(headers or {})})
    response = made.getresponse()
    data = response.read()
    made.close()
    is_json = "json" in (response.getheader("Content-Type") or "")
    try:
        return response.status, json.loads(data) if is_json and data else data
    except ValueError:
        return response.status, data


def inspect(name, host=HOST):
    """The engine's description of a container, None when there is none."""
    status, value = engine_request("GET", f"/containers/{name}/json", host=host)
    return value if status == 200 else None
