"""Signals to the runner while an action runs, and the death of one of its three processes."""
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

    def __init__(self, workspace, code, nap="1000", prefix=()):
        self.workspace = workspace
        begun = workspace.join("begun")
        code = code.replace("{nap}", nap).replace("{file}", workspace.join("escaped"))
        plugin = workspace.plugin(f"function P:pe_status()\nio.open({begun!r}, 'w'):close()\n{code}\n"
                                  "return ok('came to its end')\nend")
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin)
        self.process = start([*prefix, *argv])
        poll(lambda: os.path.exists(begun) or self.process.poll() is not None, "the action begins")

    def keeper(self):
        return only_child(self.process.pid)

    def worker(self):
        return only_child(self.keeper())

    def processes(self):
        """Those that are the runner, or a fork of it."""
        return [pid for pid in processes_with(self.workspace.join("out", "status.yaml")) if alive(pid)]

    def end(self):
        with self.process:
            stdout, stderr = self.process.communicate(timeout=WATCHDOG)
        return Result(self.process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                      self.workspace.join("out", "status.yaml"))


def only_child(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    expect(len(children) == 1, "children of", pid, "are", children)
    return int(children[0])


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


# A daemon without environment, in a session of its own: bosun.process knows nothing of it once this returns.
ESCAPE = """
sh("(env -i setsid sh -c 'exec >/dev/null 2>&1; echo >{file}; exec sleep {nap}' &); "
  .. "until [ -e {file} ]; do sleep 0.01; done")"""
# Starts programs that are hard to find, ESCAPED of them with {nap} as an argument, and never ends.
ESCAPES = ESCAPE + """
local process = require "bosun.process"
local kept = {
  assert(process.spawn {'sh', '-c', "(setsid sh -c 'sleep {nap} & exec sleep {nap}' &); exec sleep {nap}"}),
  assert(process.spawn {'sh', '-c', 'exec <&- >&- 2>&-; setsid sleep {nap}'}),
}
while kept do pcall(require("bosun.time").sleep, 1000) end"""
ESCAPED = 5
TERM_IGNORED = ["sh", "-c", """trap '' TERM HUP; exec "$@\"""", "sh"]


def kill_left(nap):
    for pid in processes_with(nap):
        os.kill(pid, signal.SIGKILL)


def end_with_runner(prefix, kill, code=ESCAPES, count=ESCAPED):
    """Runs the code, and kills the runner by kill(Running): nothing is left, and the first status stays."""
    with Workspace() as workspace:
        nap = f"5000{count}.{os.getpid()}"
        running = Running(workspace, code, nap, prefix)
        try:
            poll(lambda: len(processes_with(nap)) >= count, "the programs start")
            kill(running)
            poll(lambda: not running.processes(), "the runner's processes end")
            poll(lambda: not processes_with(nap), "what the action started ends")
        finally:
            kill_left(nap)
        result = running.end()
        expect(result.code == 128 + signal.SIGKILL, "exit", result.code)
        expect(result.status["status"] == "failing", result.text)


def kill_supervisor(running):
    os.kill(running.process.pid, signal.SIGKILL)


@test("the supervisor killed: the worker and what it started are gone, the first status stays")
def _():
    end_with_runner([], kill_supervisor, BUSY["waits for a child"], 1)


@test("the supervisor killed: programs that escaped are gone, too")
def _():
    end_with_runner([], kill_supervisor)


@test("the supervisor killed where SIGTERM and SIGHUP are ignored: nothing is left")
def _():
    end_with_runner(TERM_IGNORED, kill_supervisor)


@test("the supervisor's process group killed: nothing is left")
def _():
    end_with_runner([], lambda running: os.killpg(running.process.pid, signal.SIGKILL))


@test("the keeper killed: failing, and nothing is left")
def _():
    with Workspace() as workspace:
        nap = f"60000.{os.getpid()}"
        running = Running(workspace, ESCAPES, nap)
        try:
            poll(lambda: len(processes_with(nap)) >= ESCAPED, "the programs start")
            os.kill(running.keeper(), signal.SIGKILL)
            result = running.end()
            expect("the keeper process was killed by signal 9" in result.truthful("failing")["msg"], result.text)
            expect(not processes_with(nap), "alive:", processes_with(nap))
        finally:
            kill_left(nap)


def runs_beside(script, code, count):
    """Runs a shell script that starts `count` programs with {nap} in their arguments and then execs "$@", the runner:
    they outlive the action, which leaves a program of its own."""
    with Workspace() as workspace:
        nap, own = f"70000.{os.getpid()}", f"71000.{os.getpid()}"
        code = code.replace("{dir}", workspace.path) + ESCAPE
        prefix = ["sh", "-c", script.replace("{nap}", nap).replace("{dir}", workspace.path), "sh"]
        running = Running(workspace, code, own, prefix)
        try:
            result = running.end()
            result.truthful("passing")
            expect(len(processes_with(nap)) == count, "alive:", len(processes_with(nap)))
            expect("killed 1 process that the action left behind" in result.stderr, result.stderr)
            expect(not processes_with(own), "alive:", processes_with(own))
        finally:
            kill_left(nap)


@test("a hundred children from before exec are left alone")
def _():
    quiet = "</dev/null >/dev/null 2>&1"
    runs_beside(f'i=0; while [ $i -lt 100 ]; do sleep {{nap}} {quiet} & i=$((i + 1)); done; exec "$@"', "", 100)


@test("the daemon of a child from before exec is left alone")
def _():
    # The child ends while the action runs; then its daemon is an orphan.
    runs_beside("""mkfifo {dir}/go
        sh -c 'read x <{dir}/go; setsid sleep {nap} </dev/null >/dev/null 2>&1 & echo $$ >{dir}/pid' &
        exec "$@" """, """sh("echo >{dir}/go; until [ -s {dir}/pid ]; do sleep 0.01; done; "
        .. "while grep -q '^State:.[^ZX]' /proc/$(cat {dir}/pid)/status; do sleep 0.01; done")""", 1)


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
