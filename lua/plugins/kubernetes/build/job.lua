--- The Job that builds an image with Kaniko: an init container that receives the model package, and the builder.
---
--- The package comes by `exec` into a volume of the pod, and not by the builder's standard input, which Kaniko keeps in
--- memory as a whole; so it may be of any size, and a hand-over that breaks off goes on where it was.

local json = require "bosun.json"
local tables = require "bosun.tables"

local labels = require "kubernetes.labels"
local names = require "kubernetes.names"
local pods = require "kubernetes.objects.pods"

local job = {}

--- The containers' names.
job.RECEIVER, job.BUILDER = "receive", "kaniko"
--- Where the package and the Dockerfile are, in both.
job.FOLDER = "/workspace"
--- What the receiver waits for.
job.PART, job.DONE = job.FOLDER .. "/part", job.FOLDER .. "/handed-over"
--- Says which run of the plugin has made the Job.
job.RUN = "bosun/run"

local SUFFIX = "-build" -- with a name's 52 bytes, less than the 63 that a Job may have
local DIGEST_FILE = "/dev/termination-log"
local CONFIG_FOLDER = "/kaniko/.docker"
local IDLE = 120 -- seconds in which nothing arrives
local SPARE = 60 -- seconds that the cluster gives the build after the plugin has given up
local KEPT = 3600 -- seconds after its end in which the Job of a run that was killed is removed

--- Waits as long as something arrives: whoever has made this Job may be gone.
local RECEIVE = ([[
: >DONE.mark
idle=0
while [ ! -e DONE ]; do
  if [ PART -nt DONE.mark ]; then idle=0; touch DONE.mark; fi
  if [ $idle -ge IDLE ]; then echo "no model package has arrived for IDLE s" >&2; exit 1; fi
  idle=$((idle + 1))
  sleep 1
done]]):gsub("%u%u+", { DONE = job.DONE, PART = job.PART, IDLE = tostring(IDLE) })

--- The name of a deployment's Job.
---@param context table
---@param id string
---@return string
function job.name(context, id)
  return names.object(context.config.objectNamePrefix, id) .. SUFFIX
end

--- The builder works as root, as its image is made for, without any further privilege.
local POD_SECURITY = { seccompProfile = { type = "RuntimeDefault" } }
local SECURITY = { allowPrivilegeEscalation = false }

local function volumes(config)
  local list = { { name = "workspace", emptyDir = {} } }
  local sources = {}
  if config.kanikoSecretName then
    sources[1] = { secret = {
      name = config.kanikoSecretName, items = { { key = ".dockerconfigjson", path = "config.json" } },
    } }
  elseif config.kanikoConfigmapName then
    sources[1] = { configMap = { name = config.kanikoConfigmapName } }
  end
  if sources[1] then list[2] = { name = "docker-config", projected = { sources = json.array(sources) } } end
  return list
end

local function mounts(config)
  local list = { { name = "workspace", mountPath = job.FOLDER } }
  if config.kanikoSecretName or config.kanikoConfigmapName then
    list[2] = { name = "docker-config", mountPath = CONFIG_FOLDER, readOnly = true }
  end
  return list
end

local function arguments(config, tag)
  local list = {
    "--dockerfile=" .. job.FOLDER .. "/Dockerfile", "--context=dir://" .. job.FOLDER, "--destination=" .. tag,
    "--digest-file=" .. DIGEST_FILE,
  }
  for _, host in ipairs(config.insecureRegistries or {}) do
    list[#list + 1] = "--insecure-registry=" .. host -- without TLS
    list[#list + 1] = "--skip-tls-verify-registry=" .. host -- whatever its certificate
  end
  return json.array(table.move(config.kanikoArguments or {}, 1, #(config.kanikoArguments or {}), #list + 1, list))
end

local function joined(first, second)
  local list = table.move(first, 1, #first, 1, {})
  return json.array(table.move(second or {}, 1, #(second or {}), #list + 1, list))
end

local function container(settings, config, own)
  return tables.copy({
    securityContext = pods.overridden(SECURITY, settings.securityContext or {}),
    resources = pods.resources(settings.resources), env = pods.list_of(settings.env), imagePullPolicy = "IfNotPresent",
    volumeMounts = joined(mounts(config), settings.volumeMounts),
  }, own)
end

--- Secrets for pulling the builder's image and that of the receiver.
local function pull_secrets(settings, config)
  local seen, list = {}, {}
  local lists = { settings.imagePullSecrets or config.imagePullSecrets or {}, { config.kanikoSecretName } }
  for _, list_of_names in ipairs(lists) do
    for _, name in ipairs(list_of_names) do
      if not seen[name] then list[#list + 1] = { name = name } end
      seen[name] = true
    end
  end
  return pods.list_of(list)
end

local function template(context, deployment, tag)
  local config, settings = context.config, context.config.builder or {}
  local own_account = config.kanikoServiceAccount ~= "default"
  return {
    metadata = {
      labels = pods.with(labels.build(context, deployment), settings.labels),
      annotations = pods.with(labels.deployment_notes(context, deployment), settings.annotations),
    },
    spec = tables.copy(pods.spec(context, settings, labels.build(context, deployment)), {
      restartPolicy = "Never", serviceAccountName = config.kanikoServiceAccount,
      automountServiceAccountToken = own_account, terminationGracePeriodSeconds = 5,
      securityContext = pods.overridden(POD_SECURITY, settings.podSecurityContext or {}),
      imagePullSecrets = pull_secrets(settings, config), volumes = joined(volumes(config), settings.volumes),
      initContainers = { container(settings, config, {
        name = job.RECEIVER, image = config.kanikoInitImage or config.ppsBaseImage,
        command = json.array { "/bin/sh", "-c", RECEIVE }, terminationMessagePolicy = "FallbackToLogsOnError",
      }) },
      containers = { container(settings, config, {
        name = job.BUILDER, image = config.kanikoImage, args = arguments(config, tag),
        terminationMessagePath = DIGEST_FILE, terminationMessagePolicy = "FallbackToLogsOnError",
      }) },
    }),
  }
end

--- The Job.
---@param context table
---@param deployment { id: string, model: string }
---@param tag string of the image
---@param run string which run of the plugin makes it
---@return table
function job.object(context, deployment, tag, run)
  local notes = labels.deployment_notes(context, deployment)
  notes[job.RUN] = run
  return {
    apiVersion = "batch/v1", kind = "Job",
    metadata = {
      name = job.name(context, deployment.id), namespace = context.namespace,
      labels = labels.build(context, deployment), annotations = notes,
    },
    spec = {
      backoffLimit = 0, activeDeadlineSeconds = math.ceil(context.config.buildTimeout) + SPARE,
      ttlSecondsAfterFinished = KEPT, template = template(context, deployment, tag),
    },
  }
end

return job
