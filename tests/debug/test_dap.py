"""The debugger through the Debug Adapter Protocol, on the socket of a running action."""
import os

from dap import Action, connect
from tap import expect, main, test

LOOP = """
function P:pe_status()
  local sum = 0
  for i = 1, 10 do
    sum = sum + i -- @add
  end
  -- a comment -- @comment

  return ok("sum " .. sum) -- @back
end
return P
"""


@test("a breakpoint stops the action; its variables are shown and changed; it goes on to its end")
def _():
    with Action(LOOP) as action:
        point, = action.begin("add")
        expect(point["verified"] and point["line"] == action.lines["add"], point)
        stop = action.at("add", "breakpoint")
        expect(stop["hitBreakpointIds"] == [point["id"]], stop)
        expect(action.client.locals() == {"self": action.client.locals()["self"], "sum": "0", "i": "1"},
               action.client.locals())
        action.breakpoints()
        reference = action.client.scope("Locals")
        action.client.ask("setVariable", {"variablesReference": reference, "name": "sum", "value": "i + 99"})
        expect(action.client.evaluate("sum") == "100", action.client.evaluate("sum"))
        action.go()
        action.passes("sum 155")


@test("next, stepIn, stepOut go where they say")
def _():
    with Action("""
local function inner(n)
  local m = n + 1 -- @inner
  return m -- @inner_end
end
function P:pe_status()
  local a = inner(1) -- @first
  local b = inner(a) -- @second
  local c = inner(b) -- @third
  return ok(tostring(c)) -- @last
end
return P
""") as action:
        client = action.client
        action.begin("first")
        action.at("first")
        client.ask("next", {"threadId": 1})
        action.at("second", "step")
        client.ask("stepIn", {"threadId": 1})
        action.at("inner", "step")
        client.ask("next", {"threadId": 1})
        action.at("inner_end", "step")
        client.ask("stepOut", {"threadId": 1})
        action.at("third", "step")
        client.ask("next", {"threadId": 1})
        action.at("last", "step")
        action.go()
        action.passes("4")


@test("conditions, hit counts and logpoints")
def _():
    with Action(LOOP) as action:
        action.begin("add", condition="i % 4 == 0")
        action.at("add")
        expect(action.client.evaluate("i") == "4")
        action.breakpoints({"line": action.lines["add"], "hitCondition": "3"})
        action.go()
        action.at("add")
        expect(action.client.evaluate("i") == "7", action.client.evaluate("i"))
        action.breakpoints({"line": action.lines["add"], "logMessage": "i is {i}, and {sum * 2} {nothing.here}"})
        action.go()
        text = action.client.event("output")["output"]
        expect(text.startswith("i is 8, and 56 {nothing.here: "), text)
        action.passes("sum 55")


@test("a condition that raises an error stops, and says so; one that is not Lua is refused")
def _():
    with Action(LOOP) as action:
        action.begin("add", condition="i.x.y")
        output = action.client.event("output")["output"]
        expect("attempt to index" in output, output)
        action.at("add")
        point, = action.breakpoints({"line": action.lines["add"], "condition": "i =="})
        expect(not point["verified"] and "not valid Lua" in point["message"], point)
        point, = action.breakpoints({"line": action.lines["add"], "hitCondition": "often"})
        expect(not point["verified"] and "hit count" in point["message"], point)
        action.go()
        action.passes()


@test("breakpoints move to the next line with code, and say why they do not bind")
def _():
    with Action(LOOP) as action:
        moved, beyond, header = action.breakpoints({"line": action.lines["comment"]}, {"line": 1000},
                                                   {"line": action.lines["add"] - 3})
        expect(moved["line"] == action.lines["back"] and "no code" in moved["message"], moved)
        expect(not beyond["verified"] and "no code at line 1000" in beyond["message"], beyond)
        expect(header["line"] == action.lines["add"] - 2 and "begins a function" in header["message"], header)
        nowhere, = action.breakpoints({"line": 1}, path="/nowhere/at/all.lua")
        expect(not nowhere["verified"] and "there is no file" in nowhere["message"], nowhere)
        action.breakpoints()
        action.begin()
        action.passes()


