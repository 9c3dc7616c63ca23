"""The debugger at a terminal: its commands at the prompt of `bosun repl`, `bosun run --debug`, --repl-on-error and
bosun.breakpoint()."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pexpect
import yaml

from dap import HEAD, RUNNER, TOOL
from tap import PATIENCE, expect, main, test

PLUGIN = HEAD + """
local function inner(n)
  local m = n + 1 -- @inner
  return m -- @inner_end
end
function P:pe_status()
  local sum = 0 -- @first
  for i = 1, 3 do
    sum = sum + inner(i) -- @add
  end
  if sum > 100 then error("too much: " .. sum) end -- @raise
  return ok("sum " .. sum) -- @last
end
return P
"""
LINES = {mark: number for number, line in enumerate(PLUGIN.split("\n"), 1) for mark in re.findall(r"-- @(\w+)", line)}


class Folder:
    def __init__(self, plugin=PLUGIN):
        self.path = tempfile.mkdtemp(prefix="bosun-terminal-")
        self.plugin = self.write("plugin.lua", plugin)
        self.config = self.write("config.yaml", yaml.safe_dump(
            {"pluginConfig": {"name": "x"}, "peInfo": {"id": "pe", "name": "pe"}}))
        self.status_path = os.path.join(self.path, "status.yaml")
        self.env = {**os.environ, "XDG_STATE_HOME": self.path, "TERM": "xterm", "NO_COLOR": "1"}

    def write(self, name, content):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def lines(self, *commands, argv=None, cwd=None):
        """What plain lines at a prompt print."""
        argv = argv or [TOOL, "repl", "--plugin", self.plugin, "--config", self.config]
        result = subprocess.run(argv, input="".join(line + "\n" for line in commands), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, env=self.env, check=False,
                                cwd=cwd)
        return result.stdout

    def run_argv(self, *extra):
        return [TOOL, "run", self.plugin, "pe_status", "--config", self.config, *extra]

    def runner_argv(self, *extra):
        return [RUNNER, "--plugin", self.plugin, "--action", "pe_status", "--config", self.config, "--status-file",
                self.status_path, *extra]

    def terminal(self, argv, columns=80):
        return pexpect.spawn(argv[0], argv[1:], env=self.env, dimensions=(24, columns), timeout=PATIENCE,
                             encoding="utf-8")

    def status(self):
        with open(self.status_path, encoding="utf-8") as file:
            return yaml.safe_load(file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def has(text, *parts):
    """The parts are in the text, in that order."""
    at = 0
    text = re.sub(r"(?m)^> +(\d+) ", r"> \1 ", text)
    for part in parts:
        found = text.find(part, at)
        expect(found >= 0, repr(part), "is not in, or not in that order:", text)
        at = found + len(part)


@test("break with a condition, bt, locals, Lua in the frame, let, display, step, next, an empty line, finish, continue")
def _():
    with Folder() as folder:
        text = folder.lines(":break plugin.lua:%d if i == 2" % LINES["add"], ":run pe_status", ":bt", ":locals",
                            "sum + i * 100", ":let sum=50", ":display sum", ":step", ":next", "", ":up", ":finish")
        has(text, "breakpoint 1  ", f"plugin.lua:{LINES['add']} if i == 2", "breakpoint 1\n", f"> {LINES['add']} |",
            "* #0 P:pe_status", "#1 xpcall", "  sum = 2\n", "  i = 2\n", "_1 = 202\n", "  sum = 50\n", "1: sum = 50\n",
            "#0 inner at", f"> {LINES['inner']} |", f"> {LINES['inner_end']} |", "#0 P:pe_status at", 'msg: "sum 57"')


@test("watch stops when a value changes, and ends with its function; until; list; frame; disable, enable, delete")
def _():
    with Folder() as folder:
        text = folder.lines(":break P:pe_status", ":run pe_status", ":watch sum", ":continue", ":continue", ":breaks",
                            ":delete all", ":until %d" % LINES["last"], ":list", ":frame 0", ":down", ":continue",
                            ":breaks")
        has(text, "P:pe_status", f"> {LINES['first']} |", "watching sum\n", "sum was nil, and is 0", "sum was 0, and is 2",
            "watch sum", f"> {LINES['last']} |", f"> {LINES['last']} |", "this is the innermost frame", 'msg: "sum 9"',
            "no breakpoints")
        text = folder.lines(":break plugin.lua:%d" % LINES["add"], ":disable 1", ":run pe_status", ":enable 1",
                            ":run pe_status", ":delete 1", ":continue")
        has(text, "(disabled)", 'msg: "sum 9"', "breakpoint 1", f"> {LINES['add']} |", 'msg: "sum 9"')


@test("catch error stops where an error is raised, with the variables")
def _():
    with Folder() as folder:
        text = folder.lines(":catch error", ":break plugin.lua:%d" % LINES["raise"], ":run pe_status", ":let sum=1000",
                            ":continue", ":p sum", ":continue")
        has(text, "breakpoint 1\n", "sum = 1000", "uncaught error: ", "too much: 1000", f"> {LINES['raise']} |",
            "in #0 P:pe_status:", "sum = 1000", "_1 = 1000", "status: \"failing\"")


@test("breakpoints outlive :reload; mistakes are said; the source of the library is there")
def _():
    with Folder() as folder:
        text = folder.lines(":break plugin.lua:%d" % LINES["add"], ":reload", ":breaks", ":run pe_status", ":delete all",
                            ":break nowhere.lua:3", ":break", ":delete 77", ":catch fish", ":let x", ":frame 99",
                            ":until x", ":break bosun/retry.lua:1", ":delete all", ":c", ":step")
        has(text, "reloaded", f"plugin.lua:{LINES['add']}", f"> {LINES['add']} |", "there is no file nowhere.lua",
            f"plugin.lua:{LINES['add']}", "no breakpoint 77", "expected error", "expected :let NAME=EXPRESSION",
            "no frame 99", "expected a line", "bosun/retry.lua:", "not stopped")


@test(":delete, :enable and :disable need a number; :save -f needs a file's name")
def _():
    with Folder() as folder:
        text = folder.lines(":delete", ":enable", ":disable", ":save -f", ":save  -f  session.lua", cwd=folder.path)
        has(text, *["name the breakpoint by its number; :breaks lists them\n"] * 3, "name the file: ", "saved; ")
        expect("session.lua" in os.listdir(folder.path) and "-f" not in os.listdir(folder.path),
               os.listdir(folder.path))


@test("a coroutine that was there before the first breakpoint stops, too")
def _():
    with Folder(HEAD + """
