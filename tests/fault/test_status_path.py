"""Places where a status file cannot be written: exit 74, a word on standard error, and the action is not run. And
what becomes of temporary files, of a full disk and of a closed standard output."""
import errno
import os
import signal
import stat
import subprocess

from harness import (EXIT, PREVIOUS, SYSFAULT, Fault, Skip, Workspace, expect, finish, main, parse_status, test, tree,
                     without_override)


def refused(place, prefix=(), after=None):
    """Runs an action whose status goes to what place(workspace) returns; expects 74 and that nothing ran."""
    with Workspace() as workspace:
        path = place(workspace)
        ran = workspace.join("ran")
        plugin = workspace.plugin(f"io.open({ran!r}, 'w'):close()")
        argv = [*prefix, *workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                                         status=path)]
        result = finish(argv, path)
        expect(result.code == 74, "exit", result.code, result.stderr)
        expect(path in result.stderr, "the path is not named:", result.stderr)
        expect(not os.path.exists(ran), "the action ran")
        if after:
            after(workspace, path)


@test("a status file in a folder that does not exist")
def _():
    refused(lambda workspace: workspace.join("nowhere", "status.yaml"))


@test("a status file below a file")
def _():
    refused(lambda workspace: workspace.write("file", "") + "/status.yaml")


@test("a status file in a folder that must not be written")
def _():
    def place(workspace):
        os.mkdir(workspace.join("closed"), 0o555)
        return workspace.join("closed", "status.yaml")
    refused(place, prefix=without_override())


@test("a status file that is a directory")
def _():
    def place(workspace):
        os.mkdir(workspace.join("dir"))
        return workspace.join("dir")
    refused(place, after=lambda workspace, path: expect(os.listdir(path) == [], "written into the directory"))


@test("a status file that is a symlink into a folder that is not there")
def _():
    def place(workspace):
        os.symlink(workspace.join("nowhere/target"), workspace.join("link"))
        return workspace.join("link")
    refused(place, after=lambda workspace, path: expect(os.path.islink(path), "the symlink is gone"))


@test("a status file with too long a name")
def _():
    refused(lambda workspace: workspace.join("x" * 300))


@test("no byte can be written (RLIMIT_FSIZE 0): 74, the previous run's status is taken away, no temporary file")
def _():
    def place(workspace):
        return workspace.write("out/status.yaml", PREVIOUS)

    def after(workspace, path):
        expect(not os.path.exists(path), "the previous run's status is there")
        expect(tree(workspace.out) == [], "left behind:", tree(workspace.out))
    refused(place, prefix=["sh", "-c", 'ulimit -f 0; exec "$@"', "sh"], after=after)


@test("a status that does not fit (RLIMIT_FSIZE 1 KiB): the worker says why in a failing one that does")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ok(string.rep('x', 10000)) end")
        # Two blocks of 512 bytes.
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                               prefix=["sh", "-c", 'ulimit -f 2; exec "$@"', "sh"])
        status = result.truthful("failing")
        expect("cannot hand the supervisor the status of the action: File too large" in status["msg"], status)
        expect(tree(workspace.out) == ["status.yaml"], "left behind:", tree(workspace.out))


@test("a final status that cannot be written at all: 74, the failing status stays")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ok('fine') end")
        fault = Fault(workspace, 0, 2, "-c", "rename,renameat,renameat2", "-e", str(errno.ENOSPC))
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                               prefix=fault.prefix)
        expect(result.code == 74 and result.stderr, "exit", result.code, result.stderr)
        expect(parse_status(result.text)["status"] == "failing", result.text)
        expect(tree(workspace.out) == ["status.yaml"], "left behind:", tree(workspace.out))


def in_namespace(script):
    """Runs the runner after a shell script, in a mount namespace of its own."""
    if os.geteuid() != 0:
        raise Skip("mounting needs rights")
    return ["unshare", "-m", "sh", "-c", f'{script} && exec "$@"', "sh"]


def stays(prefix, reason, script="", undo=lambda path: None):
    """Nothing can be done about the status of an earlier run: it stays, and the runner says so."""
    with Workspace() as workspace:
        path = workspace.write("out/status.yaml", PREVIOUS)
        ran = workspace.join("ran")
        plugin = workspace.plugin(f"io.open({ran!r}, 'w'):close()")
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin)
        try:
            result = finish([*prefix(script.format(file=path, folder=workspace.out)), *argv], path)
        finally:
            undo(path)
        expect(result.code == 74 and not os.path.exists(ran), "exit", result.code, result.stderr)
        expect("the file still has the status of an earlier run" in result.stderr, result.stderr)
        expect(reason in result.stderr, result.stderr)
        expect("removed" not in result.stderr and "killed" not in result.stderr, result.stderr)
        expect(result.text == PREVIOUS, result.text)
        expect(tree(workspace.out) == ["status.yaml"], "left behind:", tree(workspace.out))


