-- bosun.http: why there is no reply, and what to do about it: TLS, where CAs come from, proxies, sockets.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("bosun.http says what is wrong and what to do:", function()
  local workspace, nginx, bad

  setup(function()
    workspace = Workspace.new()
    nginx, bad = web.nginx(workspace), web.bad(workspace)
  end)

  teardown(function()
    nginx.handle:close()
    bad.handle:close()
    workspace:remove()
  end)

  --- The code and the message of a GET, or its status.
  local function get(url, options, before)
    return table.unpack(workspace:eval(([[
      local resp, err = require("bosun.http").get(%q, %s)
      return { resp and resp.status or err.code, err and err.message or "" }
    ]]):format(url, options or "{}"), { before = "env -u SSL_CERT_FILE -u SSL_CERT_DIR " .. (before or "") }))
  end

  --- Asserts that a GET fails with the code, and with the words in its message.
  local function fails(code, words, url, options, before)
    local seen, message = get(url, options, before)
    assert.equal(code, seen, message)
    assert.is_truthy(message:find("GET " .. url .. " failed: ", 1, true) == 1, message)
    assert.is_truthy(message:find(words, 1, true), message)
  end

  describe("a certificate", function()
    local function with_ca() return ("{ tls = { ca = %q } }"):format(workspace:path "ca.crt") end

    it("that has expired or is not valid yet: the clock or a new one", function()
      fails("tls", "expired: is this machine's clock right? Otherwise the server needs a new", nginx.expired, with_ca())
      fails("tls", "not yet valid: is this machine's clock right?", nginx.early, with_ca())
    end)

    it("of another name: that name", function()
      fails("tls", "use a name of the certificate in the URL, or set tls.server_name", nginx.named, with_ca())
    end)

    it("of an unknown CA, or of none: tls.ca", function()
      fails("tls", "if a private CA issued the server's certificate, set tls.ca", nginx.tls)
      fails("tls", "if the server is the right one, set tls.ca to its certificate", nginx.own)
      assert.equal(200, (get(nginx.own, ("{ tls = { ca = %q } }"):format(workspace:path "own.crt"))))
    end)
  end)

  describe("CAs", function()
    it("are those of tls.ca, otherwise of SSL_CERT_FILE and SSL_CERT_DIR, otherwise the system's", function()
      local root = workspace.root
      workspace:mkdir "cas"
      assert(os.execute(("cp %s/ca.crt %s/cas && openssl rehash %s/cas 2>/dev/null"):format(root, root, root)))
      workspace:mkdir "none"
      local url, own = nginx.tls .. "/seen", ("{ tls = { ca = '%s/ca.crt' } }"):format(root)
      local other = ("{ tls = { ca = '%s/other-ca.crt' } }"):format(root)
      assert.equal(200, (get(url, nil, ("env SSL_CERT_FILE=%s/ca.crt"):format(root))))
      assert.equal(200, (get(url, nil, ("env SSL_CERT_DIR=%s/cas"):format(root))))
      assert.equal(200, (get(url, nil, ("env SSL_CERT_DIR=%s/cas SSL_CERT_FILE=%s/other-ca.crt"):format(root, root))))
      assert.equal(200, (get(url, nil, ("env SSL_CERT_DIR=%s/none:%s/cas SSL_CERT_FILE="):format(root, root))))
      assert.equal(200, (get(url, own, ("env SSL_CERT_FILE=%s/other-ca.crt"):format(root))))
      for _, place in ipairs { "SSL_CERT_FILE=ROOT/other-ca.crt", "SSL_CERT_DIR=ROOT/none", "SSL_CERT_FILE=", "X=" } do
        assert.equal("tls", (get(url, nil, "env " .. place:gsub("ROOT", root))))
      end
      assert.equal("tls", (get(url, other, ("env SSL_CERT_FILE=%s/ca.crt"):format(root))))
      assert.equal(200, (get(nginx.url .. "/method", nil, "env SSL_CERT_FILE=/none")))
    end)

    it("that cannot be read: where they were looked for", function()
      fails("tls", "check SSL_CERT_FILE: it names a file in PEM format", nginx.tls, nil, "env SSL_CERT_FILE=/none")
      fails("tls", "check tls.ca: a file or text in PEM format", nginx.tls, '{ tls = { ca = "/dev/null" } }')
    end)

    it("of a machine that has none: the package", function()
      local hidden = "unshare -rm sh -c 'mount -t tmpfs none /etc/ssl/certs && exec \"$@\"' sh"
      if not os.execute(hidden .. " true 2>/dev/null") then return pending("hiding a folder needs namespaces") end
      fails("tls", "this machine has no file of CAs: install the package ca-certificates, or set tls.ca", nginx.tls,
        nil, hidden)
    end)
  end)

  it("a proxy that refuses to connect: its address and status", function()
    local at = ("the proxy at 127.0.0.1:%d refuses to connect to the host (status "):format(bad.port)
    local url = "https://host.invalid/x"
    local function through(user) return ("env https_proxy=http://%s127.0.0.1:%d"):format(user, bad.port) end
    fails("proxy", at .. "407): it wants a user and a password: put them into the proxy's URL", url, nil, through "")
    fails("proxy", at .. "403): allow the host there, or add it to no_proxy", url, nil, through "403:S3cret@")
    fails("connect", at .. "502): does the proxy reach the host?", url, nil, through "502:S3cret@")
    fails("proxy", at .. "407)", url, ("{ proxy = 'http://127.0.0.1:%d' }"):format(bad.port))
    fails("ECONNREFUSED", "is this the server or the proxy", url, nil, "env https_proxy=http://127.0.0.1:1")
    assert.same({ "proxy", true }, workspace:eval(([[
      local _, err = require("bosun.http").connect("https://host.invalid/", { upgrade = "x",
        proxy = "http://403:x@127.0.0.1:%d" })
      return { err.code, err.message:find("(status 403)", 1, true) ~= nil }
    ]]):format(bad.port)))
  end)

  it("a Unix socket that is missing, none, or without a service", function()
    local root, url = workspace.root, "http://unix/"
    local bind = "/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"%s/dead\")'"
    assert(os.execute(bind:format(root)))
    workspace:write("file", "")
    for name, words in pairs {
      missing = "No such file or directory (ENOENT): is the service running, and is the path right?",
      file = "Socket operation on non-socket (ENOTSOCK): is the path right?",
      dead = "Connection refused (ECONNREFUSED): no process listens on it: is the service running?",
    } do
      local path = root .. "/" .. name
      fails(words:match "%((E%u+)%)", ("cannot connect to the socket %s: %s"):format(path, words), url,
        ("{ unix_socket = %q }"):format(path))
    end
  end)

  it("something that does not speak HTTP", function()
    for _, line in ipairs { "HTTP/1.1 banana", "HTTP/9.9 200 OK", "HTTP/1.1 99 x", "SSH-2.0-OpenSSH_9", "220 mail" } do
      fails("protocol", "is it an HTTP server?", bad.url .. "/status-line?line=" .. line:gsub("[ /]", "%%20"))
    end
    fails("tls", "is it a TLS server", (nginx.url:gsub("^http", "https")))
  end)
end)
