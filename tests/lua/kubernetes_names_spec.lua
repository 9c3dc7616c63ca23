-- What the kubernetes plugin calls its objects, and whose they are.
package.path = "./tests/support/?.lua;" .. package.path
local Parts = require "kubernetes_parts"

describe("in Kubernetes", function()
  local parts

  setup(function() parts = Parts.new() end)
  teardown(function() parts:remove() end)

  describe("names", function()
    it("are the prefix and the id, where that is a valid name", function()
      assert.same({
        "dr-d1", "dr-123e4567-e89b-12d3-a456-426614174000", "x-0", "dr-5f3c9a0b1c2d3e4f5a6b7c8d",
      }, parts:eval [[
        return { names.object("dr-", "d1"), names.object("dr-", "123e4567-e89b-12d3-a456-426614174000"),
          names.object("x-", "0"), names.object("dr-", "5f3c9a0b1c2d3e4f5a6b7c8d") }]])
    end)

    it("are valid and different for hostile, long, mixed-case and colliding ids", function()
      local seen, list = {}, parts:eval [[
        local ids = { "A", "a", "a.b", "a_b", "a/b", "a b", "../x", "日本", "é", "-", "a-", "-a", ("x"):rep(300),
          ("x"):rep(301), ("x"):rep(49), ("x"):rep(50), "d1", "D1", "m1", "a-0123456789", "0123456789", "\1", "%s" }
        ids[#ids + 1] = names.object("", "A") -- the stand-in of another id
        local result = {}
        for i, id in ipairs(ids) do
          result[i] = { id = id, object = names.object("dr-", id), info = names.derived("dr-", "info", id),
            model = names.derived("dr-", "model", id), label = names.label(id) }
        end
        return result]]
      for _, one in ipairs(list) do
        for _, name in ipairs { one.object, one.info, one.model } do
          assert.is_truthy(#name <= 52 and name:find "^dr%-[a-z0-9-]*[a-z0-9]$", name)
          assert.is_nil(seen[name], name)
          seen[name] = one.id
        end
        assert.is_truthy(#one.label <= 63 and one.label:find "^%w[%w_.-]*%w$" or one.label:find "^%w$", one.label)
        assert.is_nil(seen["label " .. one.label], one.label)
        seen["label " .. one.label] = one.id
      end
    end)
  end)

  describe("the owner", function()
    it("is told by prefix and environment", function()
      local seen = parts:eval [[
        local function object(environment, prefix)
          local context = context_of(self)
          context.environment = environment
          context.config = setmetatable({ objectNamePrefix = prefix or "dr-" }, { __index = self.config })
          return find(assert(objects.desired(context, deployment("d1", "m1"), IMAGE)), "Deployment"), context
        end
        local mine, context = object "env-1"
        local unknown, without = object(nil)
        local foreign = { metadata = { name = "dr-d1", labels = {}, annotations = {} } }
        return { labels.is_ours(context, mine), labels.is_ours(context, (object "env-2")),
          labels.is_ours(context, (object("env-1", "x-"))), labels.is_ours(context, unknown),
          labels.is_ours(without, mine), labels.is_ours(context, foreign), labels.is_ours(context, {}),
          labels.owner_words(mine), labels.owner_words(unknown), labels.owner_words(foreign) }]]
      assert.same({ true, false, false, true, true, false, false, "prediction environment env-1",
        'a plugin with the objectNamePrefix "dr-"', "someone else" }, seen)
    end)

    it("has no pods in common with another one", function()
      assert.same({ true, true }, parts:eval [[
        local json = require "bosun.json"
        local function selectors(environment)
          local context = context_of(self, { environment = environment })
          local service = find(assert(objects.desired(context, deployment("d1", "m1"), IMAGE)), "Service", "model")
          return json.encode(labels.model_pods(context, "m1"), { sort = true }), service.metadata.name
        end
        local one, route = selectors "env-1"
        local other, other_route = selectors "env-2"
        return { one ~= other, route ~= other_route }]])
    end)

    it("reads back what was deployed, with the exact ids", function()
      local id, model = "Döplo/1 \"x\"", ("m"):rep(200)
      local seen = parts:eval(([[
        local context = context_of(self)
        local list = assert(objects.desired(context, deployment(%q, %q, { a = "1" }), IMAGE, { stamp = "s" }))
        return labels.read(find(list, "Deployment"))]]):format(id, model))
      assert.same({ id, model, "n", { a = "1" }, "abc", "s", "server" },
        { seen.id, seen.model, seen.info.name, seen.info.keyValueConfig, seen.package, seen.stamp, seen.role })
    end)
  end)
end)
