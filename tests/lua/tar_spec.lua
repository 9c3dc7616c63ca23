-- bosun.tar: archives that GNU tar, Python's tarfile and bsdtar (where it is installed) read as they were meant.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.tar", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code, options)
    return workspace:eval('local tar = require "bosun.tar"\n' .. code, options)
  end

  local function output_of(command)
    local pipe = assert(io.popen(command .. " 2>&1"))
    local text = pipe:read("a")
    return text, pipe:close() == true
  end

  local function is_installed(program)
    return (output_of("command -v " .. program)) ~= ""
  end

  --- Every entry as tarfile reads it: "name|type|size|mode|mtime|uid|gid|uname|linkname|first bytes".
  local function read_by_python(path)
    local script = workspace:write("list.py", [[
import sys, tarfile
with tarfile.open(sys.argv[1], errorlevel=2) as tar:
    for m in tar:
        content = tar.extractfile(m).read() if m.isfile() else b""
        assert len(content) == m.size
        print(m.name, m.type.decode(), m.size, oct(m.mode)[2:], int(m.mtime), m.uid, m.gid, m.uname, m.linkname,
              content[:10].decode(errors="replace"), sep="|")
]])
    local text, ok = output_of(("python3 %s %s"):format(script, path))
    assert(ok, text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    return lines
  end

  --- Writes an archive of the entries that the code lists, and returns its path and what tar.write returned.
  local function write(entries)
    local path = workspace:path "archive.tar"
    os.remove(path)
    local size = eval(("local N = %q\nreturn assert(tar.write(%q, {%s}))"):format(workspace.root, path, entries))
    assert.equal(size, #workspace:read "archive.tar")
    return path, size
  end

  it("writes files, folders and symlinks", function()
    workspace:write("file", "from disk")
    local path = write [[
      { name = "a/", type = "directory" },
      { name = "a/b", content = "text" },
      { name = "c", path = N .. "/file", mode = tonumber("755", 8), mtime = 17, uid = 5, gid = 6, uname = "me" },
      { name = "d", type = "symlink", target = "a/b" },
      { name = "empty", content = "" },
      { name = "block", content = ("x"):rep(512) },
    ]]
    assert.same({ "a|5|0|755|0|0|0|||", "a/b|0|4|644|0|0|0|||text", "c|0|9|755|17|5|6|me||from disk",
      "d|2|0|777|0|0|0||a/b|", "empty|0|0|644|0|0|0|||", "block|0|512|644|0|0|0|||xxxxxxxxxx" }, read_by_python(path))
  end)

  it("keeps long names, other alphabets and numbers that do not fit ustar", function()
    local long, deep = ("n"):rep(300), ("d/"):rep(120) .. "file"
    local split = ("p"):rep(155) .. "/" .. ("s"):rep(100)
    local folder = ("f"):rep(99)
    local path = write(([[
      { name = %q, content = "1" }, { name = %q, content = "2" }, { name = %q, content = "3" },
      { name = "grüße/模型", content = "4", mtime = -5, uid = 3000000, uname = "jürgen" },
      { name = "link", type = "symlink", target = %q },
      { name = %q, type = "directory" }, { name = %q, type = "directory" },
    ]]):format(long, deep, split, long, folder, folder .. "x"))
    local expected = { long .. "|0|1|644|0|0|0|||1", deep .. "|0|1|644|0|0|0|||2", split .. "|0|1|644|0|0|0|||3",
      "grüße/模型|0|1|644|-5|3000000|0|jürgen||4", "link|2|0|777|0|0|0||" .. long .. "|",
      folder .. "|5|0|755|0|0|0|||", folder .. "x|5|0|755|0|0|0|||" }
    assert.same(expected, read_by_python(path))
    for _, program in ipairs { "tar", "bsdtar" } do
      if is_installed(program) then
        local names = output_of(("LC_ALL=C.UTF-8 %s -tf %s"):format(program, path))
        assert.equal(table.concat({ long, deep, split, "grüße/模型", "link", folder .. "/", folder .. "x/", "" }, "\n"),
          (names:gsub("\\(%d%d%d)", function(digits) return string.char(tonumber(digits, 8)) end)))
      end
    end
  end)

  it("keeps names of every length", function()
    local entries, expected = {}, {}
    for length = 90, 270, 3 do
      local name = ("abcdefghi/"):rep(27):sub(1, length - 1) .. "x"
      entries[#entries + 1] = ("{ name = %q, content = '' }"):format(name)
      expected[#expected + 1] = name .. "|0|0|644|0|0|0|||"
    end
    assert.same(expected, read_by_python((write(table.concat(entries, ",")))))
  end)

  it("is extracted by GNU tar unchanged", function()
    workspace:write("random", eval [[
      return require("bosun.base64").encode(require("bosun.crypto").random_bytes(200000))]])
    local path = write [[
      { name = "x/random", path = N .. "/random" }, { name = "x/l", type = "symlink", target = "random" }]]
    local text, ok = output_of(("mkdir -p %s/out && tar -C %s/out -xf %s && cmp %s/out/x/l %s/random"):format(
      workspace.root, workspace.root, path, workspace.root, workspace.root))
    assert.is_true(ok, text)
  end)

  it("records the size of a file of 9 GB", function()
    assert.same({ true, "9000000000" }, eval [[
      local piece = ("\0"):rep(1000000)
      local left = 9000
      local archive = tar.new { { name = "huge", size = 9000000000, source = function()
        left = left - 1
        return left >= 0 and piece or nil
      end } }
      local next_piece, total, first = archive:reader(), 0, nil
      for text in next_piece do
        first = first or text
        total = total + #text
      end
      return { total == archive:size(), first:match "size=(%d+)\n" }]])
  end)

  it("can be the source of a request", function()
    assert.same({ true, 3072, 3072, true }, eval [[
      local count = 3
      local archive = tar.new():add { name = "a", content = "text" }
      archive:add { name = "b", size = 6, source = function()
        count = count - 1
        return count >= 0 and "ab" or nil
      end }
      local pieces, reader = {}, archive:reader()
      for piece in reader do pieces[#pieces + 1] = piece end
      local all = table.concat(pieces)
      return { all:find("ababab", 1, true) ~= nil, #all, archive:size(), reader() == nil }]])
  end)

  it("is the same for the same entries", function()
    assert.is_true(eval [[
      local entries = { { name = "a", content = "text" }, { name = "b", type = "directory" } }
      local function all()
        local pieces = {}
        for piece in tar.new(entries):reader() do pieces[#pieces + 1] = piece end
        return table.concat(pieces)
      end
      return all() == all()]])
  end)

  it("fails on an unreadable entry, and leaves the old file unchanged", function()
    workspace:write("old.tar", "old")
    for entry, expected in pairs {
      ['{ name = "a", path = "/no/such/file" }'] = "ENOENT: .*/no/such/file",
      ['{ name = "a", path = "/tmp" }'] = "invalid: cannot archive /tmp: expected a file, found a directory",
      ['{ name = "a", size = 5, source = function() end }'] = "invalid: .*: shorter than the expected 5 ",
      ['{ name = "a", size = 1, source = function() return "xx" end }'] = ": longer than the expected 1 bytes",
      ['{ name = "a", size = 1, source = function() return nil, { code = "x", message = "broken" } end }'] =
        "^x: broken$",
    } do
      local message = eval(([[
        local size, err = tar.write(%q, { { name = "first", content = "x" }, %s })
        return tostring(size) .. err.code .. ": " .. err.message]]):format(workspace:path "old.tar", entry))
      assert.is_truthy(message:gsub("^nil", ""):find(expected), message)
      assert.equal("old", workspace:read "old.tar")
    end
    assert.is_nil(workspace:tree("."):find(".bosun-tar-", 1, true))
    local full = eval [[
      local _, err = tar.write("/no/such/folder/a.tar", {})
      return err.code]]
    assert.equal("ENOENT", full)
  end)

  it("writes nothing in a dry run", function()
    local data = workspace:act("pe_status", nil, { args = { "--dry-run" }, plugin = workspace:plugin_file("dry", ([[
      function P:pe_status()
        local size = require("bosun.tar").write(%q, { { name = "a", content = "x" } })
        return ActionStatusInfo{ status = ActionStatus.OK, data = { size = size } }
      end]]):format(workspace:path "dry.tar")) }).data
    assert.same({ 2048, "tar.write", workspace:path "dry.tar" },
      { data.size, data.plan[1].operation, data.plan[1].target })
    assert.is_nil(workspace:read "dry.tar")
  end)

  it("raises on invalid entries", function()
    for entry, words in pairs {
      ["{}"] = "name: missing", ["{ name = '/a', content = '' }"] = "expected a relative path",
      ["{ name = 'a/../b', content = '' }"] = '".."', ["{ name = 'a' }"] = "one of content, path and source",
      ["{ name = 'a', content = '', path = 'b' }"] = "one of content, path and source",
      ["{ name = 'a\\0', content = '' }"] = "NUL", ["{ name = '\\xff', content = '' }"] = "not UTF-8",
      ["{ name = 'a', source = print }"] = "size: required with a source",
      ["{ name = 'a', type = 'fifo' }"] = "type: expected",
      ["{ name = 'a', type = 'symlink' }"] = "target", ["{ name = 'a', content = '', target = 'b' }"] = "target",
      ["{ name = 'a', type = 'directory', content = '' }"] = "only files",
      ["{ name = 'a', content = 1 }"] = "option content: expected a string, got 1",
      ["{ name = 'a', content = '', uid = -1 }"] = "option uid: expected an integer of 0 or more, got -1",
      ["{ name = 'a', content = '', mode = 65536 }"] =
        "option mode: expected a mode from 0 to 4095 (octal 7777), got 65536",
      ["{ title = 'a' }"] = "unknown option title",
      ["{ name = 'a', content = '', size = 1.5 }"] = "size: expected an integer of 0 or more, got 1.5",
    } do
      local message = eval("local _, err = pcall(function() tar.new { " .. entry .. " } end) return err")
      assert.is_truthy(message:find("tar: entry 1: .*" .. words:gsub("%p", "%%%0")), entry .. ": " .. message)
    end
  end)
end)
