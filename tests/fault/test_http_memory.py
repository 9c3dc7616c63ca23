"""An HTTP request with each of its allocations failing, libcurl's and its TLS library's included: an error or a response,
never a crash, never half a file."""
import contextlib
import os
import subprocess
import sys

import yaml

from harness import FAILMALLOC, PREVIOUS, Workspace, expect, main, parse_status, poll, sweep, test

BADSERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "badserver.py")

PLUGIN = """
function P:pe_status()
  local http = require "bosun.http"
  local resp = assert(http.post("%(url)s/echo", { json = { a = 1 }, query = { b = 2 }, auth = { bearer = "t0ken" } }))
  assert(resp:json().length == 7)
  local lines = 0
  assert(http.stream("%(url)s/lines", function() lines = lines + 1 end))
  assert(lines == 5)
  assert(http.get("%(url)s/redirect", { query = { to = "/several" }, sink = self.plugin_config.file }))
  assert(http.get("%(url)s/packed"))
  return ok(("%%d lines"):format(lines))
end
"""


@contextlib.contextmanager
def server(workspace):
    """The URL of a badserver.py that runs meanwhile."""
    port = workspace.join("port")
    with subprocess.Popen([sys.executable, "-B", BADSERVER, port], stderr=subprocess.DEVNULL) as process:
        try:
            poll(lambda: os.path.exists(port), "badserver.py starts")
            with open(port, encoding="ascii") as file:
                yield f"http://127.0.0.1:{file.read()}"
        finally:
            process.kill()


def check(result, path):
    """A failing status, or a passing one and the file."""
    if result.code == 74:
        expect(result.text == PREVIOUS or parse_status(result.text)["status"] == "failing", result.text)
        return
    status = result.truthful("passing", "failing")
    expect("signal" not in (status["msg"] or ""), "a process crashed:", status, result.stderr[-2000:])
    expect(result.code != 0 or os.path.exists(path), "passing without the file")


def sweep_requests(ever_after, step):
    with Workspace() as workspace, server(workspace) as url:
        files = workspace.join("files")
        os.mkdir(files)
        plugin = workspace.plugin(PLUGIN % {"url": url})

        def run(name, env):
            config = {"pluginConfig": {"file": os.path.join(files, name)}, "peInfo": {"id": "pe"}}
            return workspace.run("pe_status", config=workspace.write(f"{name}.yaml", yaml.safe_dump(config)),
                                 plugin=plugin, status=f"status-{name}.yaml",
                                 env={"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": "1", **env})
        count = workspace.join("count")
        run("undisturbed", {"FAILMALLOC_COUNT": count}).truthful("passing")
        with open(count, encoding="utf-8") as file:
            total = dict(map(int, line.split()) for line in file)[1]

        def one(at):
            result = run(str(at), {"FAILMALLOC_AT": str(at), "FAILMALLOC_ON": str(int(ever_after))})
            check(result, os.path.join(files, str(at)))
        sweep(range(1, total + 1, step), one)
        left = [name for name in os.listdir(files) if name.startswith(".bosun")]
        expect(not left, "left behind:", left)


# Most allocations are those of a TLS library that is set up, which libcurl and not this project answers for.
@test("requests of all kinds: every 11th allocation of the worker fails once")
def _():
    sweep_requests(False, 11)


@test("requests of all kinds: every 17th allocation of the worker fails, and all after it")
def _():
    sweep_requests(True, 17)


if __name__ == "__main__":
    main()
