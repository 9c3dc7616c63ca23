"""Many runners at once."""
import contextlib
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness import Workspace, deployed, expect, finish, main, poll, start, test, tree


def run_all(commands):
    """Runs them all at once; returns the results in order."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda command: finish(*command), commands))


def command(workspace, number, action, config, private):
    status = f"status-{number}.yaml"
    return workspace.argv(action, config, private=private, status=status), workspace.join("out", status)


@test("32 runners at once on one deployment, start, replace and stop mixed")
def _():
    with Workspace() as workspace:
        private = workspace.private()
        start_a = workspace.config("start", model="model-A")
        to_b = workspace.config("replace", model="model-A", new_model="model-B")
        kinds = [("deployment_start", start_a), ("deployment_replace_model", to_b), ("deployment_start", start_a),
                 ("deployment_stop", start_a)]
        for round_number in range(4):
            commands = [command(workspace, f"{round_number}-{i}", *kinds[(i + round_number) % 4], private)
                        for i in range(32)]
            for result in run_all(commands):
                result.truthful("passing", "failing", "warning")
            expect(deployed(workspace) in (None, "model-A", "model-B"), "on disk:", tree(workspace.base))
        workspace.run("deployment_stop", start_a, private=private)
        workspace.run("deployment_start", start_a, private=private).truthful("passing")
        expect(deployed(workspace) == "model-A", "on disk:", tree(workspace.base))
        alone = tree(workspace.base)
    with Workspace() as workspace:
        workspace.run("deployment_start", workspace.config("start", model="model-A"),
                      private=workspace.private()).truthful("passing")
        expect(tree(workspace.base) == alone, "left behind:", alone)


@test("32 runners at once on 32 deployments: all pass")
def _():
    with Workspace() as workspace:
        private = workspace.private()
        workspace.model("model-A")
        commands = [command(workspace, i, "deployment_start",
                            workspace.config(f"c{i}", deployment=f"d{i}", model="model-A"), private)
                    for i in range(32)]
        for result in run_all(commands):
            result.truthful("passing")
        for i in range(32):
            expect(deployed(workspace, f"d{i}") == "model-A", "not on disk:", i)


@test("16 runners at once with one status file: it is whole at every moment, and no temporary file stays")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ok(string.rep('x', 100000)) end")
        config = workspace.config("pe", deployment=None)
        first = workspace.run("pe_status", config, plugin=plugin)
        first.truthful("passing")
        argv = workspace.argv("pe_status", config, plugin=plugin)
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(start(argv, stderr=subprocess.DEVNULL)) for _ in range(16)]

            def all_ended():
                expect(first.status["status"] in ("passing", "failing"), first.text)
                return all(process.poll() is not None for process in running)
            poll(all_ended, "all 16 end")
            for process in running:
                expect(process.returncode == 0, "exit", process.returncode)
        expect(first.status["status"] == "passing", first.text[:500])
        expect(tree(workspace.out) == ["status.yaml"], "left behind:", tree(workspace.out))


if __name__ == "__main__":
    main()
