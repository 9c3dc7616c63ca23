"""What the fault tests share: a workspace with models and configs, the runner under a watchdog, a reader of status
files that trusts nothing, the state of a deployment on disk, and TAP. Stands alone: Python 3 and PyYAML."""
import concurrent.futures
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import yaml

BUILD = os.environ.get("BOSUN_BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
BUILD = os.path.abspath(BUILD)
RUNNER = os.path.join(BUILD, "bosun-plugin-runner")
SYSFAULT = os.path.join(BUILD, "tests", "fault", "sysfault")
FAILMALLOC = os.path.join(BUILD, "tests", "fault", "failmalloc.so")

# A runner that takes longer hangs; no test measures time.
WATCHDOG = 20
JOBS = max(2, os.cpu_count() or 2)

EXIT = {"passing": 0, "failing": 1, "warning": 2, "unknown": 3}
KEYS = {"status", "msg", "state", "duration", "timestamp", "data"}
STATES = {None, "ready", "stopped", "errored", "launching", "replacingModel", "shuttingDown", "unknown"}
PREVIOUS = 'status: "passing"\nmsg: "of the previous run"\nstate: null\nduration: 0.1\ntimestamp: 1\ndata: null\n'

ACTIONS = ("plugin_start plugin_stop deployment_start deployment_stop deployment_replace_model deployment_status "
           "pe_status deployment_list deployment_relaunch").split()


# ---- TAP -----------------------------------------------------------------------------------------------------------

_tests = []


def test(name):
    """Makes a function a test. It fails by raising; an AssertionError's text is the reason."""
    def add(function):
        _tests.append((name, function))
        return function
    return add


def main():
    chosen = [t for t in _tests if all(word in t[0] for word in sys.argv[1:])]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(chosen, 1):
        reason = None
        try:
            function()
        except AssertionError as error:
            reason = str(error) or traceback.format_exc()
        except Exception:  # pylint: disable=broad-except
            reason = traceback.format_exc()
        failed += reason is not None
        print(f"{'ok' if reason is None else 'not ok'} {number} - {name}")
        if reason is not None:
            print("".join(f"# {line}\n" for line in reason.splitlines()), end="")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def expect(condition, *reason):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in reason))


def sweep(cases, check):
    """Runs check(case) for all cases, several at once; raises with the first reasons when some fail."""
    def one(case):
        try:
            check(case)
        except AssertionError as error:
            return f"{case}: {error}"
        return None
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        reasons = [reason for reason in pool.map(one, cases) if reason]
    expect(not reasons, f"{len(reasons)} of {len(cases)} cases failed:\n" + "\n".join(reasons[:8]))


