"""SIGKILL at every system call of the supervisor, and separately of the worker, during deployment_start and
deployment_replace_model: afterwards a whole status file that is not the previous run's, one model or the other on
disk, and the same action run again succeeds and leaves nothing of the first behind. SIGTERM likewise."""
import os
import signal

from actions import CASES, PROCESSES, prepare, trace
from harness import PREVIOUS, Fault, Workspace, deployed, expect, main, parse_status, sweep, test, tree

def first_rename(calls):
    """Number of the call that puts the first status in place of the previous one."""
    return next(number for number, name in enumerate(calls, 1) if name.startswith("rename"))


def sweep_signal(action, process, number, check):
    calls, base, out = trace(action, process)
    published = first_rename(calls) if process == 0 else 0

    def one(at):
        with Workspace() as workspace:
            config, private = prepare(workspace, action)
            fault = Fault(workspace, process, at, "-s", str(number))
            result = workspace.run(action, config, prefix=fault.prefix, private=private)
            if not fault.hit:
                result.truthful("passing")
                return
            stale = result.text == PREVIOUS
            expect(not stale or at <= published, "the previous run's status; exit", result.code)
            check(result, None if stale else parse_status(result.text))
            model = deployed(workspace)
            expect(model in CASES[action][0], "on disk is", model)
            again = workspace.run(action, config, private=private)
            again.truthful("passing")
            expect(deployed(workspace) == CASES[action][1], "after the second run:", deployed(workspace))
            expect(tree(workspace.base) == base, "left behind:", tree(workspace.base))
            expect(tree(workspace.out) == out, "left behind:", tree(workspace.out))
    sweep(range(1, len(calls) + 1), one)


def killed(process):
    def check(result, status):
        if process == 0:
            expect(result.code == 128 + signal.SIGKILL, "exit", result.code)
        elif status["status"] != "passing":
            expect(status["status"] == "failing" and result.code == 1, "exit", result.code, "with", status)
        else:
            # The worker had handed over its outcome and only had to end.
            expect(result.code == 0, "exit", result.code, "with", status)
    return check


def terminated(result, status):
    if status is None:
        expect(result.code == 128 + signal.SIGTERM, "exit", result.code)
    elif result.code == 128 + signal.SIGTERM:
        # Also after the outcome was written, which then stays.
        expect(status["status"] in ("failing", "passing"), status)
    else:
        expect(result.code == 0 and status["status"] == "passing", "exit", result.code, "with", status)


for _action in CASES:
    for _name, _process in PROCESSES.items():
        @test(f"SIGKILL at each system call of the {_name} in {_action}")
        def _(action=_action, process=_process):
            sweep_signal(action, process, signal.SIGKILL, killed(process))


@test("SIGTERM at each system call of the supervisor in deployment_replace_model")
def _():
    sweep_signal("deployment_replace_model", 0, signal.SIGTERM, terminated)


@test("the failing status is in place before any config or plugin is opened")
def _():
    with Workspace() as workspace:
        config, private = prepare(workspace, "deployment_start")
        report = workspace.join("trace")
        prefix = ["strace", "-f", "-qq", "-e", "trace=openat,open,rename,renameat,renameat2", "-o", report]
        workspace.run("deployment_start", config, prefix=prefix, private=private).truthful("passing")
        with open(report, encoding="utf-8") as file:
            lines = file.read().splitlines()
    renamed = next(i for i, line in enumerate(lines) if "rename" in line and "status.yaml" in line)
    read = [i for i, line in enumerate(lines) if config in line or private in line or ".lua" in line]
    expect(read and renamed < min(read), "opened before the status was written:", lines[min(read, default=0)])


if __name__ == "__main__":
    os.environ.pop("BOSUN_PLUGIN_PATH", None)
    main()
