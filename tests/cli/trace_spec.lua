-- One run, one trace: its id is in the log, in requests and in programs, and the trace can be OpenTelemetry's.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local json = require "cjson"

local PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
local NEW = "^00%-(%x+)%-(%x+)%-(%x%x)$"

describe("the trace of a run", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line) end
    return lines
  end

  local function plugin(name, body)
    return workspace:plugin_file(name, "local process, fs = require 'bosun.process', require 'bosun.fs'\n"
      .. "function P:deployment_status()\n" .. body
      .. "\nreturn ActionStatusInfo { status = ActionStatus.OK, msg = 'fine' }\nend")
  end

  --- Events of the log, and the result. parent: TRACEPARENT; nil: none
  local function run(path, parent, args)
    args = args or {}
    table.move({ "--log-format", "json" }, 1, 2, #args + 1, args)
    local variables = parent and ("TRACEPARENT='%s'"):format(parent) or "-u TRACEPARENT"
    local result = workspace:run { plugin = path, action = "deployment_status", args = args, private = false,
      config = { deploymentInfo = { id = "d-1", modelId = "m" } }, before = "env " .. variables }
    return lines_of(result.stderr), result
  end

  local PRINTS = [[print(process.env "TRACEPARENT") print(assert(process.run { "printenv", "TRACEPARENT" }).stdout)]]

  it("goes on with a valid TRACEPARENT, and hands a span of its own to each program", function()
    local path = plugin("prints", PRINTS)
    for _, parent in ipairs { PARENT, PARENT:gsub("01$", "00"), "cc-" .. PARENT:sub(4) .. "-later" } do
      local events = run(path, parent)
      local trace, span, flags = events[1].message:match(NEW)
      local of_program, span_of_program = events[2].message:match "^00%-(%x+)%-(%x+)%-%x%x"
      assert.equal("0af7651916cd43dd8448eb211c80319c", trace)
      assert.equal(parent:match "^..%-%x+%-%x+%-(%x%x)", flags)
      assert.equal(trace, of_program)
      assert.equal(16, #span)
      assert.are_not.equal(span, span_of_program)
      assert.are_not.equal("b7ad6b7169203331", span)
      for _, event in ipairs(events) do assert.equal(trace, event.trace_id) end
    end
  end)

  it("begins one where that is missing or not valid", function()
    local path, seen = plugin("prints", PRINTS), {}
    for _, parent in ipairs { false, "", "x", "00-", PARENT:upper(), PARENT .. "-more", PARENT:sub(1, -2),
      "ff" .. PARENT:sub(3), "00_" .. PARENT:sub(4), PARENT .. " ", "00-" .. ("0"):rep(32) .. "-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-" .. ("0"):rep(16) .. "-01" } do
      local events = run(path, parent or nil)
      local trace = events[1].message:match(NEW)
      assert.equal(32, #trace)
      assert.are_not.equal("0af7651916cd43dd8448eb211c80319c", trace)
      assert.is_nil(seen[trace])
      seen[trace] = true
      assert.equal(trace, events[#events].trace_id)
    end
  end)

  it("is the plugin's to change or to leave out for a program", function()
    local path = plugin("changes", [[
      print(assert(process.run({ "printenv", "TRACEPARENT" }, { env = { TRACEPARENT = "mine" } })).stdout)
      print(assert(process.run({ "printenv", "TRACEPARENT" }, { env = { TRACEPARENT = false } })).stdout)
      print(assert(process.run({ "/usr/bin/printenv" }, { clear_env = true })).stdout)
      print(assert(process.run({ "printenv" }, { whole_env = true })).stdout)
    ]])
    local events = run(path, PARENT)
    assert.equal("mine\n", events[1].message)
    assert.equal("", events[2].message)
    assert.is_nil(events[3].message:find "TRACEPARENT")
    local _, count = events[4].message:gsub("TRACEPARENT=00%-0af7651916cd43dd8448eb211c80319c", "")
    assert.equal(1, count)
    assert.is_nil(events[4].message:find("b7ad6b7169203331", 1, true))
  end)

  it("is in what the supervisor reports, and in text and logfmt", function()
    local path = plugin("dies", "process.run { 'sh', '-c', 'kill -KILL $PPID' }")
    local events = run(path, PARENT)
    assert.matches("killed by signal 9", events[#events].message)
    assert.equal("0af7651916cd43dd8448eb211c80319c", events[#events].trace_id)
    for _, format in ipairs { "text", "logfmt" } do
      local result = workspace:run { plugin = path, action = "deployment_status", args = { "--log-format", format },
        private = false, config = { deploymentInfo = { id = "d" } }, before = "env TRACEPARENT=" .. PARENT }
      assert.matches(" trace_id=0af7651916cd43dd8448eb211c80319c", result.stderr)
    end
  end)

  describe("as otlp-json", function()
    --- The attributes of a span, as a table.
    local function attributes_of(span)
      local attributes = {}
      for _, item in ipairs(span.attributes) do
        local kind, value = next(item.value)
        attributes[item.key] = kind == "intValue" and tonumber(value) or value
        assert.is_true(kind == "stringValue" or kind == "intValue" or kind == "boolValue")
      end
      return attributes
    end

    --- The spans by name, and how many; checks what holds for each.
    local function spans_in(name)
      local spans, count = {}, 0
      for _, line in ipairs(lines_of(workspace:read(name))) do
        local resource = line.resourceSpans[1]
        assert.equal("bosun", attributes_of(resource.resource)["service.name"])
        local span = resource.scopeSpans[1].spans[1]
        span.attributes = attributes_of(span)
        assert.matches("^%x+$", span.traceId)
        assert.same({ 32, 16 }, { #span.traceId, #span.spanId })
        assert.matches("^%d+$", span.startTimeUnixNano)
        assert.is_true(span.endTimeUnixNano >= span.startTimeUnixNano)
        spans[span.name], count = span, count + 1
      end
      return spans, count
    end

    local function traced(path, name, more)
      os.remove(workspace:path(name))
      local args = { "--trace", workspace:path(name), "--trace-format", "otlp-json", table.unpack(more or {}) }
      local _, result = run(path, PARENT, args)
      return spans_in(name), result
    end

    it("has a span for the action, and one within it for each call", function()
      local path = plugin("calls", [[
        fs.exists("/etc/passwd")
        fs.read("/nonexistent")
        assert(process.run { "sh", "-c", "exit 3" })
        process.run { "no-such-program" }
        require("bosun.http").get("http://user:s3cr3t-word@127.0.0.1:1/x?y=z")
        local p <close> = assert(process.spawn { "cat" })
      ]])
      local spans = traced(path, "calls.jsonl")
      local root = spans.deployment_status
      assert.same({ "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1, 0x301 },
        { root.traceId, root.parentSpanId, root.kind, root.flags })
      assert.same({}, root.status)
      local seen = root.attributes
      assert.same({ "deployment_status", "d-1", "passing", 0 }, { seen["bosun.action"], seen["bosun.deployment.id"],
        seen["bosun.outcome"], seen["process.exit.code"] })
      for name, span in pairs(spans) do
        assert.equal(root.traceId, span.traceId)
        if span ~= root then assert.equal(root.spanId, span.parentSpanId, name) end
        assert.is_true(span.startTimeUnixNano >= root.startTimeUnixNano, name)
        assert.is_true(span.endTimeUnixNano <= root.endTimeUnixNano, name)
      end
      assert.same({ 1, {}, '"/etc/passwd"' }, { spans["fs.exists"].kind, spans["fs.exists"].status,
        spans["fs.exists"].attributes["bosun.arguments"] })
      assert.same({ 2, "ENOENT" }, { spans["fs.read"].status.code, spans["fs.read"].attributes["error.type"] })
      assert.matches("^cannot open /nonexistent", spans["fs.read"].status.message)
      local program = spans.sh.attributes
      assert.same({ 3, 2, "sh", 3, "exit", "sh -c 'exit 3'" }, { spans.sh.kind, spans.sh.status.code,
        program["process.executable.name"], program["process.exit.code"], program["error.type"],
        program["process.command_line"] })
      assert.equal("ENOENT", spans["process.run"].attributes["error.type"])
      local request = spans.GET.attributes
      assert.same({ 3, 2, "GET", "http://127.0.0.1:1/x?y=z", "127.0.0.1", 1, "ECONNREFUSED" }, { spans.GET.kind,
        spans.GET.status.code, request["http.request.method"], request["url.full"], request["server.address"],
        request["server.port"], request["error.type"] })
      assert.equal("signal", spans.cat.attributes["error.type"])
      assert.is_nil(workspace:read("calls.jsonl"):find("s3cr3t", 1, true))
    end)

    it("tells the truth about an action whose worker is killed, or that is out of time", function()
      local path = plugin("dies", "fs.exists '/' process.run { 'sh', '-c', 'kill -KILL $PPID' }")
      local killed = traced(path, "dies.jsonl")
      assert.equal(2, killed.deployment_status.status.code)
      assert.matches("killed by signal 9", killed.deployment_status.status.message)
      assert.equal("failing", killed.deployment_status.attributes["bosun.outcome"])
      assert.is_table(killed["fs.exists"])
      path = plugin("hangs", 'local text = ("a"):rep(30) text:find(("a*"):rep(30) .. "b")')
      local late = traced(path, "late.jsonl", { "--timeout", "0.2" })
      assert.matches("timed out after 0.2 s", late.deployment_status.status.message)
      local failing = traced(plugin("fails", "error('because', 0)"), "fails.jsonl")
      assert.equal("because", failing.deployment_status.status.message)
    end)

    it("begins a line of its own behind a part of one", function()
      local path = plugin("quiet", "")
      workspace:write("part.jsonl", '{"resourceSpans":[{"re')
      run(path, PARENT, { "--trace", workspace:path "part.jsonl", "--trace-format", "otlp-json" })
      local first, second = workspace:read("part.jsonl"):match "^([^\n]+)\n([^\n]+)\n$"
      assert.equal('{"resourceSpans":[{"re', first)
      assert.is_table(json.decode(second).resourceSpans)
    end)

    it("says that it could not be written, and the outcome stands", function()
      local args = { "--trace", "/dev/full", "--trace-format", "otlp-json" }
      local events, result = run(plugin("quiet", ""), PARENT, args)
      assert.equal("passing", result.status.status)
      assert.matches("^cannot write the trace /dev/full: .*the action's own span is missing", events[#events].message)
    end)
  end)
end)
