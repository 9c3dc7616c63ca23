"""A bench for the tests of one file: a name prefix, a network and ports of its own, the plugin's config, model
packages, runs of the plugin as the agent does them, and a look at what they left on the engine."""
import fcntl
import json
import os
import random
import re
import shutil
import signal
import string
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import yaml

from actions import Action
from ports import free_port
from runs import PREVIOUS, RUNNER
from tap import expect

from .engine import HOST, HOSTNAME, docker, engine_request

PPS, STAND_IN, TRAEFIK = "bosun-test/pps:1", "bosun-test/proxy:2.3.3", "bosun-test/traefik:3"
# tests/traefik runs files of this folder once more, with the real traefik.
PROXY = os.environ.get("BOSUN_TEST_PROXY", STAND_IN)
RABBITMQ, AGENT = "bosun-test/rabbitmq:3", "bosun-test/agent:1"
# What the plugin puts on all that it makes; the bench puts it on what it makes itself, too.
LABEL = "bosun.prefix"
# In the order in which things can be removed.
REMOVE = {"container": ("rm", "-f", "-v"), "image": ("rmi", "-f"), "volume": ("volume", "rm"),
          "network": ("network", "rm")}


class Bench:
    """Use it with `with`: it removes from the engine whatever has its prefix. With alone=True no other bench of this
    machine runs meanwhile; then leftovers() can tell things without a name or label, too."""

    def __init__(self, name, alone=False):
        self.alone, self.lock = alone, None
        self.prefix = f"bt-{name}-{''.join(random.choices(string.ascii_lowercase, k=5))}-"
        self.network = self.prefix + "net"
        self.path = tempfile.mkdtemp(prefix=self.prefix)
        self.ports = {80: free_port(), 8080: free_port()}
        self.url = f"http://{HOSTNAME}:{self.ports[80]}"
        self.proxy_api = f"http://{HOSTNAME}:{self.ports[8080]}"
        self.runs = 0

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        # Whoever waits holds the door: else one that wants to be alone waits for ever while others come and go.
        with open(os.path.join(tempfile.gettempdir(), "bosun-bench.door"), "a", encoding="ascii") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            self.lock = open(os.path.join(tempfile.gettempdir(), "bosun-bench.lock"), "a", encoding="ascii")
            fcntl.flock(self.lock, fcntl.LOCK_EX if self.alone else fcntl.LOCK_SH)
        self.before = self._strays()
        docker("network", "create", "--label", f"{LABEL}={self.prefix}", self.network)
        return self

    def __exit__(self, *_):
        self.cleanup()
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.close()

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

    def private(self, **changes):
        """The plugin's config with this bench's names, ports and the stand-ins' images; a None takes a key out."""
        config = {"dockerNetwork": self.network, "traefikImage": PROXY, "traefikPortMapping": dict(self.ports),
                  "outfacingPredictionURLPrefix": self.url, "agentImage": AGENT, "rabbitmqImage": RABBITMQ,
                  "ppsBaseImage": PPS, "generatedImagePrefix": self.prefix, "containerNamePrefix": self.prefix,
                  **changes}
        return self.write(f"private-{self.runs}.yaml", {key: v for key, v in config.items() if v is not None})

    # ---- actions ---------------------------------------------------------------------------------------------------

    def begin(self, action, deployment_info=None, plugin_config=None, pe_info=None, timeout=None, env=None, args=(),
              private=None, prefix=()):
        """Starts an action; returns it running. `private`: changes of the private config, or the path of another;
        `prefix`: a command that runs the runner; `timeout`: the runner's."""
        self.runs += 1
        config = {"pluginConfig": {"name": "docker tests", **(plugin_config or {})},
                  "peInfo": {"id": "pe-1", "name": "bench", **(pe_info or {})}}
        if deployment_info is not None:
            config["deploymentInfo"] = deployment_info
        status = self.write(f"status-{self.runs}.yaml", PREVIOUS)
        argv = [*prefix, RUNNER, "--exit-codes", "--plugin", "docker", "--action", action, "--status-file", status,
                "--config", self.write(f"action-{self.runs}.yaml", config),
                "--private-config", private if isinstance(private, str) else self.private(**(private or {}))]
        argv += ["--timeout", str(timeout)] if timeout else []
        return Action([*argv, *args], status, {"DOCKER_HOST": HOST, **(env or {})})

    def act(self, action, deployment_info=None, **options):
        """Runs an action to its end; returns its Outcome."""
        return self.begin(action, deployment_info, **options).finish()

    # ---- the engine ------------------------------------------------------------------------------------------------

    def create(self, name, image, *options, command=()):
        """docker create with this bench's prefix, network and label; returns the container's name."""
        docker("create", "--name", self.prefix + name, "--network", self.network, "--label", f"{LABEL}={self.prefix}",
               *options, image, *command)
        return self.prefix + name

    def run(self, name, image, *options, command=()):
        docker("start", self.create(name, image, *options, command=command))
        return self.prefix + name

    @property
    def gateway(self):
        """This machine's address as containers of the network see it."""
        return docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", self.network)

    def containers(self):
        """Names of all containers with this bench's prefix or label, sorted."""
        return sorted({item["Names"][0].lstrip("/") for item in self._listed("/containers/json?all=1&")
                       if item["Names"][0].startswith("/" + self.prefix) or self._labelled(item)})

    def logs(self, name):
        return docker("logs", name, check=False)

    def proxy(self, path):
        """The answer of the proxy's API, None where it says 404: proxy("/api/http/routers/x@docker")."""
        try:
            with urllib.request.urlopen(self.proxy_api + path, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            expect(error.code == 404, f"{path}: {error}")
            return None

    def _labelled(self, item):
        return (item.get("Labels") or {}).get(LABEL) == self.prefix

    @staticmethod
    def _listed(path, key=None):
        status, found = engine_request("GET", path)
        expect(status == 200, f"{path}: {status} {found}")
        return (found[key] if key else found) or []

    def _images(self):
        """Names, or ids where there is none, of the images with this bench's prefix or label."""
        found = set()
        for item in self._listed("/images/json"):
            names = [name for name in item["RepoTags"] or [] if self.prefix in name]
            found.update(names)
            if not names and self._labelled(item):
                found.add(item["Id"])
        return found

    def _named(self, kind):
        """Volumes or networks with this bench's prefix or label."""
        items = self._listed("/volumes", "Volumes") if kind == "volume" else self._listed("/networks")
        return {item["Name"] for item in items if item["Name"].startswith(self.prefix) or self._labelled(item)}

    def _strays(self):
        """What an action may leave without a name or label: dangling images that stand on the prediction server's,
        containers of it that the engine named, and volumes that nobody named."""
        images = self._listed("/images/json?filters=%7B%22dangling%22:%5B%22true%22%5D%7D")
        containers = self._listed("/containers/json?all=1")
        return ({f"volume {item['Name']}" for item in self._listed("/volumes", "Volumes") if len(item["Name"]) == 64}
                | {f"image {item['Id']}" for item in images
                   if LABEL not in (item.get("Labels") or {}) and self._stands_on_pps(item["Id"])}
                | {f"container {item['Names'][0].lstrip('/')}" for item in containers
                   if LABEL not in (item.get("Labels") or {}) and item["Image"].startswith(PPS)
                   and re.fullmatch(r"/[a-z]+_[a-z]+\d?", item["Names"][0])})

    def _stands_on_pps(self, image):
        base, layers = (engine_request("GET", f"/images/{name}/json")[1].get("RootFS", {}).get("Layers", [])
                        for name in (PPS, image))
        return layers[:len(base)] == base and image != PPS

    def leftovers(self):
        """What there is on the engine of this bench, but for its network: ["container x", "image y:latest", …]. A bench
        that is alone adds what has appeared since its start and may be its, without a name or label."""
        return sorted(self._own() | (self._strays() - self.before if self.alone else set()))

    def _own(self):
        found = {f"container {name}" for name in self.containers()} | {f"image {name}" for name in self._images()}
        found |= {f"volume {name}" for name in self._named("volume")}
        found |= {f"network {name}" for name in self._named("network") if name != self.network}
        return found

    def cleanup(self):
        """Removes what has the prefix or the label, and the network; never what may be somebody else's."""
        for item in sorted(self._own(), key=lambda item: list(REMOVE).index(item.split()[0])):
            kind, name = item.split()
            docker(*REMOVE[kind], name, check=False)
        docker("network", "rm", self.network, check=False)


