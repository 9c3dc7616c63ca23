"""From containers and their labels to routers, services and middlewares, with the rules of traefik 2.3's Docker
provider. Knows nothing of sockets: containers are the engine's JSON."""
import re

from expression import rule_to_lua


class LabelError(Exception):
    pass


def log(*words):
    print(*words, flush=True)


def name_of(container):
    return container["Name"].lstrip("/")


def normalized(name):
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


# ---- labels --------------------------------------------------------------------------------------------------------

FIELDS = {"routers": {"rule": str, "entrypoints": list, "middlewares": list, "service": str, "priority": int},
          "middlewares": {"replacepath.path": str},
          "services": {"loadbalancer.server.port": int, "loadbalancer.server.scheme": str,
                       "loadbalancer.passhostheader": bool}}


def value_as(kind, key, value):
    try:
        if kind is list:
            return [part.strip() for part in value.split(",")]
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        return kind(value)
    except (KeyError, ValueError) as error:
        raise LabelError(f"label {key}: {value!r} is no {kind.__name__}") from error


def sections(labels):
    """{"routers": {name: {field: value}}, …} of one container. As in traefik an unknown field spoils them all."""
    found = {section: {} for section in FIELDS}
    for key in sorted(labels):
        words = key.split(".")
        low = [word.lower() for word in words]
        if low[0] != "traefik" or low[:2] in (["traefik", "enable"], ["traefik", "docker"]):
            continue
        if len(words) < 5 or low[1] != "http" or low[2] not in FIELDS:
            raise LabelError(f"label {key}: field not found")
        field = ".".join(low[4:])
        if field not in FIELDS[low[2]]:
            raise LabelError(f"label {key}: field not found (or one that this stand-in lacks)")
        names = found[low[2]]
        name = next((name for name in names if name.lower() == low[3]), words[3])
        names.setdefault(name, {})[field] = value_as(FIELDS[low[2]][field], key, labels[key])
    return found


def setting(labels, key, default=None):
    return next((value for name, value in labels.items() if name.lower() == key), default)


# ---- one container -------------------------------------------------------------------------------------------------

def wanted(container, options):
    """Does traefik look at this container?"""
    labels = container["Config"].get("Labels") or {}
    enabled = setting(labels, "traefik.enable")
    if not (options.exposed_by_default if enabled is None else value_as(bool, "traefik.enable", enabled)):
        return False
    if options.constraint and not options.constraint(labels):
        return False
    health = (container["State"].get("Health") or {}).get("Status") or "none"
    return container["State"]["Running"] and health in ("healthy", "none")


def address_of(container, options):
    networks = container["NetworkSettings"]["Networks"] or {}
    name = setting(container["Config"]["Labels"], "traefik.docker.network", options.network)
    if name and name not in networks:
        log(f"warning: could not find network {name} of container {name_of(container)}; taking the first one")
    chosen = networks.get(name) or next(iter(networks.values()), {})
    if not chosen.get("IPAddress"):
        raise LabelError("unable to find the IP address: the container is ignored")
    return chosen["IPAddress"]


def port_of(container, service):
    if "loadbalancer.server.port" in service:
        return service["loadbalancer.server.port"]
    ports = sorted(int(port.split("/")[0]) for port in container["NetworkSettings"].get("Ports") or {})
    if not ports:
        raise LabelError("port is missing: no label, and the image exposes none")
    return ports[0]


def complete_services(container, services, options):
    if not services:
        services[normalized(name_of(container))] = {}
    for name, service in services.items():
        scheme = service.get("loadbalancer.server.scheme", "http")
        url = f"{scheme}://{address_of(container, options)}:{port_of(container, service)}"
        services[name] = {"urls": [url], "pass_host": service.get("loadbalancer.passhostheader", True)}


def complete_routers(container, routers, services):
    if not routers:
        if len(services) > 1:
            log(f"error: could not create a router for {name_of(container)}: too many services")
            return
        routers[normalized(name_of(container))] = {}
    for name, router in list(routers.items()):
        router.setdefault("rule", f"Host(`{normalized(name_of(container))}`)")
        if "service" in router:
            continue
        if len(services) > 1:
            log(f"error: could not define the service name for the router {name}: too many services")
            del routers[name]
        else:
            router["service"] = next(iter(services))


def configuration(container, options):
    """What one container adds: {"routers": {}, "services": {}, "middlewares": {}}."""
    found = sections(container["Config"]["Labels"])
    complete_services(container, found["services"], options)
    complete_routers(container, found["routers"], found["services"])
    return found


# ---- all containers ------------------------------------------------------------------------------------------------

def merge(kind, all_of_kind):
    """Definitions by name. Equal ones are one, services of one name are joined, others of one name are all dropped."""
    merged, dropped = {}, set()
    for name, definition in all_of_kind:
        known = merged.setdefault(name, definition)
        if kind == "services" and known["pass_host"] == definition["pass_host"]:
            merged[name] = {**known, "urls": known["urls"] + [u for u in definition["urls"] if u not in known["urls"]]}
        elif known != definition:
            dropped.add(name)
    for name in sorted(dropped):
        log(f"error: {kind} defined multiple times with different configurations: {name}")
        del merged[name]
    return merged


def collect(containers, options):
    parts = []
    for container in sorted(containers, key=name_of):
        try:
            if wanted(container, options):
                parts.append(configuration(container, options))
        except LabelError as error:
            log(f"error: container {name_of(container)}: {error}")
    return {kind: merge(kind, [item for part in parts for item in part[kind].items()]) for kind in FIELDS}


def local(name):
    """A name of this provider, without "@docker"; other providers' names stay as they are."""
    return name[:-len("@docker")] if name.endswith("@docker") else name


def problems(router, config, options):
    """What keeps the router from working: [(disables, text)]."""
    found = []
    for entrypoint in router.get("entrypoints", []):
        if entrypoint not in options.entrypoints:
            found.append((False, f"entryPoint {entrypoint!r} doesn't exist"))
    if not using(router, options):
        found.append((True, "no valid entryPoint for this router"))
    if local(router["service"]) not in config["services"]:
        found.append((True, f'the service "{local(router["service"])}@docker" does not exist'))
    for name in router.get("middlewares", []):
        if local(name) not in config["middlewares"]:
            found.append((True, f'middleware "{local(name)}@docker" does not exist'))
    try:
        rule_to_lua(router["rule"])
    except ValueError as error:
        found.append((True, f"error while parsing rule {router['rule']}: {error}"))
    return found


def using(router, options):
    return [name for name in router.get("entrypoints") or options.entrypoints if name in options.entrypoints]
