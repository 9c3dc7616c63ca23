"""A deployment as the Python runner leaves it, stopped or with its model replaced, and SIGKILL at every system call that
changes something: nothing tells that the directory is ours but its config.yml, which must not go before the rest."""
import os
import signal

import yaml

from harness import BUILD, Fault, SYSFAULT, Workspace, deployed, expect, main, model_bytes, sweep, test, tree

NORENAME = os.path.join(BUILD, "tests", "fault", "norename.so")
CHANGES = "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,write,fsync,copy_file_range,openat"
WORKER = 1
MODES = (None, "EINVAL", "overlay")


def prepare(workspace):
    """Model A serves, with a file of the prediction server beside it; returns the action's config and private config."""
    folder = os.path.join("base", "deployment_d1")
    workspace.write(os.path.join(folder, "model-A.mlpkg"), model_bytes("model-A", 200_000))
    workspace.write(os.path.join(folder, "cache", "of", "the-server"), "x")
    workspace.write(os.path.join(folder, "config.yml"), "deployment_id: d1\nmodel_id: model-A\n")
    return workspace.config("config", model="model-A", new_model="model-B"), workspace.private()


def environment(mode):
    return {"LD_PRELOAD": NORENAME, "NORENAME": mode} if mode else {}


def sweep_kill(action, mode, check):
    env = environment(mode)
    with Workspace() as workspace:
        config, private = prepare(workspace)
        report = workspace.join("report")
        prefix = [SYSFAULT, "-p", str(WORKER), "-c", CHANGES, "-o", report, "--"]
        workspace.run(action, config, prefix=prefix, private=private, env=env).truthful("passing")
        with open(report, encoding="utf-8") as file:
            count = len(file.readlines())

    def one(at):
        with Workspace() as workspace:
            config, private = prepare(workspace)
            fault = Fault(workspace, WORKER, at, "-c", CHANGES, "-s", str(int(signal.SIGKILL)))
            workspace.run(action, config, prefix=fault.prefix, private=private, env=env)
            check(workspace, config, private, env)
    sweep(range(1, count + 1), one)


def check_stopped(workspace, config, private, env):
    workspace.run("deployment_stop", config, private=private, env=env).truthful("passing")
    expect(not tree(workspace.base), "left behind:", tree(workspace.base))


def check_replaced(workspace, config, private, env):
    status = workspace.run("deployment_status", config, private=private, env=env).truthful("passing")
    expect(status["data"]["currentModelId"] in ("model-A", "model-B"), status)
    with open(os.path.join(workspace.base, "deployment_d1", "config.yml"), encoding="utf-8") as file:
        expect(yaml.safe_load(file) == {"deployment_id": "d1", "model_id": status["data"]["currentModelId"]}, status)
    workspace.run("deployment_replace_model", config, private=private, env=env).truthful("passing")
    expect(deployed(workspace) == "model-B", "not replaced")
    expect(os.listdir(workspace.base) == ["deployment_d1"], "left behind:", tree(workspace.base))


for _mode in MODES:
    @test(f"SIGKILL at each change of deployment_stop, rename answers {_mode or 'as it should'}")
    def _(mode=_mode):
        sweep_kill("deployment_stop", mode, check_stopped)

    @test(f"SIGKILL at each change of deployment_replace_model, rename answers {_mode or 'as it should'}")
    def _(mode=_mode):
        sweep_kill("deployment_replace_model", mode, check_replaced)


if __name__ == "__main__":
    main()
