"""Actions of a plugin as the agent runs them: one that runs, and how it ended."""
import contextlib
import os
import signal
import time

from runs import PREVIOUS, Result, start
from tap import expect

# An action that takes longer hangs.
WATCHDOG = 120


class Outcome:
    """How an action ended: the six keys of its status (as attributes too), `code`, `stderr`, `seconds`. What data says of
    a failure is in `error`, the rest in `data`."""

    def __init__(self, result, seconds):
        self.code, self.stderr, self.seconds = result.code, result.stderr, seconds
        expect(result.text not in (None, PREVIOUS), "no status was written; exit", self.code, self.stderr[-3000:])
        self.full = result.truthful()
        self.status, self.msg, self.state = self.full["status"], self.full["msg"] or "", self.full["state"]
        self.data, self.error = self.full["data"], None
        if isinstance(self.data, dict) and "error" in self.data and self.status != "passing":
            self.error = self.data["error"]
            self.data = {key: value for key, value in self.data.items() if key != "error"} or None

    def expect(self, status, *words):
        """The outcome is this one and its message holds these words; returns self."""
        expect(self.status == status, f"{status} expected, but {self}\n{self.stderr[-3000:]}")
        for word in words:
            expect(word in self.msg, f"no {word!r} in the message of {self}\n{self.stderr[-3000:]}")
        return self

    def __repr__(self):
        return f"{self.status} ({self.msg}), state {self.state}, data {self.data}"


class Action:
    """A running action. kill() ends it as kill -9 does, with all its processes; finish() waits for its outcome."""

    def __init__(self, argv, status_path, env):
        self.status_path = status_path
        self.started = time.monotonic()
        self.process = start(argv, env)

    def signal(self, number):
        """To the supervisor, as the agent would."""
        self.process.send_signal(number)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def ended(self):
        return self.process.poll() is not None

    def result(self, seconds=WATCHDOG):
        """How it ended, with or without a status: for actions that were killed."""
        with self.process as process:
            stdout, stderr = process.communicate(timeout=seconds)
        return Result(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                      self.status_path)

    def finish(self, seconds=WATCHDOG):
        return Outcome(self.result(seconds), time.monotonic() - self.started)