@test("breakpoints bind through links, relative paths, module names and the names of built-in chunks")
def _():
    helper = "local helper = {}\nfunction helper.double(n)\n  return n * 2\nend\nreturn helper\n"
    with Action("""
local helper = require "my.helper"
function P:pe_status()
  local text = require("bosun.text")
  return ok(tostring(helper.double(21)))
end
return P
""", files={"my/helper.lua": helper}) as action:
        client = action.client
        path = os.path.join(action.folder, "my", "helper.lua")
        link = os.path.join(action.folder, "link.lua")
        os.symlink(path, link)
        first, = action.breakpoints({"line": 3}, path=link)
        expect(first["verified"] and first["source"]["path"] == os.path.realpath(path), first)
        library, = action.breakpoints({"line": 1}, path="bosun/retry.lua")
        expect(library["verified"], library)
        plugin, = action.breakpoints({"line": 1}, path="plugins/filesystem.lua")
        expect(plugin["verified"], plugin)
        by_module, = action.breakpoints({"line": 1}, path="bosun.retry")
        expect(by_module["verified"], by_module)
        later, = action.breakpoints({"line": 3}, path="my.helper")
        expect(not later["verified"], later)
        action.begin()
        bound = client.event("breakpoint")["breakpoint"]
        expect(bound["id"] == later["id"] and bound["verified"], bound)
        stop = client.stopped("breakpoint")
        expect(client.top() == ("double", 3) or client.top()[1] == 3, client.top())
        expect(len(stop["hitBreakpointIds"]) == 2, stop)
        action.go()
        action.passes("42")


@test("a function breakpoint, set before its function is loaded")
def _():
    with Action(LOOP) as action:
        point, = action.client.ask("setFunctionBreakpoints", {"breakpoints": [{"name": "P:pe_status"}]})["breakpoints"]
        expect(not point["verified"], point)
        action.begin()
        bound = action.client.event("breakpoint")["breakpoint"]
        expect(bound["verified"] and bound["id"] == point["id"], bound)
        action.client.stopped("function breakpoint")
        expect(action.client.top()[1] == action.lines["add"] - 2, action.client.top())
        action.go()
        action.passes()


@test("an uncaught error stops where it is raised, with the variables of the frame")
def _():
    with Action("""
local function divide(a, b)
  if b == 0 then error("cannot divide by zero") end -- @raise
  return a // b
end
function P:pe_status()
  pcall(divide, 1, 0)
  local n = divide(7, 0) -- @call
  return ok("n " .. n)
end
return P
""") as action:
        client = action.client
        action.begin(filters=["uncaught"])
        action.at("raise", "exception")
        expect(client.locals() == {"a": "7", "b": "0"}, client.locals())
        info = client.ask("exceptionInfo", {"threadId": 1})
        expect("cannot divide by zero" in info["description"] and info["breakMode"] == "unhandled", info)
        expect(client.stack()[1]["line"] == action.lines["call"], client.stack())
        action.go()
        status = action.status()
        expect(status["status"] == "failing" and "cannot divide by zero" in status["msg"], status)


@test("with the filter \"all\", errors that pcall, xpcall, coroutine.resume and coroutine.wrap catch stop, too")
def _():
    with Action("""
local function fail(n)
  error("number " .. n) -- @raise
end
function P:pe_status()
  pcall(fail, 1)
  xpcall(fail, function(e) return e end, 2)
  local co = coroutine.create(fail)
  coroutine.resume(co, 3)
  pcall(coroutine.wrap(fail), 4)
  return ok("survived")
end
return P
""") as action:
        client = action.client
        action.begin(filters=["all"])
        for number in ("1", "2", "3", "4"):
            stop = client.stopped("exception")
            frame = client.stack(stop["threadId"])[0]
            expect(frame["line"] == action.lines["raise"], frame)
            expect(client.evaluate("n", frameId=frame["id"]) == number, number)
            info = client.ask("exceptionInfo", {"threadId": stop["threadId"]})
            expect(info["breakMode"] == "always" and f"number {number}" in info["description"], info)
            if number == "4":
                client.ask("setExceptionBreakpoints", {"filters": []})
            action.go()
        action.passes("survived")


