--- What holds for every engine: tests that the specs for Docker and for Podman share. `bench()`: a Bench.

return function(bench)
  local function eval(code, more) return bench():eval(code, more) end

  describe("containers", function()
    it("are made, filled, started, and say what they have written", function()
      local seen = eval [[
        local id = create("first", shell("cat /opt/in/model.txt; echo wrong >&2; exit 3"))
        assert(engine:put_archive(id, "/", tar.new { { name = "opt/in/model.txt", content = "the model\n" } }))
        local before = assert(engine:inspect_container(id)).State.Running
        assert(engine:start_container(id))
        local status = engine:wait_container(id)
        local both, err = engine:logs(id), engine:logs(id, { stdout = false })
        local again = { engine:start_container(id), (engine:wait_container(id)) }
        return { before, status, both:find("the model\n", 1, true) ~= nil, both:find("wrong\n", 1, true) ~= nil, #both,
          err, again }
      ]]
      assert.same({ false, 3, true, true, 16, "wrong\n", { true, 3 } }, seen)
    end)

    it("of which an archive may be large", function()
      assert.same({ "8388608", "not_found" }, eval [[
        local path = ROOT .. "/large"
        assert(fs.write(path, ("0123456789abcdef"):rep(524288)))
        local archive = tar.new { { name = "opt/large", path = path } }
        local id = run "large"
        assert(engine:put_archive(id, "/", archive))
        local size = assert(engine:exec(id, { "stat", "-c", "%s", "/opt/large" })).stdout
        return { size:match "%d+", code(engine:put_archive(RUN .. "-none", "/", archive)) }
      ]])
    end)

    it("that cannot be made say why", function()
      local seen = eval [[
        create "taken"
        local body = { Image = IMAGE }
        return {
          taken = failure(engine:create_container(RUN .. "-taken", body)),
          image = failure(engine:create_container(RUN .. "-new", { Image = RUN .. "-nothing" })),
          body = failure(engine:create_container(RUN .. "-new", { Image = IMAGE, HostConfig = { Memory = "much" } })),
          name = failure(engine:create_container("../x", body)),
          none = failure(engine:start_container(RUN .. "-none")),
        }
      ]]
      assert.equal("conflict", seen.taken.code)
      assert.equal("docker", seen.taken.op)
      local message = "^create container library%-.*%-taken: .*already in use.* %(%d+ from unix://"
      assert.is_truthy(seen.taken.message:find(message), seen.taken.message)
      assert.equal("not_found", seen.image.code)
      assert.equal(404, seen.image.status)
      assert.is_truthy(seen.image.message:lower():find("no such image", 1, true), seen.image.message)
      assert.is_not_nil(seen.body.code)
      assert.equal("invalid", seen.name.code)
      assert.is_nil(seen.name.status)
      assert.equal("not_found", seen.none.code)
    end)

    it("are listed by label and state", function()
      assert.same({ { "one", "two" }, { "two" }, { "two" }, {}, 0 }, eval [[
        local mine = { ["library-test"] = RUN, list = "yes" }
        create("one", { Labels = { ["library-test"] = RUN, list = "yes" } })
        run("two", { Labels = { ["library-test"] = RUN, list = "yes", special = "a=b c" } })
        local function names(options)
          local list = {}
          for _, container in ipairs(assert(engine:list_containers(options))) do
            list[#list + 1] = container.Names[1]:match "[^-]+$"
          end
          table.sort(list)
          return list
        end
        mine.special = true
        local special = names { labels = mine }
        mine.special = "a=b c"
        local running = names { labels = mine, filters = { status = { "running" } } }
        mine.special = nil
        return { names { labels = mine }, special, running, names { labels = { ["library-test"] = RUN .. "x" } },
          #assert(engine:list_containers { labels = { list = "no" }, all = false }) }
      ]])
    end)

    it("stop, and have stopped", function()
      assert.same({ true, true, true, { false, 0 } }, eval [[
        local id = run("stops", shell("trap 'exit 0' TERM; while :; do sleep 0.1; done"))
        local results = { engine:stop_container(id), engine:stop_container(id), engine:stop_container(RUN .. "-none") }
        local state = assert(engine:inspect_container(id)).State
        results[4] = { state.Running, state.ExitCode }
        return results
      ]])
    end)

    it("are killed when they do not stop, also when they are frozen", function()
      assert.same({ 137, true, false, "conflict", "conflict" }, eval [[
        local stubborn = shell("trap '' TERM; while :; do sleep 0.1; done")
        local id = run("stubborn", stubborn)
        assert(engine:stop_container(id, { timeout = 1 }))
        local status = engine:wait_container(id)
        local frozen = run("frozen", stubborn)
        assert(engine:pause_container(frozen))
        local paused = assert(engine:inspect_container(frozen)).State.Paused
        assert(engine:stop_container(frozen, { timeout = 1 }))
        return { status, paused, assert(engine:inspect_container(frozen)).State.Running,
          code(engine:kill_container(id)), code(engine:pause_container(id)) }
      ]])
    end)

    it("are frozen, thawed, restarted, renamed and killed", function()
      assert.same({ true, "conflict", true, "conflict", true, true, true, "conflict", 143 }, eval [[
        local id, other = run "changes", create "other"
        local results = { engine:pause_container(id), code(engine:pause_container(id)), engine:unpause_container(id),
          code(engine:unpause_container(id)), engine:restart_container(id, { timeout = 0 }),
          engine:rename_container(id, RUN .. "-renamed"), engine:rename_container(id, RUN .. "-renamed"),
          code(engine:rename_container(other, RUN .. "-renamed")) }
        local trapped = run("trapped", shell("trap 'exit 143' TERM; echo ready; while :; do sleep 0.1; done"))
        engine:follow_logs(trapped, function() return false end)
        assert(engine:kill_container(trapped, { signal = "SIGTERM" }))
        results[9] = engine:wait_container(trapped)
        return results
      ]])
    end)

    it("are removed, and may be gone already", function()
      assert.same({ "conflict", true, true, true, "not_found" }, eval [[
        local id, stopped = run "removed", create "removed-too"
        return { code(engine:remove_container(id, { force = false })), engine:remove_container(id),
          engine:remove_container(id), engine:remove_container(stopped, { force = false }),
          code(engine:inspect_container(id)) }
      ]])
    end)

    it("are never asked for by what cannot be a name", function()
      local seen = eval [[
        local results = {}
        for i, id in ipairs { "", "/", "..", "a/b", "a/../../images", "a\nb", ("x"):rep(300) } do
          results[i] = code(engine:remove_container(id))
        end
        return { results, code(engine:inspect_container("a b")), code(engine:inspect_container("%2e%2e")),
          code(engine:inspect_container("x?force=1#")), select(2, pcall(engine.inspect_container, engine, nil)) }
      ]]
      for _, result in ipairs(seen[1]) do assert.equal("invalid", result) end
      assert.equal(7, #seen[1])
      for i = 2, 4 do assert.is_truthy(seen[i] == "not_found" or seen[i] == "invalid", seen[i]) end
      assert.is_truthy(seen[5]:find("expected an ID or a name, got a nil", 1, true), seen[5])
    end)
  end)

  describe("what containers write", function()
    it("comes as lines, until nobody wants more", function()
      assert.same({ { "out one", "out two", "no newline" }, { "err" }, 1, true }, eval [[
        local id = run("lines", shell("echo out one; echo err >&2; echo out two; printf 'no newline'"))
        engine:wait_container(id) -- Docker may keep such an end from those who are there already
        local lines = { stdout = {}, stderr = {} }
        local ok = engine:follow_logs(id, function(line, stream) table.insert(lines[stream], line) end)
        local endless, count = run("endless", shell("while :; do echo line; sleep 0.1; done")), 0
        assert(engine:follow_logs(endless, function() count = count + 1; return false end))
        assert(engine:remove_container(endless))
        return { lines.stdout, lines.stderr, count, ok }
      ]])
    end)

    it("is raw where there is a terminal", function()
      assert.same({ "on a terminal\r\n", { "on a terminal" } }, eval [[
        local body = shell("test -t 1 && echo on a terminal")
        body.Tty = true
        local id = run("terminal", body)
        engine:wait_container(id)
        local lines = {}
        engine:follow_logs(id, function(line) table.insert(lines, line) end)
        return { engine:logs(id), lines }
      ]])
    end)

    it("is as long as is asked for", function()
      assert.same({ "line 999\nline 1000\n", 20, 1000, "00\n", 1048576 }, eval [[
        local id = run("long", shell("for i in $(seq 1000); do echo line $i; done"))
        engine:wait_container(id)
        local function lines(text) return select(2, text:gsub("\n", "")) end
        local wide = run("wide", shell("head -c 3000000 /dev/zero | tr '\\0' x"))
        engine:wait_container(wide)
        return { engine:logs(id, { tail = 2 }), lines(engine:logs(id)), lines(engine:logs(id, { tail = "all" })),
          engine:logs(id, { max_bytes = 3 }), #engine:logs(wide, { tail = "all" }) }
      ]])
    end)

    it("has times on demand", function()
      local text = eval [[
        local id = run("times", shell("echo now"))
        engine:wait_container(id)
        return engine:logs(id, { timestamps = true, since = 1 })
      ]]
      assert.is_truthy(text:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:[%d.]+%S* now\n$"), text)
    end)
  end)

  describe("commands in containers", function()
    it("give back what they wrote, and their status", function()
      assert.same({
        { code = 7, stdout = "out\n", stderr = "err\n" }, { code = 0, stdout = "a b|/bin|$x\n", stderr = "" },
        { code = 0, stdout = "65534\n", stderr = "" },
      }, eval [[
        local id = run "commands"
        local show = { "sh", "-c", 'echo "$V|$(pwd)|$1"', "-", "$x" }
        return {
          assert(engine:exec(id, { "sh", "-c", "echo out; echo err >&2; exit 7" })),
          assert(engine:exec(id, show, { env = { V = "a b" }, workdir = "/bin" })),
          assert(engine:exec(id, { "id", "-u" }, { user = "65534" })),
        }
      ]])
    end)

    it("may write much, and any bytes", function()
      assert.same({ 2000000, 1000, true, 256 }, eval [[
        local id = run "much"
        local much = assert(engine:exec(id, { "head", "-c", "2000000", "/dev/zero" })).stdout
        local some = assert(engine:exec(id, { "head", "-c", "2000000", "/dev/zero" }, { max_output = 1000 })).stdout
        local all = {}
        for i = 0, 255 do all[i + 1] = string.char(i) end
        all = table.concat(all)
        assert(engine:put_archive(id, "/", tar.new { { name = "opt/bytes", content = all } }))
        local bytes = assert(engine:exec(id, { "cat", "/opt/bytes" })).stdout
        return { #much, #some, bytes == all, #bytes }
      ]])
    end)

    it("that cannot run or do not end say so", function()
      local seen = eval [[
        local id, stopped = run "commands-failing", create "stopped"
        local missing = assert(engine:exec(id, { "no-such-program" }))
        return { missing = missing.code, late = failure(engine:exec(id, { "sleep", "60" }, { timeout = 0.3 })),
          stopped = failure(engine:exec(stopped, { "true" })), none = failure(engine:exec(RUN .. "-none", { "true" })),
          misuse = select(2, pcall(engine.exec, engine, id, "true")),
          option = select(2, pcall(engine.exec, engine, id, { "true" }, { time_out = 1 })) }
      ]]
      assert.is_truthy(seen.missing == 126 or seen.missing == 127)
      assert.equal("timeout", seen.late.code)
      assert.is_truthy(seen.late.message:find("run sleep in container %x+: did not finish within 0.3 s; it keeps"))
      assert.equal("conflict", seen.stopped.code)
      assert.equal("not_found", seen.none.code)
      assert.is_truthy(seen.misuse:find("expected a list of a program and its arguments", 1, true))
      assert.is_truthy(seen.option:find('unknown option time_out; did you mean "timeout"?', 1, true), seen.option)
    end)
  end)

  describe("images", function()
    it("are built, named, found, and removed unless something uses them", function()
      assert.same({ true, true, "built", { "conflict", "conflict" }, true, true, "not_found" }, eval [[
        local lines = {}
        local name = RUN .. "-built"
        local id = assert(build("FROM " .. IMAGE .. "\nARG WORD\nRUN echo step says $WORD >/word\n", { tag = name,
          build_args = { WORD = "built" }, on_progress = function(line) table.insert(lines, line) end }))
        assert(engine:tag_image(name, RUN .. "-tagged:v2"))
        local tagged = assert(engine:inspect_image(RUN .. "-tagged:v2"))
        local same = false
        for _, text in ipairs(tagged.RepoTags) do same = same or docker.same_image(text, name) end
        local container = create("of-built", { Image = name, Cmd = { "cat", "/word" } })
        assert(engine:start_container(container))
        engine:wait_container(container)
        local said = engine:logs(container):match "says (%w+)"
        assert(engine:remove_image(RUN .. "-tagged:v2"))
        local used = { code(engine:remove_image(id)), code(engine:remove_image(id)) }
        assert(engine:remove_container(container))
        local told = table.concat(lines, "\n"):find("echo step says", 1, true) ~= nil
        return { same and id:find "^sha256:%x+$" ~= nil, told, said, used, engine:remove_image(name),
          engine:remove_image(name), code(engine:inspect_image(name)) }
      ]])
    end)

    it("whose names are impossible are not asked for", function()
      assert.same({ "invalid", "invalid", "invalid", "invalid", "invalid" }, eval [[
        return { code(engine:inspect_image("../x")), code(engine:remove_image("a//b")), code(engine:pull("UPPER")),
          code(engine:tag_image(IMAGE, "x@y")), code(engine:build(tar.new {}, { tag = "a b" })) }
      ]])
    end)

    it("that cannot be built say which step failed, and what it wrote", function()
      local seen = eval [[
        return {
          step = failure(build("FROM " .. IMAGE .. "\nRUN echo looking; echo no model here >&2; exit 9\n")),
          file = failure(build("FROM " .. IMAGE .. "\nNONSENSE\n")),
          copy = failure(build("FROM " .. IMAGE .. "\nCOPY missing /\n")),
          empty = failure(engine:build(tar.new {}, { on_progress = quiet })),
        }
      ]]
      assert.equal("build_failed", seen.step.code)
      assert.is_truthy(seen.step.message:find("no model here", 1, true), seen.step.message)
      assert.is_truthy(seen.step.message:find("9", 1, true), seen.step.message)
      assert.is_not_nil(seen.file.code)
      assert.is_truthy(seen.file.message:lower():find("nonsense", 1, true), seen.file.message)
      assert.equal("build_failed", seen.copy.code)
      assert.is_truthy(seen.copy.message:find("missing", 1, true), seen.copy.message)
      assert.is_not_nil(seen.empty.code)
    end)

    it("without a name are cleared away, and counted", function()
      assert.same({ 2, 0, 2 }, eval [[
        local labels = { ["library-test"] = RUN, prune = "yes" }
        local other = { ["library-test"] = RUN, prune = "no" }
        for i = 1, 5 do
          local dockerfile = ("FROM scratch\nCOPY busybox /%d\n"):format(i)
          assert(build(dockerfile, { tag = RUN .. "-pruned", labels = i < 3 and other or labels }))
        end
        return { engine:prune_images { labels = labels }, engine:prune_images { labels = labels },
          #assert(engine:list_images { labels = other, filters = { dangling = { "true" } } }) }
      ]])
    end)
  end)

  describe("networks and volumes", function()
    it("are found by their exact name", function()
      assert.same({ true, "yes", "conflict", "not_found", "not_found", "conflict", true, true, "not_found" }, eval [[
        local name = RUN .. "-net.1"
        local labels = { ["library-test"] = RUN, own = "yes" }
        local id = assert(engine:create_network(name, { labels = labels }))
        local container = run("on-net", { HostConfig = { NetworkMode = name } })
        local found = assert(engine:inspect_network(name))
        local results = { found.Id == id or found.Id:find(id, 1, true) ~= nil, found.Labels.own,
          code(engine:create_network(name)), code(engine:inspect_network(name:sub(1, -2))),
          code(engine:inspect_network(RUN .. "-netx1")), code(engine:remove_network(name)) }
        assert(engine:remove_container(container))
        results[7], results[8] = engine:remove_network(name), engine:remove_network(name)
        results[9] = code(engine:inspect_network(name))
        return results
      ]])
    end)

    it("take and release containers, once or again", function()
      assert.same({ true, true, true, "not_found", "not_found", true, true, false, "not_found" }, eval [[
        local name = RUN .. "-join"
        local labels = { ["library-test"] = RUN }
        assert(engine:create_network(name .. "1", { labels = labels }))
        assert(engine:create_network(name, { labels = labels }))
        local container = run("joins", { HostConfig = { NetworkMode = name .. "1" } })
        local function on(network)
          return assert(engine:inspect_container(container)).NetworkSettings.Networks[network] ~= nil
        end
        local results = { engine:connect_network(name, container, { aliases = { "other" } }),
          engine:connect_network(name, container), on(name), code(engine:connect_network(name .. "2", container)),
          code(engine:connect_network(name, RUN .. "-nobody")), engine:disconnect_network(name, container),
          engine:disconnect_network(name, container), on(name),
          code(engine:disconnect_network(name .. "2", container)) }
        assert(engine:remove_container(container))
        assert(engine:remove_network(name) and engine:remove_network(name .. "1"))
        return results
      ]])
    end)

    it("hold what is put there, and stay while they are used", function()
      assert.same({ "yes", true, "kept\n", "conflict", true, true, "not_found" }, eval [[
        local name = RUN .. "-volume"
        local labels = { ["library-test"] = RUN, own = "yes" }
        assert(engine:create_volume(name, { labels = labels }))
        local again = engine:create_volume(name, { labels = labels }) == name
        local mounts = { Mounts = { { Type = "volume", Source = name, Target = "/data" } } }
        local writer = run("writer", shell("echo kept >/data/file", { HostConfig = mounts }))
        engine:wait_container(writer)
        local reader = run("reader", shell("cat /data/file", { HostConfig = mounts }))
        engine:wait_container(reader)
        local results = { assert(engine:inspect_volume(name)).Labels.own, again, engine:logs(reader),
          code(engine:remove_volume(name)) }
        assert(engine:remove_container(reader) and engine:remove_container(writer))
        results[5], results[6] = engine:remove_volume(name), engine:remove_volume(name)
        results[7] = code(engine:inspect_volume(name))
        return results
      ]])
    end)
  end)

  describe("a dry run", function()
    it("changes nothing, and says what it would", function()
      local seen = eval([[
        local archive = tar.new { { name = "a", content = "b" } }
        local name = RUN .. "-dry"
        local results = { engine:create_network(name), engine:create_volume(name),
          engine:create_container(name, { Image = IMAGE }), engine:put_archive(name, "/", archive),
          engine:start_container(name), engine:exec(name, { "true" }), engine:wait_container(name),
          engine:stop_container(name), engine:kill_container(name), engine:pull "alpine", engine:push "alpine",
          engine:build(archive, { tag = name, note = "base x" }), engine:tag_image(IMAGE, name),
          engine:remove_image(IMAGE), engine:remove_container(name), engine:remove_network(name),
          engine:remove_volume(name), engine:call("POST", "/x/prune", { what = "tidy up", dry_run = "dry" }) }
        return { results, code(engine:inspect_container(name)), code(engine:inspect_network(name)),
          code(engine:inspect_volume(name)), #assert(engine:inspect_image(IMAGE)).Id > 0 }
      ]], { args = { "--dry-run" } })
      local zeros = "sha256:" .. ("0"):rep(64)
      local name = bench().run_id .. "-dry"
      assert.same({ name, name, name, true, true, { code = 0, stdout = "", stderr = "" }, 0, true, true, true,
        { digest = zeros }, zeros, true, true, true, true, true, "dry" }, seen[1])
      assert.same({ "not_found", "not_found", "not_found", true }, table.move(seen, 2, 5, 1, {}))
      local log = bench().workspace:read "stderr"
      for _, text in ipairs {
        "docker.create container " .. name, "docker.pull alpine:latest", "docker.remove container " .. name,
        "docker.build " .. name .. " (base x, 0.0 MB)", "docker.post tidy up", "docker.create network " .. name,
      } do
        assert.is_truthy(log:find(text, 1, true), text)
      end
    end)
  end)
end
