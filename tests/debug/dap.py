"""A client of the Debug Adapter Protocol for tests, and an action to debug. A plugin's text marks its lines with
`-- @name` at their ends; `lines` has their numbers."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, os.path.join(os.environ["BOSUN_SOURCE"], "tests", "support"))
from tap import PATIENCE, expect  # noqa: E402  pylint: disable=wrong-import-position

BUILD = os.environ["BOSUN_BUILD"]
RUNNER = os.path.join(BUILD, "bosun-plugin-runner")
TOOL = os.path.join(BUILD, "bosun")

HEAD = """local BosunPluginBase = require "bosun.plugin_base"
local status = require "bosun.action_status"
local P = BosunPluginBase:extend("Sample")
local function ok(msg, data)
  return status.ActionStatusInfo { status = status.ActionStatus.OK, msg = msg, data = data }
end
"""


class Client:
    """Over a file object to read from and a function that writes bytes."""

    def __init__(self, reader, write):
        self.reader, self.write = reader, write
        self.seq = 0
        self.events = []

    def send_raw(self, data):
        self.write(data)

    def send(self, command, arguments=None):
        self.seq += 1
        body = json.dumps({"seq": self.seq, "type": "request", "command": command,
                           "arguments": arguments or {}}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self.seq

    def receive(self):
        """The next message; None: the other side has closed."""
        length = None
        while True:
            line = self.reader.readline()
            if not line:
                return None
            if line == b"\r\n":
                break
            name, value = line.split(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self.reader.read(length))

    def answer(self, seq):
        while True:
            message = self.receive()
            expect(message is not None, "the connection ended before the response to request", seq)
            if message["type"] == "response" and message["request_seq"] == seq:
                return message
            self.events.append(message)

    def ask(self, command, arguments=None):
        """The body of the response."""
        message = self.answer(self.send(command, arguments))
        expect(message["success"] and "error" not in message.get("body", {}), command, "failed:", message)
        return message.get("body", {})

    def fails(self, command, arguments=None):
        message = self.answer(self.send(command, arguments))
        expect(not message["success"], command, "succeeded:", message)
        return message["message"]

    def event(self, name, matches=lambda body: True):
        """The next event of that name; others before it are dropped."""
        while True:
            message = self.events.pop(0) if self.events else self.receive()
            expect(message is not None, "the connection ended before the event", name)
            if message["type"] == "event" and message["event"] == name and matches(message.get("body", {})):
                return message.get("body", {})

    def initialize(self):
        body = self.ask("initialize", {"adapterID": "bosun", "linesStartAt1": True, "columnsStartAt1": True})
        self.event("initialized")
        return body

    def stopped(self, reason=None):
        body = self.event("stopped")
        expect(reason in (None, body["reason"]), "stopped by", body, "instead of", reason)
        return body

    def stack(self, thread=1):
        return self.ask("stackTrace", {"threadId": thread})["stackFrames"]

    def top(self, thread=1):
        """Name and line of the innermost frame."""
        frame = self.stack(thread)[0]
        return frame["name"], frame["line"]

    def scope(self, name, frame=None):
        frame = frame or self.stack()[0]["id"]
        for scope in self.ask("scopes", {"frameId": frame})["scopes"]:
            if scope["name"] == name:
                return scope["variablesReference"]
        return None

    def variables(self, reference, **more):
        return {v["name"]: v for v in self.ask("variables", {"variablesReference": reference, **more})["variables"]}

    def locals(self):
        return {name: v["value"] for name, v in self.variables(self.scope("Locals")).items()}

    def evaluate(self, expression, **more):
        return self.ask("evaluate", {"expression": expression, **more})["result"]


def connect(path, process):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            connection.settimeout(PATIENCE)
            return connection
        except OSError:
            connection.close()
            expect(process.poll() is None, "the action ended before it could be attached to")
            expect(time.monotonic() < end, "nobody listens at", path)
            time.sleep(0.005)


class Action:
    """An action of a plugin with the given text, its runner, and a client attached to it."""

    def __init__(self, text, extra=(), wait=True, files=None, action="pe_status", prefix=()):
        self.folder = tempfile.mkdtemp(prefix="bosun-debug-")
        self.plugin = self.write("plugin.lua", HEAD + text)
        for name, content in (files or {}).items():
            self.write(name, content)
        self.lines = {mark: number for number, line in enumerate((HEAD + text).split("\n"), 1)
                      for mark in re.findall(r"-- @(\w+)", line)}
        self.socket_path = os.path.join(self.folder, "socket")
        self.status_path = os.path.join(self.folder, "status.yaml")
        config = self.write("config.yaml", yaml.safe_dump(
            {"pluginConfig": {"name": "x", "mlopsApiToken": "hush-hush-hush"}, "peInfo": {"id": "pe", "name": "pe"}}))
        argv = [*prefix, RUNNER, "--plugin", self.plugin, "--action", action, "--config", config, "--status-file",
                self.status_path, "--debug-socket", self.socket_path, *(["--debug-wait"] if wait else []), *extra]
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.connection = None
        self.client = None
        if wait:
            self.attach()

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def attach(self):
        self.connection = connect(self.socket_path, self.process)
        self.client = Client(self.connection.makefile("rb"), self.connection.sendall)
        self.client.initialize()
        return self.client

    def begin(self, *marks, filters=(), **options):
        """Sets breakpoints at marked lines and lets the action begin; returns what the first request answered."""
        body = self.breakpoints(*[{"line": self.lines[mark], **options} for mark in marks])
        self.client.ask("setExceptionBreakpoints", {"filters": list(filters)})
        self.client.ask("attach")
        self.client.ask("configurationDone")
        return body

    def breakpoints(self, *points, path=None):
        return self.client.ask("setBreakpoints", {"source": {"path": path or self.plugin},
                                                  "breakpoints": list(points)})["breakpoints"]

    def go(self):
        self.client.ask("continue", {"threadId": 1})

    def at(self, mark, reason=None):
        """Waits for the next stop, which is at that line; returns its event."""
        body = self.client.stopped(reason)
        _, line = self.client.top(body["threadId"])
        expect(line == self.lines[mark], "stopped at line", line, "instead of", self.lines[mark], "by", body)
        return body

    def detach(self):
        self.connection.close()
        self.client.reader.close()

    def status(self):
        """Waits for the end."""
        log, _ = self.process.communicate(timeout=PATIENCE)
        self.log = log.decode(errors="replace")
        with open(self.status_path, encoding="utf-8") as file:
            return yaml.safe_load(file)

    def passes(self, message=None):
        status = self.status()
        expect(status["status"] == "passing", "status", status, "log", self.log)
        expect(message in (None, status["msg"]), status)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.connection:
            self.detach()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.process.stdout.close()
        shutil.rmtree(self.folder)