def poll(condition, what, seconds=WATCHDOG):
    """Waits until condition() is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"never happened within {seconds} s: {what}")
        time.sleep(0.01)


# ---- the runner ----------------------------------------------------------------------------------------------------

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


class Workspace:
    """A folder for one test: configs, models, status files. Use it with `with`."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="bosun-fault-")
        self.base = self.join("base")
        self.out = self.join("out")
        os.mkdir(self.base)
        os.mkdir(self.out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def join(self, *parts):
        return os.path.join(self.path, *parts)

    def write(self, name, content):
        path = self.join(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(path, mode, **({} if mode == "wb" else {"encoding": "utf-8"})) as file:
            file.write(content)
        return path

    def plugin(self, body, name="hostile"):
        """A plugin whose Lua source is `body`; P is its class, ok() a passing status, sh() runs a shell."""
        return self.write(f"plugins/{name}.lua", PLUGIN_HEAD + body + "\nreturn P\n")

    def private(self, **extra):
        return self.write("private.yaml", yaml.safe_dump({"baseDir": self.base, **extra}))

    def config(self, name, deployment="d1", model=None, new_model=None, **extra):
        """An action config; `model` is the deployment's model, `new_model` what replaces it."""
        content = {"pluginConfig": {"name": "fault"}, "peInfo": {"id": "pe", "name": "pe"}}
        if deployment is not None:
            info = {"id": deployment, "name": deployment, "modelExecutionType": "dedicated", **extra}
            if model:
                info.update(modelId=model, modelArtifact=self.model(model))
            if new_model:
                info.update(newModelId=new_model, modelArtifact=self.model(new_model))
            content["deploymentInfo"] = info
        return self.write(f"{name}.yaml", yaml.safe_dump(content))

    def model(self, name, size=200_000):
        path = self.join("models", f"{name}.mlpkg")
        return path if os.path.exists(path) else self.write(f"models/{name}.mlpkg", model_bytes(name, size))

    def argv(self, action, config=None, plugin="filesystem", private=None, status="status.yaml", extra=()):
        argv = [RUNNER, "--plugin", plugin, "--action", action, "--status-file", os.path.join(self.out, status)]
        argv += ["--config", config] if config else []
        argv += ["--private-config", private] if private else []
        return argv + list(extra)

    def run(self, action, config=None, prefix=(), env=None, previous=True, stdin=subprocess.DEVNULL, watchdog=WATCHDOG,
            status="status.yaml", **options):
        """Runs one action to its end; `previous` puts the status of an earlier run there first."""
        path = os.path.join(self.out, status)
        if previous:
            with open(path, "w", encoding="utf-8") as file:
                file.write(PREVIOUS)
        return finish([*prefix, *self.argv(action, config, status=status, **options)], path, env, stdin, watchdog)


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


class Fault:
    """sysfault's command line for one fault at call number `at` of a process. How many calls a run makes varies by
    one or two; `hit` says whether this one came to the fault."""

    def __init__(self, workspace, process, at, *options):
        self.at = at
        self.report = workspace.join("calls")
        self.prefix = [SYSFAULT, "-p", str(process), "-n", str(at), "-o", self.report, *options, "--"]

    @property
    def hit(self):
        with open(self.report, encoding="utf-8") as file:
            return len(file.readlines()) >= self.at


# What a root user lacks with this: the right to read and write everything.
def without_override():
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


PLUGIN_HEAD = """
local BosunPluginBase = require "bosun.plugin_base"
local action_status = require "bosun.action_status"
local ActionStatus, ActionStatusInfo = action_status.ActionStatus, action_status.ActionStatusInfo
local P = BosunPluginBase:extend("P")
local function sh(command) return assert(require("bosun.process").run({"sh", "-c", command})) end
local function ok(text) return ActionStatusInfo{ status = ActionStatus.OK, msg = text } end
"""


# ---- what is on disk -----------------------------------------------------------------------------------------------

def model_bytes(name, size):
    return (name.encode() + b"\n") * (size // (len(name) + 1))


def deployed(workspace, deployment="d1", prefix="deployment_"):
    """The id of the model that a deployment's directory holds, None without a directory; raises on a mixture."""
    folder = os.path.join(workspace.base, prefix + deployment)
    if not os.path.lexists(folder):
        return None
    names = set(os.listdir(folder))
    expect("config.yml" in names, "no config.yml among", names)
    with open(os.path.join(folder, "config.yml"), encoding="utf-8") as file:
        info = yaml.safe_load(file)
    model = info["model_id"]
    expect(info["deployment_id"] == deployment, "another deployment's config.yml:", info)
    expect(names == {"config.yml", f"{model}.mlpkg"}, f"a directory of {model} with", names)
    with open(os.path.join(folder, f"{model}.mlpkg"), "rb") as file, open(workspace.model(model), "rb") as source:
        expect(file.read() == source.read(), "the model file is not the one of", model)
    return model


def tree(path):
    """All names below a folder."""
    return sorted(os.path.relpath(os.path.join(folder, name), path)
                  for folder, folders, files in os.walk(path) for name in folders + files)


def processes_with(word):
    """Ids of the processes that have the word in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if word.encode() in file.read().split(b"\0"):
                found.append(int(pid))
    return found
