"""What a plugin's clean_up may do after an action that was cancelled or has run out of time, and how it ends itself."""
import os
import signal

from harness import Workspace, expect, main, poll, test
from running import BUSY, Running

# A method that is busy, and after it a clean_up with this body. What it writes to {dir}/cleaned shows that it came there.
METHODS = """{busy}
end
function P:clean_up(action, subject, reason)
  local fs, time = require "bosun.fs", require "bosun.time"
  assert(fs.write("{dir}/cleaned", action))
  {body}
  if action == "" then return nil end"""
UNDONE = """assert(time.sleep(1.5))
  sh("exec sleep 0")
  do return require("bosun.action_status").ActionStatusInfo.failing(reason .. ": undone") end"""
FINISHED = "do return ok(reason .. ', and finished') end"


def running(workspace, busy, body, **options):
    code = METHODS.replace("{busy}", busy).replace("{body}", body)
    return Running(workspace, code, **options)


def cleaned(workspace):
    return os.path.exists(workspace.join("cleaned"))


for _name in ("runs Lua", "waits for a child", "swallows errors", "sleeps", "sleeps and ignores that it was cut short"):
    @test(f"SIGTERM while the action {_name}: clean_up runs, longer than the grace of others, and its status counts")
    def _(busy=BUSY[_name]):
        with Workspace() as workspace:
            action = running(workspace, busy, UNDONE)
            action.process.send_signal(signal.SIGTERM)
            result = action.end()
            expect(result.code == 143 and cleaned(workspace), result.code, result.stderr)
            expect(result.status["msg"] == "cancelled by SIGTERM: undone", result.status)
            expect(result.status["data"]["error"]["code"] == "cancelled", result.status)


@test("--timeout: clean_up runs after the deadline; when it says that all is done, the status is passing")
def _():
    with Workspace() as workspace:
        for busy in (BUSY["sleeps"], BUSY["runs Lua"]):
            result = running(workspace, busy, FINISHED, extra=["--timeout", "1"]).end()
            expect(result.code == 0 and result.truthful("passing"), result.code, result.stderr)
            expect(result.status["msg"] == "timed out after 1 s, and finished", result.status)
            os.unlink(workspace.join("cleaned"))


@test("a clean_up that returns nothing, or fails: the action's own end stays the status")
def _():
    for body in ("do return nil end", "error('cannot undo')", "do return 7 end"):
        with Workspace() as workspace:
            action = running(workspace, BUSY["sleeps"], body)
            action.process.send_signal(signal.SIGTERM)
            result = action.end()
            expect(cleaned(workspace) and result.code == 143 and "cancelled" in result.status["msg"], result.status)
            expect("cannot undo" not in body or "cannot undo" in result.stderr, result.stderr)


@test("what the action held is closed when clean_up begins: a lock, a time limit")
def _():
    with Workspace() as workspace:
        busy = ("local fs, time = require 'bosun.fs', require 'bosun.time'\n"
                "local held <close> = assert(fs.lock('{dir}/lock'))\nlocal limit <close> = time.limit(100)\n"
                + BUSY["runs Lua"])
        body = ("local held <close> = assert(fs.lock('{dir}/lock', { timeout = 0 }))\n"
                "do return ok(tostring(time.deadline() < 21)) end")
        action = running(workspace, busy, body)
        action.process.send_signal(signal.SIGTERM)
        result = action.end()
        expect(result.status["msg"] == "true", result.status, result.stderr)


@test("a second signal kills a plugin that cleans up")
def _():
    with Workspace() as workspace:
        action = running(workspace, BUSY["sleeps"], BUSY["is stuck in C"])
        action.process.send_signal(signal.SIGTERM)
        poll(lambda: cleaned(workspace), "it cleans up")
        action.process.send_signal(signal.SIGTERM)
        result = action.end()
        expect(result.code == 143 and "killed at the second signal" in result.status["msg"], result.status)


@test("a clean_up that does not end is stopped, in Lua or out of it")
def _():
    with Workspace() as one, Workspace() as other:
        both = [running(one, BUSY["sleeps"], BUSY["swallows errors"]),
                running(other, BUSY["sleeps"], BUSY["is stuck in C"])]
        for action in both:
            action.process.send_signal(signal.SIGTERM)
        for action, words in zip(both, ("cancelled by SIGTERM", "cleaning up after the action; it did not stop")):
            action.process.wait(60)
            result = action.end()
            expect(result.code == 143 and words in result.status["msg"], result.code, result.status, result.stderr)


if __name__ == "__main__":
    main()
