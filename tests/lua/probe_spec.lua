-- bosun.prediction_server.probe: what a server has to answer to be taken for one that serves the model.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

--- Each model name is a folder of routes; the prediction route has the echo of a real server, or what the name says.
local SERVER = [[
location = /right/info { return 200 '{"modelId": "m1", "standIn": true}'; }
location = /right/predictions { return 200 '{"data": [{"prediction": 0.25, "label": "yes"}], "rows": 1}'; }
location = /snake/info { return 200 '{"model_id": "m1"}'; }
location = /nested/info { return 200 '{"model": {"id": "m1"}}'; }
location = /other/info { return 200 '{"modelId": "m2"}'; }
location = /none/info { return 200 '{"modelId": null}'; }
location = /null-model/info { return 200 '{"model": null}'; }
location = /number/info { return 200 '{"modelId": 12}'; }
location = /null-value/info { return 200 '{"modelId": "m1"}'; }
location = /null-value/predictions { return 200 '{"n": 1, "x": null}'; }
location = /silent/info { return 200 '{"version": 3}'; }
location = /silent/predictions { return 405; }
location = /page/info { return 200 '<html>'; }
location = /page/predictions { return 200 '<html>'; }
location = /old/predictions { return 405; }
location = /closed/info { return 403; }
location = /closed/predictions { return 403; }
location = /moved/info { return 302 /right/info; }
location = /broken/info { return 500 '{"message": "cannot load the model"}'; }
location = /loading/info { return 503 'soon'; }
location / { return 404; }
location = /wrong/info { return 200 '{"modelId": "m1"}'; }
location = /wrong/predictions { return 500 '{"message": "no such model"}'; }
]]

