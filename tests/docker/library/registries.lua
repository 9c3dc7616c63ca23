--- What holds for every engine with a registry: an open one, and one that wants a password. `at()`: { bench=, open=,
--- closed=, servers of the tests }.

local USER, PASSWORD = "model-user", "s3cret-Passw0rd"

local suite = { USER = USER, PASSWORD = PASSWORD }

--- The Docker client's config with credentials of the closed registry.
function suite.config(domain, user, password)
  local pipe = assert(io.popen(("printf %%s '%s:%s' | base64 -w0"):format(user, password)))
  local auth = pipe:read "a"
  pipe:close()
  return ('{ "auths": { "%s": { "auth": "%s" } } }'):format(domain, auth)
end

function suite.tests(at)
  local function eval(code, more)
    local names = ("local OPEN, CLOSED, PASSWORD = %q, %q, %q\n"):format(at().open.domain, at().closed.domain, PASSWORD)
    return at().bench:eval(names .. code, more)
  end

  describe("registries", function()
    it("take images, and give them back by tag and digest", function()
      local seen = eval [[
        local name = OPEN .. "/models/a"
        assert(engine:tag_image(IMAGE, name .. ":v1"))
        local pushed = assert(engine:push(name .. ":v1", { on_progress = quiet }))
        assert(engine:remove_image(name .. ":v1"))
        local gone = code(engine:inspect_image(name .. ":v1"))
        local pulled = engine:pull(name .. ":v1", { on_progress = quiet })
        local again = engine:pull(name .. ":v1", { on_progress = quiet })
        local there = code(engine:inspect_image(name .. ":v1")) ~= "not_found"
        local digest = engine:pull(name .. "@" .. pushed.digest, { on_progress = quiet })
        local by_digest = code(engine:inspect_image(name .. "@" .. pushed.digest)) ~= "not_found"
        return { gone, pulled, again, there, digest, pushed.digest, by_digest }
      ]]
      assert.is_truthy(seen[6]:find("^sha256:%x+$"), seen[6])
      seen[6] = "digest"
      assert.same({ "not_found", true, true, true, true, "digest", true }, seen)
    end)

    it("may not have what is asked for, or not be there", function()
      local seen = eval [[
        return {
          tag = failure(engine:pull(OPEN .. "/models/none:v1", { on_progress = quiet })),
          away = failure(engine:pull("127.0.0.1:1/models/none", { on_progress = quiet })),
          push = failure(engine:push(OPEN .. "/models/not-here:v1", { on_progress = quiet })),
          digest = failure(engine:push(OPEN .. "/a@sha256:" .. ("0"):rep(64))),
        }
      ]]
      assert.is_truthy(seen.tag.code == "not_found" or seen.tag.code == "pull_failed", seen.tag.code)
      assert.is_truthy(seen.tag.message:find("^pull 127.0.0.1:%d+/models/none:v1: "), seen.tag.message)
      assert.equal("pull_failed", seen.away.code)
      assert.is_truthy(seen.away.message:find("refused", 1, true), seen.away.message)
      assert.is_truthy(seen.push.code == "not_found" or seen.push.code == "push_failed", seen.push.code)
      assert.equal("invalid", seen.digest.code)
    end)

    it("that want credentials get those of the Docker client's config", function()
      local workspace = at().bench.workspace
      workspace:write("docker-config.json", suite.config(at().closed.domain, USER, PASSWORD))
      local seen = eval([[
        local with <close> = assert(docker.connect { host = HOST, config_file = ROOT .. "/docker-config.json" })
        local name = CLOSED .. "/models/b:v1"
        assert(engine:tag_image(IMAGE, name))
        local refused = failure(engine:push(name, { auth = false, on_progress = quiet }))
        local pushed = assert(with:push(name, { on_progress = quiet })).digest
        assert(engine:remove_image(name))
        local unknown = failure(engine:pull(name, { on_progress = quiet }))
        local pulled = with:pull(name, { on_progress = quiet })
        assert(engine:remove_image(name))
        local mine = { username = "model-user", password = PASSWORD }
        local given = engine:pull(name, { auth = mine, on_progress = quiet })
        assert(engine:remove_image(name))
        local built = with:build(tar.new { { name = "Dockerfile", content = "FROM " .. name .. "\nCMD [\"true\"]\n" } },
          { tag = RUN .. "-on-private", labels = LABELS, on_progress = quiet })
        return { refused = refused, pushed = pushed, unknown = unknown, pulled = pulled, given = given,
          built = built ~= nil }
      ]], { args = { "--log-level", "trace", "--trace", workspace:path "trace" } })
      assert.is_truthy(seen.refused.code:find "^push_failed$" or seen.refused.code == "denied", seen.refused.code)
      local refusal = seen.refused.message
      assert.is_truthy(refusal:find("without credentials (option auth)", 1, true), refusal)
      assert.is_truthy(seen.unknown.message:find("without credentials: ", 1, true), seen.unknown.message)
      assert.is_truthy(seen.pushed:find "^sha256:%x+$")
      assert.same({ true, true, true }, { seen.pulled, seen.given, seen.built })
      local shown = workspace:read "stderr" .. workspace:read "trace"
      assert.is_nil(shown:find(PASSWORD, 1, true))
    end)

    it("that refuse a password say whose it was, never the password", function()
      local workspace = at().bench.workspace
      workspace:write("docker-config.json", suite.config(at().closed.domain, USER, "Wr0ng-Passw0rd"))
      local seen = eval([[
        local with <close> = assert(docker.connect { host = HOST, config_file = ROOT .. "/docker-config.json" })
        return failure(with:pull(CLOSED .. "/models/b:v1", { on_progress = quiet }))
      ]], { args = { "--log-level", "trace", "--trace", workspace:path "trace" } })
      assert.is_truthy(seen.message:find("with the credentials of model-user in ", 1, true), seen.message)
      local shown = workspace:read "stderr" .. workspace:read "trace" .. workspace:read "status.yaml"
      assert.is_nil(shown:find("Wr0ng-Passw0rd", 1, true))
    end)
  end)
end

return suite
