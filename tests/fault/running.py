"""A runner whose action has begun, and its processes."""
import os

from harness import WATCHDOG, Result, expect, poll, processes_with, start

BUSY = {
    "runs Lua": "while true do end",
    "waits for a child": "sh('exec sleep {nap}')",
    "is stuck in C": "string.rep('', math.maxinteger)",
    "swallows errors": "while true do pcall(function() while true do end end) end",
    "sleeps": "assert(require('bosun.time').sleep(1000))",
    "sleeps and answers why that ended":
        "do return ActionStatusInfo.failing((select(2, require('bosun.time').sleep(1000)))) end",
    "sleeps and ignores that it was cut short": "require('bosun.time').sleep(1000)",
}


class Running:
    """In the code, {nap} is an argument for `sleep` and {dir} the workspace's folder."""

    def __init__(self, workspace, code, nap="1000", prefix=(), extra=()):
        self.workspace = workspace
        begun = workspace.join("begun")
        code = code.replace("{nap}", nap).replace("{dir}", workspace.path)
        plugin = workspace.plugin(f"function P:pe_status()\nio.open({begun!r}, 'w'):close()\n{code}\n"
                                  "return ok('came to its end')\nend")
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin, extra=extra)
        self.process = start([*prefix, *argv])
        poll(lambda: os.path.exists(begun) or self.process.poll() is not None, "the action begins")

    @property
    def supervisor(self):
        return self.process.pid

    @property
    def keeper(self):
        """Only once the action has started a program."""
        pid = first_child(self.supervisor)
        expect(name_of(pid) == "bosun-keeper", pid, "is", name_of(pid))
        return pid

    @property
    def worker(self):
        pid = first_child(self.supervisor)
        return first_child(pid) if name_of(pid) == "bosun-keeper" else pid

    def processes(self):
        """Those that are the runner, or a fork of it."""
        return [pid for pid in processes_with(self.workspace.join("out", "status.yaml")) if alive(pid)]

    def end(self):
        with self.process:
            stdout, stderr = self.process.communicate(timeout=WATCHDOG)
        return Result(self.process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                      self.workspace.join("out", "status.yaml"))


def first_child(pid):
    """The eldest; of the keeper it is the worker."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().rstrip("\n")


def state_of(pid):
    """As in /proc: R, S, T, Z, …; None: no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def alive(pid):
    """Does the process run? One that ended and waits for its parent does not."""
    return state_of(pid) not in (None, "Z", "X")