@test("coroutines are threads, with breakpoints in each; a step over a yield ends in whoever resumed it")
def _():
    with Action("""
local function body(n)
  local x = n * 10 -- @body
  local y = coroutine.yield(x) -- @yield
  return x + y -- @resumed
end
function P:pe_status()
  local a, b = coroutine.create(body), coroutine.create(body)
  local _, x = coroutine.resume(a, 1) -- @one
  coroutine.resume(b, 2)
  local _, z = coroutine.resume(a, 5) -- @again
  return ok(("%d %d"):format(x, z))
end
return P
""") as action:
        client = action.client
        action.begin("body", "resumed")
        first = action.at("body")
        expect(client.evaluate("n") == "1")
        expect({t["id"] for t in client.ask("threads")["threads"]} == {1, first["threadId"]}, client.ask("threads"))
        main_frame = client.stack(1)
        expect(any(f["line"] == action.lines["one"] for f in main_frame), main_frame)
        client.ask("next", {"threadId": first["threadId"]})
        action.at("yield", "step")
        client.ask("next", {"threadId": first["threadId"]})
        stop = client.stopped("step")
        expect(stop["threadId"] == 1 and client.top(1)[1] == action.lines["one"] + 1, stop, client.top(1))
        action.go()
        second = action.at("body")
        expect(second["threadId"] != first["threadId"], first, second)
        action.go()
        third = action.at("resumed")
        expect(third["threadId"] == first["threadId"], third)
        expect(client.evaluate("x + y") == "15")
        action.go()
        action.passes("10 15")


@test("a breakpoint in a __close, in a __gc and after a stack overflow")
def _():
    with Action("""
local seen = {}
local function deep(n)
  return 1 + deep(n + 1) -- @deep
end
function P:pe_status()
  do
    local guard <close> = setmetatable({}, { __close = function()
      seen.closed = true -- @close
    end })
  end
  setmetatable({}, { __gc = function()
    seen.collected = true -- @collect
  end })
  collectgarbage()
  local fine, problem = pcall(deep, 1)
  return ok(tostring(seen.closed) .. tostring(seen.collected) .. problem:match "stack overflow")
end
return P
""") as action:
        client = action.client
        action.begin("close", "collect", filters=["all"])
        action.at("close", "breakpoint")
        action.go()
        stop = action.at("collect", "breakpoint")
        expect(client.evaluate("seen.closed") == "true")
        expect(len(client.stack(stop["threadId"])) >= 1)
        action.go()
        stop = client.stopped("exception")
        body = client.ask("stackTrace", {"threadId": stop["threadId"], "startFrame": 0, "levels": 3})
        expect(len(body["stackFrames"]) == 3 and body["totalFrames"] > 100000, body)
        expect(body["stackFrames"][0]["line"] == action.lines["deep"], body)
        expect(int(client.evaluate("n", frameId=body["stackFrames"][0]["id"])) > 100000)
        action.go()
        action.passes("truetruestack overflow")


@test("values are unfolded in pages; a metatable is shown; cycles end; what is stale is refused")
def _():
    with Action("""
function P:pe_status()
  local list = {}
  for i = 1, 5000 do list[i] = i * i end
  local loop = setmetatable({ name = "n", ["two words"] = true }, { __index = list })
  loop.me = loop
  local varargs = (function(...) return select("#", ...) end)(1, 2)
  return ok("done") -- @stop
end
return P
""") as action:
        client = action.client
        action.begin("stop")
        action.at("stop")
        top = client.variables(client.scope("Locals"))
        expect(top["list"]["indexedVariables"] == 5000, top["list"])
        page = client.variables(top["list"]["variablesReference"], filter="indexed", start=4000, count=3)
        expect({k: v["value"] for k, v in page.items()} == {"[4001]": "16008001", "[4002]": "16016004",
                                                           "[4003]": "16024009"}, page)
        loop = client.variables(top["loop"]["variablesReference"])
        expect(set(loop) == {"name", "me", '["two words"]', "(metatable)"}, loop)
        expect(loop["me"]["variablesReference"] == top["loop"]["variablesReference"], loop)
        client.ask("setVariable", {"variablesReference": top["loop"]["variablesReference"], "name": "name",
                                   "value": "self.name or 'new'"})
        expect(client.evaluate("loop.name") == '"new"', client.evaluate("loop.name"))
        expect("no longer valid" in client.fails("variables", {"variablesReference": 9999}))
        action.go()
        action.passes()


