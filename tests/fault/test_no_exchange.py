"""Replacing a deployment where the file system cannot exchange names: killed, or with an error, at every system call
that changes something. Afterwards the old model or the new one serves, and the next action, whatever it is, finds and
leaves one of the two, whole."""
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import BUILD, Fault, SYSFAULT, Workspace, deployed, expect, main, sweep, test, tree

NORENAME = os.path.join(BUILD, "tests", "fault", "norename.so")
MODES = ["EINVAL", "ENOSYS", "overlay"]
CHANGES = ("rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,write,pwrite64,fsync,fchmod,ftruncate,"
           "copy_file_range,flock,openat")
RENAMES = "rename,unlinkat,unlink"
WORKER = 1
EIO = 5


def prepare(workspace):
    """Model A serves; returns the configs of its start and its replacement, and the private config."""
    private = workspace.private()
    first = workspace.config("first", model="model-A")
    workspace.run("deployment_start", first, private=private).truthful("passing")
    return first, workspace.config("second", model="model-A", new_model="model-B"), private


def count_changes(env):
    with Workspace() as workspace:
        _, second, private = prepare(workspace)
        report = workspace.join("report")
        prefix = [SYSFAULT, "-p", str(WORKER), "-c", CHANGES, "-o", report, "--"]
        workspace.run("deployment_replace_model", second, prefix=prefix, private=private, env=env).truthful("passing")
        expect(deployed(workspace) == "model-B", "not replaced")
        with open(report, encoding="utf-8") as file:
            return len(file.readlines())


def serving(workspace, config, private, env):
    """The model that deployment_status names; fails unless it is passing."""
    status = workspace.run("deployment_status", config, private=private, env=env).truthful("passing")
    expect(deployed(workspace) == status["data"]["currentModelId"], "on disk:", tree(workspace.base))
    return status["data"]["currentModelId"]


def environment(mode):
    return {"LD_PRELOAD": NORENAME, "NORENAME": mode}


def check_after(workspace, second, private, env):
    """Whatever happened: one of the two serves, and the same action again comes to its end."""
    expect(serving(workspace, second, private, env) in ("model-A", "model-B"), "neither")
    workspace.run("deployment_replace_model", second, private=private, env=env).truthful("passing")
    expect(serving(workspace, second, private, env) == "model-B", "not replaced")
    expect(sorted(os.listdir(workspace.base)) == ["deployment_d1"], "left behind:", tree(workspace.base))


for _mode in MODES:
    @test(f"replace, relaunch and start with another model, answer {_mode}")
    def _(mode=_mode):
        env = environment(mode)
        with Workspace() as workspace:
            first, second, private = prepare(workspace)
            for action, config, model in [("deployment_replace_model", second, "model-B"),
                                          ("deployment_start", first, "model-A"),
                                          ("deployment_relaunch", first, "model-A")]:
                workspace.run(action, config, private=private, env=env).truthful("passing")
                expect(deployed(workspace) == model, action, "leaves", deployed(workspace))
                expect(os.listdir(workspace.base) == ["deployment_d1"], "left behind:", tree(workspace.base))
            workspace.run("deployment_stop", first, private=private, env=env).truthful("passing")
            expect(not tree(workspace.base), "left behind:", tree(workspace.base))

for _mode in ("EINVAL", "overlay"):
    @test(f"SIGKILL at each change of a replacement, answer {_mode}")
    def _(mode=_mode):
        env = environment(mode)

        def one(at):
            with Workspace() as workspace:
                _, second, private = prepare(workspace)
                fault = Fault(workspace, WORKER, at, "-c", CHANGES, "-s", str(int(signal.SIGKILL)))
                workspace.run("deployment_replace_model", second, prefix=fault.prefix, private=private, env=env)
                check_after(workspace, second, private, env)
        sweep(range(1, count_changes(env) + 1), one)

    @test(f"SIGKILL at each change of a replacement, then at each of the action that finishes it, answer {_mode}")
    def _(mode=_mode):
        env = environment(mode)

        def one(at):
            with Workspace() as workspace:
                _, second, private = prepare(workspace)
                # Killed twice: at a place of the first run, and at one of the run that finishes it.
                for place in at:
                    fault = Fault(workspace, WORKER, place, "-c", RENAMES, "-s", str(int(signal.SIGKILL)))
                    workspace.run("deployment_replace_model", second, prefix=fault.prefix, private=private, env=env)
                check_after(workspace, second, private, env)
        sweep([(first, second) for first in range(1, 10) for second in range(1, 8)], one)

    @test(f"EIO at each change of a replacement, answer {_mode}")
    def _(mode=_mode):
        env = environment(mode)

        def one(at):
            with Workspace() as workspace:
                _, second, private = prepare(workspace)
                fault = Fault(workspace, WORKER, at, "-c", CHANGES, "-e", str(EIO))
                result = workspace.run("deployment_replace_model", second, prefix=fault.prefix, private=private, env=env)
                status = result.truthful("passing", "failing")
                if (status["data"] or {}).get("oldModelInUse"):
                    expect(deployed(workspace) == "model-A", "still serving, and on disk", deployed(workspace))
                check_after(workspace, second, private, env)
        sweep(range(1, count_changes(env) + 1), one)


@test("deployment_status and deployment_list during replacements never miss the deployment")
def _():
    env = environment("EINVAL")
    with Workspace() as workspace:
        first, second, private = prepare(workspace)
        done = threading.Event()

        def replace():
            for number in range(40):
                config = first if number % 2 else second
                action = "deployment_start" if number % 2 else "deployment_replace_model"
                workspace.run(action, config, private=private, env=env, status="r.yaml").truthful("passing")

        def ask(action, status):
            asked = 0
            while asked == 0 or not done.is_set():
                answer = workspace.run(action, first, private=private, env=env, status=status).truthful("passing")
                expect(action == "deployment_status" or answer["data"]["d1"]["status"] == "passing", answer)
                asked += 1

        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(ask, "deployment_status", "s.yaml"), pool.submit(ask, "deployment_list", "l.yaml")]
            try:
                replace()
            finally:
                done.set()
            for each in asking:
                each.result()


if __name__ == "__main__":
    main()
