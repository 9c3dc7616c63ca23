"""Each allocation failing, once and from then on, in the supervisor and in the worker: a failing status or, where
nothing depended on it, a passing one; the exit status says the same; no process crashes."""
from harness import FAILMALLOC, PREVIOUS, Workspace, deployed, expect, main, parse_status, sweep, test

PROCESSES = {"supervisor": 0, "worker": 1}


def allocations(workspace, action, process, **options):
    """How many allocations the process makes in an undisturbed run."""
    count = workspace.join("count")
    workspace.run(action, env={"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_COUNT": count}, **options).truthful("passing")
    with open(count, encoding="utf-8") as file:
        counts = dict(map(int, line.split()) for line in file)
    expect(process in counts, "the process did not say how much it allocates:", counts)
    return counts[process]


def check(result):
    if result.code == 74:
        # Without memory for even a status. What is there then is what was there, or the first failing status.
        expect(result.stderr, "74 without a word")
        expect(result.text == PREVIOUS or parse_status(result.text)["status"] == "failing", result.text)
        return
    status = result.truthful("passing", "failing")
    expect("signal" not in (status["msg"] or ""), "a process crashed:", status, result.stderr[-2000:])


def sweep_allocations(process, ever_after, setting):
    with Workspace() as workspace:
        action, options = setting(workspace)
        total = allocations(workspace, action, process, **options)
        base = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": str(process), "FAILMALLOC_ON": str(int(ever_after))}

        def one(at):
            status = f"{process}-{at}.yaml"
            check(workspace.run(action, env={**base, "FAILMALLOC_AT": str(at)}, status=status, **options))
        sweep(range(1, total + 1), one)


def idle(workspace):
    private = workspace.write("test.yaml", f"{{tmp_dir: '{workspace.base}', pe_status_time_sec: 0}}")
    return "pe_status", {"config": workspace.config("pe", deployment=None), "plugin": "test", "private": private}


for _name, _process in PROCESSES.items():
    for _ever_after in (False, True):
        @test(f"pe_status of the test plugin: each allocation of the {_name} fails "
              f"{'from then on' if _ever_after else 'once'}")
        def _(process=_process, ever_after=_ever_after):
            sweep_allocations(process, ever_after, idle)


@test("a supervisor without any memory receives a status of 2 MB all the same")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
                                  "data = string.rep('x', 2000000) } end")
        env = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": "0", "FAILMALLOC_ON": "1", "FAILMALLOC_AT": "1"}
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin, env=env)
        expect(len(result.truthful("passing")["data"]) == 2000000, "the data are cut")


@test("deployment_start: every 7th allocation of the worker fails once; passing means deployed")
def _():
    with Workspace() as workspace:
        options = {"config": workspace.config("start", model="model-A"), "private": workspace.private()}
        total = allocations(workspace, "deployment_start", 1, **options)
    preload = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": "1"}

    def one(at):
        with Workspace() as workspace:
            options = {"config": workspace.config("start", model="model-A"), "private": workspace.private()}
            result = workspace.run("deployment_start", env={**preload, "FAILMALLOC_AT": str(at)}, **options)
            check(result)
            model = deployed(workspace)
            expect(result.code != 0 or model == "model-A", "says passing, on disk is", model)
            workspace.run("deployment_start", **options).truthful("passing")
            expect(deployed(workspace) == "model-A", "after the second run:", deployed(workspace))
    sweep(range(1, total + 1, 7), one)


if __name__ == "__main__":
    main()
