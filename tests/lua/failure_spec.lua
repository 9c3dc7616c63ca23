-- data.error of a status: what a program has to know about a failure, from the error value and never from the message.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("data.error", function()
  local workspace
  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- The status of an action whose method has this body.
  local function act(body, action, options)
    action = action or "pe_status"
    local plugin = workspace:plugin_file("plugin", ("local errors = require 'bosun.error'\n"
      .. "local fs = require 'bosun.fs'\nfunction P:%s()\n%s\nend"):format(action, body))
    options = options or {}
    options.plugin = plugin
    return workspace:act(action, action:find "^deployment_[^l]" and { id = "d1" } or nil, options)
  end

  local function error_of(...) return act(...).data.error end

  it("is the code of an error value, however the plugin gives it", function()
    for _, body in ipairs {
      "assert(fs.read '/none')", "local _, err = fs.read '/none' error(err)",
      "local _, err = fs.read '/none' return err",
      "return fs.read '/none'", "local _, err = fs.read '/none' return ActionStatusInfo.failing(err)",
      "local _, err = fs.read '/none' return ActionStatusInfo.failing('gone', nil, nil, err)",
      "local _, err = fs.read '/none' return ActionStatusInfo { status = ActionStatus.ERROR, error = err }",
      "local _, err = fs.read '/none' error(ActionStatusInfo.failing(err))",
      "local _, err = fs.read '/none' return ActionStatusInfo.failing(errors.wrap(err, 'starting'))",
    } do
      assert.same({ code = "ENOENT", operation = "open", retryable = false, hint = "Create it, or correct the path." },
        error_of(body), body)
    end
  end)

  it("leaves a deployment errored whose action returns an error", function()
    assert.equal("errored", act("return fs.read '/none'", "deployment_start").state)
    assert.is_nil(act("return fs.read '/none'", "pe_status").state)
  end)

  it("has what the error itself says about trying again", function()
    assert.same({ code = "card_busy", operation = "reset", retryable = true, hint = "Wait." }, error_of [[
      error(errors.new { code = "card_busy", op = "reset", message = "busy", retryable = true, hint = "Wait." })]])
    assert.same({ code = "card_busy", operation = "running pe_status", retryable = false,
      hint = "Read msg, which says what happened." },
      error_of [[return ActionStatusInfo.failing(errors.new { code = "card_busy", message = "busy" })]])
  end)

  it("tells a failure in the plugin's own words from a bug", function()
    local codes = {}
    for i, body in ipairs {
      "error('the card is missing', 0)", "return ActionStatusInfo.failing 'no'", "error 'bug'", "local x = nil + 1",
      "return 5", "return ActionStatusInfo { status = 'up' }", "return ActionStatusInfo { status = ActionStatus.OK, "
        .. "data = { f = print } }",
    } do
      codes[i] = error_of(body).code
    end
    assert.same({ "failed", "failed", "plugin", "plugin", "plugin", "plugin", "plugin" }, codes)
  end)

  it("leaves the plugin's data in place: a mapping gets it, its own error and a list stay", function()
    local data = act("return ActionStatusInfo.failing('no', nil, { a = 1 })").data
    assert.same({ 1, "failed" }, { data.a, data.error.code })
    assert.equal("mine", act("return ActionStatusInfo.failing('no', nil, { error = 'mine' })").data.error)
    assert.same({ "a", "b" }, act("return ActionStatusInfo.failing('no', nil, { 'a', 'b' })").data)
    assert.equal("text", act("return ActionStatusInfo.failing('no', nil, 'text')").data)
    local list = act("return ActionStatusInfo.failing('no', nil, { d1 = { modelId = 'A' } })", "deployment_list").data
    assert.same({ "A", nil }, { list.d1.modelId, list.error })
    assert.equal("failed", error_of("return ActionStatusInfo.failing 'no'", "deployment_list").code)
  end)

  it("is in the statuses of deployments, and in a warning that gives an error", function()
    local statuses = act [[return ActionStatusInfo.passing("fine", nil, { deploymentsStatus = {
      d1 = ActionStatusInfo.failing(errors.new { code = "ECONNREFUSED", message = "no answer" }),
      d2 = ActionStatusInfo.passing "fine" } })]].data.deploymentsStatus
    assert.same({ "ECONNREFUSED", true }, { statuses.d1.data.error.code, statuses.d1.data.error.retryable })
    assert.is_nil(statuses.d2.data)
    local warned = act [[return ActionStatusInfo { status = ActionStatus.WARN, error = errors.new {
      code = "EBUSY", message = "in use" } }]]
    assert.same({ "warning", "EBUSY" }, { warned.status, warned.data.error.code })
    assert.matches("error is given, but the status is passing", act [[
      return ActionStatusInfo { status = ActionStatus.OK, error = errors.new { code = "x", message = "y" } }]].msg)
  end)

  it("tells the time of the action from a signal and from a kill", function()
    assert.same({ "deadline", true }, (function(e) return { e.code, e.retryable } end)(error_of("while true do end",
      nil, { args = { "--timeout", "1" } })))
    local plugin = workspace:plugin_file("plugin", [[function P:pe_status() require("bosun.process").run { "sh", "-c",
      "kill -KILL $PPID" } end]])
    assert.equal("killed", workspace:act("pe_status", nil, { plugin = plugin }).data.error.code)
    plugin = workspace:plugin_file("plugin", [[function P:pe_status() require("bosun.process").run { "sh", "-c",
      "kill -ABRT $PPID" } end]])
    assert.equal("crashed", workspace:act("pe_status", nil, { plugin = plugin }).data.error.code)
  end)
end)
