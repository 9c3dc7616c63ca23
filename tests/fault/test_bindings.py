"""Every binding but those of HTTP and processes, which have tests of their own: with allocations failing no call
crashes, half-writes a file or keeps a descriptor; and a hundred rounds of them leave as many descriptors as there were."""
import os

from harness import FAILMALLOC, PREVIOUS, Workspace, expect, main, parse_status, sweep, test

# One round of calls, in a folder of its own. A call that fails raises, and the folder is looked at afterwards.
PLUGIN = """
local fs, path, yaml, json = require "bosun.fs", require "bosun.path", require "bosun.yaml", require "bosun.json"
local crypto, base64, secret = require "bosun.crypto", require "bosun.base64", require "bosun.secret"
local time, log, tar = require "bosun.time", require "bosun.log", require "bosun.tar"
local config = require "bosun.config"

local function files(dir)
  assert(fs.mkdir(path.join(dir, "a/b"), { parents = true }))
  local whole = path.join(dir, "whole")
  assert(fs.write(whole, ("x"):rep(10000)))
  assert(fs.append(path.join(dir, "log"), "line\\n"))
  assert(#assert(fs.read(whole)) == 10000)
  assert(select(2, assert(fs.copy(whole, path.join(dir, "a/copy"), { sha256 = true }))) == fs.sha256(whole))
  assert(fs.move(path.join(dir, "a/copy"), path.join(dir, "a/moved")))
  assert(fs.write(path.join(dir, "other"), "y"))
  assert(fs.exchange(path.join(dir, "other"), path.join(dir, "a/moved")))
  assert(fs.symlink("whole", path.join(dir, "link")))
  assert(fs.readlink(path.join(dir, "link")) == "whole")
  assert(fs.chmod(whole, tonumber("640", 8)))
  assert(fs.stat(whole).size == 10000 and fs.exists(whole))
  assert(#assert(fs.list(dir)) > 3 and #assert(fs.glob(path.join(dir, "w*"))) == 1)
  for _ in fs.walk(dir) do end
  assert(#assert(fs.sha256(whole)) == 64 and fs.disk_free(dir) > 0)
  do local lock <close> = assert(fs.lock(path.join(dir, "lock"), { timeout = 5, remove = true })) end
  assert(fs.remove(assert(fs.tempfile { dir = dir })))
  assert(fs.remove(assert(fs.tempdir { dir = dir }), { recursive = true }))
  assert(fs.sync_dir(dir))
end

local function texts(dir)
  local value = { list = { 1, 2.5, "three", true }, map = { key = "value" }, empty = yaml.array {} }
  local text = yaml.encode(value)
  assert(yaml.decode(text).map.key == "value" and yaml.decode_marked(text, "text"))
  assert(json.decode(json.encode(value, { indent = 2, sort = true })).list[3] == "three")
  assert(crypto.sha256 "x" and crypto.hmac("k", "x") and #crypto.random_bytes(16) == 16 and crypto.uuid())
  assert(base64.decode(base64.encode "bytes") == "bytes" and secret.new("hidden-text"):reveal())
  assert(path.norm "a/../b" == "b" and path.abs "x" and path.is_within("/a", "/a/b") and path.safe_component "x")
  assert(time.parse(time.format(0)) == 0 and time.duration "5m" == 300 and time.sleep(0) and time.deadline() == nil)
  log.with { field = 1 }:debug("text", { more = { 1 } })
  assert(config.load(nil, { key = { type = "seconds", default = "5m" } }).key == 300)
  assert(tar.write(path.join(dir, "archive.tar"), { { name = "entry", content = "text" } }))
end

function P:pe_status()
  for i = 1, self.plugin_config.rounds do
    local dir = path.join(self.plugin_config.folder, tostring(i))
    assert(fs.mkdir(dir))
    files(dir)
    texts(dir)
    assert(fs.remove(dir, { recursive = true }))
  end
  return ok(tostring(#assert(fs.list "/proc/self/fd")))
end
"""


def run(workspace, name, rounds, **options):
    folder = workspace.join(f"folder-{name}")
    os.mkdir(folder)
    config = workspace.write(f"{name}.yaml", f"pluginConfig: {{folder: '{folder}', rounds: {rounds}}}\n")
    result = workspace.run("pe_status", config=config, plugin=workspace.plugin(PLUGIN), status=f"s-{name}.yaml", **options)
    return result, folder


def check(result, folder):
    if result.code == 74:
        expect(result.text == PREVIOUS or parse_status(result.text)["status"] == "failing", result.text)
        return
    status = result.truthful("passing", "failing")
    expect("signal" not in (status["msg"] or ""), "a process crashed:", status, result.stderr[-2000:])
    whole = os.path.join(folder, "1", "whole")
    expect(not os.path.exists(whole) or os.path.getsize(whole) == 10000, "a file written by half")


def sweep_allocations(ever_after, step):
    with Workspace() as workspace:
        count = workspace.join("count")
        result, _ = run(workspace, "count", 1, env={"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_COUNT": count})
        result.truthful("passing")
        with open(count, encoding="utf-8") as file:
            total = dict(map(int, line.split()) for line in file)[1]
        base = {"LD_PRELOAD": FAILMALLOC, "FAILMALLOC_CHILD": "1", "FAILMALLOC_ON": str(int(ever_after))}

        def one(at):
            check(*run(workspace, str(at), 1, env={**base, "FAILMALLOC_AT": str(at)}))
        sweep(range(1, total + 1, step), one)


@test("all bindings: every 7th allocation of the worker fails once")
def _():
    sweep_allocations(False, 7)


@test("all bindings: every 13th allocation of the worker fails, and all after it")
def _():
    sweep_allocations(True, 13)


@test("all bindings: a hundred rounds leave as many descriptors as one")
def _():
    with Workspace() as workspace:
        once, often = (run(workspace, str(rounds), rounds)[0].truthful("passing")["msg"] for rounds in (1, 100))
        expect(once == often, once, "descriptors after one round,", often, "after a hundred")


if __name__ == "__main__":
    main()
