--- Internal: checks the options of a request and converts them for the transfer in C. Invalid options are a bug in the
--- plugin and raise an error. Nothing is sent here.

local base64 = require "bosun.base64"
local check = require "bosun.http.check"
local json = require "bosun.json"
local native = require "bosun.native.http"
local retry = require "bosun.http.retry"
local secrets = require "bosun.native.secrets"
local tables = require "bosun.tables"
local urls = require "bosun.url"

local misuse, text_of, sorted_names, as_list = check.misuse, check.text_of, check.sorted_names, check.as_list

local request = {}

local DEFAULT_REDIRECTS = 10
local DEFAULT_STALL = 60
local LONGEST_LINE = 4 * 1024 * 1024
local BODIES = { "body", "json", "form", "source" }
local IDEMPOTENT = { GET = true, HEAD = true, OPTIONS = true, TRACE = true, PUT = true, DELETE = true }
local SAFE = { GET = true, HEAD = true, OPTIONS = true, TRACE = true }
--- Headers with credentials whose names do not say so.
local CREDENTIAL_HEADERS = { authorization = true, cookie = true, ["proxy-authorization"] = true,
  ["x-registry-auth"] = true }

--- The kinds of each option, as bosun.options names them.
local OPTIONS = {
  method = "string", url = "text", base_url = "string", headers = "table", query = "table", body = "text", json = "any",
  form = "table", source = "string|function", sink = "string|function", sync = "boolean", timeout = "timeout",
  connect_timeout = "timeout", stall = "seconds", unix_socket = "string", tls = "table", proxy = "text|boolean",
  auth = "table", retry = "table", max_bytes = "count", max_line = "count", follow = "boolean|count",
  dry_run = "table", upgrade = "string", reads = "boolean", traceparent = "boolean",
}
local TLS = { ca = "text", cert = "text", key = "text", verify = "boolean", server_name = "string" }
local AUTH = { bearer = "text", user = "text", password = "text" }
local DRY_RUN = { status = "count", headers = "table", body = "string" }

