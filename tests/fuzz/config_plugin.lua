-- The plugin of fuzz_config.c: a schema with every type and every kind of check.

local BosunPluginBase = require "bosun.plugin_base"

local Fuzzed = BosunPluginBase:extend("Fuzzed")

local function is_even(value)
  if value % 2 == 0 then return true end
  return nil, ("%d is odd"):format(value)
end

Fuzzed.config_schema = {
  name = { type = "string", required = true, pattern = "^%l+$", description = "lower-case letters" },
  port = { type = "integer", min = 1, max = 65535 },
  even = { type = "integer", check = is_even },
  ratio = { type = "number", default = 0.5 },
  on = { type = "boolean" },
  wait = { type = "seconds", default = "5m" },
  size = { type = "bytes", max = 1 << 40 },
  dir = { type = "path" },
  url = { type = "url" },
  level = { type = "string", enum = { "low", "high" } },
  token = { type = "string", secret = true },
  list = { type = "list", items = { type = "integer" } },
  ports = { type = "map", keys = { type = "integer", min = 1 }, values = { type = "integer" } },
  nested = { type = "map", fields = { host = { type = "string", required = true }, more = { type = "map" } } },
  any = { type = "any" },
}

return Fuzzed
