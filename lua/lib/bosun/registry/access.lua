--- Internal: how a registry lets its clients in: not at all, with a password, or with tokens that a service of its own
--- gives for a scope (a Bearer challenge).
---
--- Format: distribution/spec/auth (token, oauth, scope), RFC 9110 section 11 (challenges).

local errors = require "bosun.registry.errors"
local secret = require "bosun.secret"
local sources = require "bosun.registry.sources"
local time = require "bosun.time"
local urls = require "bosun.url"
local words = require "bosun.http.words"

local access = {}

local CLIENT_ID = "bosun"
local LIFETIME = 60 -- seconds of a token whose service does not say
local RESERVE = 10 -- seconds before its end in which a token is not used any more

-- ---- challenges -----------------------------------------------------------------------------------------------------

--- The parameters of a challenge: name="value" or name=value, separated by commas.
local function parameters_of(text)
  local parameters, at = {}, 1
  while at <= #text do
    local name, stop = text:match("^[%s,]*([%w_-]+)%s*=%s*()", at)
    if not name then break end
    local pattern = text:sub(stop, stop) == '"' and '^"([^"]*)"()' or "^([^%s,]*)()"
    local value, after = text:match(pattern, stop)
    if not value then break end
    parameters[name:lower()], at = value, after
  end
  return parameters
end

--- The challenge that a client can answer: { kind = "bearer" or "basic", realm = URL of the token service, service,
--- scope = what the refused request needed }; nil: none.
function access.challenge(headers)
  local basic
  for _, text in ipairs(headers:all "WWW-Authenticate") do
    local scheme, rest = text:match "^%s*(%S+)%s*(.*)$"
    scheme = (scheme or ""):lower()
    if scheme == "bearer" then
      local found = parameters_of(rest)
      if found.realm and found.realm:find "^https?://" then
        return { kind = "bearer", realm = found.realm, service = found.service, scope = found.scope }
      end
    elseif scheme == "basic" then
      basic = { kind = "basic" }
    end
  end
  return basic
end

-- ---- tokens ---------------------------------------------------------------------------------------------------------

--- A request for a token, with a password, a refresh token, or anonymous.
local function token_request(challenge, scopes, auth)
  if auth and auth.identitytoken then
    return {
      method = "POST", url = challenge.realm, reads = true, form = {
        grant_type = "refresh_token", service = challenge.service, scope = table.concat(scopes, " "),
        client_id = CLIENT_ID, refresh_token = auth.identitytoken,
      },
    }
  end
  return {
    method = "GET", url = challenge.realm, query = { service = challenge.service, scope = scopes },
    auth = auth and auth.username and { user = auth.username, password = auth.password } or nil,
  }
end

--- The token in a reply, and the seconds that it lives; nil: there is none.
local function read_token(resp)
  local answer = resp:json()
  local text = type(answer) == "table" and (answer.token or answer.access_token)
  if type(text) ~= "string" or text == "" then return nil end
  local lifetime = tonumber(answer.expires_in)
  return secret.new(text), lifetime and lifetime > 0 and lifetime or LIFETIME
end

local function ask(client, domain, request, what)
  request.timeout, request.retry, request.follow = client._timeout, client._retry, true
  local resp, err = client._http:request(request)
  if not resp then return nil, errors.unreached(("%s (its token service)"):format(domain), what, err) end
  if not resp.ok then return nil, errors.refused(("the token service of %s"):format(domain), what, resp) end
  local token, lifetime = read_token(resp)
  if token then return token, lifetime end
  return nil, errors.new { code = "protocol",
    message = ("%s: the token service of %s answered without a token: %s"):format(what, domain,
      words.of_body(resp.body)) }
end

--- A token for these scopes, from the client's store or the service.
local function token_for(client, at, state, scopes, what)
  local key = table.concat({ at.repository, table.unpack(scopes) }, "\0")
  local kept = state.tokens[key]
  if kept and kept.ends > time.monotonic() then return kept.token end
  local auth = access.credentials(client, at)
  local challenge = state.challenge
  if auth and challenge.realm:find "^http:" and not state.base:find "^http:" then
    return nil, errors.invalid(what,
      "the registry %s names a token service without TLS (%s); no password is sent there",
      at.domain, urls.show(challenge.realm))
  end
  local token, lifetime = ask(client, at.domain, token_request(challenge, scopes, auth), what)
  if not token then return nil, lifetime end
  state.tokens[key] = { token = token, ends = time.monotonic() + math.max(1, lifetime - RESERVE) }
  return token
end

-- ---- what a request is sent with ------------------------------------------------------------------------------------

--- The credentials for a repository, and the words for a message. They are looked up once.
---@param client bosun.registry.Client
---@param at { domain: string, repository: string, familiar_name: string }
---@return bosun.registry.Credentials|nil auth
---@return string note
function access.credentials(client, at)
  local key = at.domain .. "/" .. at.repository
  local kept = client._chosen[key]
  if not kept then
    local auth, note = sources.choose(at, client:_sources(at))
    kept = { auth = auth, note = note }
    client._chosen[key] = kept
  end
  return kept.auth, kept.note
end

--- The option `auth` of a request to a registry whose challenge is known; false: none is needed, or there is none to
--- give. nil, err: no token.
---@param client bosun.registry.Client
---@param at table a reference
---@param state table of the registry
---@param scopes string[]
---@param what string
---@return bosun.http.Auth|false|nil
---@return bosun.registry.Error|nil err
function access.auth(client, at, state, scopes, what)
  if not state.challenge then return false end
  local auth = access.credentials(client, at)
  if state.challenge.kind == "basic" then
    return auth and auth.username and { user = auth.username, password = auth.password } or false
  end
  if auth and auth.registrytoken then return { bearer = auth.registrytoken } end
  local token, err = token_for(client, at, state, scopes, what)
  if not token then return nil, err end
  return { bearer = token }
end

--- Forgets the tokens for a repository: one was refused.
---@param state table of the registry
function access.forget(state)
  state.tokens = {}
end

return access
