-- Which cluster kubernetes.connect finds, and who the client is: kubeconfig files, and a pod's service account.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local cjson = require "cjson"
local web = require "web"

describe("kubernetes.connect", function()
  local workspace, server, over_tls

  setup(function()
    workspace = Workspace.new()
    for _, command in ipairs { "issue server IP:127.0.0.1,DNS:other.example", "authority stranger" } do
      assert(os.execute(("tests/support/certificates %s %s"):format(workspace.root, command)))
    end
    server = web.awkward(workspace)
    workspace:mkdir "tls"
    over_tls = web.awkward(setmetatable({ path = function(_, name) return workspace:path("tls/" .. name) end },
      { __index = workspace, }), workspace:path "server.pem")
  end)

  teardown(function()
    server.handle:close()
    over_tls.handle:close()
    workspace:remove()
  end)

  local function seen(name)
    local pipe = assert(io.popen(("curl -sS %s/%s/seen"):format(server.url, name)))
    local list = cjson.decode(pipe:read "a")
    assert(pipe:close())
    return list
  end

  --- Connects with these options and environment: what is known of the cluster, or the failure. `also`: a request.
  local function connect(options, environment, also)
    return workspace:eval(([[
      local cluster, err = require("bosun.kubernetes").connect(%s)
      if cluster then
        local object, problem = nil, nil
        if %s then object, problem = cluster:get("Pod", "x") end
        return { server = cluster.server, namespace = cluster.namespace, context = cluster.context, user = cluster.user,
          failed = problem and tostring(problem) }
      end
      return { code = err.code, message = err.message, file = err.file, line = err.line, path = err.path, op = err.op }
    ]]):format(options or "{}", tostring(also or false)),
      { before = ("env -u KUBECONFIG -u KUBERNETES_SERVICE_HOST HOME=%s %s"):format(workspace.root,
        environment or "") })
  end

  --- A kubeconfig with one context; `parts`: YAML of the cluster and of the user.
  local function kubeconfig(name, parts)
    return workspace:write(parts.file or name .. ".yaml", ([[
apiVersion: v1
kind: Config
current-context: main
clusters:
- name: there
  cluster:
    server: %s/%s
%s
users:
- name: me
  user: {%s}
contexts:
- name: main
  context: {cluster: there, user: me, namespace: spaces}
- name: bare
  context: {cluster: there}
]]):format(parts.server or server.url, name, parts.cluster or "", parts.user or ""))
  end

  local function assert_failure(code, text, found)
    assert.equal(code, found.code, found.message)
    assert.equal("kubernetes", found.op)
    assert.is_truthy(found.message:find(text, 1, true), found.message)
  end

  describe("reads a kubeconfig", function()
    it("that the environment or an option names", function()
      local file = kubeconfig("fine", {})
      local wanted = { server = server.url .. "/fine", namespace = "spaces", context = "main",
        user = ('user "me" of %s'):format(file) }
      assert.same(wanted, connect("{}", "KUBECONFIG=" .. file))
      assert.same(wanted, connect(("{ config_file = %q }"):format(file)))
      os.execute("mkdir -p " .. workspace:path ".kube")
      os.execute(("cp %s %s"):format(file, workspace:path ".kube/config"))
      assert.equal(server.url .. "/fine", connect().server)
      os.remove(workspace:path ".kube/config")
      local bare = connect(("{ config_file = %q, context = 'bare' }"):format(file))
      assert.same({ "default", "bare", "no user" }, { bare.namespace, bare.context, bare.user })
      assert.equal("mine", connect(("{ config_file = %q, namespace = 'mine' }"):format(file)).namespace)
    end)

    it("of several files, where the first one to say something wins", function()
      local first = workspace:write("first.yaml", ([[
users: [{name: u, user: {token: first-token}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
current-context: ""
clusters: [{name: k, cluster: {server: "%s/first"}}]
]]):format(server.url))
      local second = workspace:write("second.yaml", ([[
current-context: d
clusters: [{name: k, cluster: {server: "http://127.0.0.1:1", proxy-url: "http://127.0.0.1:1"}},
  {name: l, cluster: {server: "%s/fine"}}]
users: [{name: u, user: {token: second-token}}]
contexts: [{name: d, context: {cluster: l, user: u}}, {name: c, context: {cluster: l, user: u}}]
]]):format(server.url))
      local environment = ("KUBECONFIG=:%s/none.yaml:%s:%s"):format(workspace.root, first, second)
      local found = connect("{}", environment)
      assert.same({ server.url .. "/fine", "d", ('user "u" of %s'):format(first) },
        { found.server, found.context, found.user })
      found = connect("{ context = 'c' }", environment)
      assert.equal(server.url .. "/first", found.server)
      found = connect(("{ config_file = { %q, %q } }"):format(second, first))
      assert.equal(server.url .. "/fine", found.server)
    end)

    it("and finds files beside it", function()
      workspace:mkdir "place"
      os.execute(("cp %s/ca.crt %s/server.crt %s/server.key %s/place"):format(workspace.root, workspace.root,
        workspace.root, workspace.root))
      workspace:write("place/token", "from-a-file\n")
      local file = kubeconfig("fine", { file = "place/config", server = over_tls.url,
        cluster = "    certificate-authority: ca.crt",
        user = "tokenFile: token, client-certificate: server.crt, client-key: server.key" })
      assert.is_nil(connect(("{ config_file = %q }"):format(file), "", true).code)
      os.remove(workspace:path "place/token")
      assert_failure("ENOENT", workspace:path "place/token", connect(("{ config_file = %q }"):format(file)))
    end)
  end)

  describe("trusts", function()
    local function with(lines)
      return connect(("{ config_file = %q }"):format(kubeconfig("fine", { server = over_tls.url, cluster = lines })))
    end
    local function data_of(name)
      local pipe = assert(io.popen("base64 -w0 " .. workspace:path(name)))
      local text = pipe:read "a"
      pipe:close()
      return text
    end

    it("the CA of the cluster, in the file or as data", function()
      assert.is_nil(with("    certificate-authority-data: " .. data_of "ca.crt").code)
      assert.is_nil(with("    certificate-authority: nowhere.crt\n    certificate-authority-data: " .. data_of "ca.crt")
        .code)
      assert_failure("tls", "no answer from the API server at ", with("    certificate-authority: stranger.crt"))
      assert_failure("tls", "no answer from the API server at ", with "")
    end)

    it("anybody, or another name, when it is told to", function()
      assert.is_nil(with("    insecure-skip-tls-verify: true").code)
      assert.is_nil(with("    certificate-authority: ca.crt\n    tls-server-name: other.example").code)
      assert_failure("tls", "third.example",
        with "    certificate-authority: ca.crt\n    tls-server-name: third.example")
    end)
  end)

  describe("is", function()
    local function as(name, user)
      local found = connect(("{ config_file = %q }"):format(kubeconfig(name, { user = user })), "", true)
      return found.failed or found.message, seen(name)[1]:match "(%S+ ?%S*)$"
    end

    it("who the kubeconfig says", function()
      assert.equal("Bearer abc-token", select(2, as("fine-token", "token: abc-token")))
      assert.equal("Basic bWU6c2VjcmV0", select(2, as("fine-basic", "username: me, password: secret")))
      local groups = as("echo", "token: t-token, as: other, as-groups: [a, b], as-uid: 1-2, as-user-extra: {x: [y]}")
      for _, text in ipairs { "impersonate-user=other", "impersonate-group=b", "impersonate-uid=1-2",
        "impersonate-extra-x=y" } do
        assert.is_truthy(groups:find(text, 1, true), groups)
      end
    end)

    it("through the proxy that it names", function()
      local file = kubeconfig("fine-proxy", { cluster = "    proxy-url: http://127.0.0.1:1" })
      assert_failure("ECONNREFUSED", "no answer from the API server at ",
        connect(("{ config_file = %q }"):format(file)))
    end)
  end)

  describe("asks a program", function()
    local VERSION = "client.authentication.k8s.io/v1"

    --- A credential program that runs this script.
    local function program(script)
      local file = workspace:write("program", "#!/bin/sh\n" .. script)
      os.execute("chmod +x " .. file)
      return file
    end
    local function ask(name, script, more, cluster)
      program(script)
      local file = kubeconfig(name, { cluster = cluster, user = ("exec: {apiVersion: %s, interactiveMode: Never, "
        .. "command: ./program, installHint: get it somewhere%s}"):format(VERSION, more or "") })
      return connect(("{ config_file = %q }"):format(file), "", true)
    end
    local function credential(status)
      return ("echo '%s'"):format(cjson.encode { kind = "ExecCredential", apiVersion = VERSION, status = status })
    end

    it("with its arguments and environment, and tells it of the cluster when it wants that", function()
      local found = ask("fine-exec", 'echo "$1 $OWN $KUBERNETES_EXEC_INFO" >"$0.said"\n'
        .. credential { token = "token-of-a-program", expirationTimestamp = "2999-01-01T00:00:00Z" },
        ", args: [one], env: [{name: OWN, value: two}], provideClusterInfo: true")
      assert.is_nil(found.code, found.message)
      assert.is_truthy(seen("fine-exec")[1]:find("Bearer token%-of%-a%-program$"))
      local first, second, info = workspace:read("program.said"):match "^(%S+) (%S+) (.*)$"
      info = cjson.decode(info)
      assert.same({ "one", "two", "ExecCredential", VERSION, false, server.url .. "/fine-exec" },
        { first, second, info.kind, info.apiVersion, info.spec.interactive, info.spec.cluster.server })
    end)

    it("again when its answer has expired", function()
      ask("fine-expired", 'echo x >>"$0.count"\n'
        .. credential { token = "token-for-a-moment", expirationTimestamp = "2001-01-01T00:00:00Z" })
      assert.equal("x\nx\n", workspace:read "program.count")
    end)

    it("for a client certificate", function()
      local function read(name) return workspace:read(name) end
      local file = workspace:write("answer", cjson.encode { kind = "ExecCredential", apiVersion = VERSION,
        status = { clientCertificateData = read "server.crt", clientKeyData = read "server.key" } })
      assert.is_nil(ask("fine-cert", "cat " .. file).code)
      assert_failure("helper", "expected both clientCertificateData and clientKeyData, or neither",
        ask("fine", credential { clientKeyData = "x" }))
      assert_failure("helper", "it holds no CERTIFICATE in PEM form",
        ask("fine", credential { clientCertificateData = "x", clientKeyData = "y" }))
    end)

    it("that fails", function()
      assert_failure("helper", "/program: exited with status 3: not logged in",
        ask("fine", "echo not logged in >&2; exit 3"))
      assert_failure("helper", "its output is not an ExecCredential", ask("fine", "echo hello"))
      assert_failure("helper", "its output is of apiVersion client.authentication.k8s.io/v1beta1, but "
        .. "client.authentication.k8s.io/v1 is configured", ask("fine", [[
        echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1"}']]))
      assert_failure("helper", "has neither a token nor a client certificate", ask("fine", credential {}))
      os.remove(workspace:path "program")
      assert_failure("ENOENT", "get it somewhere", connect(("{ config_file = %q }"):format(workspace:path "fine.yaml")))
      local limited = workspace:eval(([[
        local time = require "bosun.time"
        local limit <close> = time.limit(0.3)
        local _, err = require("bosun.kubernetes").connect { config_file = %q }
        return { code = err.code, message = err.message, op = err.op }
      ]]):format((program "sleep 100" and workspace:path "fine.yaml")))
      assert.equal("timeout", limited.code, limited.message)
    end)
  end)

  describe("finds mistakes", function()
    local function at(parts)
      return connect(("{ config_file = %q }"):format(kubeconfig("wrong", parts)))
    end

    it("in a cluster or a user, with their place", function()
      local found = at { cluster = "    certificate-authority: ca.crt\n    insecure-skip-tls-verify: true" }
      assert_failure("invalid", "a CA and no verification: expected one of them", found)
      assert.same({ workspace:path "wrong.yaml", 9, "clusters[1].cluster.insecure-skip-tls-verify" },
        { found.file, found.line, found.path })
      local v1 = "exec: {apiVersion: client.authentication.k8s.io/v1, "
      local beta = "exec: {apiVersion: client.authentication.k8s.io/v1beta1"
      for user, text in pairs {
        ["token: a, username: b"] = "a token and a user name: expected one of them",
        ["password: b"] = "expected a username, too",
        ["token: 5"] = "expected text, got a number",
        ["client-certificate: server.crt"] = "it has a client-certificate without a client-key",
        ["client-key-data: '???'"] = "not base64",
        ["client-key-data: aGVsbG8="] = "it holds no PRIVATE KEY in PEM form",
        ["client-certificate: nowhere, client-key: server.key"] = "nowhere",
        ["auth-provider: {name: gcp}"] = "Kubernetes has removed auth providers",
        ["as-groups: [a]"] = "it acts as groups or an id, but as nobody",
        ["exec: {apiVersion: v1alpha1, command: x}"] = "expected client.authentication.k8s.io/v1 ",
        [v1 .. "command: x}"] = "which v1 requires",
        [v1 .. "command: x, interactiveMode: Always}"] = "wants a terminal",
        [beta .. "}"] = "expected the name or path of a program",
        [beta .. ", command: x, args: {a: b}}"] = "expected a list of arguments",
        [beta .. ", command: x, env: [a]}"] = "item 1: expected a name and a value",
        ["token: a, " .. beta .. ", command: x}"] = "a program and a token or user name",
      } do
        found = at { user = user }
        assert_failure("invalid", text, found)
        assert.is_truthy(found.path:find("^users%[1%].user"), found.path)
      end
      for lines, text in pairs {
        ["    certificate-authority-data: aGVsbG8="] = "it holds no CERTIFICATE in PEM form",
        ["    certificate-authority-data: '*'"] = "not base64",
        ["    proxy-url: ftp://x"] = "expected http://, https:// or socks5://HOST:PORT",
      } do
        assert_failure("invalid", text, at { cluster = lines })
      end
      workspace:write("damaged.crt", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
      assert_failure("invalid", "the CERTIFICATE in it is damaged",
        at { cluster = "    certificate-authority: damaged.crt" })
    end)

    it("in a file", function()
      local function file(text)
        return connect(("{ config_file = %q }"):format(workspace:write("file.yaml", text)))
      end
      assert_failure("syntax", "kubeconfig", file "a: [")
      assert_failure("invalid", "expected a kubeconfig: a mapping", file "- a")
      assert_failure("invalid", "expected a list of names and values, but", file "clusters: {a: b}")
      local twice = file "clusters:\n- {name: a, cluster: {}}\n- {name: a, cluster: {}}\n"
      assert_failure("invalid", 'the name "a" occurs twice', twice)
      assert.same({ 3, "clusters[2]" }, { twice.line, twice.path })
      assert_failure("invalid", "it has no current-context; name a context", file "")
      assert_failure("invalid", 'current-context: there is no context "x" in ', file "current-context: x")
      assert_failure("ENOENT", "does not exist", connect "{ config_file = '/nowhere' }")
      kubeconfig("fine", {})
      assert_failure("invalid", 'option context: there is no context "mainn" in',
        connect(("{ config_file = %q, context = 'mainn' }"):format(workspace:path "fine.yaml")))
    end)
  end)

  describe("in a pod", function()
    local account

    setup(function()
      account = workspace:mkdir "account"
      os.execute(("cp %s/ca.crt %s"):format(workspace.root, account))
      workspace:write("account/token", "pod-token\n")
      workspace:write("account/namespace", "own-namespace")
    end)

    local function in_pod(options, environment)
      local service = "KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=" .. over_tls.port
      return connect(("{ service_account = %q, %s }"):format(account, options or ""),
        service .. " " .. (environment or ""), true)
    end

    it("uses its service account", function()
      local found = in_pod()
      assert.same({ over_tls.url, "own-namespace", "the pod's service account" },
        { found.server, found.namespace, found.user })
      assert.equal("given", in_pod("", "POD_NAMESPACE=given").namespace)
      assert.equal(server.url .. "/fine", in_pod("", "KUBECONFIG=" .. kubeconfig("fine", {})).server)
      assert.equal(over_tls.url, in_pod("in_cluster = true", "KUBECONFIG=" .. kubeconfig("fine", {})).server)
    end)

    it("or says what is missing", function()
      assert_failure("invalid", "there is no kubeconfig (", connect())
      assert_failure("invalid", '.kube/config) for the context "main"', in_pod "context = 'main'")
      assert_failure("invalid", "this is not a pod: KUBERNETES_SERVICE_HOST", connect "{ in_cluster = true }")
      assert_failure("ENOENT", "the pod's service account", connect(
        "{ in_cluster = true, service_account = '/nowhere' }",
        "KUBERNETES_SERVICE_HOST=::1 KUBERNETES_SERVICE_PORT=1"))
    end)
  end)
end)
