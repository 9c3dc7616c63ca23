"""The engine as traefik uses it: API 1.24, three requests."""
import http.client
import json
import socket
import time
from urllib.parse import quote, urlsplit

VERSION = "/v1.24"


class Connection(http.client.HTTPConnection):
    def __init__(self, endpoint, timeout):
        self.url = urlsplit(endpoint)
        super().__init__(self.url.hostname or "docker", self.url.port or 2375, timeout=timeout)

    def connect(self):
        if self.url.scheme != "unix":
            return super().connect()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        return self.sock.connect(self.url.path)


def ask(endpoint, path, timeout=30):
    """The response, not read yet."""
    connection = Connection(endpoint, timeout)
    connection.request("GET", VERSION + path)
    response = connection.getresponse()
    if response.status != 200:
        raise OSError(f"{path}: {response.status} {response.read(500).decode(errors='replace')}")
    return response


def containers(endpoint):
    """All running containers as the engine describes them, without those that go away meanwhile."""
    found = []
    for item in json.load(ask(endpoint, "/containers/json")):
        try:
            found.append(json.load(ask(endpoint, f"/containers/{item['Id']}/json")))
        except OSError as error:
            if ": 404 " not in str(error):
                raise
    return found


def events(endpoint):
    """Yields None once it listens, then the action of each event that traefik reacts to; does not end."""
    filters = quote(json.dumps({"type": ["container"]}))
    response = ask(endpoint, f"/events?since={int(time.time())}&filters={filters}", timeout=None)
    yield None
    for line in response:
        event = json.loads(line)
        action = event.get("Action") or event.get("status") or ""
        if action in ("start", "die") or action.startswith("health_status"):
            yield action
    raise OSError("the stream of events ended")
