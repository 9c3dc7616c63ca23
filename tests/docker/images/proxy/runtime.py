"""The state of the stand-in for traefik: what the API tells of the routers and services in use, and the table that
haproxy routes by."""
import os
import socket
import time
from urllib.parse import urlsplit

import labels
from expression import lua_string, rule_to_lua

TABLE = "/run/routes.lua"
HAPROXY = "/run/haproxy.sock"


def router_view(name, router, config, options):
    found = labels.problems(router, config, options)
    status = "disabled" if any(disables for disables, _ in found) else "warning" if found else "enabled"
    view = {"entryPoints": router.get("entrypoints"),
            "middlewares": [f"{labels.local(m)}@docker" for m in router.get("middlewares", [])] or None,
            "service": router["service"], "rule": router["rule"], "priority": router.get("priority"),
            "error": [text for _, text in found] or None, "status": status, "using": labels.using(router, options),
            "name": f"{name}@docker", "provider": "docker"}
    return {key: value for key, value in view.items() if value is not None}


def service_view(name, service, config):
    used = sorted(f"{router}@docker" for router, definition in config["routers"].items()
                  if labels.local(definition["service"]) == name)
    return {"loadBalancer": {"servers": [{"url": url} for url in service["urls"]],
                             "passHostHeader": service["pass_host"]},
            "status": "enabled", "usedBy": used, "serverStatus": {url: "UP" for url in service["urls"]},
            "name": f"{name}@docker", "provider": "docker", "type": "loadbalancer"}


INTERNAL_ROUTER = {"entryPoints": ["traefik"], "service": "api@internal", "rule": "PathPrefix(`/api`)",
                   "priority": 2147483646, "status": "enabled", "using": ["traefik"], "name": "api@internal",
                   "provider": "internal"}
INTERNAL_SERVICE = {"status": "enabled", "usedBy": ["api@internal"], "name": "api@internal", "provider": "internal"}


class Runtime:
    """`routers`, `services`, `middlewares`: by full name ("x@docker"), as the API tells them."""

    def __init__(self, options):
        self.options = options
        self.config = None
        self.routers, self.services, self.middlewares = {}, {}, {}
        self.update({"routers": {}, "services": {}, "middlewares": {}})

    def update(self, config):
        """Takes a new configuration; returns whether it is another one."""
        if config == self.config:
            return False
        routers = [router_view(name, router, config, self.options) for name, router in config["routers"].items()]
        self.write_table(config, {view["name"] for view in routers if view["status"] != "disabled"})
        self.config = config
        self.services = {view["name"]: view for view in
                         [service_view(name, service, config) for name, service in config["services"].items()]}
        self.middlewares = {f"{name}@docker": {"replacePath": {"path": m["replacepath.path"]}, "status": "enabled",
                                               "name": f"{name}@docker", "provider": "docker", "type": "replacepath"}
                            for name, m in config["middlewares"].items()}
        # Last: who sees a router in the API may rely on its being in use.
        self.routers = {view["name"]: view for view in routers}
        if self.options.api:
            self.routers["api@internal"], self.services["api@internal"] = INTERNAL_ROUTER, INTERNAL_SERVICE
        for view in routers:
            for text in view.get("error", []):
                labels.log(f"error: router {view['name']}: {text}")
        return True

    def write_table(self, config, enabled):
        chosen = [(name, router) for name, router in config["routers"].items() if f"{name}@docker" in enabled]
        chosen.sort(key=lambda item: (-(item[1].get("priority") or len(item[1]["rule"])), item[0]))
        with open(TABLE + ".new", "w", encoding="utf-8") as file:
            file.write("return {\n" + "".join(self.lua_router(*item, config) for item in chosen) + "}\n")
        os.rename(TABLE + ".new", TABLE)
        tell_haproxy("routes")

    def lua_router(self, name, router, config):
        servers = ", ".join(f"{{address = {lua_string(urlsplit(url).hostname)}, port = {urlsplit(url).port}}}"
                            for url in config["services"][labels.local(router["service"])]["urls"])
        path = "nil"
        for middleware in router.get("middlewares", []):
            path = lua_string(config["middlewares"][labels.local(middleware)]["replacepath.path"])
        entrypoints = ", ".join(f"[{lua_string(e)}] = true" for e in labels.using(router, self.options))
        return (f"  {{name = {lua_string(name)}, match = function(r) return {rule_to_lua(router['rule'])} end,\n"
                f"   servers = {{{servers}}}, path = {path}, entrypoints = {{{entrypoints}}}}},\n")


def tell_haproxy(command, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(HAPROXY)
                connection.sendall(command.encode() + b"\n")
                answer = connection.recv(65536).decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        if not answer.startswith("loaded"):
            raise RuntimeError(f"haproxy: {answer}")
        return
