-- bosun.docker: names of images.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("docker.parse_reference", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  local DIGEST = "sha256:" .. ("0123456789abcdef"):rep(4)

  --- What becomes of each of these names: its parts with "|" between them, or "problem: …".
  local function parse(names)
    local list = {}
    for i, name in ipairs(names) do list[i] = ("%q"):format(name) end
    return workspace:eval(([[
      local docker, results = require "bosun.docker", {}
      for i, name in ipairs { %s } do
        local ref, problem = docker.parse_reference(name)
        results[i] = ref and table.concat({ ref.domain, ref.repository, ref.tag or "", ref.digest or "", ref.name,
          ref.familiar }, "|") or "problem: " .. problem
      end
      return results
    ]]):format(table.concat(list, ", ")))
  end

  it("knows registries, repositories, tags and digests", function()
    local results = parse {
      "alpine", "alpine:3.18", "datarobot/agent", "docker.io/alpine", "index.docker.io/library/alpine:latest",
      "127.0.0.1/a", "localhost/model", "localhost:5000/a/b/c:v1", "registry.example.com/x_y/z__w/a-b--c.d:V.1-2_3",
      "alpine@" .. DIGEST, "host:1/alpine:3@" .. DIGEST, "[::1]:5000/a", "UPPER.example/a", "127.0.0.1:5000/a",
    }
    assert.same({
      "docker.io|library/alpine|latest||docker.io/library/alpine:latest|alpine:latest",
      "docker.io|library/alpine|3.18||docker.io/library/alpine:3.18|alpine:3.18",
      "docker.io|datarobot/agent|latest||docker.io/datarobot/agent:latest|datarobot/agent:latest",
      "docker.io|library/alpine|latest||docker.io/library/alpine:latest|alpine:latest",
      "docker.io|library/alpine|latest||docker.io/library/alpine:latest|alpine:latest",
      "127.0.0.1|a|latest||127.0.0.1/a:latest|127.0.0.1/a:latest",
      "localhost|model|latest||localhost/model:latest|localhost/model:latest",
      "localhost:5000|a/b/c|v1||localhost:5000/a/b/c:v1|localhost:5000/a/b/c:v1",
      "registry.example.com|x_y/z__w/a-b--c.d|V.1-2_3||registry.example.com/x_y/z__w/a-b--c.d:V.1-2_3|"
        .. "registry.example.com/x_y/z__w/a-b--c.d:V.1-2_3",
      ("docker.io|library/alpine||%s|docker.io/library/alpine@%s|alpine@%s"):format(DIGEST, DIGEST, DIGEST),
      ("host:1|alpine|3|%s|host:1/alpine:3@%s|host:1/alpine:3@%s"):format(DIGEST, DIGEST, DIGEST),
      "[::1]:5000|a|latest||[::1]:5000/a:latest|[::1]:5000/a:latest",
      "UPPER.example|a|latest||UPPER.example/a:latest|UPPER.example/a:latest",
      "127.0.0.1:5000|a|latest||127.0.0.1:5000/a:latest|127.0.0.1:5000/a:latest",
    }, results)
  end)

  it("says what is wrong with others", function()
    local names = {
      "", "Alpine", "a b", "a//b", "/a", "a/", "-a", "a-", "a___b", "a..b", "a/../b", "a:", "a:b:c", "a:-x",
      "a@sha256:12", "a@md5", "a:" .. ("x"):rep(129), ("x"):rep(256), ("a"):rep(64), "-host.example/a",
      "host.example:port/a", "host.example:/a", "a\nb", "é", "a@" .. DIGEST:upper(), "host..example/a",
      "http://host/a", "a:b/", "library/UPPER", "a@md5:" .. ("0"):rep(64), "[::1]x/a", "[::1]:/a",
    }
    for i, result in ipairs(parse(names)) do
      assert.is_truthy(result:find("^problem: "), ("%q: %s"):format(names[i], result))
    end
    local some = parse { "Alpine", ("a"):rep(64), "a:" .. ("x"):rep(129) }
    assert.is_truthy(some[1]:find "upper%-case")
    assert.is_truthy(some[2]:find "an image ID")
    assert.is_truthy(some[3]:find "is not a valid tag")
  end)

  it("tells when two names are one image", function()
    local same = function(a, b)
      return workspace:eval(("return require('bosun.docker').same_image(%q, %q)"):format(a, b))
    end
    assert.is_true(same("alpine", "docker.io/library/alpine:latest"))
    assert.is_true(same("localhost/mlops_m1", "mlops_m1:latest"))
    assert.is_true(same("mlops_m1:7", "localhost/mlops_m1:7"))
    assert.is_true(same("localhost/a/b", "localhost/a/b:latest"))
    assert.is_true(same(DIGEST, DIGEST))
    assert.is_false(same("alpine", "alpine:3"))
    assert.is_false(same("localhost/a/b", "a/b"))
    assert.is_false(same("localhost/a", "host.example/a"))
    assert.is_false(same("alpine", "alpine@" .. DIGEST))
    assert.is_false(same("NO", "no"))
  end)
end)
