"""Signals to the runner while an action runs."""
import os
import re
import signal

from harness import Workspace, expect, main, processes_with, test
from running import BUSY, Running


def cancelled(result, number):
    expect(result.code == 128 + number, "exit", result.code, result.stderr)
    status = result.status
    expect(status["status"] == "failing", status)
    expect(re.search("cancel", status["msg"], re.IGNORECASE), status)
    expect(signal.Signals(number).name in status["msg"] or f"signal {number}" in status["msg"], status)


for _name, _code in BUSY.items():
    for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if _number != signal.SIGTERM and _name != "runs Lua":
            continue

        @test(f"{_number.name} while the action {_name}: failing, cancelled, 128+{int(_number)}")
        def _(code=_code, number=_number):
            with Workspace() as workspace:
                nap = f"30000.{os.getpid()}"
                running = Running(workspace, code, nap)
                os.kill(running.process.pid, number)
                cancelled(running.end(), number)
                expect(not processes_with(nap), "alive:", processes_with(nap))


@test("a second SIGTERM does not spoil the status")
def _():
    with Workspace() as workspace:
        running = Running(workspace, BUSY["is stuck in C"])
        os.kill(running.process.pid, signal.SIGTERM)
        os.kill(running.process.pid, signal.SIGTERM)
        cancelled(running.end(), signal.SIGTERM)


@test("SIGINT to the whole group, as a terminal sends it")
def _():
    with Workspace() as workspace:
        running = Running(workspace, BUSY["runs Lua"])
        os.killpg(running.process.pid, signal.SIGINT)
        cancelled(running.end(), signal.SIGINT)


@test("SIGPIPE and SIGWINCH do not end an action without a status")
def _():
    for number in (signal.SIGPIPE, signal.SIGWINCH):
        with Workspace() as workspace:
            running = Running(workspace, "require('bosun.time').sleep(0.2)")
            os.kill(running.process.pid, number)
            running.end().truthful("passing")


if __name__ == "__main__":
    main()