@test("an earlier status on a read-only file system: 74, and the word that it is still there")
def _():
    stays(in_namespace, "Read-only file system", "mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}")


for _flag, _name in {"i": "immutable", "a": "append-only"}.items():
    @test(f"an earlier status in an {_name} file: 74, and the word that it is still there")
    def _(flag=_flag, name=_name):
        def prefix(script):
            if subprocess.run(script, shell=True, check=False, stderr=subprocess.DEVNULL).returncode != 0:
                raise Skip("chattr needs rights, and a file system that knows it")
            return []
        stays(prefix, f"it is {name}", f"chattr +{flag} {{file}}",
              lambda path: subprocess.run(["chattr", f"-{flag}", path], check=False, stderr=subprocess.DEVNULL))


def in_place(prefix):
    """A file that cannot be replaced, but written to: it says failing while the action runs, then the outcome."""
    with Workspace() as workspace:
        path = workspace.write("out/status.yaml", PREVIOUS)
        plugin = workspace.plugin(f"function P:pe_status() return ok(io.open({path!r}):read('a')) end")
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                               prefix=prefix(workspace, path))
        status = result.truthful("passing")
        expect(parse_status(status["msg"])["status"] == "failing", "during the action:", status["msg"])
        expect(tree(workspace.out) == ["status.yaml"], "left behind:", tree(workspace.out))
        code = "while true do end"
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=workspace.plugin(code),
                               prefix=prefix(workspace, path), extra=["--timeout", "1"])
        expect("timed out" in result.truthful("failing")["msg"], result.text)
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=workspace.plugin(code),
                               prefix=prefix(workspace, path), extra=["--no-such-option"])
        expect(result.code == 64 and "--no-such-option" in result.status["msg"], result.code, result.text)


@test("a status file that is a mount point is written in place")
def _():
    in_place(lambda workspace, path: in_namespace(f"mount --bind {path} {path}"))


@test("a supervisor killed while it writes in place: the file says failing until the outcome is there")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
                                  "data = ('x'):rep(100000) } end")
        path = os.path.join(workspace.out, "status.yaml")
        report = workspace.join("report")
        config = workspace.config("pe", deployment=None)

        def run(sysfault):
            prefix = [*in_namespace(f"mount --bind {path} {path}"), *sysfault]
            return workspace.run("pe_status", config, plugin=plugin, prefix=prefix)
        run([SYSFAULT, "-o", report, "--"]).truthful("passing")
        with open(report, encoding="utf-8") as file:
            calls = file.read().split()
        for at in range(1, len(calls) + 1):
            text = run(Fault(workspace, 0, at, "-s", str(int(signal.SIGKILL))).prefix).text
            whole = text == PREVIOUS or parse_status(text)["status"] == "failing" or len(text) > 100000
            expect(whole, "call", at, calls[at - 1], text[:200])


@test("a status file of another user in a sticky folder of another user is written in place")
def _():
    if os.geteuid() != 0:
        raise Skip("changing owners needs rights")

    def prefix(workspace, path):
        os.chmod(workspace.out, 0o1777)
        os.chmod(path, 0o666)
        for name in (workspace.out, path):
            os.chown(name, 12345, 12345)
        return ["setpriv", "--bounding-set=-fowner,-dac_override", "--inh-caps=-fowner,-dac_override"]
    in_place(prefix)


@test("a relative status file is written below the working directory")
def _():
    with Workspace() as workspace:
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None), status="ignored",
                              plugin=workspace.plugin("function P:pe_status() return ok('fine') end"))
        argv[argv.index("--status-file") + 1] = "out/relative.yaml"
        path = workspace.join("out", "relative.yaml")
        result = finish(["sh", "-c", f'cd {workspace.path} && exec "$@"', "sh", *argv], path)
        result.truthful("passing")


@test("every standard descriptor closed: the status is written all the same, and whole")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() print('x') io.stdout:write('y') return ok('fine') end")
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                               prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"], extra=["--show-status"])
        status = parse_status(result.text)
        expect(status["status"] in ("passing", "failing") and status["msg"] == "fine", status)


@test("standard output on a full disk does not spoil the status file")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() return ok('fine') end")
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin,
                               prefix=["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh"], extra=["--show-status"])
        expect(parse_status(result.text)["msg"] == "fine", result.text)


@test("a reader of standard error that went away does not end the runner")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status() for _ = 1, 1000 do print('x') end return ok('fine') end")
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None), plugin=plugin)
        reader, writer = os.pipe()
        os.close(reader)
        # What Python sets for itself, a program of the agent's does not.
        with subprocess.Popen(argv, stderr=writer, stdin=subprocess.DEVNULL, restore_signals=True) as process:
            os.close(writer)
            process.wait(60)
        with open(workspace.join("out", "status.yaml"), encoding="utf-8") as file:
            status = parse_status(file.read())
        expect(process.returncode == EXIT[status["status"]] == 0, process.returncode, status)


if __name__ == "__main__":
    main()
