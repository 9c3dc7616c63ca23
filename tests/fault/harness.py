"""What the fault tests share: a workspace with models and configs, faults at system calls, and the state of a
deployment on disk; and, from tests/support, TAP and the runner under a watchdog. Needs Python 3 and PyYAML alone."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position,unused-import
from runs import BUILD, EXIT, PREVIOUS, RUNNER, WATCHDOG, Result, finish, parse_status, start  # noqa: E402,F401
from tap import Skip, expect, main, poll, sweep, test  # noqa: E402,F401

SYSFAULT = os.path.join(BUILD, "tests", "fault", "sysfault")
FAILMALLOC = os.path.join(BUILD, "tests", "fault", "failmalloc.so")

ACTIONS = ("plugin_start plugin_stop deployment_start deployment_stop deployment_replace_model deployment_status "
           "pe_status deployment_list deployment_relaunch").split()


# ---- the runner ----------------------------------------------------------------------------------------------------

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
        argv = [RUNNER, "--exit-codes", "--plugin", plugin, "--action", action, "--status-file", os.path.join(self.out, status)]
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
    expect(info.keys() == {"deployment_id", "model_id"}, "config.yml has more than two keys:", info)
    expect(names == {".bosun.yml", "config.yml", f"{model}.mlpkg"}, f"a directory of {model} with", names)
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
