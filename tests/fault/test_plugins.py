"""Plugins that never end, end the process, or break it: with --timeout 1 the runner ends, with a failing status that
says what happened and in which phase, and nothing of the plugin lives on."""
import os
import re

from harness import Result, Workspace, expect, main, poll, processes_with, start, test

LATE = r"timed out"
SLOW_FIND = 'string.find(string.rep("a", 10000), ".-.-.-.-.-b")'
HUGE_REP = 'string.rep("", math.maxinteger)'


def in_action(code):
    return f"function P:pe_status()\n{code}\nreturn ok('came to its end')\nend"


# Name, source of the plugin, what the message has to match.
FAILING = [
    ("loops while it is loaded", "while true do end", LATE + ".*load"),
    ("loops in C while it is loaded", HUGE_REP, LATE + ".*load"),
    ("loops in its constructor", "function P:init() while true do end end", LATE),
    ("loops in an action", in_action("while true do end"), LATE),
    ("loops in string.find", in_action(SLOW_FIND), LATE),
    ("loops in string.rep", in_action(HUGE_REP), LATE),
    ("loops in pcall for ever", in_action("while true do pcall(function() while true do end end) end"), LATE),
    ("loops in pcall of C for ever", in_action(f"while true do pcall(function() {HUGE_REP} end) end"), LATE),
    ("loops in a message handler",
     in_action("xpcall(error, function() while true do end end)"), LATE),
    ("loops in a coroutine", in_action("coroutine.wrap(function() while true do end end)()"), LATE),
    ("loops in coroutines without end",
     in_action("while true do coroutine.wrap(function() coroutine.yield() end)() end"), LATE),
    ("swallows the stop in coroutines",
     in_action("while true do coroutine.resume(coroutine.create(function() while true do end end)) end"), LATE),
    ("loops in __gc", in_action("setmetatable({}, {__gc = function() while true do end end}) collectgarbage()"), LATE),
    ("loops in __close", in_action("local x <close> = setmetatable({}, {__close = function() while true do end end})"),
     LATE),
    ("loops in __tostring of its error",
     in_action("error(setmetatable({}, {__tostring = function() while true do end end}))"), LATE),
    ("sleeps in a child process", in_action("sh('exec sleep 1000')"), LATE),
    ("reads from a process that stays silent",
     in_action("assert(assert(require('bosun.process').spawn({'sleep', '1000'})):read())"), LATE),
    ("ignores that its wait was cut short", in_action("require('bosun.time').sleep(1000)"), LATE),
    ("calls os.exit", in_action("os.exit(0)"), r"os\.exit|exit"),
    ("calls os.exit while it is loaded", "os.exit(true, true)", r"os\.exit|exit"),
    ("overflows the stack", in_action("local function f() return 1 + f() end f()"), r"stack overflow"),
    ("overflows the C stack",
     in_action("local function f() return (string.gsub('a', 'a', f)) end f()"), r"overflow"),
    ("raises nil", in_action("error(nil)"), r"nil"),
    ("raises a table", in_action("error({})"), r"table"),
    ("raises a table with a message", in_action("error({message = 'with a reason'})"), r"with a reason|table"),
    ("raises a table whose __tostring raises",
     in_action("error(setmetatable({}, {__tostring = function() error('again') end}))"), r"__tostring|raised"),
    ("raises a table whose __tostring returns no string",
     in_action("error(setmetatable({}, {__tostring = function() return {} end}))"), r"__tostring|raised|table"),
    ("raises a string of 10 MB", in_action("error(string.rep('x', 10000000))"), r"xxx"),
    ("raises a string that is not UTF-8", in_action("error('\\255\\254 broken')"), r"broken"),
    ("uses up the memory", in_action("local t = {} while true do t[#t + 1] = string.rep('x', 2^24) .. #t end"),
     r"memory|" + LATE),
    ("kills its process with SIGSEGV", in_action("sh('kill -SEGV $PPID') while true do end"), r"signal 11"),
    ("kills its process with SIGKILL", in_action("sh('kill -KILL $PPID') while true do end"), r"signal 9"),
    ("stops its process", in_action("sh('kill -STOP $PPID') while true do end"), LATE),
    ("returns nothing", "function P:pe_status() end", r"pe_status"),
    ("returns a function", "function P:pe_status() return print end", r"pe_status"),
    ("returns a status of a table that refers to itself",
     in_action("local t = {} t.t = t do return ActionStatusInfo{ status = ActionStatus.OK, data = t } end"),
     r"itself"),
    ("returns data 1000 levels deep",
     in_action("local t = {} for _ = 1, 1000 do t = {t} end\n"
               "do return ActionStatusInfo{ status = ActionStatus.OK, data = t } end"), r"deep|depth|level"),
    ("returns 100 MB of data",
     in_action("do return ActionStatusInfo{ status = ActionStatus.OK, data = {x = string.rep('x', 10^8)} } end"),
     r"large|big|bytes|MB"),
    ("lacks the method", "", r"pe_status"),
    ("returns no class", "do return 42 end", r"class|BosunPluginBase|table|returned"),
    ("has a syntax error", "function function", r"hostile\.lua:\d+"),
]


