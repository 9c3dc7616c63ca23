"""EIO and ENOSPC at every write, fsync, rename, close and the like, of the supervisor and of the worker: never a
success that did not happen, never half a status, and the same action run again succeeds."""
import errno

from actions import CASES, PROCESSES, prepare, trace
from harness import PREVIOUS, Fault, Workspace, deployed, expect, main, parse_status, sweep, test

CALLS = ("write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,close,ftruncate,fallocate,fchmod,"
         "copy_file_range,sendfile,mkdir,mkdirat,unlink,unlinkat,rmdir")


def check_outcome(workspace, action, result):
    """What the file and the exit status say is true of the disk."""
    models, after = CASES[action]
    model = deployed(workspace)
    expect(model in models, "on disk is", model)
    if result.code == 127 and "loading shared libraries" in result.stderr:
        # The dynamic linker gave up: not a line of the program has run.
        expect(result.text == PREVIOUS, result.text)
        return
    if result.code == 74:
        # The outcome could not be written: the first status stays. When that failed already, nothing ran, and the
        # previous run's status is taken away, unless not even its path could be looked at.
        expect(result.stderr, "74 without a word")
        ran = "was not run" not in result.stderr
        gone = result.text is None and "was removed" in result.stderr
        unseen = result.text == PREVIOUS and "was removed" not in result.stderr
        expect(parse_status(result.text)["status"] == "failing" if ran else gone or unseen, result.text, result.stderr)
        return
    status = result.truthful("passing", "failing", "warning")
    if status["status"] == "passing":
        expect(model == after, "says passing, on disk is", model, status)


def sweep_error(action, process, error):
    calls, _, _ = trace(action, process, CALLS)
    expect(calls, "no calls to make fail")

    def one(at):
        with Workspace() as workspace:
            config, private = prepare(workspace, action)
            fault = Fault(workspace, process, at, "-c", CALLS, "-e", str(error))
            result = workspace.run(action, config, prefix=fault.prefix, private=private)
            try:
                check_outcome(workspace, action, result)
                workspace.run(action, config, private=private).truthful("passing")
                expect(deployed(workspace) == CASES[action][1], "after the second run:", deployed(workspace))
            except AssertionError as failure:
                raise AssertionError(f"{calls[at - 1]}: {failure}") from failure
    sweep(range(1, len(calls) + 1), one)


for _action in CASES:
    for _name, _process in PROCESSES.items():
        for _error in (errno.EIO, errno.ENOSPC):
            @test(f"{errno.errorcode[_error]} at each writing system call of the {_name} in {_action}")
            def _(action=_action, process=_process, error=_error):
                sweep_error(action, process, error)


if __name__ == "__main__":
    main()
