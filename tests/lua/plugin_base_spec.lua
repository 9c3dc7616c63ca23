-- BosunPluginBase, ActionStatusInfo and the driver: what a plugin gets, and what becomes of what it returns.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("a plugin", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- Runs an action of a plugin with this body, whose first own line is line 6.
  local function act(body, action, deployment, more)
    workspace.plugin = workspace:plugin_file("plugin", body)
    return workspace:act(action or "pe_status", deployment, more)
  end

  local function fails(pattern, body, action, deployment)
    local status = act(body, action, deployment)
    assert.equal("failing", status.status)
    assert.matches(pattern, status.msg)
    return status
  end

  describe("gets", function()
    it("the constructor's arguments, in init and in the action", function()
      local status = act([[
function P:init() self.seen = { self.plugin_config.name, self.pe_info.id, self.private_config_file, self.dry_run } end
function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, data = self.seen } end]], nil, nil,
        { config = { pluginConfig = { name = "n" }, peInfo = { id = "pe" } }, private = "x: 1",
          args = { "--dry-run" } })
      assert.equal("n", status.data[1] or status.msg)
      assert.equal("pe", status.data[2])
      assert.matches("config%-%d%.yaml$", status.data[3])
      assert.is_true(status.data[4])
    end)

    it("an empty plugin_config and no pe_info where the config has none", function()
      local status = act [[
function P:pe_status()
  return ActionStatusInfo{ status = ActionStatus.OK, data = { type(self.plugin_config), next(self.plugin_config) == nil,
    self.pe_info == nil, self.private_config_file == nil, self.dry_run == false, #self:deployment_ids() } }
end]]
      assert.same({ "table", true, true, true, true, 0 }, status.data)
    end)

    it("the deployment_info with exactly the keys of the YAML", function()
      local info = { id = "d1", modelId = "A", newKey = { 1, 2 }, keyValueConfig = { memory = "1Gi" } }
      assert.same(info, act("function P:deployment_status(d) return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "data = d } end", "deployment_status", info).data)
    end)

    it("ids from both forms of peInfo.deployments", function()
      local body = "function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "data = self:deployment_ids() } end"
      local status = act(body, nil, nil, { config = { peInfo = { deployments = { "a", { id = "b", name = "x" } } } } })
      assert.same({ "a", "b" }, status.data)
    end)

    it("a log that names it", function()
      local status = act "function P:pe_status() self.log:warn('careful', { x = 1 }) "
      assert.equal("failing", status.status)
      status = act("function P:pe_status() self.log:warn('careful', { x = 1 }) "
        .. "return ActionStatusInfo{ status = ActionStatus.OK } end")
      assert.matches("careful.*plugin=P", status.stderr)
      assert.matches("careful.*x=1", status.stderr)
    end)
  end)

  describe("inherits", function()
    it("over several levels, and init and methods reach their parents", function()
      local status = act [[
function P:init() self.trail = "P" end
function P:name() return "P" end
local Q = P:extend("Q")
local R = Q:extend("R")
function R:init() R.super.init(self) self.trail = self.trail .. "R" end
function R:pe_status()
  return ActionStatusInfo{ status = ActionStatus.OK, data = { self.trail, self:name(), self.dry_run,
    BosunPluginBase.is_plugin_class(R), BosunPluginBase.is_plugin_class(self), BosunPluginBase.is_plugin_class(5) } }
end
do return R end]]
      assert.same({ "PR", "P", false, true, false, false }, status.data)
    end)

    it("only with a colon and a name", function()
      fails("plugin%.lua:6: extend is a method", 'BosunPluginBase.extend("X")')
      fails("plugin%.lua:6: extend: expected the name of the plugin", "BosunPluginBase:extend()")
    end)
  end)

  describe("that lacks a method", function()
    it("fails and shows how to define it", function()
      fails('^/.*/plugin%.lua:5: plugin "P" has no method pe_status: define function P:pe_status%(%) … end$', "")
      fails("define function P:deployment_stop%(deployment_info%) … end$", "", "deployment_stop", { id = "d" })
    end)

    it("fails and names a misspelling, also in a parent", function()
      fails("is pe_statuss a misspelling of it%?", "function P:pe_statuss() end")
      fails("is deployment_lst a misspelling of it%?", "function P:deployment_lst() end do return P:extend('Q') end",
        "deployment_list")
    end)

    it("fails so, too, when the default of relaunch needs it", function()
      fails('plugin "P".*has no method deployment_start', "", "deployment_relaunch", { id = "d" })
    end)
  end)

  describe("that returns nonsense", function()
    for returned, shown in pairs {
      ["nil"] = "nothing", ["true"] = "true %(a boolean%)", ["'passing'"] = "passing %(a string%)",
      ["5"] = "5 %(a number%)", ["{ status = 'passing' }"] = "a plain table",
      ["setmetatable({}, { __tostring = function() error('no') end })"] = "a plain table",
    } do
      it("fails with the value and the place: " .. returned, function()
        fails("plugin%.lua:7: pe_status returned " .. shown .. "; every action returns an ActionStatusInfo",
          "\nfunction P:pe_status() return " .. returned .. " end")
      end)
    end

    it("fails when a field was set to an invalid value", function()
      fails("plugin%.lua:6: pe_status: status is 5", [[function P:pe_status()
        local info = ActionStatusInfo{ status = ActionStatus.OK } info.status = 5 return info end]])
    end)

    it("fails when the status of a deployment is invalid", function()
      local function answers(text, value)
        fails("plugin%.lua:6: pe_status: data.deploymentsStatus" .. text, ([[function P:pe_status()
          return ActionStatusInfo{ status = ActionStatus.OK, data = { deploymentsStatus = %s } } end]]):format(value))
      end
      answers('%["d1"%] is a plain table; expected an ActionStatusInfo', "{ d1 = {} }")
      answers(" is a number; expected a table of ActionStatusInfo by deployment id", "5")
      answers('%["d1"%]: state is 5; expected one of DeploymentState: ', [[(function()
        local info = ActionStatusInfo{ status = ActionStatus.OK } info.state = 5 return { d1 = info } end)()]])
    end)

    it("fails when its data cannot be written", function()
      fails("f is a function", "function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "data = { f = print } } end")
    end)
  end)

  describe("that raises", function()
    it("fails with file and line, and the traceback goes to the log", function()
      local status = fails("plugin%.lua:7: too bad", "function P:pe_status()\nerror 'too bad' end")
      assert.matches("stack traceback", status.stderr)
      assert.is_nil(status.msg:find("traceback", 1, true))
    end)

    it("fails whatever the error value is", function()
      for _, value in ipairs { "nil", "{}", "5", "{ message = 'of a table' }",
        "setmetatable({}, { __tostring = function() return 'text of a table' end })",
        "setmetatable({}, { __tostring = function() error 'again' end })" } do
        fails(value:match "'(%a+ of a table)'" or "plugin%.lua:6", "function P:pe_status() error(" .. value .. ") end")
      end
    end)

    it("fails also in init and while it is loaded", function()
      fails("plugin%.lua:6: in init", "function P:init() error 'in init' end")
      fails("plugin%.lua:6: at load", "error 'at load'")
    end)

    it("says just its text, without place and traceback, when it foresees the failure", function()
      for _, raised in ipairs { "'the card is gone', 0", "ActionStatusInfo.failing 'the card is gone'" } do
        for body, action in pairs {
          ["function P:pe_status() error(%s) end"] = "pe_status",
          ["function P:init() error(%s) end function P:plugin_stop() end"] = "plugin_stop",
          ["function P:plugin_start() local c = coroutine.create(function() error(%s) end) "
            .. "local _, e = coroutine.resume(c) error(e, 0) end"] = "plugin_start",
        } do
          local status = act(body:format(raised), action)
          assert.same({ "failing", "the card is gone" }, { status.status, status.msg })
          assert.is_nil(status.stderr:find("traceback", 1, true), status.stderr)
        end
      end
      local debug = act("function P:pe_status() error('gone', 0) end", nil, nil, { args = { "--log-level", "debug" } })
      assert.matches("DEBUG running pe_status: stack traceback:", debug.stderr)
    end)

    it("ends with the status that it raises, whatever that is", function()
      local status = act "function P:pe_status() error(ActionStatusInfo.warning('slow', 'ready', { a = 1 })) end"
      assert.same({ "warning", "slow", "ready", { a = 1 } }, { status.status, status.msg, status.state, status.data })
      status = act([[function P:deployment_stop() error(ActionStatusInfo.failing "not there") end
        function P:deployment_start() return ActionStatusInfo.passing "started" end]], "deployment_relaunch",
        { id = "d" })
      assert.equal("started", status.msg)
      assert.matches('starting the deployment anyway.*error="?not there', status.stderr)
      fails("pe_status: status is 5", [[function P:pe_status()
        local info = ActionStatusInfo.passing() info.status = 5 error(info) end]])
    end)

    it("keeps the place of an error that it raises again", function()
      local status = fails("plugin%.lua:6: deep down$", [[local function f() error "deep down" end
        function P:pe_status() local _, e = pcall(f) error(e, 0) end]])
      assert.matches("stack traceback", status.stderr)
      fails('plugin%.lua:6: %[string "x%(%)"%]:1: in a chunk$',
        "function P:pe_status() x = function() error('in a chunk', 2) end load('x()')() end")
    end)

    it("fails with the error of a failed call", function()
      fails("/nonexistent/x", "function P:pe_status() assert(require('bosun.fs').read('/nonexistent/x')) end")
    end)
  end)

  describe("whose file does not return a class", function()
    for returned, shown in pairs {
      ["{}"] = "a plain table", ["nil"] = "nothing", ["'P'"] = "P %(a string%)", ["P:new()"] = "a plain",
    } do
      it("is refused with what it returned: " .. returned, function()
        fails("plugin /.*plugin%.lua returned " .. shown .. ".*its last line must be `return YourClass`",
          "do return " .. returned .. " end")
      end)
    end
  end)

  it("must leave new alone", function()
    fails("P:new returned nothing instead of the plugin", "function P:new() end")
  end)

  describe("answers", function()
    it("are completed: duration in seconds, timestamp in milliseconds, also of each deployment", function()
      local before = os.time()
      local status = act [[function P:pe_status()
        local one = ActionStatusInfo{ status = ActionStatus.WARN, msg = "slow", state = DeploymentState.READY }
        return ActionStatusInfo{ status = ActionStatus.OK, data = { deploymentsStatus = { d1 = one }, more = 1 } }
      end]]
      for _, whole in ipairs { status, status.data.deploymentsStatus.d1 } do
        assert.equal("integer", math.type(whole.timestamp))
        assert.is_true(whole.timestamp >= before * 1000 and whole.timestamp <= (os.time() + 2) * 1000)
        assert.is_true(whole.duration >= 0)
      end
      assert.equal("warning", status.data.deploymentsStatus.d1.status)
      assert.equal("slow", status.data.deploymentsStatus.d1.msg)
      assert.equal(1, status.data.more)
    end)

    it("keep the duration of the plugin", function()
      assert.equal(12.3457, act("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "duration = 12.34567 } end").duration)
    end)

    it("of deployment_list may have a deployment that is called deploymentsStatus", function()
      local data = act("function P:deployment_list() return ActionStatusInfo{ status = ActionStatus.OK, data = "
        .. "{ deploymentsStatus = { id = 'deploymentsStatus' } } } end", "deployment_list").data
      assert.equal("deploymentsStatus", data.deploymentsStatus.id)
    end)

    it("of deployment_list hold a whole status and the deployment's facts in each entry", function()
      local data = act([[function P:deployment_list() return ActionStatusInfo{ status = ActionStatus.OK, data = {
        plain = { id = "plain", modelId = "A", region = "eu" },
        sick = { id = "sick", status = ActionStatus.ERROR, msg = "no answer", state = DeploymentState.ERRORED },
        whole = ActionStatusInfo{ status = ActionStatus.WARN, data = { currentModelId = "B" } } } } end]],
        "deployment_list").data
      for _, entry in pairs(data) do
        assert.equal("number", type(entry.timestamp))
        entry.timestamp, entry.duration = nil, nil
      end
      assert.same({
        plain = { id = "plain", modelId = "A", region = "eu", status = "passing", state = "ready",
          data = { currentModelId = "A" } },
        sick = { id = "sick", status = "failing", msg = "no answer", state = "errored",
          data = { error = { code = "failed", operation = "running deployment_list", retryable = false,
            hint = "Read msg, which says what happened." } } },
        whole = { status = "warning", data = { currentModelId = "B" } },
      }, data)
      fails('data%["d"%] is 5 %(a number%); expected a table of facts', "function P:deployment_list() return "
        .. "ActionStatusInfo{ status = ActionStatus.OK, data = { d = 5 } } end", "deployment_list")
      fails('data%["d"%]: status is "up"; expected one of ActionStatus', "function P:deployment_list() return "
        .. "ActionStatusInfo{ status = ActionStatus.OK, data = { d = { status = 'up' } } } end", "deployment_list")
    end)

    it("of pe_status may stand straight in data", function()
      local data = act([[function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, data = {
        d1 = ActionStatusInfo.passing("fine"), note = "kept",
        deploymentsStatus = { d2 = ActionStatusInfo.failing("gone", DeploymentState.ERRORED) } } } end]]).data
      assert.equal("kept", data.note)
      assert.is_nil(data.d1)
      assert.same({ "passing", "fine" }, { data.deploymentsStatus.d1.status, data.deploymentsStatus.d1.msg })
      assert.same({ "failing", "errored" }, { data.deploymentsStatus.d2.status, data.deploymentsStatus.d2.state })
    end)

    it("pass on a state that nobody knows, with a warning", function()
      local status = act("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "state = 'Ready' } end")
      assert.equal("Ready", status.state)
      assert.matches('WARN  pe_status: the state "Ready" is not one of DeploymentState; did you mean "ready"%?',
        status.stderr)
    end)

    for name, outcome in pairs { OK = "passing", WARN = "warning", ERROR = "failing", UNKNOWN = "unknown" } do
      it("have every outcome: " .. name, function()
        local body = ("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.%s } end"):format(name)
        assert.equal(outcome, act(body).status)
      end)
    end
  end)

  describe("ActionStatusInfo", function()
    local function raises(pattern, expression)
      fails("plugin%.lua:6: " .. pattern, "function P:pe_status() local info = " .. expression .. " return info end")
    end

    it("checks its fields at the caller's line", function()
      raises('ActionStatusInfo: unknown field mesg; did you mean "msg"%?',
        "ActionStatusInfo{ status = 'passing', mesg = 1 }")
      raises("ActionStatusInfo: status is nil", "ActionStatusInfo{ msg = 'x' }")
      raises('ActionStatusInfo: status is "good"', "ActionStatusInfo{ status = 'good' }")
      raises("ActionStatusInfo: msg is a number; expected a string", "ActionStatusInfo{ status = 'passing', msg = 5 }")
      raises("ActionStatusInfo: state is true", "ActionStatusInfo{ status = 'passing', state = true }")
      raises("ActionStatusInfo: duration is %-1", "ActionStatusInfo{ status = 'passing', duration = -1 }")
      raises("ActionStatusInfo: expected ActionStatusInfo{status = …, msg = …}, got a string",
        "ActionStatusInfo('passing')")
    end)

    it("has constants that raise on a misspelling and cannot be changed", function()
      raises('ActionStatus has no OKAY', "ActionStatus.OKAY")
      raises('DeploymentState has no READYY; did you mean "READY"%?', "DeploymentState.READYY")
      raises("ActionStatus is constant", "5 ActionStatus.FINE = 'fine'")
    end)

    it("says what it is", function()
      assert.same({ true, false, "ActionStatusInfo(passing: fine)" }, act([[function P:pe_status()
        local info = ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" }
        info.data = { ActionStatusInfo.is(info), ActionStatusInfo.is({}), tostring(info) }
        return info end]]).data)
    end)
  end)

  describe("that raises in a deployment's action", function()
    it("leaves the deployment errored, unless the action was stopped or concerns no deployment", function()
      assert.equal("errored", act("function P:deployment_status() error 'x' end", "deployment_status",
        { id = "d" }).state)
      assert.equal("errored", act("function P:deployment_start() end", "deployment_start", { id = "d" }).state)
      assert.is_nil(act("function P:pe_status() error 'x' end").state)
      assert.is_nil(act("function P:init() error 'x' end", "deployment_start", { id = "d" }).state)
      assert.is_nil(act("function P:deployment_stop() while true do end end", "deployment_stop", { id = "d" },
        { args = { "--timeout", "0.1" } }).state)
    end)
  end)

  describe("endpoint_update and endpoint_status", function()
    local ENDPOINT = [[
endpointInfo: {id: e1, name: e, predictionEnvironmentId: pe, endpointType: online, tags: {}, authType: key,
  trafficSplit: {d1: !!float 60, d2: !!float '40'}}
]]

    it("get the endpointInfo", function()
      for _, action in ipairs { "endpoint_update", "endpoint_status" } do
        local status = act(("function P:%s(endpoint_info) return ActionStatusInfo{ status = ActionStatus.OK, "
          .. "data = endpoint_info } end"):format(action), action, nil, { config = ENDPOINT })
        assert.same({ "e1", 60.0, 40.0 }, { status.data.id, status.data.trafficSplit.d1, status.data.trafficSplit.d2 })
      end
    end)

    it("are optional", function()
      local status = act("", "endpoint_update", nil, { config = ENDPOINT })
      assert.same({ "unknown", "the plugin P has no method endpoint_update, which is optional" },
        { status.status, status.msg })
      assert.equal("the plugin P has no method endpoint_status, which is optional; is endpoint_statuss a misspelling "
        .. "of it?", act("function P:endpoint_statuss() end", "endpoint_status", nil, { config = ENDPOINT }).msg)
    end)
  end)

  describe("deployment_replace_model", function()
    local ECHO = "function P:deployment_replace_model(d) return ActionStatusInfo{ status = ActionStatus.OK, "
      .. "msg = d.newModelId, data = d } end"

    it("gets modelId as newModelId when the agent sends none", function()
      for _, more in ipairs { "", ", newModelId: ''", ", newModelId: null" } do
        local status = act(ECHO, "deployment_replace_model", nil,
          { config = ("deploymentInfo: {id: d, modelId: B%s}\n"):format(more) })
        assert.same({ "B", "B" }, { status.msg, status.data.modelId })
      end
      assert.equal("C", act(ECHO, "deployment_replace_model", { id = "d", modelId = "B", newModelId = "C" }).msg)
    end)
  end)

  describe("deployment_relaunch", function()
    local START = " function P:deployment_start() return ActionStatusInfo{ status = ActionStatus.OK, "
      .. "state = DeploymentState.READY, data = { self.stopped } } end"

    it("stops, then starts", function()
      local status = act("function P:deployment_stop(d) self.stopped = d.id return ActionStatusInfo{ status = "
        .. "ActionStatus.OK } end" .. START, "deployment_relaunch", { id = "d1" })
      assert.equal("ready", status.state)
      assert.same({ "d1" }, status.data)
    end)

    for what, body in pairs {
      ["raises"] = "error 'cannot stop'",
      ["fails"] = "return ActionStatusInfo{ status = ActionStatus.ERROR, msg = 'cannot stop' }",
      ["returns nonsense"] = "return 'cannot stop'",
    } do
      it("logs and ignores a stop that " .. what, function()
        local status = act("function P:deployment_stop() " .. body .. " end" .. START, "deployment_relaunch",
          { id = "d1" })
        assert.equal("passing", status.status)
        assert.matches("deployment_stop failed, starting the deployment anyway", status.stderr)
      end)
    end

    it("fails when the start fails", function()
      fails("cannot start", "function P:deployment_start() error 'cannot start' end", "deployment_relaunch",
        { id = "d" })
    end)

    it("may be the plugin's own", function()
      assert.equal("own", act("function P:deployment_relaunch() return ActionStatusInfo{ status = ActionStatus.OK, "
        .. "msg = 'own' } end", "deployment_relaunch", { id = "d" }).msg)
    end)
  end)

  it("may require the modules beside it", function()
    workspace:write("beside.lua", "return { word = 'beside' }")
    assert.equal("beside", act("local beside = require 'beside' function P:pe_status() return ActionStatusInfo{ status "
      .. "= ActionStatus.OK, msg = beside.word } end").msg)
  end)
end)
