local dap = require "dap"

dap.adapters.bosun = { type = "executable", command = "bosun", args = { "debug", "--dap" } }

dap.configurations.lua = {
  {
    type = "bosun",
    request = "launch",
    name = "an action of this plugin",
    plugin = "${file}",
    action = function() return vim.fn.input("action: ", "pe_status") end,
    config = function() return vim.fn.input("action config: ", "", "file") end,
    privateConfig = function() return vim.fn.input("private config: ", "", "file") end,
  },
  { type = "bosun", request = "attach", name = "a running action", socket = "/tmp/bosun-debug.sock" },
}
