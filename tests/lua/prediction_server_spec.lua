-- bosun.prediction_server: the server's environment, its limits, and the monitoring agent's settings.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.prediction_server", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code)
    return workspace:eval("local pps = require 'bosun.prediction_server'\n" .. code)
  end

  it("reads memory as container engines do", function()
    assert.same({ 512 * 2 ^ 20, 2 ^ 31, 512 * 2 ^ 20, 2 ^ 30, 1000, 1.5 * 2 ^ 30, 4096 }, eval [[
      local result = {}
      for i, text in ipairs { "512m", "2g", "512Mi", "1 GiB", 1000, "1.5G", "4k" } do
        result[i] = pps.memory((tostring(text):gsub("B$", "")))
      end
      return result]])
  end)

  it("says what is no amount of memory", function()
    for _, text in ipairs { "", "lots", "-1m", "0", "1e9", "5x", "1 m m", "0x10" } do
      local problem = eval(("local _, problem = pps.memory(%q) return problem"):format(text))
      assert.truthy(problem and problem:find('expected a number of bytes, or a size such as "512m"', 1, true),
        text)
    end
  end)

  it("reads processors as a decimal number", function()
    assert.same({ 1.5, 2, 0.25, 0.5 }, eval [[
      return { pps.cpus "1.5", pps.cpus(2), pps.cpus ".25", pps.cpus " 0.5 " }]])
    for _, text in ipairs { "", "0", "two", "1e3", "0x2", "-1", "nan", "inf" } do
      local problem = eval(("local _, problem = pps.cpus(%q) return problem"):format(text))
      assert.truthy(problem and problem:find("expected a number of processors", 1, true), text)
    end
  end)

  it("gives the documented environment, with overrides", function()
    assert.same({ MLOPS_DEPLOYMENT_ID = "d1", MLOPS_MODEL_ID = "other", EXTRA = "1" }, eval [[
      return pps.environment({ id = "d1", model = "m1" }, nil, { MLOPS_MODEL_ID = "other", EXTRA = "1" })]])
    assert.same({ MLOPS_DEPLOYMENT_ID = "d1" }, eval [[
      return pps.environment({ id = "d1", model = "m1" }, nil, { MLOPS_MODEL_ID = "" })]])
  end)

  it("adds monitoring", function()
    local environment = eval [[
      return pps.environment({ id = "d1", model = "m1" }, pps.monitoring "amqp://queue:5672")]]
    assert.equal("True", environment.PORTABLE_PREDICTION_API_MONITORING_ACTIVE)
    assert.equal("spooler_type=rabbitmq;queue_url=amqp://queue:5672;queue_name=bosun-monitoring;model_id=m1;"
      .. "deployment_id=d1", environment.PORTABLE_PREDICTION_API_MONITORING_SETTINGS)
    assert.equal("RABBITMQ", environment.MLOPS_SPOOLER_TYPE)
  end)

  it("lets no id add a setting", function()
    assert.same({ false, 'deployment_id "d;queue_url=x" cannot be monitored: contains a semicolon or a control '
      .. "character" }, eval [[
      local environment, problem = pps.environment({ id = "d;queue_url=x", model = "m" }, pps.monitoring "amqp://q")
      return { environment ~= nil, problem }]])
  end)

  it("knows from what the agent sends whether to monitor, and for whom", function()
    assert.same({ true, true, false, false, false }, eval [[
      local result = {}
      for i, value in ipairs { true, "True", false, "False", "" } do
        result[i] = pps.is_monitored { MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING = value }
      end
      return result]])
    assert.same({ "https://monitor", "https://service" }, eval [[
      return {
        pps.service { MLOPS_BOSUN_MONITORING_URL = "https://monitor", mlopsUrl = "https://service" }.url,
        pps.service { mlopsUrl = "https://service" }.url,
      }]])
    local problem = eval [[return select(2, pps.service {})]]
    assert.equal("config", problem.code)
    assert.matches("neither MLOPS_BOSUN_MONITORING_URL nor mlopsUrl", problem.message)
  end)

  it("writes an agent config that holds the channel and no secret", function()
    assert.same({ channelConfigs = { {
      type = "RABBITMQ_SPOOL", details = { name = "bosun", queueName = "bosun-monitoring", queueUrl = "amqp://q:5672" },
    } } }, eval [[return require("bosun.yaml").decode(pps.agent_config(pps.monitoring "amqp://q:5672"))]])
    assert.same({ MLOPS_AGENT_CONFIG_YAML = "/c.yaml", MLOPS_SERVICE_URL = "https://s", MLOPS_API_TOKEN = "t0ken" },
      eval [[return pps.agent_environment({ url = "https://s", token = "t0ken" }, "/c.yaml")]])
  end)
end)
