std = "lua54"
max_line_length = 120
-- Methods of a plugin keep `self` and their argument also where they need neither.
self = false
ignore = { "212/deployment_info" }
files["tests"] = { std = "+busted" }
-- HAProxy's own.
files["tests/docker/images/proxy"] = { read_globals = { "core" } }
-- Neovim's own.
files["sample_plugin/editors"] = { read_globals = { "vim" } }
