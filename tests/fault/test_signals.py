"""Signals to the runner while an action runs, and the death of one of its two processes."""
import os
import re
import signal

from harness import WATCHDOG, Result, Workspace, expect, main, poll, processes_with, start, test

BUSY = {
    "runs Lua": "while true do end",
    "waits for a child": "sh('exec sleep {nap}')",
    "is stuck in C": "string.rep('', math.maxinteger)",
    "swallows errors": "while true do pcall(function() while true do end end) end",
    "sleeps": "assert(require('bosun.time').sleep(1000))",
    "sleeps and ignores that it was cut short": "require('bosun.time').sleep(1000)",
}


class Running:
    """A runner whose action has begun."""

    def __init__(self, workspace, code, nap="1000"):
        self.workspace = workspace
        begun = workspace.join("begun")
        code = code.replace("{nap}", nap)
        plugin = workspace.plugin(f"function P:pe_status()\nio.open({begun!r}, 'w'):close()\n{code}\n"
                                  "return ok('came to its end')\nend")
        self.process = start(workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin))
        poll(lambda: os.path.exists(begun) or self.process.poll() is not None, "the action begins")

    def worker(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def end(self):
        with self.process:
            stdout, stderr = self.process.communicate(timeout=WATCHDOG)
        return Result(self.process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                      self.workspace.join("out", "status.yaml"))


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


@test("the worker killed: failing, with the signal")
def _():
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
        with Workspace() as workspace:
            nap = f"40000.{os.getpid()}"
            running = Running(workspace, BUSY["waits for a child"], nap)
            os.kill(running.worker(), number)
            status = running.end().truthful("failing")
            expect(f"signal {int(number)}" in status["msg"], status)
            expect(not processes_with(nap), "alive:", processes_with(nap))


@test("the supervisor killed: the worker and what it started are gone, the first status stays")
def _():
    with Workspace() as workspace:
        nap = f"50000.{os.getpid()}"
        running = Running(workspace, BUSY["waits for a child"], nap)
        worker = running.worker()
        os.kill(running.process.pid, signal.SIGKILL)
        poll(lambda: not alive(worker), "the worker ends")
        try:
            poll(lambda: not processes_with(nap), "the worker's child ends")
        finally:
            for pid in processes_with(nap):
                os.kill(pid, signal.SIGKILL)
        result = running.end()
        expect(result.code == 128 + signal.SIGKILL, "exit", result.code)
        expect(result.status["status"] == "failing", result.text)


@test("the supervisor killed while the worker is stuck in C: the worker is gone")
def _():
    with Workspace() as workspace:
        running = Running(workspace, BUSY["is stuck in C"])
        worker = running.worker()
        os.kill(running.process.pid, signal.SIGKILL)
        poll(lambda: not alive(worker), "the worker ends")
        running.end()


def alive(pid):
    """Does the process run? One that ended and waits for its parent does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    main()
