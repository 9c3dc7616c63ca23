"""The action and all that it started end with the runner, whichever of its processes is killed or stopped, and nothing
else does. The runner has a keeper from the moment when the action starts its first process."""
import errno
import os
import signal

from harness import SYSFAULT, Fault, Workspace, expect, main, poll, processes_with, sweep, test
from running import BUSY, Running, alive, state_of

# A daemon without environment, in a session of its own: bosun.process knows nothing of it once this returns.
ESCAPE = """
sh("(env -i setsid sh -c 'exec >/dev/null 2>&1; echo >{dir}/escaped; exec sleep {nap}' &); "
  .. "until [ -e {dir}/escaped ]; do sleep 0.01; done")"""
# Starts programs that are hard to find, ESCAPED of them with {nap} as an argument, and never ends.
ESCAPES = ESCAPE + """
local process = require "bosun.process"
local kept = {
  assert(process.spawn {'sh', '-c', "(setsid sh -c 'sleep {nap} & exec sleep {nap}' &); exec sleep {nap}"}),
  assert(process.spawn {'sh', '-c', 'exec <&- >&- 2>&-; setsid sleep {nap}'}),
}
while kept do pcall(require("bosun.time").sleep, 1000) end"""
ESCAPED = 5
TERM_IGNORED = ["sh", "-c", """trap '' TERM HUP; exec "$@\"""", "sh"]


def kill_left(nap):
    for pid in processes_with(nap):
        os.kill(pid, signal.SIGKILL)


class Busy(Running):
    """A runner whose action has started `count` programs. Used with `with`, it leaves none of them."""

    def __init__(self, workspace, code, count, prefix=(), extra=()):
        self.nap = f"{5000 + count}.{os.getpid()}"
        super().__init__(workspace, code, self.nap, prefix, extra)
        self.wait_for(count)

    def wait_for(self, count):
        poll(lambda: len(processes_with(self.nap)) >= count or self.process.poll() is not None, "the programs start")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.__exit__(*what)
        kill_left(self.nap)

    def nothing_left(self):
        poll(lambda: not self.processes(), "the runner's processes end")
        poll(lambda: not processes_with(self.nap), "what the action started ends")


# ---- the runner ends -----------------------------------------------------------------------------------------------

def kill(*names):
    """Kills these of the runner's processes."""
    def kill_them(running):
        for pid in [getattr(running, name) for name in names]:
            os.kill(pid, signal.SIGKILL)
    return kill_them


def kill_group(running):
    os.killpg(running.supervisor, signal.SIGKILL)


def stop(name):
    """Stops one of the runner's processes, then kills the supervisor."""
    def stop_and_kill(running):
        pid = getattr(running, name)
        os.kill(pid, signal.SIGSTOP)
        poll(lambda: state_of(pid) == "T", f"the {name} stops")
        os.kill(running.supervisor, signal.SIGKILL)
    return stop_and_kill


ENDS = {"the supervisor killed": kill("supervisor"), "the runner's process group killed": kill_group,
        "the supervisor and the worker killed": kill("worker", "supervisor"),
        "the worker stopped, the supervisor killed": stop("worker")}
ACTIONS = {"an action without programs": (BUSY["runs Lua"], 0), "one that blocks in C": (BUSY["is stuck in C"], 0),
           "one that waits for a program": (BUSY["waits for a child"], 1),
           "one whose programs escape": (ESCAPES, ESCAPED)}


def end_with_runner(code, count, end, prefix=()):
    """Nothing is left, and the first status stays."""
    with Workspace() as workspace, Busy(workspace, code, count, prefix) as running:
        end(running)
        running.nothing_left()
        result = running.end()
        expect(result.code == 128 + signal.SIGKILL, "exit", result.code)
        expect(result.status["status"] == "failing", result.text)


for _how, _end in ENDS.items():
    for _what, (_code, _count) in ACTIONS.items():
        @test(f"{_how}: nothing is left of {_what}")
        def _(end=_end, code=_code, count=_count):
            end_with_runner(code, count, end)


@test("the keeper stopped, the supervisor killed: nothing is left")
def _():
    end_with_runner(ESCAPES, ESCAPED, stop("keeper"))


@test("the supervisor killed where SIGTERM and SIGHUP are ignored: nothing is left")
def _():
    end_with_runner(BUSY["sleeps"], 0, kill("supervisor"), TERM_IGNORED)
    end_with_runner(ESCAPES, ESCAPED, kill("supervisor"), TERM_IGNORED)


# ---- the action ends -----------------------------------------------------------------------------------------------

