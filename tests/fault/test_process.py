"""Plugins that start programs, in a worker whose allocations fail one after the other, and programs that write or wait
without end: the status is truthful, and no process outlives the action."""
import os
import re

from harness import FAILMALLOC, Workspace, expect, main, processes_with, sweep, test

ACTION = """
function P:pe_status()
  local process = require "bosun.process"
  local first = assert(process.run({{"sh", "-c", "cat; setsid sleep {nap} >/dev/null 2>&1 & echo err >&2"}},
    {{stdin = "text", env = {{NAME = "value"}}, timeout = 100, check = true}}))
  local p <close> = assert(process.spawn {{"sh", "-c", "setsid sleep {nap} & while read x; do echo $x; done"}})
  assert(p:write "one\\ntwo\\n")
  p:close_stdin()
  local lines = {{}}
  for line in p:lines() do lines[#lines + 1] = line end
  local result = assert(p:wait())
  assert(first.stdout == "text" and lines[2] == "two" and result.code == 0)
  return ok("done")
end"""


def allocations(workspace, **options):
    """How many allocations the worker makes in an undisturbed run."""
    count = workspace.join("count")
    env = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_COUNT": count}
    workspace.run("pe_status", env=env, **options).truthful("passing")
    with open(count, encoding="utf-8") as file:
        return dict(map(int, line.split()) for line in file)[1]


for _ever_after in (False, True):
    @test("every 5th allocation of a worker that runs programs fails " + ("from then on" if _ever_after else "once"))
    def _(ever_after=_ever_after):
        with Workspace() as workspace:
            nap = f"40000.{os.getpid()}"
            options = {"config": workspace.config("pe", deployment=None),
                       "plugin": workspace.plugin(ACTION.format(nap=nap))}
            env = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": "1", "FAILMALLOC_ON": str(int(ever_after))}

            def one(at):
                result = workspace.run("pe_status", env={**env, "FAILMALLOC_AT": str(at)}, status=f"{at}.yaml",
                                       **options)
                status = result.truthful("passing", "failing")
                expect("signal" not in (status["msg"] or ""), "a process crashed:", status, result.stderr[-2000:])
            sweep(range(1, allocations(workspace, **options) + 1, 5), one)
            expect(not processes_with(nap), "alive:", processes_with(nap))


ENDLESS = {
    "writes without end": "process.run({'cat', '/dev/zero'}, {max_output = 10})",
    "writes lines without end": "process.spawn({'yes'}):lines()",
    "ignores SIGTERM and has children that escaped":
        """process.run {'sh', '-c', "trap '' TERM; setsid sleep {nap} & sleep {nap}"}""",
    "reads nothing of what is written to it": "process.spawn({'sleep', '{nap}'}):write(('x'):rep(2^20))",
}

for _name, _code in ENDLESS.items():
    @test(f"a program that {_name} ends with the action's time")
    def _(code=_code):
        with Workspace() as workspace:
            nap = f"50000.{os.getpid()}"
            code = code.replace("{nap}", nap)
            loop = f"for _ in {code} do end" if code.endswith("lines()") else f"assert({code})"
            body = f"function P:pe_status() local process = require 'bosun.process' {loop} end"
            result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=workspace.plugin(body),
                                   extra=["--timeout", "1"])
            status = result.truthful("failing")
            expect(re.search("timed out after 1 s|deadline has passed", status["msg"]), status)
            expect(not processes_with(nap), "alive:", processes_with(nap))


if __name__ == "__main__":
    main()
