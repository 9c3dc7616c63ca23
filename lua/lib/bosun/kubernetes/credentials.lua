--- Internal: who the client is: a token, a user and a password, a certificate, or what a program or a file says anew
--- from time to time. `get` has what the next request needs, and `renew` is for a server that does not accept it.

local errors = require "bosun.kubernetes.errors"
local exec_credential = require "bosun.kubernetes.exec_credential"
local fs = require "bosun.fs"
local pem = require "bosun.kubernetes.pem"
local secret = require "bosun.secret"
local time = require "bosun.time"

local credentials = {}

local TOKEN_SECONDS = 60 -- a token in a file is replaced there before it expires
local EARLY = 10 -- seconds before its end, a credential counts as expired

---@class (private) bosun.kubernetes.Credentials
local Credentials = {}
Credentials.__index = Credentials

--- The token of the file, read again when it may have changed.
local function token_of_file(self)
  if self.token and time.monotonic() - self.read_at < TOKEN_SECONDS then return self.token end
  local text, err = fs.read(self.token_file, { max_bytes = 1024 * 1024 })
  local token = text and text:match "^%s*(.-)%s*$"
  if not text or token == "" then
    if self.token then return self.token end -- it may be replaced just now
    return nil, errors.new { code = err and err.code or "invalid", cause = err,
      message = "credentials of the cluster: " .. (err and err.message or self.token_file .. " is empty") }
  end
  self.token, self.read_at = secret.new(token), time.monotonic()
  return self.token
end

local function of_program(self)
  local known = self.answer
  if known and not (known.expires and time.now() > known.expires - EARLY) then return known end
  local answer, err = exec_credential.ask(self.program)
  if not answer then return nil, err end
  self.answer = answer
  return answer
end

--- What the next request needs: { auth = for bosun.http, cert =, key = }; or nil, err.
function Credentials:get()
  if self.program then
    local answer, err = of_program(self)
    if not answer then return nil, err end
    return { auth = answer.token and { bearer = answer.token }, cert = answer.cert or self.cert,
      key = answer.cert and answer.key or self.key }
  end
  local token = self.token
  if self.token_file then
    local err
    token, err = token_of_file(self)
    if not token then return nil, err end
  end
  local auth = token and { bearer = token } or self.user and { user = self.user, password = self.password } or nil
  return { auth = auth, cert = self.cert, key = self.key }
end

--- After a 401: true when the next `get` asks anew, so that it is worth another try.
function Credentials:renew()
  if self.program then
    self.answer = nil
    return true
  elseif self.token_file then
    self.read_at = -TOKEN_SECONDS
    return true
  end
  return false
end

--- Those of a service account's token file.
function credentials.of_token_file(file)
  return setmetatable({ token_file = file }, Credentials)
end

local function set_texts(found, user)
  local texts = {}
  for _, key in ipairs { "token", "tokenFile", "username", "password" } do
    local text, err = user:text(key)
    if err then return err end
    texts[key] = text
  end
  if (texts.token or texts.tokenFile) and (texts.username or texts.password) then
    return user:wrong("username", "a token and a user name: expected one of them")
  end
  if texts.password and not texts.username then return user:wrong("password", "expected a username, too") end
  found.token_file = texts.tokenFile and user:absolute(texts.tokenFile)
  found.token = not found.token_file and texts.token and secret.new(texts.token) or nil
  found.user, found.password = texts.username, texts.password and secret.new(texts.password)
end

local function set_certificate(found, user)
  local err
  found.cert, err = pem.read(user, "client-certificate", "CERTIFICATE")
  if err then return err end
  found.key, err = pem.read(user, "client-key", "PRIVATE KEY")
  if err then return err end
  if (found.cert == nil) ~= (found.key == nil) then
    return user:wrong(nil, "it has a client-%s without a client-%s", found.cert and "certificate" or "key",
      found.cert and "key" or "certificate")
  end
end

local function set_program(found, user, cluster)
  local exec, err = user:table "exec"
  if err or not exec then return err end
  if found.token or found.token_file or found.user then
    return user:wrong("exec", "a program and a token or user name: expected one of them")
  end
  local entry = setmetatable({ value = exec, file = user.file, marks = user.marks, line = user.line,
    path = user.path .. ".exec" }, getmetatable(user))
  found.program, err = exec_credential.new(entry, cluster)
  return err
end

--- Those of a user of a kubeconfig; none at all without one.
---@param user table|nil an entry of kubeconfig
---@param cluster table what a credential program is told of the cluster
---@return bosun.kubernetes.Credentials|nil found
---@return bosun.kubernetes.Error|nil err
function credentials.of_user(user, cluster)
  local found = setmetatable({}, Credentials)
  if not user then return found end
  if user.value["auth-provider"] ~= nil then
    return nil, user:wrong("auth-provider", "Kubernetes has removed auth providers: use the provider's program (exec)")
  end
  local err = set_texts(found, user) or set_certificate(found, user) or set_program(found, user, cluster)
  if err then return nil, err end
  return found
end

local HEADERS = { as = "Impersonate-User", ["as-uid"] = "Impersonate-Uid" }

--- The headers with which a user acts as another.
---@param user table|nil
---@return table<string, any>|nil headers
---@return bosun.kubernetes.Error|nil err
function credentials.impersonation(user)
  local headers = {}
  if not user then return headers end
  for key, header in pairs(HEADERS) do
    local text, err = user:text(key)
    if err then return nil, err end
    headers[header] = text
  end
  local groups, err = user:table "as-groups"
  if err then return nil, err end
  if groups and #groups > 0 then headers["Impersonate-Group"] = groups end
  local extra
  extra, err = user:table "as-user-extra"
  if err then return nil, err end
  for name, values in pairs(extra or {}) do headers["Impersonate-Extra-" .. tostring(name)] = values end
  if next(headers) and not headers["Impersonate-User"] then
    return nil, user:wrong("as", "it acts as groups or an id, but as nobody: expected a name")
  end
  return headers
end

return credentials