@test("the worker killed: failing, with the signal, and nothing is left")
def _():
    for code, count in ((BUSY["runs Lua"], 0), (BUSY["waits for a child"], 1), (ESCAPES, ESCAPED)):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            with Workspace() as workspace, Busy(workspace, code, count) as running:
                os.kill(running.worker, number)
                result = running.end()
                expect(f"the worker process was killed by signal {int(number)}" in result.truthful("failing")["msg"],
                       result.text)
                expect(not processes_with(running.nap), "alive:", processes_with(running.nap))
                expect(("left behind" in result.stderr) == (count > 0), result.stderr)


@test("the keeper killed: failing, and nothing is left")
def _():
    with Workspace() as workspace, Busy(workspace, ESCAPES, ESCAPED) as running:
        os.kill(running.keeper, signal.SIGKILL)
        result = running.end()
        expect("the keeper process was killed by signal 9" in result.truthful("failing")["msg"], result.text)
        expect(not processes_with(running.nap), "alive:", processes_with(running.nap))


for _name in ("worker", "keeper"):
    @test(f"the {_name} stopped, and SIGTERM: failing, cancelled, and nothing is left")
    def _(name=_name):
        with Workspace() as workspace, Busy(workspace, ESCAPES, ESCAPED) as running:
            pid = getattr(running, name)
            os.kill(pid, signal.SIGSTOP)
            poll(lambda: state_of(pid) == "T", f"the {name} stops")
            os.kill(running.supervisor, signal.SIGTERM)
            result = running.end()
            expect(result.code == 128 + signal.SIGTERM, "exit", result.code, result.stderr)
            expect("did not stop when asked to and was killed" in result.status["msg"], result.text)
            expect(not processes_with(running.nap), "alive:", processes_with(running.nap))


def ended(code, status, said):
    """Runs an action to its end. Of what it started, which has {nap} as an argument, nothing is left."""
    with Workspace() as workspace, Busy(workspace, code, 0) as running:
        result = running.end()
        expect(not processes_with(running.nap), "alive:", processes_with(running.nap))
        expect(said in result.truthful(status)["msg"] + result.stderr, result.text, result.stderr)


@test("a deep and wide tree of processes in sessions of their own is gone")
def _():
    tree = ('f() { if [ $1 -gt 0 ]; then setsid sh -c "$0" "$0" $(($1 - 1)) & setsid sh -c "$0" "$0" $(($1 - 1)) & fi; '
            'echo >>{dir}/count; exec sleep {nap}; }; f $1')
    code = f"""
    local script = [==[{tree}]==]
    require("bosun.process").run({{"env", "-i", "setsid", "-f", "sh", "-c", script, script, "6"}})
    sh("until [ $(wc -l <{{dir}}/count) = 127 ]; do sleep 0.01; done")"""
    ended(code, "passing", "killed 127 processes that the action left behind")


@test("a chain of processes, each of which starts the next and ends, is gone")
def _():
    chain = 'echo >{dir}/chain; setsid sh -c "$0" "$0" {nap} &'
    code = f"""
    local script = [==[{chain}]==]
    require("bosun.process").run({{"env", "-i", "setsid", "-f", "sh", "-c", script, script, "{{nap}}"}})
    sh("until [ -e {{dir}}/chain ]; do sleep 0.01; done")"""
    ended(code, "passing", "came to its end")


@test("a C module that forks: its child is gone")
def _():
    # daemon(3) forks, and its parent ends at once: the action goes on in a session of its own.
    ended("package.loadlib('libc.so.6', 'daemon')()\nsh('exec sleep {nap}')", "failing",
          "the worker process ended with exit status 0")


# ---- killed anywhere -----------------------------------------------------------------------------------------------

# Numbers of the processes, in the order in which they appear.
PROCESSES = {"supervisor": 0, "keeper, which was the worker": 1, "worker, which was its child": 2}
CALLS = 60  # of each are looked at: the worker makes thousands when it looks for processes
LEAVES_ONE = """
assert(require("bosun.process").run({ "setsid", "-f", "sh", "-c", "exec >&- 2>&-; exec sleep {nap}" }, {
  clear_env = true, env = { PATH = "/usr/bin:/bin" } }))"""


def run_until_killed(workspace, nap, prefix, number):
    plugin = workspace.plugin(f"function P:pe_status()\n{LEAVES_ONE.replace('{nap}', nap)}\nreturn ok('done')\nend")
    return workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin, prefix=prefix,
                         status=f"{number}.yaml")