@test("evaluate: expressions, statements, several values, errors; completions through metatables")
def _():
    with Action(LOOP) as action:
        client = action.client
        action.begin("add")
        action.at("add")
        action.breakpoints()
        expect(client.evaluate("sum, i, 'x'") == '0, 1, "x"', client.evaluate("sum, i, 'x'"))
        client.ask("evaluate", {"expression": "sum = 1000", "context": "repl"})
        expect(client.evaluate("sum") == "1000")
        expect("attempt to index" in client.fails("evaluate", {"expression": "sum.x.y"}))
        expect("near" in client.fails("evaluate", {"expression": "1 +"}))
        labels = [t["label"] for t in client.ask("completions", {"text": "self.pl", "column": 8})["targets"]]
        expect("plugin_config" in labels, labels)
        labels = [t["label"] for t in client.ask("completions", {"text": "self:pe_s", "column": 10})["targets"]]
        expect(labels == ["pe_status"], labels)
        labels = [t["label"] for t in client.ask("completions", {"text": "su", "column": 3})["targets"]]
        expect("sum" in labels, labels)
        action.go()
        action.passes("sum 1055")


@test("secrets are replaced in what the editor gets")
def _():
    with Action(LOOP) as action:
        action.begin("add")
        action.at("add")
        text = action.client.evaluate("self.plugin_config.mlopsApiToken")
        expect(text == '"[redacted]"', text)
        action.breakpoints()
        action.go()
        action.passes()


@test("an action that runs is paused, and attached to without having waited; a disconnect lets it finish")
def _():
    with Action("""
function P:pe_status()
  local n = 0
  while not P.done do n = n + 1 end
  return ok("released")
end
return P
""", wait=False) as action:
        client = action.attach()
        client.ask("setExceptionBreakpoints", {"filters": []})
        client.ask("attach")
        client.ask("configurationDone")
        expect("not stopped" in client.fails("stackTrace", {"threadId": 1}))
        client.ask("pause", {"threadId": 1})
        client.stopped("pause")
        expect(int(client.evaluate("n")) > 0)
        client.ask("evaluate", {"expression": "P.done = true", "context": "repl"})
        client.ask("disconnect")
        action.passes("released")


@test("a client that vanishes while the action is stopped lets it finish; another can attach after it")
def _():
    with Action(LOOP) as action:
        action.begin("add")
        action.at("add")
        action.detach()
        action.connection = None
        action.passes("sum 55")


@test("a pause longer than --timeout survives; the time that the action itself takes still counts")
def _():
    with Action("""
local time = require "bosun.time"
function P:pe_status()
  local before = time.monotonic()
  local left = time.deadline() -- @stop
  local slow = time.monotonic() - before > 1 or time.deadline() < left - 1
  if slow then return ok("the clock went on") end
  while true do end
end
return P
""", extra=["--timeout", "2"]) as action:
        import time
        action.begin("stop")
        action.at("stop")
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            action.client.ask("threads")
        action.go()
        status = action.status()
        expect(status["status"] == "failing" and "timed out after 2 s" in status["msg"], status)


@test("a plugin's own debug.sethook goes on beside the debugger")
def _():
    with Action("""
function P:pe_status()
  local count = 0
  debug.sethook(function() count = count + 1 end, "l")
  local one = 1 -- @one
  local two = 2
  debug.sethook()
  return ok(("%d %s"):format(count, tostring(debug.gethook())))
end
return P
""") as action:
        action.begin("one")
        action.at("one")
        action.client.ask("next", {"threadId": 1})
        action.client.stopped("step")
        action.go()
        action.passes("3 nil")


@test("stopOnEntry stops at the first line of the action's method")
def _():
    with Action(LOOP) as action:
        action.client.ask("attach", {"stopOnEntry": True})
        action.client.ask("configurationDone")
        action.client.stopped("entry")
        expect(action.client.top()[1] == action.lines["add"] - 2, action.client.top())
        action.go()
        action.passes()


@test("SIGTERM at a breakpoint cancels the action")
def _():
    with Action(LOOP) as action:
        action.begin("add")
        action.at("add")
        action.process.terminate()
        status = action.status()
        expect(status["status"] == "failing" and "cancelled by SIGTERM" in status["msg"], status)


