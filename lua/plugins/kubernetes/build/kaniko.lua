--- Builds an image with a Job in the cluster that runs Kaniko, which pushes it and says its digest.

local crypto = require "bosun.crypto"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local tables = require "bosun.tables"
local time = require "bosun.time"
local wait = require "bosun.wait"

local hand_over = require "kubernetes.build.hand_over"
local job = require "kubernetes.build.job"
local labels = require "kubernetes.labels"
local progress = require "kubernetes.build.progress"

local GONE_TIMEOUT = 60 -- seconds

---@class kubernetes.BuildRequest
---@field deployment { id: string, model: string, info: table }
---@field repository string
---@field tag string
---@field base string the base image
---@field artifact bosun.deployment_info.Artifact the model package
---@field file string its name in the image
---@field folder string where it is there
---@field labels table<string, string> of the image
---@field sha256? string of the package; nil: not known

--- A word of a Dockerfile in double quotes.
local function quoted(text)
  return '"' .. text:gsub('[\\"$]', "\\%0") .. '"'
end

local function dockerfile(request)
  local set = {}
  for i, key in ipairs(tables.sorted_keys(request.labels)) do
    set[i] = ("%s=%s"):format(quoted(key), quoted(request.labels[key]))
  end
  return ("FROM %s\nLABEL %s\nCOPY model/ %s/\n"):format(request.base, table.concat(set, " "), request.folder)
end

--- Removes a Job with its pods.
local function remove(context, name, uid)
  return context.cluster:delete("Job", name, { namespace = context.namespace, uid = uid })
end

--- Is the Job there although its creation has failed? The answer may have been lost on its way.
local function made_anyway(context, name, run)
  local found = context.cluster:get("Job", name, { namespace = context.namespace })
  return found and (found.metadata.annotations or {})[job.RUN] == run and found or nil
end

--- Removes the Job of this name that a run has left that was killed. One that is not this deployment's stays.
local function make_way(context, object)
  local name = object.metadata.name
  local found, err = context.cluster:get("Job", name, { namespace = context.namespace })
  if not found then return err.code == "NotFound" or nil, err end
  if not (labels.is_ours(context, found) and labels.is_for_the_same(found, object)) then
    return nil, labels.taken(context, found)
  end
  local removed, why = remove(context, name, found.metadata.uid)
  if not removed then return nil, why end
  return context.cluster:wait_gone("Job", name, { namespace = context.namespace, timeout = GONE_TIMEOUT })
end

--- Creates the Job, in place of one that a run has left that was killed.
local function create(context, request, image)
  local run = assert(crypto.uuid())
  local object = job.object(context, request.deployment, image, run)
  local name = object.metadata.name
  local made, err = context.cluster:create(object, { namespace = context.namespace })
  if not made and err.code == "AlreadyExists" then
    local is_free, why = make_way(context, object)
    if not is_free then return nil, why end
    made, err = context.cluster:create(object, { namespace = context.namespace })
  end
  if not made and not err.status then made = made_anyway(context, name, run) end
  return made, err
end

--- Follows the Job from its creation to its end: the image's digest; or nil, err.
local function work(context, request, made)
  local run = progress.new(context, made)
  local pod, err = progress.until_receiving(run)
  if not pod then return nil, err end
  local began = time.monotonic()
  local ok, problem = hand_over.run(context, pod.metadata.name, request, dockerfile(request))
  if not ok then return nil, progress.explain(run, problem) end
  context.note("the builder has the model package", {
    bytes = request.artifact.size, seconds = math.floor((time.monotonic() - began) * 10) / 10,
  })
  return progress.until_built(run)
end

--- The same, no longer than buildTimeout.
local function work_in_time(context, request, made)
  local seconds = wait.budget(context.config.buildTimeout)
  local limit <close> = time.limit(seconds)
  local digest, err = work(context, request, made)
  if digest or err.code ~= "timeout" or limit:left() > 0 then return digest, err end
  return nil, errors.new { code = "timeout", op = "kubernetes", message = ("job %s: not finished within %.4g s: %s")
    :format(made.metadata.name, seconds, err.message) }
end

--- Removes a Job that has done its work. A failure is only logged: the cluster removes it by itself after a while.
local function end_job(context, made)
  local removed, err = remove(context, made.metadata.name, made.metadata.uid)
  if not removed and err.code ~= "Conflict" then
    context.log:warn("cannot remove the job of the image builder", { job = made.metadata.name, error = err })
  end
end

local function failed(image, err)
  return nil, errors.wrap(err, "cannot build the image " .. image)
end

--- Builds and pushes an image.
---@param context table
---@param request kubernetes.BuildRequest
---@return string|nil digest "sha256:…"; in a dry run, of zeros
---@return bosun.Error|nil err code: the reason of the Job or of its pod ("BackoffLimitExceeded", "ImagePullBackOff",
---"Unschedulable", "FailedCreate", …), "timeout"
local function build(context, request)
  local image = ("%s:%s"):format(request.repository, request.tag)
  context.note("building the model's image", {
    image = image, package = request.artifact.path, bytes = request.artifact.size,
  })
  local made, err = create(context, request, image)
  if not made then return failed(image, err) end
  if effect.dry_run() then return "sha256:" .. ("0"):rep(64) end
  local digest, problem = work_in_time(context, request, made)
  end_job(context, made)
  if digest then return digest end
  return failed(image, problem)
end

return build