describe("bosun.prediction_server.probe", function()
  local workspace, server

  setup(function()
    workspace = Workspace.new()
    server = web.routes(workspace, SERVER)
  end)
  teardown(function()
    server.handle:close()
    workspace:remove()
  end)

  --- What asking the server with this name for the model m1 finds; `proof` and `more` are Lua text.
  local function find(name, proof, more)
    return workspace:eval(([[
      local probe = require "bosun.prediction_server.probe"
      local base = %q
      local target = { model = "m1", info = base .. "/info", predictions = base .. "/predictions", %s }
      return probe.ask(target, %s)]]):format(server.url .. "/" .. name, more or "", proof or "{ way = 'url' }"))
  end

  local function asked()
    local lines = {}
    for line in workspace:read("routes.log"):gmatch "[^\n]+" do lines[#lines + 1] = line end
    return lines
  end

  it("believes a server that names the model, after one request", function()
    for _, name in ipairs { "right", "snake", "nested" } do
      local before = #asked()
      assert.same({ answers = true }, find(name))
      assert.equal(before + 1, #asked())
    end
  end)

  it("fails one that names another model, or none", function()
    local other = find "other"
    assert.is_false(other.answers)
    assert.equal("the server serves model m2, not m1: GET " .. server.url .. "/other/info", other.problem)
    assert.equal("the server says that it has no model: GET " .. server.url .. "/none/info", find "none".problem)
    assert.is_false(find "none".may_pass)
    assert.equal("the server says that it has no model: GET " .. server.url .. "/null-model/info",
      find "null-model".problem)
  end)

  it("takes a number for the text that it is written as", function()
    assert.equal("the server serves model 12, not m1: GET " .. server.url .. "/number/info", find "number".problem)
    assert.same({ answers = true }, find("number", nil, "model = '12'"))
  end)

  it("believes one that does not tell its model, and says so", function()
    for _, name in ipairs { "silent", "page", "old", "closed" } do
      assert.same({ answers = true, remark = "the server does not tell its model, and is believed" }, find(name), name)
    end
  end)

  it("fails one that has no route for predictions either, or that has the route and not the model", function()
    local absent = find "absent"
    assert.equal(("the server has no model: neither %s/absent/info nor OPTIONS %s/absent/predictions is there (404)")
      :format(server.url, server.url), absent.problem)
    assert.equal(("the server does not have the model: GET %s/old/info answered 404: "):format(server.url),
      find("old", nil, "has_info = true").problem:match "^.-404: ")
  end)

  it("fails one that answers with an error, and knows which may pass", function()
    assert.equal(('the server does not tell its model: GET %s/broken/info answered 500: {"message": "cannot load the '
      .. 'model"}'):format(server.url), find "broken".problem)
    assert.is_false(find "broken".may_pass)
    assert.is_true(find "loading".may_pass)
    assert.is_false(find "moved".answers)
    assert.truthy(find "moved".problem:find("answered 302", 1, true))
  end)

  it("fails one that cannot be reached", function()
    local finding = workspace:eval [[
      local probe = require "bosun.prediction_server.probe"
      return probe.ask({ model = "m1", info = "http://127.0.0.1:1/info" }, { way = "url" })]]
    assert.truthy(finding.problem:find("GET http://127.0.0.1:1/info failed: ", 1, true), finding.problem)
    assert.is_true(finding.may_pass)
  end)

  local PROOF = "{ way = 'url', request = { json = { n = 1 } }, expect = %s }"

  it("asks for a prediction where the config has one, and compares the reply", function()
    for _, expected in ipairs {
      "nil", "{ status = 200 }", "{ json = { ['data[0].prediction'] = 0.25, ['$.rows'] = 1 } }",
      "{ json = { [ [=[data[0]['label']]=] ] = { matches = '^(yes|no)$' } }, matches = '\"rows\": 1' }",
    } do
      assert.same({ answers = true }, find("right", PROOF:format(expected)), expected)
    end
    assert.equal("POST /right/predictions", asked()[#asked()])
  end)

  it("compares a null", function()
    for _, from in ipairs { "json", "yaml" } do
      local null = ("{ json = { x = require('bosun.%s').null, n = %%s } }"):format(from)
      assert.same({ answers = true }, find("null-value", PROOF:format(null:format "1")))
      assert.truthy(find("null-value", PROOF:format(null:format "require('bosun.json').null")).problem
        :find("n is 1; expected null", 1, true))
    end
  end)

  it("fails a server whose prediction is not the expected one, and says in what", function()
    local asked_for = "the reply to the prediction of probeRequest (POST " .. server.url
      .. "/%s/predictions) is not the expected one: "
    for expected, words in pairs {
      ["{ status = 201 }"] = "status 200, expected 201: {",
      ["{ json = { ['data[0].prediction'] = 1 } }"] = "data[0].prediction is 0.25; expected 1",
      ["{ json = { ['data[1].prediction'] = 1 } }"] = "there is no data[1].prediction in it",
      ["{ json = { data = 1 } }"] = "data is a list or an object; expected 1",
      ["{ json = { ['data[0].label'] = { matches = '^n' } } }"] = 'data[0].label is "yes", which does not match ^n',
      ["{ matches = '^[0-9]+$' }"] = "it does not match ^[0-9]+$: {",
    } do
      local finding = find("right", PROOF:format(expected))
      assert.is_false(finding.answers)
      assert.equal(asked_for:format "right" .. words, finding.problem:sub(1, #(asked_for:format "right" .. words)))
    end
    local finding = find("wrong", PROOF:format "nil")
    assert.equal(asked_for:format "wrong" .. 'status 500, expected 200 to 299: {"message": "no such model"}',
      finding.problem)
  end)

  it("asks again while the problem may pass, and no longer", function()
    assert.same({ true, true, "m2" }, workspace:eval(([[
      local probe, time = require "bosun.prediction_server.probe", require "bosun.time"
      local base, from = %q, time.monotonic()
      local loading = probe.wait({ model = "m1", info = base .. "/loading/info" }, { way = "url" }, { timeout = 1 })
      local waited = time.monotonic() - from
      local other = probe.wait({ model = "m1", info = base .. "/other/info" }, { way = "url" }, { timeout = 600 })
      return { loading.answers == false and waited >= 0.9, other.answers == false and time.monotonic() - from < 300,
        other.problem:match "serves model (%%w+)" }]]):format(server.url)))
  end)

  it("asks many at once, and none after its time", function()
    assert.same({ { 20, 20 }, 20 }, workspace:eval(([[
      local probe = require "bosun.prediction_server.probe"
      local targets, right, other = {}, 0, 0
      for i = 1, 40 do
        targets[i] = { model = "m1", info = %q .. (i %% 2 == 0 and "/right/info" or "/other/info") }
      end
      for i, finding in ipairs(probe.all(targets, { way = "url" })) do
        if finding.answers and i %% 2 == 0 then right = right + 1 end
        if finding.answers == false and i %% 2 == 1 then other = other + 1 end
      end
      local unasked = 0
      for _, finding in ipairs(probe.all({ table.unpack(targets, 1, 20) }, { way = "url" }, { timeout = 0 })) do
        if finding.answers == nil then unasked = unasked + 1 end
      end
      return { { right, other }, unasked }]]):format(server.url)))
  end)

  it("sends no prediction in a dry run", function()
    local before = #asked()
    local finding = workspace:eval(([[
      local probe = require "bosun.prediction_server.probe"
      local base = %q
      return probe.ask({ model = "m1", info = base .. "/info", predictions = base .. "/predictions" },
        { way = "url", request = { body = "x" } })]]):format(server.url .. "/right"), { args = { "--dry-run" } })
    assert.is_true(finding.answers)
    assert.same({ "GET /right/info" }, { table.unpack(asked(), before + 1) })
  end)
end)