def limits():
    """A shell that runs its arguments with 2 GB of address space: what leaks memory must not take the machine's."""
    return ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh"] if not os.environ.get("ASAN_OPTIONS") else []


for _name, _source, _pattern in FAILING:
    @test(f"a plugin that {_name}")
    def _(source=_source, pattern=_pattern):
        with Workspace() as workspace:
            result = workspace.run("pe_status", workspace.config("pe", deployment=None), prefix=limits(),
                                   plugin=workspace.plugin(source),
                                   extra=["--timeout", "1" if LATE in pattern else "15"])
            status = result.truthful("failing")
            expect(re.search(pattern, status["msg"] or "", re.IGNORECASE | re.DOTALL), f"no {pattern!r} in",
                   status["msg"][:1000])
            expect(len(status["msg"]) < 100_000, "a message of", len(status["msg"]))


@test("a plugin that crashes the interpreter with 100,000 chained coroutine.close")
def _():
    code = """
        local co
        for _ = 1, 100000 do
          local inner = co
          co = coroutine.create(function()
            local guard <close> = setmetatable({}, {__close = function() if inner then coroutine.close(inner) end end})
            coroutine.yield()
          end)
          coroutine.resume(co)
        end
        coroutine.close(co)"""
    with Workspace() as workspace:
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code)), extra=["--timeout", "20"])
        # Lua 5.4.4 crashes; later versions report an error or manage.
        result.truthful("failing", "passing")


@test("a plugin that loops in __gc when the state is closed has its outcome kept")
def _():
    code = "KEEP = setmetatable({}, {__gc = function() while true do end end})"
    with Workspace() as workspace:
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code)), extra=["--timeout", "1"])
        status = result.truthful("passing", "failing")
        expect(status["status"] == "passing" or re.search(LATE, status["msg"]), status)


@test("a plugin that prints 100 MB, read by nobody, does not hold up the runner")
def _():
    code = "local line = string.rep('x', 1000000) for _ = 1, 100 do print(line) end"
    with Workspace() as workspace:
        argv = workspace.argv("pe_status", workspace.config("pe", deployment=None),
                              plugin=workspace.plugin(in_action(code)), extra=["--timeout", "1"])
        reader, writer = os.pipe()
        with start(argv, stderr=writer) as process:
            os.close(writer)
            poll(lambda: process.poll() is not None, "the end of the runner")
        os.close(reader)
        Result(process.returncode, "", "", workspace.join("out", "status.yaml")).truthful("passing", "failing")


@test("a plugin that prints 100 MB to a reader gets it through, on standard error only")
def _():
    code = "local line = string.rep('x', 1000000) for _ = 1, 100 do print(line) end"
    with Workspace() as workspace:
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code)))
        result.truthful("passing")
        expect(result.stdout == "", "on standard output:", result.stdout[:200])


