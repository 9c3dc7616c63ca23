"""bosun repl with lines on standard input."""
import http.server
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.screen import BOSUN  # noqa: E402
from support.tap import expect, main, test  # noqa: E402

PROGRAM = os.path.abspath(BOSUN)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def is_sanitized():
    with open(PROGRAM, "rb") as file:
        return b"__asan_init" in file.read()


def session(lines, *options, folder=None, env=None):
    """(exit status, standard output, standard error)"""
    text = lines if isinstance(lines, str) else "".join(line + "\n" for line in lines)
    done = subprocess.run([PROGRAM, "repl", *options], input=text, capture_output=True, text=True, check=False,
                          cwd=folder, env={**os.environ, "BOSUN_PLUGIN_PATH": "", **(env or {})}, timeout=120)
    return done.returncode, done.stdout, done.stderr


@test("the exit status tells whether a line failed")
def _():
    for lines, status in [(["1 + 1", "x = 2", "", "-- nothing", ":help"], 0), (["error 'x'", "1"], 1),
                          (["1 +* 2", "1"], 1), ([":nothing"], 1), (["for i = 1, 2 do"], 1), ([":quit", "error()"], 0),
                          ([":load nothing"], 1), ([":run pe_status"], 1), ([":doc nothing"], 1), (["1 +", "1"], 0),
                          (["x = [[a", "b]] .. 'c'", "x"], 0), (["print(1)\0print(2)"], 1), ([":depth 1000"], 1)]:
        got, out, _ = session(lines)
        expect(got == status, lines, got, out)
    expect(session(["1"], "--plugin", "nothing")[0] == 1)


@test("an error shows file, line, source and locals, and the next line works")
def _():
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/p.lua", "w", encoding="utf-8") as file:
            file.write('local P = require("bosun.plugin_base"):extend("P")\nfunction P:deep(id)\n  local twice = id .. id\n'
                       "  return twice.x.y\nend\nfunction P:pe_status()\n  local found = self:deep('ab')\n  return found\nend\nreturn P\n")
        status, out, _ = session(["self:pe_status()", "1 + 1"], "--plugin", "./p.lua", folder=folder)
        expect(status == 1 and out.endswith("_1 = 2\n"), out)
        for line in [f"error: {folder}/p.lua:4: attempt to index a nil value (field 'x')", "> 4 |   return twice.x.y",
                     '  in deep (', '      twice = "abab"', '  3 |   local twice = id .. id', "  in pe_status ("]:
            expect(line in out, line, "\n" + out)


@test("a plugin and a config that are wrong are not taken, and the place is shown")
def _():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [("broken.lua", "local x =\nreturn\n"), ("raises.lua", "local x\nx.y = 1\n"), ("c.yaml", "a: [")]:
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        status, out, err = session([":load ./broken.lua", ":load ./raises.lua", "self.config.baseDir", ":config c.yaml", ":env"],
                                   "--plugin", "filesystem", folder=folder)
        expect(status == 1 and err == "", out, err)
        for text in ["  1 | local x =\n> 2 | return\n", "> 2 | x.y = 1\n", '_1 = "."', "c.yaml:2:1: ", "plugin: filesystem\n",
                     "action config: none"]:
            expect(text in out, text, "\n" + out)


@test(":doc finds the library, Lua, the plugin and its methods, without a config, too")
def _():
    _, out, _ = session([":doc fs.read", ":doc http", ":doc string.rep", ":doc self", ":doc self.find", ":doc :run",
                         ":doc bosun.tar.new", ":doc BosunPluginBase"], "--plugin", ROOT + "/sample_plugin/sample_plugin")
    for text in ["Reads a whole file, pipe or device", "fs.read(path, options)", "HTTP and HTTPS, on libcurl", "#pdf-string.rep",
                 "deployment_start deployment_status", "The record of a deployment", ":run ACTION", "tar.new("]:
        expect(text in out, text, "\n" + out)


