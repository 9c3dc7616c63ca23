"""Runs of bosun-plugin-runner in tests: processes under a watchdog, a reader of status files that trusts nothing."""
import contextlib
import os
import signal
import subprocess

import yaml

from tap import expect

BUILD = os.environ.get("BOSUN_BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
BUILD = os.path.abspath(BUILD)
RUNNER = os.path.join(BUILD, "bosun-plugin-runner")

# A runner that takes longer hangs; no test measures time.
WATCHDOG = 20

EXIT = {"passing": 0, "failing": 1, "warning": 2, "unknown": 3}
KEYS = {"status", "msg", "state", "duration", "timestamp", "data"}
STATES = {None, "ready", "stopped", "errored", "launching", "replacingModel", "shuttingDown", "unknown"}
PREVIOUS = 'status: "passing"\nmsg: "of the previous run"\nstate: null\nduration: 0.1\ntimestamp: 1\ndata: null\n'


class Result:
    """How a run ended: exit status as a shell has it, stderr as text, status file."""

    def __init__(self, code, stdout, stderr, status_path):
        self.code = code if code >= 0 else 128 - code
        self.stdout = stdout
        self.stderr = stderr
        self.status_path = status_path

    @property
    def text(self):
        with contextlib.suppress(FileNotFoundError), open(self.status_path, encoding="utf-8") as file:
            return file.read()
        return None

    @property
    def status(self):
        return parse_status(self.text)

    def truthful(self, *outcomes):
        """The status file is whole, not the previous run's, and says what the exit status says."""
        expect(self.text is not None, "no status file; exit", self.code, self.stderr[-2000:])
        expect(self.text != PREVIOUS, "the previous run's status; exit", self.code, self.stderr[-2000:])
        status = self.status
        expect(self.code == EXIT[status["status"]], "exit", self.code, "but", status, self.stderr[-2000:])
        if outcomes:
            expect(status["status"] in outcomes, "not", "/".join(outcomes), "but", status, self.stderr[-2000:])
        return status


def parse_status(text):
    """The six keys with values of the right kinds, or an AssertionError."""
    expect(text is not None, "no status file")
    try:
        status = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AssertionError(f"the status file is not YAML: {error}\n{text[:500]}") from error
    expect(isinstance(status, dict) and set(status) == KEYS, "not a status:", text[:500])
    expect(status["status"] in EXIT, "no such outcome:", status)
    expect(status["msg"] is None or isinstance(status["msg"], str), "msg:", status)
    expect(status["state"] in STATES, "state:", status)
    expect(isinstance(status["duration"], float), "duration:", status)
    expect(isinstance(status["timestamp"], int) and not isinstance(status["timestamp"], bool), "timestamp:", status)
    return status


def finish(argv, status_path, env=None, stdin=subprocess.DEVNULL, watchdog=WATCHDOG):
    with start(argv, env, stdin) as process:
        try:
            stdout, stderr = process.communicate(timeout=watchdog)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"still running after {watchdog} s: {argv}") from late
    return Result(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"), status_path)


class Process(subprocess.Popen):
    """A process in a group of its own, which ends with the `with` that it is used in."""

    def __exit__(self, *what):
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(*what)


def start(argv, env=None, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE):
    return Process(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
                   env={**os.environ, **(env or {})})