# About 300 bytes for each of {count} deployments.
MANY = """
local data = {{}}
for i = 1, {count} do
  data[("deployment-%08d"):format(i)] = {{ modelId = ("m"):rep(24), modelExecutionType = "dedicated", number = i,
    address = ("x"):rep(150), status = "passing" }}
end
return ActionStatusInfo{{ status = ActionStatus.OK, data = data }}"""


@test("20 MB of data arrive, whole")
def _():
    for action in ("pe_status", "deployment_list"):
        with Workspace() as workspace:
            plugin = workspace.plugin(f"function P:{action}()\n{MANY.format(count=70000)}\nend")
            result = workspace.run(action, workspace.config("pe", deployment=None), plugin=plugin)
            text = result.text
            expect(result.code == 0, "exit", result.code, result.stderr[-2000:])
            expect(len(text) > 20_000_000 and text.count("\n  \"deployment-") == 70000, len(text))
            last = text[text.rindex('\n  "deployment-'):]
            expect(text.startswith('status: "passing"\n'), text[:200])
            expect(last.startswith('\n  "deployment-00070000":\n') and last.endswith("\n"), last)
            expect(all(f'"{key}": ' in last for key in ("modelId", "address", "number", "status")), last)


@test("63 MiB of data arrive, whole")
def _():
    with Workspace() as workspace:
        plugin = workspace.plugin("function P:pe_status()\nlocal lines = {}\n"
                                  "for i = 1, 65500 do lines[i] = ('x'):rep(1000) end\n"
                                  "return ActionStatusInfo{ status = ActionStatus.OK, data = lines }\nend")
        result = workspace.run("pe_status", workspace.config("pe", deployment=None), plugin=plugin)
        line = f'  - "{"x" * 1000}"\n'
        expect(result.code == 0 and result.text.endswith("\ndata:\n" + line * 65500), "exit", result.code, result.stderr)


@test("a status that cannot be handed over: the last line of the log says failing, as the status does")
def _():
    with Workspace() as workspace:
        code = "return ActionStatusInfo{ status = ActionStatus.OK, data = string.rep('x', 100000) }"
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code).replace("return ok", "-- ")),
                               prefix=["sh", "-c", 'ulimit -f 100; exec "$@"', "sh"])
        said = result.truthful("failing")["msg"]
        expect("cannot hand the supervisor the status of the action: File too large" in said, result.text)
        expect(f"pe_status: failing: {said}" in result.stderr.splitlines()[-1], result.stderr)


@test("data that are too large: the log says failing, as the status does")
def _():
    with Workspace() as workspace:
        code = "return ActionStatusInfo{ status = ActionStatus.OK, data = string.rep('x', 70000000) }"
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code).replace("return ok", "-- ")))
        reason = "the data is too large: more than 64 MiB"
        said = result.truthful("failing")["msg"]
        expect(said.endswith(reason), result.text)
        expect(f"pe_status: failing: {said}" in result.stderr and "passing" not in result.stderr, result.stderr)


@test("what a timed-out plugin started is gone with it, setsid and double forks too")
def _():
    with Workspace() as workspace:
        nap = f"10000.{os.getpid()}"
        code = f"""
            sh([[setsid sh -c 'sleep {nap} & sleep {nap}' </dev/null >/dev/null 2>&1 &]])
            sh('sleep {nap} & sleep {nap}')"""
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code)), extra=["--timeout", "1"])
        status = result.truthful("failing")
        expect(re.search(LATE, status["msg"]), status)
        expect(not processes_with(nap), "alive:", processes_with(nap))


@test("what a plugin leaves running after a passing action is gone, too")
def _():
    with Workspace() as workspace:
        nap = f"20000.{os.getpid()}"
        code = f"sh([[setsid sh -c 'sleep {nap} & sleep {nap}' </dev/null >/dev/null 2>&1 &]])"
        result = workspace.run("pe_status", workspace.config("pe", deployment=None),
                               plugin=workspace.plugin(in_action(code)))
        result.truthful("passing")
        expect(not processes_with(nap), "alive:", processes_with(nap))


if __name__ == "__main__":
    main()
