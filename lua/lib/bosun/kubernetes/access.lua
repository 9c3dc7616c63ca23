--- Internal: where the cluster is and how to get in: the context of a kubeconfig, or the service account of a pod, as
--- options for bosun.http.

local credentials = require "bosun.kubernetes.credentials"
local errors = require "bosun.kubernetes.errors"
local fs = require "bosun.fs"
local kubeconfig = require "bosun.kubernetes.kubeconfig"
local path = require "bosun.path"
local pem = require "bosun.kubernetes.pem"
local process = require "bosun.process"
local urls = require "bosun.url"

local access = {}

local SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
local WHAT = "connect to the Kubernetes API"

local function env(name)
  local value = process.env(name)
  return value ~= "" and value or nil
end

-- ---- in a pod -------------------------------------------------------------------------------------------------------

local function read_trimmed(file)
  local text = fs.read(file)
  text = text and text:match "^%s*(.-)%s*$"
  return text ~= "" and text or nil
end

local function in_cluster(folder)
  local host, port = env "KUBERNETES_SERVICE_HOST", env "KUBERNETES_SERVICE_PORT"
  if not host or not port then
    return nil, errors.invalid(WHAT,
      "this is not a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
  end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  local file = path.join(folder, "ca.crt")
  local ca, err = fs.read(file)
  if not ca then return nil, errors.wrap(err, WHAT .. ": the pod's service account") end
  local problem = pem.problem(ca, "CERTIFICATE")
  if problem then return nil, errors.invalid(WHAT, "%s: %s", file, problem) end
  return {
    server = ("https://%s:%s"):format(host, port), tls = { ca = ca }, proxy = true, headers = {},
    namespace = env "POD_NAMESPACE" or read_trimmed(path.join(folder, "namespace")) or "default",
    credentials = credentials.of_token_file(path.join(folder, "token")), user = "the pod's service account",
  }
end

-- ---- from a kubeconfig ----------------------------------------------------------------------------------------------

local function server_of(cluster)
  local server, err = cluster:text "server"
  if not server then return nil, err or cluster:wrong("server", "expected the URL of an API server") end
  local parts, problem = urls.parse(server:find "://" and server or "https://" .. server)
  if parts and (parts.scheme == "https" or parts.scheme == "http") and not (parts.query or parts.fragment) then
    return ("%s://%s%s%s"):format(parts.scheme, parts.host, parts.port and ":" .. parts.port or "",
      parts.path:gsub("/+$", ""))
  end
  return nil, cluster:wrong("server", "expected an http or https URL%s", problem and ": " .. problem.message or "")
end

local function has_ca(cluster)
  return (cluster.value["certificate-authority"] or cluster.value["certificate-authority-data"] or "") ~= ""
end

local function tls_of(cluster)
  local insecure, err = cluster:flag "insecure-skip-tls-verify"
  if err then return nil, err end
  if insecure and has_ca(cluster) then
    return nil, cluster:wrong("insecure-skip-tls-verify", "a CA and no verification: expected one of them")
  end
  local tls = {}
  if insecure then tls.verify = false end
  tls.ca, err = pem.read(cluster, "certificate-authority", "CERTIFICATE")
  if err then return nil, err end
  tls.server_name, err = cluster:text "tls-server-name"
  if err then return nil, err end
  return tls
end

local PROXIES = { http = true, https = true, socks5 = true }

local function proxy_of(cluster)
  local proxy, err = cluster:text "proxy-url"
  if err then return nil, err end
  if not proxy then return true end
  local parts = urls.parse(proxy)
  if parts and PROXIES[parts.scheme] then return proxy end
  return nil, cluster:wrong("proxy-url", "expected http://, https:// or socks5://HOST:PORT")
end

--- What a credential program is told of the cluster.
local function cluster_info(cluster, server, tls)
  local extensions, config = cluster.value.extensions, nil
  for _, item in ipairs(type(extensions) == "table" and extensions or {}) do
    if type(item) == "table" and item.name == "client.authentication.k8s.io/exec" then config = item.extension end
  end
  return {
    server = server, ["tls-server-name"] = tls.server_name, ["proxy-url"] = cluster.value["proxy-url"], config = config,
    ["insecure-skip-tls-verify"] = tls.verify == false or nil,
    ["certificate-authority-data"] = tls.ca and require("bosun.base64").encode(tls.ca),
  }
end

local function of_context(context)
  local cluster, found = context.cluster, { namespace = context.namespace or "default", context = context.name }
  local err
  found.server, err = server_of(cluster)
  if err then return nil, err end
  found.tls, err = tls_of(cluster)
  if err then return nil, err end
  found.proxy, err = proxy_of(cluster)
  if err then return nil, err end
  found.credentials, err = credentials.of_user(context.user, cluster_info(cluster, found.server, found.tls))
  if err then return nil, err end
  found.headers, err = credentials.impersonation(context.user)
  if err then return nil, err end
  if cluster.value["disable-compression"] == true then found.headers["Accept-Encoding"] = "identity" end
  found.user = context.user and ("user %q of %s"):format(context.user.name, context.user.file) or "no user"
  return found
end

local function no_kubeconfig(files, context)
  local places = #files > 0 and table.concat(files, ", ") or "neither KUBECONFIG nor HOME is set"
  if not context then return errors.invalid(WHAT, "there is no kubeconfig (%s), and this is not a pod", places) end
  return errors.invalid(WHAT, 'there is no kubeconfig (%s) for the context "%s"', places, context)
end

--- Where the cluster is: { server, tls, proxy, headers, namespace, credentials, user, context }; or nil and an error.
---@param options bosun.kubernetes.Options
function access.resolve(options)
  local folder = options.service_account or SERVICE_ACCOUNT
  if options.in_cluster then return in_cluster(folder) end
  local given = options.config_file
  local files = type(given) == "string" and { given } or given or kubeconfig.default_files()
  local merged, err = kubeconfig.read(files, given ~= nil)
  if err then return nil, err end
  if not merged and not options.context and env "KUBERNETES_SERVICE_HOST" then return in_cluster(folder) end
  if not merged then return nil, no_kubeconfig(files, options.context) end
  local context
  context, err = kubeconfig.context(merged, options.context)
  if not context then return nil, err end
  return of_context(context)
end

return access
