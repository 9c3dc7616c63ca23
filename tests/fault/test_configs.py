"""Action configs that are broken or hostile: a failing status that names the file and, where there is one, line and
column. Hostile ids: nothing outside baseDir is touched."""
import os
import re
import subprocess

import yaml

from harness import PREVIOUS, Workspace, expect, main, parse_status, test, tree, without_override

HEAD = "deploymentInfo:\n  id: d1\n"

# Name, content of the file, what the message has to match besides the file's name.
BROKEN = [
    ("deep nesting", "a: " + "[" * 100_000, r":\d+:\d+: .*(deep|depth|nest)"),
    ("deep block nesting", "".join(" " * i + "a:\n" for i in range(200)), r":\d+:\d+: .*(deep|depth|nest)"),
    ("an alias bomb", "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)), r":\d+:\d+: .*alias"),
    ("an alias to itself", "a: &a [*a]\n", r":1:8: "),
    ("an undefined alias", "a: *nowhere\n", r":1:4: .*nowhere"),
    ("101 anchors", "".join(f"a{i}: &a{i} x\n" for i in range(101)), r":\d+:\d+: .*anchor"),
    ("duplicate keys", "pluginConfig:\n  name: a\n  name: b\n", r":3:3: .*name"),
    ("duplicate sections", "peInfo: {id: a}\npeInfo: {id: b}\n", r":2:1: .*peInfo"),
    ("bad UTF-8", b"peInfo:\n  id: \"a\xff\xfe\"\n", r":2:\d+: .*(UTF-8|byte)"),
    ("a control character", b"peInfo:\n  id: \"a\x01\"\n", r":2:\d+: .*(control|character|printable)"),
    ("a NUL", b"peInfo:\n  id: a\x00b\n", r":2:\d+: "),
    ("two documents", "peInfo: {id: a}\n---\npeInfo: {id: b}\n", r":\d+:\d+: .*document"),
    ("more than 1 MiB", "a: " + "x" * (1024 * 1024), r"(1 MiB|bytes|large|big)"),
    ("too many nodes", "a: [" + "1," * 200_000 + "]\n", r":\d+:\d+: "),
    ("a tag of another language", "peInfo: !!python/object:os.system {}\n", r":1:9: .*python"),
    ("an integer past 64 bits", "peInfo:\n  id: 99999999999999999999\n", r":2:7: "),
    ("broken indentation", "peInfo:\n  id: a\n name: b\n", r":3:\d+: "),
    ("an unclosed quote", "peInfo:\n  id: \"a\n", r":\d+:\d+: "),
    ("a tab", "peInfo:\n\tid: a\n", r":2:1: "),
    ("a list instead of a mapping", "- a\n- b\n", r":1:1: .*mapping"),
    ("a section that is no mapping", "peInfo: 7\n", r":1:9: .*peInfo.*mapping"),
]


def fails(config, pattern=None, action="pe_status", prefix=()):
    """Runs the action with the config (a function makes it in the workspace), which has to fail with the message."""
    with Workspace() as workspace:
        path = config(workspace)
        result = workspace.run(action, path, plugin="test", prefix=prefix,
                               private=workspace.write("private.yaml", "{pe_status_time_sec: 0}"))
        message = result.truthful("failing")["msg"]
        expect(os.path.basename(path) in message, "the file is not named:", message[:1000])
        expect(not pattern or re.search(pattern, message, re.DOTALL), f"no {pattern!r} in", message[:1000])


for _name, _content, _pattern in BROKEN:
    @test(f"a config with {_name}")
    def _(content=_content, pattern=_pattern):
        fails(lambda workspace: workspace.write("broken.yaml", content), r"broken\.yaml.*" + pattern)


@test("a private config that is broken is named in the same way")
def _():
    with Workspace() as workspace:
        private = workspace.write("private.yaml", "baseDir: x\nbaseDir: y\n")
        result = workspace.run("plugin_start", workspace.config("start", deployment=None), private=private)
        message = result.truthful("failing")["msg"]
        expect(re.search(r"private\.yaml:2:1: .*baseDir", message), message)


@test("a config that does not exist")
def _():
    fails(lambda workspace: workspace.join("nowhere.yaml"), r"No such file")


@test("a config that is a directory")
def _():
    fails(lambda workspace: workspace.base, r"directory")


@test("a config that must not be read")
def _():
    def secret(workspace):
        path = workspace.write("secret.yaml", HEAD)
        os.chmod(path, 0)
        return path
    fails(secret, r"Permission denied", prefix=without_override())


@test("a config that is a FIFO without a writer")
def _():
    def fifo(workspace):
        os.mkfifo(workspace.join("fifo.yaml"))
        return workspace.join("fifo.yaml")
    fails(fifo, r"fifo\.yaml")


@test("a config that comes through a pipe one byte at a time is read whole")
def _():
    with Workspace() as workspace:
        slow = 'for c in p e I n f o : " " "{" i d : " " x "}"; do printf %s "$c"; sleep 0.01; done'
        with subprocess.Popen(["sh", "-c", slow], stdout=subprocess.PIPE) as writer:
            result = workspace.run("pe_status", "/dev/stdin", plugin="test", stdin=writer.stdout,
                                   private=workspace.write("private.yaml", "{pe_status_time_sec: 0}"))
        result.truthful("passing")


@test("a config that never ends is cut off at the cap")
def _():
    fails(lambda workspace: "/dev/zero", r"(MiB|bytes|large|big)")


@test("a config whose reading fails midway is named with the error")
def _():
    fails(lambda workspace: "/proc/self/mem", r"Input/output error|EIO")


HOSTILE_IDS = ["../x", "a/b", "/etc", ".", "..", "", "x" * 300, "a\nb", "a\0b", "a\x7fb", "\u202e", "$(touch pwned)",
               "`touch pwned`", "; touch pwned", "'", '"', "a'b\"c", "-rf", "--", "*", "~", " ", "\\", "%s%n", "a\tb",
               "null", "!!binary x", "{}", "\U0001f4a3"]


def tries_everything(workspace, id_yaml):
    """Runs every action on the id, given as YAML text; each ends truthfully and stays below baseDir."""
    os.mkdir(workspace.join("base", "inside"))
    os.mkdir(workspace.join("base", "inside", "base"))
    canary = workspace.write("canary", "untouched")
    model = workspace.model("model-A")
    base = workspace.join("base", "inside", "base")
    private = workspace.private(baseDir=base)
    text = f"deploymentInfo:\n  id: {id_yaml}\n  modelId: model-A\n  modelArtifact: {model}\n"
    config = workspace.write("config.yaml", text.encode() if isinstance(text, str) else text)
    before = [name for name in tree(workspace.path) if not name.startswith("base/inside/base/")]
    codes = {}
    for action in ("deployment_start", "deployment_status", "deployment_replace_model", "deployment_relaunch",
                   "deployment_stop"):
        result = workspace.run(action, config, private=private)
        codes[action] = result.truthful("passing", "failing", "warning", "unknown")["status"]
    after = [name for name in tree(workspace.path)
             if not name.startswith("base/inside/base/") and name != "out/status.yaml"]
    expect(after == [name for name in before if name != "out/status.yaml"], "touched:", set(after) ^ set(before))
    with open(canary, encoding="utf-8") as file:
        expect(file.read() == "untouched", "the canary changed")
    expect(not os.path.exists("pwned"), "a shell ran the id")
    return codes


for _id in HOSTILE_IDS:
    @test(f"the deployment id {_id[:20]!a} stays inside baseDir")
    def _(hostile=_id):
        with Workspace() as workspace:
            codes = tries_everything(workspace, yaml.safe_dump(hostile, default_style='"', width=10_000).strip())
            if "/" in hostile or "\0" in hostile or "\n" in hostile or hostile in ("", ".", "..") or len(hostile) > 255:
                expect(codes["deployment_start"] == "failing", codes)


@test("a deployment id that is binary and not UTF-8 is refused")
def _():
    with Workspace() as workspace:
        codes = tries_everything(workspace, "!!binary //79")
        expect(codes["deployment_start"] == "failing", codes)


@test("a model id with a path in it stays inside baseDir")
def _():
    with Workspace() as workspace:
        config = workspace.config("config", model="model-A")
        with open(config, encoding="utf-8") as file:
            text = file.read().replace("modelId: model-A", 'modelId: "../../../evil"')
        workspace.write("config.yaml", text)
        before = tree(workspace.path)
        result = workspace.run("deployment_start", config, private=workspace.private())
        parse_status(result.text)
        expect(result.text != PREVIOUS, "the previous run's status")
        after = [name for name in tree(workspace.path) if not name.startswith(("base/", "out/", "private.yaml"))]
        expect(set(after) <= set(before), "touched:", set(after) - set(before))


if __name__ == "__main__":
    main()
