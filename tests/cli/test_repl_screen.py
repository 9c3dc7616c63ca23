"""bosun repl on a terminal, with keys typed."""
import os
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.screen import BOSUN, Screen  # noqa: E402
from support.tap import expect, main, poll, test  # noqa: E402

PROMPT = "bosun>"


def prompt(*options, **more):
    screen = Screen([os.path.abspath(BOSUN), "repl", "--color", "never", *options], **more)
    screen.wait_last(PROMPT)
    return screen


def enter_and_interrupt(screen, line):
    """Presses Ctrl-C once the line runs, which it says with its number."""
    enter_and_interrupt.count += 1
    screen.enter(f'print("line " .. {enter_and_interrupt.count} .. " runs"); {line}')
    screen.wait(f"line {enter_and_interrupt.count} runs")
    screen.key("C-c")


enter_and_interrupt.count = 0


@test("Tab completes fields, modules, methods, commands, actions, ids and files")
def _():
    with prompt("--plugin", "filesystem") as s:
        s.type("fs.rea")
        s.key("Tab")
        s.wait_last("bosun> fs.read")
        s.key("Tab")
        s.wait("read      readlink")
        s.key("C-c")
        s.wait_last(PROMPT)
        for typed, whole in [("bosun.pred", "bosun.prediction_server"), ("self:deployment_re", "self:deployment_re"),
                             ("self.config.base", "self.config.baseDir"), (":hist", ":history"),
                             (":run plugin_sta", ":run plugin_start"), (":help his", ":help history"),
                             ("string.rev", "string.reverse"), ('("x"):rev', '("x"):rev'),
                             ('require "bosun.web', 'require "bosun.web'), ('require "bosun.bas', 'require "bosun.base64'),
                             (":load filesystem_", ":load filesystem_plugin"), (":trace la", ":trace last")]:
            s.type(typed)
            s.key("Tab")
            s.wait_last("bosun> " + whole)
            s.key("C-c")
            s.wait_last(PROMPT)
        os.makedirs(s.home + "/models")
        with open(s.home + "/models/grüße.txt", "w", encoding="utf-8") as file:
            file.write("x")
        s.type('fs.read "mod')
        s.key("Tab")
        s.wait_last('bosun> fs.read "models/')
        s.key("Tab")
        s.wait_last('bosun> fs.read "models/grüße.txt')
        s.type('"')
        s.key("Enter")
        s.wait('= "x"')
        s.wait_last(PROMPT)
        s.run(":set deploymentInfo.id=scoring-17")
        s.type(":run deployment_start id=sc")
        s.key("Tab")
        s.wait_last("bosun> :run deployment_start id=scoring-17")
        expect("is require" not in s.text().split(":set")[0].split('fs.read "mod')[0], "completion gives no notes")


@test("arrow keys and Ctrl-R find former lines, of former sessions too, in UTF-8")
def _():
    home = tempfile.mkdtemp()
    with prompt(home=home, columns=120) as s:
        s.run('"größer, dann ß"')
        s.run("1 + 1")
        s.key("Up")
        s.wait_last("bosun> 1 + 1")
        s.key("Up")
        s.wait_last('bosun> "größer, dann ß"')
        s.key("Left", "BSpace", "BSpace")
        s.wait_last('bosun> "größer, dann"')
        s.key("C-d")
        s.wait_last('bosun> "größer, dann')
        s.key("C-c")
        s.wait_last(PROMPT)
        s.key("C-d")
        expect(s.exit_status() == 0, "Ctrl-D leaves")
    with prompt(home=home) as s:
        s.key("C-r")
        s.type("grö")
        s.wait("größer, dann ß")
        s.key("Enter")
        s.wait('_1 = "größer, dann ß"')


@test("secrets are not in the history, whose mode is 0600")
def _():
    home = tempfile.mkdtemp()
    path = home + "/state/bosun/history"
    with prompt(home=home) as s:
        s.run('token = "t0psecret1"')
        s.run('h = { Authorization = "Bearer t0psecret2" }')
        s.run('k = bosun.secret.new("t0psecret3")')
        s.run('u = "https://me:t0psecret4@host/"')
        s.run(':set pluginConfig.mlopsApiToken=t0psecret5')
        s.run('x = "t0psecret3"')
        s.run(' y = "t0psecret6"')
        s.run('print(token == nil)')
        s.run("1 + 1")
        s.run(":save saved.lua")
        s.key("C-d")
        s.exit_status()
        for name in [path, home + "/saved.lua"]:
            with open(name, encoding="utf-8") as file:
                text = file.read()
            expect("1 + 1\n" in text and "print(token == nil)" in text, text)
            expect("t0psecret" not in text.replace("t0psecret6", "" if name != path else "t0psecret6"), text)
            expect(stat.S_IMODE(os.stat(name).st_mode) == 0o600, name)


@test("Ctrl-C clears the line, and breaks into Lua, a wait, a request and a program")
def _():
    with prompt("--effects") as s:
        server = subprocess.Popen(["python3", "-c", "import socket, time\ns = socket.create_server(('127.0.0.1', 0))\n"
                                   "print(s.getsockname()[1], flush=True)\ntime.sleep(600)"], stdout=subprocess.PIPE)
        port = int(server.stdout.readline())
        s.type("some text")
        s.key("C-c")
        s.wait_last(PROMPT)
        s.enter("for i = 1, 2 do")
        s.wait_last(">>")
        s.key("C-c")
        s.wait_last(PROMPT)
        for line in ["while true do end", "while true do pcall(error) end", "x = bosun.time.sleep(1000)",
                     f'x = bosun.http.get "http://127.0.0.1:{port}/"', 'x = bosun.process.run { "sleep", "1000" }',
                     "coroutine.wrap(function() while true do end end)()"]:
            before = s.text().count("interrupted")
            enter_and_interrupt(s, line)
            poll(lambda n=before: s.text().count("interrupted") > n, line)
            s.wait_last(PROMPT)
        expect("new one begins" not in s.text(), "the session goes on")
        expect(any("= 4" in line for line in s.run("2 + 2")), "the prompt works")
        server.kill()
        server.wait()