@test("what works is saved, and runs again")
def _():
    with tempfile.TemporaryDirectory() as folder:
        lines = [":set deploymentInfo.id=d1", "local x = 20", "error 'no'", "function twice(n)", "  return 2 * n", "end",
                 "twice(x) + 2", ":save kept.lua"]
        first = session(lines, folder=folder)
        expect(first[0] == 1 and "_1 = 42" in first[1], first)
        with open(folder + "/kept.lua", encoding="utf-8") as file:
            again = session(file.read(), folder=folder)
        expect(again[0] == 0 and "_1 = 42" in again[1], again)
        expect("exists" in session([":save kept.lua"], folder=folder)[1])
        os.mkfifo(folder + "/pipe")
        os.symlink("real.lua", folder + "/link.lua")
        end = os.open(folder + "/pipe", os.O_RDWR | os.O_NONBLOCK)
        session(["1 + 1", ":save -f pipe", ":save -f link.lua"], folder=folder)
        expect(b"1 + 1" in os.read(end, 1000) and os.path.islink(folder + "/link.lua"))
        expect(os.path.isfile(folder + "/real.lua"))
        os.close(end)
        session(["1 + 1", ":save -f kept.lua"], "--plugin", "test", "--private-config", "missing.yaml", folder=folder)
        with open(folder + "/kept.lua", encoding="utf-8") as file:
            expect(file.read() == ":load test missing.yaml\n1 + 1\n")


@test("libedit is loaded by a prompt on a terminal, and by nothing else")
def _():
    for name in ["bosun", "bosun-plugin-runner", "libbosun.so.0"]:
        path = os.path.join(os.path.dirname(PROGRAM), name)
        needed = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
        expect("NEEDED" in needed and "libedit" not in needed, name)


@test("a thousand reloads stay flat in memory")
def _():
    look = 'print((fs.read("/proc/self/statm"):match "^%d+ (%d+)"))'
    _, out, _ = session([":reload"] * 100 + [look] + [":reload"] * 1000 + [look], "--plugin", "test")
    pages = [int(line) for line in out.split("\n") if line.isdigit()]
    most = 100 if not is_sanitized() else 1 << 30  # the sanitizer keeps what was freed for a while
    expect(len(pages) == 2 and pages[1] - pages[0] < most, pages)


def snapshot(folder):
    """What a tree is: names, modes, times, contents."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in [""] + folders + names:
            path = os.path.join(parent, name)
            st = os.lstat(path)
            content = None
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (st.st_mode, st.st_uid, st.st_mtime_ns, st.st_ino, content)
    return found


# A call for each function that changes something.
MUTATORS = {
    "fs.write": 'fs.write("new", "x")', "fs.append": 'fs.append("a", "x")', "fs.copy": 'fs.copy("a", "new")',
    "fs.move": 'fs.move("a", "new")', "fs.exchange": 'fs.exchange("a", "b")', "fs.mkdir": 'fs.mkdir("new")',
    "fs.remove": 'fs.remove("d", { recursive = true })', "fs.symlink": 'fs.symlink("a", "new")',
    "fs.chmod": 'fs.chmod("a", 448)', "fs.chown": 'fs.chown("a", 1, 1)', "fs.tempdir": 'fs.tempdir { dir = "." }',
    "fs.tempfile": 'fs.tempfile { dir = "." }', "fs.lock": 'fs.lock("lock")',
    "http.request": 'http.request { url = URL, method = "PUT", body = "x" }', "http.post": 'http.post(URL)',
    "http.put": 'http.put(URL)', "http.patch": 'http.patch(URL)', "http.delete": 'http.delete(URL)',
    "http.all": 'http.all { { url = URL, method = "POST" } }', "http.client": 'http.client({}):post(URL)',
    "http.connect": 'http.connect(URL, { upgrade = "x" })', "http.stream": 'http.stream({ url = URL, method = "POST" }, print)',
    "http.get": 'http.get(URL, { sink = "new" })', "http.websocket": 'http.websocket(URL)',
    "process.run": 'process.run { "touch", "new" }', "process.spawn": 'process.spawn { "touch", "new" }',
    "process.all": 'process.all { { "touch", "new" } }', "tar.write": 'tar.write("new", {})',
    "io.open": 'io.open("a", "w"):write("x")', "io.output": 'io.output("a")', "io.popen": 'io.popen "touch new"',
    "os.remove": 'os.remove "a"', "os.rename": 'os.rename("a", "new")', "os.tmpname": "os.tmpname()",
    "os.execute": 'os.execute "touch new"', "effect.begin": 'effect.begin("x", "y")',
}
READERS = """fs.disk_free fs.exists fs.glob fs.list fs.read fs.readlink fs.sha256 fs.stat fs.sync_dir fs.walk http.escape http.head
    process.env process.which process.shell_quote tar.new io.close io.flush io.input io.lines io.read io.tmpfile io.type io.write os.clock
    os.date os.difftime os.exit os.getenv os.setlocale os.time effect.dry_run
    effect.because effect.undo""".split()


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers every request; remembers those that change something."""
    seen = []

    def answer(self):
        if self.command not in ("GET", "HEAD"):
            self.seen.append(f"{self.command} {self.path}")
        body = b'{"ApiVersion":"1.43"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def scene():
    folder = tempfile.mkdtemp()
    os.mkdir(folder + "/d")
    for name in ["a", "b", "d/c"]:
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(name)
    return folder


