#!/usr/bin/python3 -B
"""A stand-in for traefik 2.3, whose image the tests cannot pull: the real requests go through haproxy, which routes
them by the table that this program keeps. It takes traefik's command line, follows the engine's containers and their
labels as traefik's Docker provider does, and answers on traefik's API.

Faithful where it matters to who writes the labels: which containers count, how names clash, priorities, the default
service and rule, API 1.24 to the engine, no second try at a server. Not there: everything else, above all TLS, TCP,
dashboard, other providers, other middlewares than replacepath, regular expressions in rules. Labels of that kind spoil
their container, loudly. It is quicker than traefik to take up a change (0.2 s, traefik up to 2 s)."""
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import api  # noqa: E402
import engine  # noqa: E402
import expression  # noqa: E402
import labels  # noqa: E402
from runtime import Runtime  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
THROTTLE = 0.2
# Without effect here, and nothing that a test could miss.
HARMLESS = ("log", "accesslog", "global", "entrypoints", "api", "ping", "providers.docker", "serverstransport",
            "providers.providersthrottleduration")
FRONTEND = """
frontend {name}
    bind {address}
    http-request lua.route {name}
    http-request return status 404 content-type "text/plain; charset=utf-8" string "404 page not found" \
unless {{ var(txn.router) -m found }}
    http-request return status 503 content-type "text/plain; charset=utf-8" string "no available server" \
unless {{ var(txn.address) -m found }}
    default_backend servers
"""
BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nBad Gateway"


class Options:
    """Traefik's options, as far as they mean something here."""

    def __init__(self, arguments):
        flags = dict(self.parse(arguments))
        self.docker = any(key.startswith("providers.docker") for key in flags)
        self.exposed_by_default = self.yes(flags, "providers.docker.exposedbydefault", True)
        self.network = flags.get("providers.docker.network")
        self.endpoint = flags.get("providers.docker.endpoint", "unix:///var/run/docker.sock")
        constraint = flags.get("providers.docker.constraints")
        self.constraint = expression.constraint(constraint) if constraint else None
        self.api, self.ping = self.yes(flags, "api.insecure", False), self.yes(flags, "ping", False)
        addresses = {key.split(".")[1]: value for key, value in flags.items()
                     if key.startswith("entrypoints.") and key.endswith(".address")}
        self.api_address = addresses.pop("traefik", ":8080")
        self.entrypoints = addresses or {"http": ":80"}

    @staticmethod
    def parse(arguments):
        rest = [word for word in arguments if word != "traefik"]
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                sys.exit(f"command not found: {word}")
            key, equals, value = word.lstrip("-").partition("=")
            if not equals:
                value = rest.pop(0) if rest and not rest[0].startswith("-") else "true"
            if not any(f"{key.lower()}.".startswith(known + ".") for known in HARMLESS):
                labels.log(f"warning: this stand-in ignores --{key}")
            yield key.lower(), value

    @staticmethod
    def yes(flags, key, default):
        return flags.get(key, str(default)).lower() in ("true", "1")


def healthcheck(arguments):
    """traefik healthcheck --ping: exit status 0 when the proxy of this container answers."""
    port = Options(arguments).api_address.rpartition(":")[2]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as response:
            print("OK: http://:%s/ping" % port)
            return 0 if response.status == 200 else 1
    except OSError as error:
        print("Bad healthcheck status:", error)
        return 1


def start_haproxy(options):
    with open("/run/502.http", "w", encoding="ascii", newline="") as file:
        file.write(BAD_GATEWAY)
    with open("/run/frontends.cfg", "w", encoding="utf-8") as file:
        for name, address in options.entrypoints.items():
            file.write(FRONTEND.format(name=name, address=address.partition("/")[0]))
    return subprocess.Popen(["haproxy", "-db", "-f", os.path.join(HERE, "haproxy.cfg"), "-f", "/run/frontends.cfg"])


class Follower:
    """Keeps the runtime as the engine's containers are."""

    def __init__(self, options, runtime):
        self.options, self.runtime = options, runtime
        self.dirty = threading.Event()

    def listen(self):
        """Never returns. A lost connection is made anew, as traefik does."""
        while True:
            try:
                for _ in engine.events(self.options.endpoint):
                    self.dirty.set()
            except (OSError, ValueError) as error:
                labels.log(f"error: provider connection error {error}, retrying")
                time.sleep(0.5)

    def refresh(self):
        """Never returns."""
        while True:
            self.dirty.wait()
            self.dirty.clear()
            try:
                found = labels.collect(engine.containers(self.options.endpoint), self.options)
                if self.runtime.update(found):
                    labels.log("configuration:", ", ".join(sorted(self.runtime.routers)) or "no router")
            except (OSError, ValueError, RuntimeError) as error:
                labels.log(f"error: cannot read the containers: {error}")
                self.dirty.set()
            time.sleep(THROTTLE)


def in_background(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def main(arguments):
    if arguments[:1] == ["traefik"]:
        arguments = arguments[1:]
    if arguments[:1] == ["healthcheck"]:
        return healthcheck(arguments[1:])
    labels.log("stand-in for traefik 2.3.3, made of haproxy")
    options = Options(arguments)
    haproxy = start_haproxy(options)

    def end(*_):
        haproxy.send_signal(signal.SIGUSR1)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    runtime = Runtime(options)
    follower = Follower(options, runtime)
    if options.docker:
        in_background(follower.refresh)
        in_background(follower.listen)
    if options.api or options.ping:
        host, _, port = options.api_address.rpartition(":")
        in_background(api.serve, (host, int(port)), runtime, options.ping)
    return haproxy.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