for _name, _process in PROCESSES.items():
    @test(f"SIGKILL at system calls of the {_name}: nothing is left")
    def _(process=_process):
        with Workspace() as workspace:
            nap = f"8000{process}.{os.getpid()}"
            report = workspace.join("report")
            run_until_killed(workspace, nap, [SYSFAULT, "-p", str(process), "-o", report, "--"], 0).truthful("passing")
            with open(report, encoding="utf-8") as file:
                count = len(file.readlines())

            def one(at):
                with Workspace() as own:
                    fault = Fault(own, process, at, "-s", str(int(signal.SIGKILL)))
                    result = run_until_killed(own, nap, fault.prefix, at)  # which waits until all processes have ended
                    if process == 0 and fault.hit:
                        expect(result.code == 128 + signal.SIGKILL, "exit", result.code)
                    else:
                        result.truthful("failing" if fault.hit else "passing", "passing")
            try:
                sweep(range(1, count + 1, count // CALLS + 1), one)
            finally:
                kill_left(nap)


# ---- nothing else ends ---------------------------------------------------------------------------------------------

def runs_beside(script, code, count):
    """Runs a shell script that starts `count` programs with {other} in their arguments and then execs "$@", the runner:
    they outlive the action, which leaves a program of its own."""
    with Workspace() as workspace:
        other = f"7000{count}.{os.getpid()}"
        prefix = ["sh", "-c", script.replace("{other}", other).replace("{dir}", workspace.path), "sh"]
        try:
            with Busy(workspace, code + ESCAPE, 0, prefix) as running:
                result = running.end()
                result.truthful("passing")
                expect(len(processes_with(other)) == count, "alive:", len(processes_with(other)))
                expect("killed 1 process that the action left behind" in result.stderr, result.stderr)
                expect(not processes_with(running.nap), "alive:", processes_with(running.nap))
        finally:
            kill_left(other)


@test("a hundred children from before exec are left alone")
def _():
    quiet = "</dev/null >/dev/null 2>&1"
    runs_beside(f'i=0; while [ $i -lt 100 ]; do sleep {{other}} {quiet} & i=$((i + 1)); done; exec "$@"', "", 100)


@test("the daemon of a child from before exec is left alone")
def _():
    # The child ends while the action runs; then its daemon is an orphan.
    runs_beside("""mkfifo {dir}/go
        sh -c 'read x <{dir}/go; setsid sleep {other} </dev/null >/dev/null 2>&1 & echo $$ >{dir}/pid' &
        exec "$@" """, """sh("echo >{dir}/go; until [ -s {dir}/pid ]; do sleep 0.01; done; "
        .. "while grep -q '^State:.[^ZX]' /proc/$(cat {dir}/pid)/status; do sleep 0.01; done")""", 1)


# ---- when there is a keeper ----------------------------------------------------------------------------------------

def names_parent(code):
    """The name of the worker's parent before and after the code."""
    with Workspace() as workspace:
        result = Running(workspace, """
        local function parent()
          local pid = io.open("/proc/self/stat"):read("a"):match("%) %S (%d+)")
          return io.open("/proc/" .. pid .. "/comm"):read("l")
        end
        local before = parent()
        """ + code + """
        do return ok(before .. " " .. parent()) end""").end()
        return result.truthful("passing")["msg"]


RUNNER_NAME = "bosun-plugin-ru"
KEEPERS = {
    'process.run': 'require("bosun.process").run({ "true" })',
    'process.spawn': 'require("bosun.process").spawn({ "true" }):wait()',
    'a program that does not exist': 'require("bosun.process").run({ "/no/such/program" })',
    'package.loadlib': 'package.loadlib("libc.so.6", "getpid")',
    "a plugin's own C module": """
        local path = package.searchpath("cjson", package.cpath)
        link(path)
        package.cpath = "{dir}/?.so"
        require("its-cjson")""",
}
NO_KEEPERS = {
    "Lua alone": "",
    "the library's own C module": 'require("cjson")',
    "a C module that is not there": 'pcall(require, "no.such.module")',
    "a file": 'require("bosun.fs").write("{dir}/file", "text")',
}


@test("no keeper for an action that starts no process")
def _():
    for name, code in NO_KEEPERS.items():
        parents = names_parent(code)
        expect(parents == f"{RUNNER_NAME} {RUNNER_NAME}", name, parents)


@test("a worker that cannot fork: the program is not started, and the next one is")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("""function P:pe_status()
          local process = require "bosun.process"
          local _, err = process.run({ "true" })
          assert(process.run({ "true" }, { check = true }))
          return ok(err.code .. " " .. err.message)
        end""")
        fault = Fault(workspace, 1, 1, "-c", "clone", "-e", str(errno.EAGAIN))
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin, prefix=fault.prefix)
        said = result.truthful("passing")["msg"]
        expect(said.startswith("EAGAIN ") and "cannot start a second process for the action" in said, said)


@test("a keeper before the first process, and before C that could start one")
def _():
    link = 'local function link(path) assert(require("bosun.fs").symlink(path, "{dir}/its-cjson.so")) end\n'
    for name, code in KEEPERS.items():
        parents = names_parent(link + code)
        expect(parents == f"{RUNNER_NAME} bosun-keeper", name, parents)


if __name__ == "__main__":
    main()