@test("every function that could change something is held back, and says so")
def _():
    names = session(['for _, m in ipairs { "fs", "http", "process", "tar", "io", "os", "effect" } do for f, v in pairs(_ENV[m]) do '
                     'if type(v) == "function" then print(m .. "." .. f) end end end'])[1].split("\n")
    names = [name for name in names if re.fullmatch(r"\w+\.\w+", name)]
    unknown = [name for name in names if name not in MUTATORS and name not in READERS]
    expect(len(names) > 50 and not unknown, "neither a mutator nor a reader of this test:", unknown)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f'URL = "http://127.0.0.1:{server.server_address[1]}/"'
    changed = []
    for name in [name for name in MUTATORS if name in names]:
        folder = scene()
        before = snapshot(folder)
        Refusing.seen.clear()
        _, out, _ = session([url, "x = " + MUTATORS[name]], folder=folder)
        expect(snapshot(folder) == before, name, out)
        expect(not Refusing.seen, name, Refusing.seen)
        refused = "is not available in a plugin" in out
        expect(refused or out.count("held back: ") == 1 or name in ("fs.lock",), name, out)
        session([url, "x = " + MUTATORS[name]], "--effects", folder=folder)
        changed += [name] if snapshot(folder) != before or Refusing.seen else []
        shutil.rmtree(folder)
    # The calls do change something: with effects.
    expect(len(changed) > 20, "with effects, only these changed something:", changed)
    server.shutdown()


@test("nothing that the client of an engine does changes it")
def _():
    folder = tempfile.mkdtemp()
    server = UnixServer(folder + "/engine", Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Refusing.address_string = lambda self: "unix"
    Refusing.seen.clear()
    lines = [f'engine = assert(docker.connect {{ host = "unix://{folder}/engine" }})',
             "for name, f in pairs(getmetatable(engine).__index) do if type(f) == 'function' and name ~= 'close' then "
             "for _, a in ipairs { 'x', { Image = 'x' }, { 'x' } } do for _, b in ipairs { 'y', {}, { 'y' }, print } do "
             "pcall(f, engine, a, b, { 'z' }) end end end end"]
    _, out, err = session(lines)
    expect(out.count("held back: docker.") > 10, out, err)
    expect(not Refusing.seen, Refusing.seen)
    shutil.rmtree(folder)


@test(":run and :plan run an action with settings; :effects says whether changes are made")
def _():
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/m.txt", "w", encoding="utf-8") as file:
            file.write("m")
        with open(folder + "/p.yaml", "w", encoding="utf-8") as file:
            file.write("environmentDir: env\n")
        start = "deployment_start id=d1 modelId=A modelArtifact=m.txt"
        options = ["--plugin", ROOT + "/sample_plugin/sample_plugin", "--private-config", "p.yaml"]
        _, out, _ = session([":run " + start], *options, folder=folder)
        expect("held back: fs.mkdir env" in out and "effects: held back (a dry run)" in out, out)
        expect(not os.path.exists(folder + "/env"))
        status, out, err = session([":plan " + start, ":effects on", ":run " + start, ":status"], *options, folder=folder)
        expect(status == 0 and out.count("model A is running") == 3 and "effects: made" in out, out, err)
        expect(os.path.exists(folder + "/env/d1.model"))
        status, out, _ = session([":run deployment_status id=nope"], *options, folder=folder)
        expect(status == 1 and "not running" in out, out)
        status, out, _ = session([":run pe_sta"], *options, folder=folder)
        expect(status == 1 and "pe_status" in out, out)


@test(":trace shows the calls to the outside")
def _():
    _, out, _ = session([":trace on", 'fs.exists "/etc"', ":trace off", 'fs.exists "/usr"', ":trace last 1"])
    expect(out.count('trace: fs.exists("/etc") 0.') == 1 and out.count('trace: fs.exists("/usr") 0.') == 1, out)


@test("a secret is never printed")
def _():
    _, out, err = session(['s = bosun.secret.new "hush-hush-1"', "s", "s:reveal()", 'print("is", s:reveal())',
                           'error(s:reveal())', 't = { s = s:reveal() }', "t", ":env", 'log.warn(s:reveal())'])
    expect("hush-hush" not in out + err and out.count("[redacted]") >= 4, out, err)


main()