@test("Ctrl-C twice ends C code that does not stop, and begins a new session with plugin, config and settings")
def _():
    with prompt("--plugin", "filesystem") as s:
        s.run(":set deploymentInfo.id=d9")
        s.run(":depth 7")
        s.run("x = 1")
        enter_and_interrupt(s, 'x = ("x"):rep(1e8):find(("x*"):rep(30) .. "y")')
        s.wait("still running")
        s.key("C-c")
        s.wait("A new one begins")
        s.wait_last(PROMPT)
        text = "\n".join(s.run(":env"))
        expect("plugin: filesystem" in text and "deploymentInfo.id=d9" in text and "x = 1" not in text, text)
        expect("7 deep" in "\n".join(s.run(":depth")))
        s.key("C-d")
        expect(s.exit_status() == 0)


@test("a session that crashes begins anew, but not for ever")
def _():
    home = tempfile.mkdtemp()
    with open(home + "/crash.lua", "w", encoding="utf-8") as file:
        file.write('local kill = { "kill", "-ABRT", require("bosun.fs").readlink "/proc/self" }\n'
                   'require("bosun.process").run(kill, { reads = true })\n')
    with Screen([os.path.abspath(BOSUN), "repl", "--plugin", "./crash.lua"], home=home) as s:
        expect(s.exit_status() == 128 + 6, s.text())
        expect("ended like that before its first prompt" in s.text().replace("\n", ""), s.text())
    with prompt() as s:
        pid = [line for line in s.run('fs.readlink("/proc/self")') if "=" in line][-1].split('"')[1]
        os.kill(int(pid), 6)
        s.wait("crashed: signal 6")
        s.wait_last(PROMPT)
        expect("_1 = 3" in s.run("1 + 2"))


@test("Ctrl-C stops a plugin that does not come to an end while it is loaded")
def _():
    home = tempfile.mkdtemp()
    with open(home + "/endless.lua", "w", encoding="utf-8") as file:
        file.write('print("loading") while true do end\n')
    with prompt(home=home) as s:
        s.enter(":load ./endless.lua")
        s.wait("\nloading")
        s.key("C-c")
        s.wait("interrupted while loading the plugin")
        s.wait_last(PROMPT)
        expect("_1 = 2" in s.run("1 + 1"))


@test("--timeout stops an action, also one in C code")
def _():
    home = tempfile.mkdtemp()
    with open(home + "/slow.lua", "w", encoding="utf-8") as file:
        file.write('local Slow = require("bosun.plugin_base"):extend("Slow")\n'
                   "function Slow:pe_status() while true do end end\n"
                   'function Slow:plugin_start() return (("x"):rep(1e8):find(("x*"):rep(30) .. "y")) end\n'
                   "return Slow\n")
    with prompt("--plugin", "./slow.lua", "--timeout", "0.5", home=home, columns=160) as s:
        text = "\n".join(s.run(":run pe_status"))
        expect("timed out after 0.5 s" in text, text)
        s.enter(":run plugin_start")
        s.wait("timed out, and the code does not stop")
        s.wait_last(PROMPT)
        expect("plugin: ./slow.lua" in "\n".join(s.run(":env")))


@test("a program that the session started ends with it")
def _():
    with prompt("--effects") as s:
        s.run('p = bosun.process.spawn { "sleep", "12345" }')
        pid = subprocess.run(["pgrep", "-f", "^sleep 12345"], capture_output=True, text=True, check=False).stdout.split()
        expect(len(pid) == 1, pid)
        s.key("C-d")
        s.exit_status()
        expect(not os.path.exists(f"/proc/{pid[0]}"), "it runs on")


@test(":help is one screen")
def _():
    with prompt(columns=80, rows=24) as s:
        lines = s.run(":help")
        expect(len(lines) <= 23 and max(len(line) for line in lines) < 80 and ":run ACTION" in "\n".join(lines), lines)
        expect("run an action, as the runner does" in "\n".join(s.run(":help all")))


@test("on a narrow screen tables are narrow, on a wide one they are wide")
def _():
    for columns in [80, 160]:
        with prompt(columns=columns) as s:
            lines = s.run("t = {} for i = 1, 60 do t[i] = 'item ' .. i end")
            lines = s.run("t")
            widest = max(len(line) for line in lines)
            expect(columns - 15 < widest <= columns, columns, widest)


@test(":edit opens the editor at the method, and :reload keeps variables")
def _():
    home = tempfile.mkdtemp()
    with open(home + "/p.lua", "w", encoding="utf-8") as file:
        file.write('local P = require("bosun.plugin_base"):extend("P")\n\nfunction P:answer() return 41 end\nreturn P\n')
    editor = home + "/editor"
    with open(editor, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\necho "$@" > "$HOME/edited"; sed -i s/41/42/ "$2"\n')
    os.chmod(editor, 0o755)
    with prompt("--plugin", "./p.lua", home=home, env={"EDITOR": editor}) as s:
        expect("_1 = 41" in s.run("self:answer()"))
        s.run("x = { 1, 2 }")
        text = "\n".join(s.run(":edit self.answer"))
        expect("has changed" in text, text)
        with open(home + "/edited", encoding="utf-8") as file:
            expect(file.read() == f"+3 {home}/p.lua\n")
        s.run(":reload")
        expect("_2 = 42" in s.run("self:answer()"))
        expect("_3 = { 1, 2 }" in s.run("x"))


main()
