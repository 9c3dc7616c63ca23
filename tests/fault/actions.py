"""The two actions that are disturbed at every system call: what they start from and what they may leave."""
from harness import SYSFAULT, Workspace, deployed, expect, tree

PROCESSES = {"supervisor": 0, "worker": 1}
# Which models may be on disk after an interrupted action, and which one after a finished one.
CASES = {"deployment_start": ({None, "model-A"}, "model-A"),
         "deployment_replace_model": ({"model-A", "model-B"}, "model-B")}


def prepare(workspace, action):
    """Makes the world that the action expects; returns its config and private config."""
    private = workspace.private()
    first = workspace.config("first", model="model-A")
    if action == "deployment_start":
        return first, private
    workspace.run("deployment_start", first, private=private).truthful("passing")
    return workspace.config("second", model="model-A", new_model="model-B"), private


def trace(action, process, calls=None):
    """The names of the system calls that the process makes in an undisturbed run, and what is on disk after it."""
    with Workspace() as workspace:
        config, private = prepare(workspace, action)
        report = workspace.join("report")
        only = ["-c", calls] if calls else []
        prefix = [SYSFAULT, "-p", str(process), *only, "-o", report, "--"]
        workspace.run(action, config, prefix=prefix, private=private).truthful("passing")
        expect(deployed(workspace) == CASES[action][1], "not deployed")
        with open(report, encoding="utf-8") as file:
            return file.read().split(), tree(workspace.base), tree(workspace.out)
