"""`bosun debug --dap`: what an editor starts."""
import os
import subprocess
import tempfile

import yaml

from dap import HEAD, TOOL, Action, Client
from tap import PATIENCE, expect, main, poll, test

PLUGIN = HEAD + """
function P:pe_status()
  print("working")
  local sum = 1 + 1
  return ok("sum " .. sum)
end
function P:deployment_stop()
  while true do end
end
return P
"""
SUM, BACK = HEAD.count("\n") + 4, HEAD.count("\n") + 5


class Adapter:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bosun-adapter-")
        self.plugin = self.write("plugin.lua", PLUGIN)
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([TOOL, "debug", "--dap"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.client = Client(self.process.stdout, self.write_bytes)
        self.capabilities = self.client.ask("initialize", {"adapterID": "bosun"})

    def write(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def write_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def launch(self, breakpoints=(), filters=(), **arguments):
        config = self.write("config.yaml", yaml.safe_dump(
            {"pluginConfig": {"name": "x"}, "peInfo": {"id": "pe", "name": "pe"},
             "deploymentInfo": {"id": "d1", "name": "d1"}}))
        seq = self.client.send("launch", {"plugin": self.plugin, "action": "pe_status", "config": config, **arguments})
        self.client.event("initialized")
        points = [{"line": line} for line in breakpoints]
        self.client.ask("setBreakpoints", {"source": {"path": self.plugin}, "breakpoints": points})
        self.client.ask("setExceptionBreakpoints", {"filters": list(filters)})
        self.client.ask("configurationDone")
        return seq

    def outputs_until(self, name):
        """The outputs by category, and the body of the first event of that name."""
        texts = {}
        while True:
            message = self.client.events.pop(0) if self.client.events else self.client.receive()
            expect(message is not None, "the connection ended before", name)
            body = message.get("body", {})
            if message.get("event") == name:
                return texts, body
            if message.get("event") == "output":
                texts[body["category"]] = texts.get(body["category"], "") + body["output"]

    def ends(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=PATIENCE)
        return code, self.process.stderr.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        self.folder.cleanup()


@test("launch: breakpoint, output, status, exit code, terminated; the adapter ends with its input")
def _():
    with Adapter() as adapter:
        expect(adapter.capabilities["supportsLogPoints"] is True, adapter.capabilities)
        adapter.launch([SUM])
        adapter.client.stopped("breakpoint")
        expect(adapter.client.top()[1] == SUM, adapter.client.top())
        adapter.client.ask("next", {"threadId": 1})
        adapter.client.stopped("step")
        expect(adapter.client.evaluate("sum") == "2")
        adapter.client.ask("continue", {"threadId": 1})
        texts, body = adapter.outputs_until("exited")
        expect(body == {"exitCode": 0}, body)
        expect('msg: "sum 2"' in texts["stdout"], texts)
        adapter.client.event("terminated")
        adapter.client.ask("disconnect")
        expect(adapter.ends() == (0, ""), "how the adapter ended")


@test("launch: dryRun, timeout, statusFile, privateConfig and settings reach the runner")
def _():
    with Adapter() as adapter:
        status = os.path.join(adapter.folder.name, "status.yaml")
        adapter.launch(statusFile=status, dryRun=True, timeout=30, settings=["peInfo.name=other"])
        texts, body = adapter.outputs_until("exited")
        expect(body == {"exitCode": 0}, body, texts)
        with open(status, encoding="utf-8") as file:
            expect(yaml.safe_load(file)["msg"] == "sum 2", "the status file")


@test("launch: a wrong command line is the answer's message")
def _():
    for arguments, words in (({}, 'needs the text "plugin"'), ({"plugin": "x"}, 'needs the text "action"'),
                             ({"plugin": "x", "action": "y"}, "unknown action"),
                             ({"plugin": "x", "action": "y", "config": 3}, '"config" is not a text')):
        with Adapter() as adapter:
            message = adapter.client.fails("launch", arguments)
            expect(words in message, words, "is not in", message)


@test("launch: a plugin that does not exist ends the action, with the reason in the output")
def _():
    with Adapter() as adapter:
        adapter.launch(plugin="./nowhere.lua")
        texts, body = adapter.outputs_until("exited")
        expect(body == {"exitCode": 1} and "no plugin file" in texts["stdout"], body, texts)


@test("terminate ends an endless action; disconnect lets one finish that waits at a breakpoint")
def _():
    with Adapter() as adapter:
        adapter.launch(action="deployment_stop")
        adapter.client.ask("terminate")
        _, body = adapter.outputs_until("exited")
        expect(body["exitCode"] != 0, body)
    with Adapter() as adapter:
        status = os.path.join(adapter.folder.name, "status.yaml")
        adapter.launch([SUM], statusFile=status)
        adapter.client.stopped("breakpoint")
        adapter.client.ask("disconnect")
        expect(adapter.ends()[0] == 0, "how the adapter ended")

        def passing():
            with open(status, encoding="utf-8") as file:
                return yaml.safe_load(file)["msg"] == "sum 2"
        poll(passing, "the action finishes")


@test("terminate at a breakpoint: nothing more of the action runs")
def _():
    with Adapter() as adapter:
        status = os.path.join(adapter.folder.name, "status.yaml")
        adapter.write("plugin.lua", PLUGIN.replace("local sum = 1 + 1", """local sum = 1 + 1
  pcall(function() assert(io.open(bosun_after, "w")):close() end)""").replace("bosun_after", repr(status + ".after")))
        adapter.launch([SUM], statusFile=status)
        adapter.client.stopped("breakpoint")
        adapter.client.ask("terminate")
        adapter.client.send("disconnect")
        expect(adapter.ends()[0] == 0, "how the adapter ended")

        def cancelled():
            with open(status, encoding="utf-8") as file:
                return "cancelled " in yaml.safe_load(file)["msg"]
        poll(cancelled, "the action is cancelled")
        expect(not os.path.exists(status + ".after"), "the action went on")


@test("an editor that is killed lets the action finish")
def _():
    with Adapter() as adapter:
        status = os.path.join(adapter.folder.name, "status.yaml")
        adapter.launch([SUM], statusFile=status)
        adapter.client.stopped("breakpoint")
        adapter.process.kill()
        adapter.process.wait()

        def passing():
            with open(status, encoding="utf-8") as file:
                return yaml.safe_load(file)["msg"] == "sum 2"
        poll(passing, "the action finishes")


@test("attach to a running action by its socket")
def _():
    with Action("""
function P:pe_status()
  local n = 0
  while not P.done do n = n + 1 end
  return ok("released")
end
return P
""", wait=False) as action, Adapter() as adapter:
        poll(lambda: os.path.exists(action.socket_path), "the action listens")
        seq = adapter.client.send("attach", {"socket": action.socket_path})
        adapter.client.event("initialized")
        adapter.client.ask("configurationDone")
        expect(adapter.client.send("pause", {"threadId": 1}) > seq)
        adapter.client.stopped("pause")
        adapter.client.ask("evaluate", {"expression": "P.done = true", "context": "repl"})
        adapter.client.ask("disconnect")
        action.passes("released")
        expect(not os.path.exists(action.socket_path), "the socket is left")


@test("attach to nothing says what to do")
def _():
    with Adapter() as adapter:
        message = adapter.client.fails("attach", {"socket": "/nowhere/socket"})
        expect("/nowhere/socket" in message and "--debug-socket" in message, message)
        expect('needs the text "socket"' in adapter.client.fails("attach", {}))
        expect("no action is being debugged" in adapter.client.fails("threads"))


@test("what is not the protocol ends the adapter, with the reason")
def _():
    with Adapter() as adapter:
        adapter.client.send_raw(b"hello\r\n\r\n")
        code, text = adapter.ends()
        expect(code == 0 and "Content-Length: N" in text, code, text)


if __name__ == "__main__":
    main()
