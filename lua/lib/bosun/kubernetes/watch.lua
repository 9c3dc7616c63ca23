--- Internal: watches: what becomes of objects, for as long as somebody wants to know.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local errors = require "bosun.kubernetes.errors"
local json = require "bosun.json"
local log = require "bosun.log"
local options_of = require("bosun.options").check
local time = require "bosun.time"

local CYCLE = 60 -- seconds that the server is asked to watch for, before it is asked again
local GRACE = 10 -- seconds that it may take longer than that
local MOST_FAILURES = 6 -- one after the other
local LONGEST_PAUSE = 10
local LONGEST_LINE = 8 * 1024 * 1024 -- an object has at most 3 MiB, which JSON may double
local LASTING = { -- codes of bosun.http that another try does not help against
  cancelled = true, deadline = true, tls = true, proxy = true, dns = true, invalid = true,
}

local WATCH = {
  namespace = "string|boolean", labels = "table|string", fields = "string", name = "string", timeout = "timeout",
  cycle = "positive",
}

---@class bosun.kubernetes.WatchOptions
---@field namespace? string|false false: of all namespaces
---@field labels? table<string, string|boolean|string[]>|string a selector, as for list
---@field fields? string a selector as in the API
---@field name? string of one object
---@field timeout? number seconds; default: until the deadline of the action
---@field cycle? integer seconds after which the server is asked anew, which is also how long it may hang; default 60

---@class (private) bosun.kubernetes.Watch
local Watch = {}
Watch.__index = Watch

--- What is kept of an object: enough to say which one it was.
local function identity_of(object)
  local metadata = object.metadata
  return { apiVersion = object.apiVersion, kind = object.kind, metadata = {
    name = metadata.name, namespace = metadata.namespace, labels = metadata.labels, uid = metadata.uid,
    resourceVersion = metadata.resourceVersion,
  } }
end

--- Passes an event on; false: nobody wants more.
function Watch:emit(kind, object)
  local uid = object.metadata.uid
  self.known[uid] = kind ~= "DELETED" and identity_of(object) or nil
  if self.on_event(kind, object) == false then self.stopped = true end
  return not self.stopped
end

--- Reads the list, and says what is new against what is known.
function Watch:list()
  local items, version = self.cluster:list(self.kind, {
    namespace = self.options.namespace, labels = self.options.labels, fields = self.fields,
  })
  if not items then return nil, version end
  local gone = {}
  for uid, item in pairs(self.known) do gone[uid] = item end
  for _, item in ipairs(items) do
    local before = gone[item.metadata.uid]
    gone[item.metadata.uid] = nil
    local changed = not before or before.metadata.resourceVersion ~= item.metadata.resourceVersion
    if changed and not self:emit(before and "MODIFIED" or "ADDED", item) then return true end
  end
  for _, item in pairs(gone) do
    if not self:emit("DELETED", item) then return true end
  end
  self.version = version
  return true
end

--- One line of a watch; false: it has to end.
function Watch:line(text)
  local event = json.decode(text)
  local object = type(event) == "table" and event.object
  if type(object) ~= "table" or type(event.type) ~= "string" then
    return nil, errors.new { code = "protocol", message = self.what .. ": a line is not an event" }
  end
  if event.type == "ERROR" then
    return nil, errors.of_status(self.what, object, self.cluster.server)
  end
  local metadata = type(object.metadata) == "table" and object.metadata or {}
  self.version, self.alive = metadata.resourceVersion or self.version, true
  if event.type == "BOOKMARK" then return true end
  return self:emit(event.type, object)
end

--- Watches from the version that is known, until the server ends that.
function Watch:follow()
  local cycle = self.options.cycle or CYCLE
  local resp, err = self.cluster:_send("GET", self.path, {
    what = self.what, timeout = cycle + math.min(GRACE, cycle), max_line = LONGEST_LINE, retry = { max = 0 },
    query = {
      watch = true, resourceVersion = self.version, allowWatchBookmarks = true, timeoutSeconds = cycle,
      labelSelector = self.cluster:_selector(self.options.labels), fieldSelector = self.fields,
    },
    on_line = function(line) return self:line(line) end,
  })
  if resp then return true end
  if err.status == 410 then
    self.version = nil
    return true
  end
  return nil, err
end

--- Is it worth another try?
local function passes(err)
  if err.status then return err.status == 429 or err.status >= 500 end
  if err.code == "protocol" or (time.deadline() or 1) <= 0 then return false end
  return not LASTING[err.code]
end

--- The pause after a failure; nil: that was one too many.
function Watch:pause(err)
  self.failures, self.last = self.alive and 1 or self.failures + 1, err
  if not passes(err) or self.failures > MOST_FAILURES then return nil end
  log.debug("watch", { what = self.what, failure = tostring(err), failures = self.failures })
  return math.min(LONGEST_PAUSE, 0.25 * 2 ^ (self.failures - 1)) * (0.5 + math.random() / 2)
end

--- Lists and follows, until nobody wants more.
function Watch:run()
  while not self.stopped do
    local began = time.monotonic()
    self.alive = false
    local ok, err = (self.version and self.follow or self.list)(self)
    local pause = 0
    if not ok then
      pause = self:pause(err)
    elseif self.version then
      self.failures, self.last = 0, nil
      -- a server that ends each watch at once is not asked without end
      if not self.alive and self.listed and time.monotonic() - began < 1 then pause = 1 end
    end
    self.listed = self.version ~= nil
    if not pause then return nil, err end
    if pause > 0 and not self.stopped then
      local slept, problem = time.sleep(pause)
      if not slept then return nil, errors.wrap(problem, self.what) end
    end
  end
  return true
end

local function late(watch)
  local message = ("%s: it was not over within %.4g s"):format(watch.what, watch.options.timeout)
  if watch.last then message = message .. "; " .. watch.last.message:sub(#watch.what + 3) end
  return errors.new { code = "timeout", message = message, cause = watch.last }
end

--- Calls `on_event` for each object there is ("ADDED"), and then for whatever becomes of them, until it returns false.
--- It goes on over connections that end, servers that stop answering, and versions that have expired; then it compares
--- the list with what it knows, so that no change is missed, though only the last of several is seen. Of an object that
--- was removed in the meantime, "DELETED" has identity and labels only.
---@param kind string
---@param on_event fun(event: "ADDED"|"MODIFIED"|"DELETED", object: table): boolean?
---@param options? bosun.kubernetes.WatchOptions
---@return true|nil ok on_event has returned false
---@return bosun.kubernetes.Error|nil err code "timeout": the time is up
function Cluster:watch(kind, on_event, options)
  options = options_of("cluster:watch", options, WATCH)
  if type(on_event) ~= "function" then error("cluster:watch: expected a function that takes an event", 2) end
  local found, path, words = self:_locate(kind, self:_namespace(options))
  if not found then return nil, path end
  local fields = options.fields
  if options.name then
    fields = (fields and fields .. "," or "") .. "metadata.name=" .. options.name
    words = words .. " (" .. options.name .. ")"
  end
  local watch = setmetatable({
    cluster = self, kind = kind, path = path, what = "watch " .. words, options = options, on_event = on_event,
    known = {}, failures = 0, fields = fields,
  }, Watch)
  local limit <close> = options.timeout and options.timeout ~= math.huge and time.limit(options.timeout) or nil
  local ok, err = watch:run()
  if ok then return true end
  if limit and limit:left() <= 0 and err.code == "timeout" then return nil, late(watch) end
  return nil, err
end

return Cluster
