"""The debugger with a client that others wrote: VS Code's own, @vscode/debugadapter-testsupport from npm, which is kept in
the cache folder."""
import os
import shutil
import subprocess
import tempfile

from dap import HEAD, TOOL
from tap import Skip, expect, main, test

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = "@vscode/debugadapter-testsupport@1.68.0"
PLUGIN = HEAD + """function P:pe_status()
  local sum = 0
  for i = 1, 3 do
    sum = sum + i
  end
  return ok("sum " .. sum)
end
return P
"""
LINE = HEAD.count("\n") + 4


def client_folder():
    """The folder with the client, installed there if it is missing."""
    if not shutil.which("npm"):
        raise Skip("there is no npm")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "bosun", "debug-client")
    if os.path.isdir(os.path.join(folder, "node_modules", "@vscode", "debugadapter-testsupport")):
        return folder
    os.makedirs(folder, exist_ok=True)
    result = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, CLIENT],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    if result.returncode != 0:
        raise Skip("npm cannot install " + CLIENT)
    return folder


@test("VS Code's client for tests launches, stops at a breakpoint, looks, steps and goes on to the end")
def _():
    folder = client_folder()
    with tempfile.TemporaryDirectory() as work:
        def write(name, content, mode=0o600):
            path = os.path.join(work, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            os.chmod(path, mode)
            return path
        adapter = write("adapter", f"#!/bin/sh\nexec '{TOOL}' debug --dap\n", 0o700)
        plugin = write("plugin.lua", PLUGIN)
        config = write("config.yaml", "pluginConfig: {name: x}\npeInfo: {id: pe, name: pe}\n")
        result = subprocess.run(["node", os.path.join(HERE, "client.js"), folder, adapter, plugin, config, str(LINE)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        expect(result.returncode == 0, result.stdout)
        expect(result.stdout.split("\n")[:4] == [f"frame P:pe_status line {LINE}", "sum=0 i=1", "watch 2",
                                                 "terminated"], result.stdout)


if __name__ == "__main__":
    main()
