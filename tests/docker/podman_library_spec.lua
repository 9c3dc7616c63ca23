-- bosun.docker on Podman's service: what holds for every engine, and what Podman does in its own way.
package.path = "./tests/support/?.lua;./tests/docker/library/?.lua;" .. package.path
local Workspace = require "runner"
local Bench = require "bench"
local servers = require "servers"
-- With describe and it.
local common = assert(loadfile("tests/docker/library/common.lua", "t", _ENV))()
local registries = assert(loadfile("tests/docker/library/registries.lua", "t", _ENV))()

describe("bosun.docker on Podman", function()
  local workspace, podman, bench, open, closed

  setup(function()
    workspace = Workspace.new()
    open = servers.registry(workspace, "open")
    closed = servers.registry(workspace, "closed", { user = registries.USER, password = registries.PASSWORD })
    podman = servers.podman(workspace, { open.domain, closed.domain, "127.0.0.1:1" })
    bench = Bench.new(workspace, { host = podman.host, suffix = "-podman" })
  end)

  teardown(function()
    if bench then bench:close() end
    if podman then podman.close() end
    for _, server in ipairs { open, closed } do server.handle:close() end
    workspace:remove()
  end)

  common(function() return bench end)
  registries.tests(function() return { bench = bench, open = open, closed = closed } end)

  it("is told from Docker", function()
    assert.same({ "podman", true }, bench:eval "return { engine.kind, engine.server_version:find '^%d+%.' ~= nil }")
  end)

  it("runs health checks on demand", function()
    local seen = bench:eval [[
      local check = { Test = { "CMD-SHELL", "test -e /healthy" }, Interval = 3600000000000, Retries = 1 }
      local id = run("checked", { Healthcheck = check })
      local before = engine:run_healthcheck(id)
      assert(engine:exec(id, { "touch", "/healthy" }))
      return { before, engine:run_healthcheck(id), (assert(engine:inspect_container(id)).State.Health.Status),
        failure(engine:run_healthcheck(run "unchecked")), failure(engine:run_healthcheck(RUN .. "-none")) }
    ]]
    assert.same({ "unhealthy", "healthy", "healthy" }, table.move(seen, 1, 3, 1, {}))
    assert.equal("conflict", seen[4].code)
    assert.equal("not_found", seen[5].code)
  end)

  it("refuses a removal while a container ends: one that keeps crashing is gone all the same", function()
    local gone = bench:eval [[
      local crashing = shell("exit 1", { HostConfig = { RestartPolicy = { Name = "always" } } })
      local ids, codes = {}, {}
      for i = 1, 12 do ids[i] = run("crashing" .. i, crashing) end
      for i, id in ipairs(ids) do
        local removed, err = engine:remove_container(id)
        codes[i] = removed and code(engine:inspect_container(id)) or err.message
      end
      return codes
    ]]
    for _, outcome in ipairs(gone) do assert.equal("not_found", outcome) end
  end)

  it("calls images by long names, which are the same", function()
    local names = bench:eval [[
      local same = {}
      for _, name in ipairs(assert(engine:inspect_image(IMAGE)).RepoTags) do
        if docker.same_image(name, IMAGE) then table.insert(same, name) end
      end
      return same
    ]]
    assert.equal(1, #names)
    assert.is_truthy(names[1]:find("/" .. bench.image, 1, true), names[1])
  end)
end)
