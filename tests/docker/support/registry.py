"""A registry on this machine: Debian's docker-registry (the CNCF's distribution) on a free port, with or without a
password. Engines take one at 127.0.0.1 without TLS. A remote engine does not reach it."""
import base64
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request

import yaml

from ports import free_port
from runs import Process
from tap import expect, wait_until

from .engine import docker, engine_request, need_local

USER, PASSWORD = "tester", "secret-of-the-registry"
# htpasswd -nbB tester secret-of-the-registry
HTPASSWD = "tester:$2y$05$SzxmMFrrMl.9EwSKGqJ1v.Zw9wDHFHbgPHj6EscbLnMiBQ9.HJYkC"


def push(registry, image, name):
    """Puts an image of the engine into the registry; the engine does not keep it under that name. Returns the name."""
    target = registry.image(name)
    docker("tag", image, target + ":1")
    auth = base64.urlsafe_b64encode(json.dumps({"username": USER, "password": PASSWORD}).encode()).decode()
    status, answer = engine_request("POST", f"/images/{target}/push?tag=1", headers={"X-Registry-Auth": auth})
    expect(status == 200 and b"digest: sha256" in answer, status, answer)
    docker("rmi", target + ":1")
    return target + ":1"


def client_config(scene, name, registry, user=USER, password=PASSWORD):
    """A folder as DOCKER_CONFIG has it."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = {"auths": {registry.address: {"auth": auth}}}
    return os.path.dirname(scene.write(f"{name}/config.json", json.dumps(config)))


class Registry:
    """Use it with `with`. `address`: "127.0.0.1:PORT", the first part of an image's name."""

    def __init__(self, password=False):
        need_local("a registry on this machine")
        self.password = password
        self.folder = tempfile.mkdtemp(prefix="bosun-registry-")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def image(self, name):
        return f"{self.address}/{name}"

    def _config(self):
        config = {"version": 0.1, "log": {"level": "warn"}, "http": {"addr": self.address},
                  "storage": {"filesystem": {"rootdirectory": os.path.join(self.folder, "data")},
                              "delete": {"enabled": True}}}
        if self.password:
            passwords = os.path.join(self.folder, "htpasswd")
            with open(passwords, "w", encoding="ascii") as file:
                file.write(HTPASSWD + "\n")
            config["auth"] = {"htpasswd": {"realm": "bosun-test", "path": passwords}}
        path = os.path.join(self.folder, "config.yml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        return path

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/v2/", timeout=5) as response:
                return response.status == 200
        except urllib.error.HTTPError as error:
            return error.code == 401

    def start(self):
        """Again after stop(), with the images that were there."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = Process(["docker-registry", "serve", self._config()], stdout=log, stderr=log,
                                   start_new_session=True)
        wait_until(self.answers, 20, "the registry answers")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
