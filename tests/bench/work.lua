-- The plugin that the rows for single modules run. Its private config says what pe_status does, and how often.
-- Anything that goes wrong raises, so that the runner does not exit with 0.

local BosunPluginBase = require "bosun.plugin_base"
local fs = require "bosun.fs"
local status = require "bosun.action_status"

local Work = BosunPluginBase:extend("Work")

Work.config_schema = {
  work = { type = "string", required = true, enum = { "get", "download", "push", "run", "decode", "data" } },
  list = { type = "path", description = "get: a file with a URL on each line" },
  url = { type = "url", description = "download: what" },
  file = { type = "path", description = "download: where to; push, decode: what" },
  registry = { type = "string", description = "push: where to" },
  data = { type = "string", enum = { "deployments", "numbers" }, description = "data: of what" },
  times = { type = "integer", default = 1, description = "run, decode: how often; data: how many" },
}

local works = {}

function works.get(config)
  local http = require "bosun.http"
  local requests = {}
  for url in assert(fs.read(config.list)):gmatch("%S+") do requests[#requests + 1] = { url = url } end
  for _, result in ipairs(http.all(requests, { concurrency = 64 })) do
    assert(assert(result.response, result.err).ok, "not a 2xx status")
  end
end

function works.download(config)
  local http = require "bosun.http"
  assert(assert(http.get(config.url, { sink = config.file })).ok, "not a 2xx status")
end

function works.push(config)
  local registry, tar = require "bosun.registry", require "bosun.tar"
  local client <close> = registry.client()
  local archive = tar.new { { name = "opt/ml/model/model.mlpkg", path = config.file } }
  assert(client:append(config.registry .. "/base:1", config.registry .. "/models:1", archive))
end

function works.run(config)
  local process = require "bosun.process"
  for _ = 1, config.times do assert(process.run({ "true" }, { check = true })) end
end

function works.decode(config)
  local yaml = require "bosun.yaml"
  local text = assert(fs.read(config.file))
  for _ = 1, config.times do assert(yaml.decode(text)) end
end

-- About 300 bytes of YAML for each deployment, 6 for each number.
function works.data(config)
  local data = {}
  for i = 1, config.times do
    if config.data == "numbers" then
      data[i] = i % 10
    else
      data[("deployment-%08d"):format(i)] = { modelId = ("m"):rep(24), modelExecutionType = "dedicated", number = i,
        address = ("x"):rep(140), status = "passing", port = 8000 + i % 1000 }
    end
  end
  return data
end

function Work:pe_status()
  local data = works[self.config.work](self.config)
  return status.ActionStatusInfo { status = status.ActionStatus.OK, data = data }
end

return Work