@test("terminate at a breakpoint, and while the action runs, ends the action at once")
def _():
    with Action("""
function P:pe_status()
  local n = 1 -- @stop
  pcall(function() print "went on" end)
  return ok("done")
end
return P
""") as action:
        action.begin("stop")
        action.at("stop")
        action.client.ask("terminate")
        status = action.status()
        expect(status["status"] == "failing" and "cancelled in the debugger" in status["msg"], status)
        expect(status["data"]["error"]["code"] == "cancelled", status)
        expect("went on" not in action.log, action.log)
    with Action(LOOP.replace("for i", "while not self.done do end for i")) as action:
        action.begin()
        action.client.ask("terminate")
        status = action.status()
        expect("cancelled in the debugger" in status["msg"], status)


@test("an action whose socket another one has, or whose folder is missing, warns and runs; with --debug-wait it fails")
def _():
    with Action(LOOP) as first:
        for path, words in ((first.socket_path, "Address already in use"), ("/nowhere/socket", "No such file")):
            with Action(LOOP, extra=["--debug-socket", path], wait=False) as second:
                second.passes("sum 55")
                expect("runs without a debugger: " in second.log and words in second.log, second.log)
                expect(path in second.log, second.log)
            with Action(LOOP, extra=["--debug-socket", path, "--debug-wait"], wait=False) as second:
                status = second.status()
                expect(status["status"] == "failing" and "no editor can attach: " in status["msg"], status)
                expect(words in status["msg"] and path in status["msg"], status)
                expect("traceback" not in second.log, second.log)
        first.begin("add")
        first.at("add")
        first.breakpoints()
        first.go()
        first.passes("sum 55")


@test("an action that waits for an editor goes on waiting when another action has looked at its socket")
def _():
    with Action(LOOP, extra=["--debug-wait"], wait=False) as first:
        connect(first.socket_path, first.process).close()
        first.attach()
        first.begin("add")
        first.at("add")
        first.breakpoints()
        first.go()
        first.passes("sum 55")


@test("what is not the protocol ends the connection, not the action")
def _():
    hostile = [b"GET / HTTP/1.1\r\n\r\n", b"Content-Length: 99999999999999\r\n\r\n", b"Content-Length: -1\r\n\r\n",
               b"Content-Length:\r\n\r\n{}", b"x" * 100000, b"Content-Length: 5\r\n\r\n{}"]
    for data in hostile:
        with Action(LOOP) as action:
            action.begin("add")
            action.at("add")
            action.client.send_raw(data)
            action.detach()
            action.connection = None
            action.passes("sum 55")


@test("malformed JSON and requests are answered or ignored")
def _():
    with Action(LOOP) as action:
        client = action.client
        action.begin("add")
        action.at("add")
        for body in (b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"type":"request"}', b'{"type":"event","seq":1}',
                     b"[" * 100000, b'{"seq":1e400,"type":"request"}'):
            client.send_raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            expect("ignored" in client.event("output")["output"], body)
        for command, arguments in (("setBreakpoints", {}), ("setBreakpoints", {"source": 3, "breakpoints": 7}),
                                   ("setBreakpoints", {"source": {"path": action.plugin}, "breakpoints": [1]}),
                                   ("scopes", {"frameId": "x"}), ("variables", {"variablesReference": []}),
                                   ("stackTrace", {"threadId": "x"}), ("evaluate", {}), ("nonsense", {}),
                                   ("setVariable", {}), ("source", {}), ("completions", {"column": "x"}),
                                   ("setFunctionBreakpoints", {"breakpoints": [{}]})):
            seq = client.send(command, arguments)
            client.answer(seq)
        action.breakpoints()
        action.go()
        action.passes("sum 55")


@test("sources: those that are loaded, and the text of one")
def _():
    with Action(LOOP) as action:
        client = action.client
        action.begin("add")
        action.at("add")
        loaded = {s["path"] for s in client.ask("loadedSources")["sources"]}
        expect(os.path.realpath(action.plugin) in loaded and "bosun/plugin_base.lua" in loaded, loaded)
        content = client.ask("source", {"source": {"path": action.plugin}, "sourceReference": 0})["content"]
        expect(LOOP in content, content)
        action.breakpoints()
        action.go()
        action.passes()


if __name__ == "__main__":
    main()