--- Escapes text for a URL: all bytes but letters, digits and "-._~" become %XX.
---@param text string
---@return string
function request.escape(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- "name=value&…" of a table. A value is a secret when its name says so.
local function encode_pairs(map, what)
  local parts = {}
  for _, key in ipairs(sorted_names(map, what)) do
    local name = ("%s %s"):format(what, key)
    for _, value in ipairs(as_list(map[key], name)) do
      local text = text_of(value, name)
      if secrets.is_named(key) then secrets.add(text) end
      parts[#parts + 1] = request.escape(key) .. "=" .. request.escape(text)
    end
  end
  return table.concat(parts, "&")
end

local function parsed(text)
  local parts, err = urls.parse(text)
  if not parts then
    misuse("option url: %s%s", err.message, text:find("[%c ]") and "; see http.escape" or "")
  end
  local scheme = parts.scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then
    misuse("option url: expected an http or https URL, got %s", urls.show(text))
  end
  return parts
end

--- The text of a URL's parts, without user and password.
local function text_of_url(parts)
  return ("%s://%s%s%s%s%s"):format(parts.scheme, parts.host, parts.port and ":" .. parts.port or "", parts.path,
    parts.query and "?" .. parts.query or "", parts.fragment and "#" .. parts.fragment or "")
end

local function add_query(parts, query)
  local more = encode_pairs(query, "query")
  if more == "" then return end
  local separator = (not parts.query or parts.query == "" or parts.query:find("&$")) and "" or "&"
  parts.query = (parts.query or "") .. separator .. more
end

local function absolute(url, base)
  if not base or url:find("^%a[%w+.-]*://") then return url end
  return base:gsub("/$", "") .. "/" .. url:gsub("^/", "")
end

--- Makes the credentials in a URL secret: user and password, and what its query has of the kind.
local function keep_url_secrets(url)
  secrets.add_url(url)
  for name, value in (url:match("%?([^#]*)") or ""):gmatch "([^&;=]+)=([^&;]*)" do
    if secrets.is_named(name) then secrets.add(unescape(value)) end
  end
end

--- The URL without "user:password@", and these two.
local function make_url(options)
  if options.url == nil then misuse("option url: missing") end
  local url = absolute(native.reveal(options.url), options.base_url)
  keep_url_secrets(url)
  local parts = parsed(url)
  if options.query then add_query(parts, options.query) end
  local user = parts.user and { user = unescape(parts.user), password = unescape(parts.password or "") }
  return text_of_url(parts), user
end

local function check_header(name, value)
  if not name:find("^[%w!#$%%&'*+%-.^_`|~]+$") then misuse("header %q: not a valid header name", name) end
  if value:find("[%z\1-\8\10-\31\127]") then
    misuse("header %s: the value contains a line end or another control character", name)
  end
end

--- Makes the credentials in a header secret: the whole value, and the part after "Bearer " or "Basic ".
local function keep_secret(name, value)
  if not CREDENTIAL_HEADERS[name:lower()] and not secrets.is_named(name) then return end
  secrets.add(value)
  local credentials = value:match("^%a+ +(.+)$")
  if credentials then secrets.add(credentials) end
end

local function add_header(list, name, value)
  check_header(name, value)
  keep_secret(name, value)
  list[#list + 1] = name
  list[#list + 1] = value
end

local function has_header(list, name)
  for i = 1, #list, 2 do
    if list[i]:lower() == name then return true end
  end
  return false
end

local function make_headers(headers)
  local list = {}
  if not headers then return list end
  for _, name in ipairs(sorted_names(headers, "headers")) do
    for _, value in ipairs(as_list(headers[name], "header " .. name)) do
      add_header(list, name, text_of(value, "header " .. name))
    end
  end
  return list
end

local function add_auth(list, auth)
  if not auth or has_header(list, "authorization") then return end
  if auth.bearer then
    if auth.user or auth.password then misuse("option auth: expected either bearer, or user and password") end
    return add_header(list, "Authorization", "Bearer " .. native.reveal(auth.bearer))
  end
  if not auth.user then misuse("option auth: expected bearer, or user and password") end
  local password = auth.password and native.reveal(auth.password) or ""
  secrets.add(password)
  add_header(list, "Authorization", "Basic " .. base64.encode(native.reveal(auth.user) .. ":" .. password))
end

local function add_type(list, type_of_body)
  if not has_header(list, "content-type") then add_header(list, "Content-Type", type_of_body) end
end

--- Removes a header Content-Length from the list and returns its value; nil: there is none.
local function take_length(list)
  for i = 1, #list, 2 do
    if list[i]:lower() == "content-length" then
      local length = math.tointeger(tonumber(list[i + 1]))
      if not length or length < 0 then misuse("header Content-Length: expected a number of bytes") end
      table.remove(list, i)
      table.remove(list, i)
      return length
    end
  end
end

local function encode_json(value)
  local text, err = json.try_encode(value)
  return text or misuse("option json: %s", err.message)
end

--- Sets body, source_path or upload in `to`.
local function set_source(to, options)
  local length = take_length(to.headers)
  if options.json ~= nil then
    add_type(to.headers, "application/json")
    to.body = encode_json(options.json)
  elseif options.form then
    add_type(to.headers, "application/x-www-form-urlencoded")
    to.body = encode_pairs(options.form, "form")
  elseif options.body then
    to.body = native.reveal(options.body)
  elseif type(options.source) == "string" then
    to.source_path = options.source
  elseif options.source then
    to.upload, to.length = true, length
  end
end

local function check_bodies(options)
  local given
  for _, name in ipairs(BODIES) do
    if options[name] ~= nil then
      if given then misuse("options %s and %s: a request has only one body", given, name) end
      given = name
    end
  end
  for _, name in ipairs { "source", "sink" } do
    if options[name] == "" then misuse("option %s: expected a path, got an empty string", name) end
  end
end

local function set_tls(to, tls)
  if not tls then return end
  check.options(tls, TLS, "tls.")
  to.ca, to.cert, to.key = native.reveal(tls.ca), native.reveal(tls.cert), native.reveal(tls.key)
  to.insecure = tls.verify == false
  to.server_name = tls.server_name
  if to.server_name and not to.server_name:find("^[%w.-]+$") then
    misuse("option tls.server_name: expected a host name")
  end
end

local PROXIES = { http = true, https = true, socks5 = true, socks5h = true }

local function set_proxy(to, proxy)
  if proxy == nil or proxy == true then return end
  to.proxy = proxy and native.reveal(proxy) or ""
  if to.proxy == "" then return end
  local whole = to.proxy:find("://", 1, true) and to.proxy or "http://" .. to.proxy
  secrets.add_url(whole)
  local parts = urls.parse(whole)
  if not parts or not PROXIES[parts.scheme:lower()] then
    misuse("option proxy: expected http://, https://, socks5:// or socks5h://HOST:PORT, or false")
  end
end

local function redirects(options, method)
  local follow = options.follow
  if options.tls and options.tls.server_name then
    if follow then misuse("option follow: cannot be combined with tls.server_name") end
    return 0
  end
  if follow == nil then follow = method == "GET" or method == "HEAD" end
  return follow == true and DEFAULT_REDIRECTS or follow or 0
end

local function make_native(options, method)
  local url, user = make_url(options)
  local to = {
    method = method, url = url, headers = make_headers(options.headers), unix_socket = options.unix_socket,
    shown_url = type(options.url) == "userdata" and "(secret URL)" or urls.show(url),
    timeout = options.timeout, connect_timeout = options.connect_timeout,
    stall = options.stall or (options.on_line or options.upgrade) and 0 or DEFAULT_STALL,
    follow = redirects(options, method), idempotent = IDEMPOTENT[method] or false,
    sink_path = type(options.sink) == "string" and options.sink or nil, sync = options.sync,
    streamed = type(options.sink) == "function" or options.on_line ~= nil,
    max_bytes = options.max_bytes, max_line = options.max_line or LONGEST_LINE,
  }
  add_auth(to.headers, options.auth or user)
  check_bodies(options)
  set_source(to, options)
  set_tls(to, options.tls)
  set_proxy(to, options.proxy)
  return to
end

local function callback(value)
  return type(value) == "function" and value or nil
end

local function make(options)
  local method = options.method or "GET"
  if not method:find("^[%w!#$%%&'*+%-.^_`|~]+$") then misuse("option method: %q is not a valid method", method) end
  if options.auth then check.options(options.auth, AUTH, "auth.") end
  if options.dry_run then check.options(options.dry_run, DRY_RUN, "dry_run.") end
  local to = make_native(options, method)
  return {
    native = to, label = method .. " " .. to.shown_url, on_line = options.on_line,
    sink = callback(options.sink), source = callback(options.source),
    retry = retry.make(options.retry, IDEMPOTENT[method] or false),
    dry_run = options.dry_run, untraced = options.traceparent == false,
    reads = options.reads, changes = not (SAFE[method] or options.reads) or to.sink_path ~= nil,
  }
end

--- The headers, and the defaults whose names, ignoring case, are not among them.
local function merge_headers(defaults, headers)
  if not defaults or not headers then return defaults or headers end
  local merged, given = tables.copy(headers), {}
  for name in pairs(headers) do given[tostring(name):lower()] = true end
  for name, value in pairs(defaults) do
    if not given[tostring(name):lower()] then merged[name] = value end
  end
  return merged
end

--- The options over those of the client, and the fixed ones over both.
local function merge(defaults, options, fixed)
  local merged = {}
  for name, value in pairs(defaults) do merged[name] = value end
  for name, value in pairs(options) do merged[name] = value end
  for name, value in pairs(fixed) do merged[name] = value end
  merged.headers = merge_headers(defaults.headers, options.headers)
  return merged
end

local function check_all(options)
  if type(options) ~= "table" then misuse("expected a table of options, got a %s", type(options)) end
  check.options(options, OPTIONS, "")
  return true
end

--- Checks the default options of a client.
---@param options any
---@return true|nil ok
---@return string|nil problem
function request.check(options)
  return check.protected(check_all, options)
end

local function prepare(defaults, options, fixed)
  check_all(options)
  if fixed.url ~= nil then check.options({ url = fixed.url }, OPTIONS, "") end
  local merged = merge(defaults, options, fixed)
  return make(merged)
end

--- Prepares a request for the driver. `fixed`: method, url, on_line.
---@param defaults table checked by request.check
---@param options any
---@param fixed table
---@return table|nil prepared
---@return string|nil problem
function request.prepare(defaults, options, fixed)
  return check.protected(prepare, defaults, options, fixed)
end

return request
