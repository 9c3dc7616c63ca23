--- Servers for the tests of HTTP, on unused ports of 127.0.0.1: nginx, and the Python ones of this folder. They end
--- with the process that started them. Certificates are made for each test anew.

local web = {}

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("a")
  assert(pipe:close(), command)
  return text
end

--- Runs a command until the returned handle is closed, or this process has ended: its shell waits for the end of the
--- pipe.
local function start(command, log)
  return assert(io.popen(("exec >%s 2>&1; %s & pid=$!; cat; kill $pid; wait $pid"):format(quoted(log), command), "w"))
end

--- Polls until the function returns something.
local function poll(what, fn)
  local deadline = os.time() + 60
  while os.time() <= deadline do
    local result = fn()
    if result then return result end
    os.execute("sleep 0.02")
  end
  error("never happened: " .. what)
end

local function free_ports(n)
  local text = output_of(("/usr/bin/python3 -c 'import socket; s = [socket.socket() for _ in range(%d)]; "
    .. '[x.bind(("127.0.0.1", 0)) for x in s]; print(*[x.getsockname()[1] for x in s])\''):format(n))
  local ports = {}
  for port in text:gmatch("%d+") do ports[#ports + 1] = math.tointeger(port) end
  return ports
end

--- Starts a server of this folder: its URL and port, and a handle to close. `pem`: a file for https, or a list of the
--- arguments of a server without it.
local function python_server(workspace, script, pem, environment)
  local name = script:match "^[%w_]+"
  local file = workspace:path(name .. ".port")
  os.remove(file)
  local arguments = type(pem) == "table" and pem or { pem }
  for i, argument in ipairs(arguments) do arguments[i] = quoted(argument) end
  local command = ("%s /usr/bin/python3 -B tests/support/%s %s %s"):format(environment or "", script, quoted(file),
    table.concat(arguments, " "))
  local handle = start("env " .. command, workspace:path(name .. ".log"))
  local port = math.tointeger(poll(script .. " starts", function() return workspace:read(name .. ".port") end))
  local scheme = type(pem) == "string" and "https" or "http"
  return { url = scheme .. "://127.0.0.1:" .. port, port = port, handle = handle }
end

--- The misbehaving server. `pem`: a certificate and its key, for https.
function web.bad(workspace, pem)
  return python_server(workspace, "badserver.py", pem)
end

--- The registry that does what a healthy one does not.
function web.odd_registry(workspace)
  return python_server(workspace, "odd_registry.py")
end

--- The token service of a registry, with the key and certificate that sign its tokens; `environment`: "EXPIRES=1".
function web.token_server(workspace, key, certificate, environment)
  return python_server(workspace, "token_server.py", { key, certificate }, environment)
end

--- Passes connections on to a port, and breaks off the first `times` that have sent so many bytes.
function web.cutter(workspace, port, bytes, times)
  return python_server(workspace, "cutter.py", { tostring(port), tostring(bytes), tostring(times) })
end

--- The Kubernetes API server that says what a healthy one does not. One of its scenarios replaces the file `token`.
function web.awkward(workspace, pem)
  return python_server(workspace, "awkward.py", pem, "TOKEN_FILE=" .. quoted(workspace:path "token"))
end

local CONFIG = [[
daemon off; master_process off; pid "ROOT/nginx.pid"; error_log "ROOT/error.log";
events { worker_connections 512; }
http {
  log_format short '$connection $request_method $uri $status';
  access_log "ROOT/access.log" short;
  client_body_temp_path "ROOT/body"; proxy_temp_path "ROOT/proxy"; fastcgi_temp_path "ROOT/f"; uwsgi_temp_path "ROOT/u";
  scgi_temp_path "ROOT/s"; client_max_body_size 0; root "ROOT/www"; default_type text/plain; keepalive_requests 100000;
  gzip on; gzip_types text/plain; gzip_min_length 1; sendfile on;
  ssl_certificate_key "ROOT/server.key"; ssl_certificate "ROOT/server.crt";
  server {
    listen 127.0.0.1:PORT1; listen "unix:ROOT/nginx.sock";
    location = /method { return 200 $request_method; }
    location = /seen { return 200 "$http_authorization|$http_cookie|$http_x_own|$http_host"; }
    location = /away { return 302 http://localhost:PORT1/seen; }
    location = /near { return 302 /seen; }
    location = /303 { return 303 /method; }
    location = /307 { return 307 /method; }
    location = /teapot { return 418 "short and stout"; }
    location = /gzip { try_files /text =404; }
  }
  server {
    listen 127.0.0.1:PORT2 ssl http2;
    location = /seen { return 200 "$ssl_server_name|$http_host|$server_protocol"; }
  }
  server {
    listen 127.0.0.1:PORT3 ssl; ssl_client_certificate "ROOT/ca.crt"; ssl_verify_client on;
    location / { return 200 $ssl_client_s_dn; }
  }
  server {
    listen 127.0.0.1:PORT4 ssl; ssl_certificate "ROOT/named.crt"; ssl_certificate_key "ROOT/named.key";
    location / { return 200 "$ssl_server_name|$http_host"; }
  }
  server {
    listen 127.0.0.1:PORT5 ssl; ssl_certificate "ROOT/expired.crt"; ssl_certificate_key "ROOT/expired.key";
    location / { return 200 "expired"; }
  }
  server {
    listen 127.0.0.1:PORT6 ssl; ssl_certificate "ROOT/early.crt"; ssl_certificate_key "ROOT/early.key";
    location / { return 200 "early"; }
  }
  server {
    listen 127.0.0.1:PORT7 ssl; ssl_certificate "ROOT/own.crt"; ssl_certificate_key "ROOT/own.key";
    location / { return 200 "own"; }
  }
}
]]

--- nginx with http, https, https that wants client certificates, one for another name, an expired one, one that is not
--- yet valid, one signed by itself, and a Unix socket.
function web.nginx(workspace)
  workspace:mkdir("www")
  local root = workspace.root
  for _, command in ipairs { "standard", "authority other-ca" } do
    assert(os.execute(("tests/support/certificates %s %s"):format(root, command)))
  end
  local ports = free_ports(7)
  local config = CONFIG:gsub("ROOT", root):gsub("PORT(%d)", function(i) return ports[math.tointeger(i)] end)
  local path = workspace:write("nginx.conf", config)
  local command = ("/usr/sbin/nginx -c %s -p %s -e %s/error.log"):format(path, root, root)
  local handle = start(command, workspace:path("nginx.log"))
  poll("nginx starts", function()
    return workspace:read("nginx.pid") and (os.execute(("test -S %s/nginx.sock"):format(root)))
  end)
  return {
    handle = handle, socket = root .. "/nginx.sock", port = ports[1],
    url = "http://127.0.0.1:" .. ports[1], tls = "https://localhost:" .. ports[2],
    mutual = "https://localhost:" .. ports[3], named = "https://localhost:" .. ports[4],
    expired = "https://localhost:" .. ports[5], early = "https://localhost:" .. ports[6],
    own = "https://localhost:" .. ports[7],
  }
end

local ROUTES = [[
daemon off; master_process off; pid "ROOT/routes.pid"; error_log "ROOT/routes-error.log";
events { worker_connections 64; }
http {
  log_format short '$request_method $uri';
  access_log "ROOT/routes.log" short;
  client_body_temp_path "ROOT/rb"; proxy_temp_path "ROOT/rp"; fastcgi_temp_path "ROOT/rf"; uwsgi_temp_path "ROOT/ru";
  scgi_temp_path "ROOT/rs"; default_type application/json;
  server { listen 127.0.0.1:PORT; root "ROOT/none"; BODY }
}
]]

--- nginx whose only server has this content: "location = /info { return 200 '{}'; }". routes.log has what it was asked.
function web.routes(workspace, body)
  local root, port = workspace.root, free_ports(1)[1]
  local values = { ROOT = root, PORT = tostring(port), BODY = body }
  local path = workspace:write("routes.conf", (ROUTES:gsub("%u%u%u%u", values)))
  local handle = start(("/usr/sbin/nginx -c %s -p %s -e %s/routes-error.log"):format(path, root, root),
    workspace:path("routes-out.log"))
  poll("nginx starts", function() return (workspace:read("routes.pid") or "") ~= "" end)
  return { handle = handle, url = "http://127.0.0.1:" .. port }
end

--- The stand-in for a prediction server (tests/docker/images/pps), which serves the models in a folder.
function web.prediction_server(workspace, folder)
  local build = os.getenv("BOSUN_BUILD") or "build"
  local port = free_ports(1)[1]
  local handle = start(("%s/tests/prediction-server %s %d"):format(quoted(build), quoted(folder), port),
    workspace:path("server.log"))
  poll("the prediction server starts", function()
    return (workspace:read("server.log") or ""):find("ready on port", 1, true)
  end)
  return { handle = handle, url = "http://127.0.0.1:" .. port }
end

return web