local counter = coroutine.wrap(function()
  local n = 0
  while true do
    n = n + 1 -- @count
    coroutine.yield(n)
  end
end)
local first = counter()
function P:pe_status() return ok("count " .. first + counter()) end
return P
""") as folder:
        text = folder.lines(":break plugin.lua:%d" % (HEAD.count("\n") + 5), ":run pe_status", "n", ":continue")
        has(text, "breakpoint 1\n", f"> {HEAD.count(chr(10)) + 5} |", "_1 = 1", 'msg: "count 3"')


@test("bosun run --debug begins at the action's first line; its end is the action's")
def _():
    with Folder() as folder:
        text = folder.lines(":next", ":break plugin.lua:%d" % LINES["last"], ":continue", ":p sum", ":continue",
                            argv=folder.run_argv("--debug", "--timeout", "30"))
        has(text, "first line of the action", f"> {LINES['first']} |", "breakpoint 1", f"> {LINES['last']} |", "_1 = 9")
        expect('msg: "sum 9"' in text, text)


@test("on a terminal: --repl-on-error opens the prompt in the frame that raised, before the status is written")
def _():
    with Folder(PLUGIN.replace("sum > 100", "sum > 1")) as folder:
        child = folder.terminal(folder.runner_argv("--repl-on-error", "--timeout", "5"))
        child.expect("uncaught error: .*too much: 9")
        child.expect("debug> ")
        status = folder.status()
        expect("no outcome yet" in status["msg"], status)
        child.sendline("sum * 2")
        child.expect("_1 = 18")
        child.sendline(":continue")
        child.expect(pexpect.EOF)
        status = folder.status()
        expect(status["status"] == "failing" and "too much: 9" in status["msg"], status)


@test("--repl-on-error without a terminal changes nothing")
def _():
    with Folder(PLUGIN.replace("sum > 100", "sum > 1")) as folder:
        text = folder.lines(argv=folder.runner_argv("--repl-on-error"))
        expect("debug>" not in text and "uncaught" not in text, text)
        expect("too much: 9" in folder.status()["msg"], folder.status())


@test("bosun.breakpoint() opens the debugger on a terminal, and does nothing without one")
def _():
    with Folder(PLUGIN.replace("local sum = 0 ", 'local sum = 0; require("bosun").breakpoint() ')) as folder:
        text = folder.lines(argv=folder.run_argv())
        expect('msg: "sum 9"' in text and "debug>" not in text, text)
        child = folder.terminal(folder.run_argv())
        child.expect(f"> *{LINES['first'] + 1} \\|")
        child.expect("debug> ")
        child.sendline(":p sum")
        child.expect("_1 = 0")
        child.sendline(":continue")
        child.expect('msg: "sum 9"')
        child.expect(pexpect.EOF)


LONG = HEAD + """
local function note(name)
  local file = assert(io.open(os.getenv "NOTES" .. "/" .. name, "w"))
  file:close()
end
function P:pe_status()
  note "began"
  local co = coroutine.wrap(function()
    pcall(function()
      local n = 1 -- @inside
      note "inside"
    end)
    note "coroutine"
  end)
  pcall(co)
  note "after" -- @after
  return ok("all done")
end
return P
"""
INSIDE = [number for number, line in enumerate(LONG.split("\n"), 1) if "@inside" in line][0]


def notes(folder):
    return sorted(set(os.listdir(folder.path)) & {"began", "inside", "coroutine", "after"})


class Long(Folder):
    def __init__(self):
        super().__init__(LONG)
        self.env["NOTES"] = self.path


@test("leaving the debugger cancels the action at once: bosun run --debug with Ctrl-D and :quit; :continue finishes it")
def _():
    for leave in ("eof", ":quit", "lines"):
        with Long() as folder:
            if leave == "lines":
                text = folder.lines(f":break plugin.lua:{INSIDE}", ":continue", ":quit", argv=folder.run_argv("--debug"))
            else:
                child = folder.terminal(folder.run_argv("--debug"), columns=132)
                child.expect("debug> ")
                child.sendline(f":break plugin.lua:{INSIDE}")
                child.expect("debug> ")
                child.sendline(":continue")
                child.expect("breakpoint 1\r\n")
                child.expect("debug> ")
                child.sendeof() if leave == "eof" else child.sendline(leave)
                child.expect(pexpect.EOF)
                text = child.before
            expect(notes(folder) == ["began"], leave, notes(folder), text)
            has(text, "failing", "cancelled in the debugger")
    with Long() as folder:
        text = folder.lines(f":break plugin.lua:{INSIDE}", ":continue", ":continue", argv=folder.run_argv("--debug"))
        expect(notes(folder) == ["after", "began", "coroutine", "inside"], notes(folder), text)
        has(text, "all done")


@test("leaving the debugger cancels the action at once: bosun repl with the input's end, :quit and SIGINT")
def _():
    commands = [f":break plugin.lua:{INSIDE}", ":break plugin.lua:%d" % (INSIDE + 6), ":run pe_status"]
    for leave in ([], [":quit", ":breaks"]):
        with Long() as folder:
            text = folder.lines(*commands, *leave, argv=[TOOL, "repl", "--effects", "--plugin", folder.plugin,
                                                         "--config", folder.config])
            expect(notes(folder) == ["began"], leave, notes(folder), text)
            has(text, "breakpoint 1\n", "failing", "cancelled in the debugger", "effects: made")
            expect("breakpoint 2\n" not in text and "no breakpoints" not in text, text)
    with Long() as folder:
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen([TOOL, "repl", "--effects", "--plugin", folder.plugin, "--config", folder.config],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=folder.env)
        process.stdin.write("".join(line + "\n" for line in [*commands, "print 'here'"]))
        process.stdin.flush()
        for line in process.stdout:
            if line == "here\n":
                break
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=PATIENCE)
        expect(notes(folder) == ["began"], notes(folder), text)
        has(text, "cancelled in the debugger")


@test(":quit where a line of bosun repl is stopped leaves the session")
def _():
    with Long() as folder:
        text = folder.lines(f":break plugin.lua:{INSIDE}", "self:pe_status()", ":quit", "print 'later'")
        has(text, "breakpoint 1\n", "cancelled in the debugger")
        expect("later" not in text, text)


@test("Ctrl-C under --debug stops the running action at the prompt; Ctrl-C at the prompt clears the line")
def _():
    with Folder(HEAD + """
function P:pe_status()
  local n = 0
  while not self.done do n = n + 1 end
  return ok("released")
end
return P
""") as folder:
        child = folder.terminal(folder.run_argv("--debug"), columns=132)
        child.expect("debug> ")
        child.sendline(":continue")
        child.expect("continue\r\n")
        while True:
            child.sendintr()
            if child.expect(["stopped\r\n", pexpect.TIMEOUT], timeout=0.5) == 0:
                break
        child.expect("debug> ")
        child.send("nonsense(")
        child.sendintr()
        child.expect("debug> ")
        child.sendline("n > 0")
        child.expect("_1 = true")
        child.sendline("self.done = true")
        child.expect("debug> ")
        child.sendline(":continue")
        child.expect('msg: "released"')
        child.expect(pexpect.EOF)


if __name__ == "__main__":
    main()
