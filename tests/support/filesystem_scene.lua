--- What the tests of the filesystem plugin share: a workspace with its environment, and deployments in it.

local Workspace = require "runner"

local scene = {}

local workspace

--- A new workspace in place of the last one.
function scene.use(private)
  if workspace then workspace:remove() end
  workspace = Workspace.with_filesystem(private)
  return workspace
end

function scene.remove()
  workspace:remove()
  workspace = nil
end

--- The deploymentInfo of d1 with model A.
function scene.deployment(fields)
  local info = { id = "d1", name = "first", modelId = "A", modelArtifact = workspace.model_a }
  for key, value in pairs(fields or {}) do info[key] = value end
  return info
end

--- The deploymentInfo that replaces the model of d1 by B.
function scene.with_model_b(fields)
  local info = scene.deployment(fields)
  info.newModelId, info.modelArtifact = "B", workspace.model_b
  return info
end

function scene.start(fields)
  local status = workspace:act("deployment_start", scene.deployment(fields))
  assert(status.status == "passing", status.msg)
  return status
end

--- The status has this outcome and state, and its message matches the pattern.
function scene.expect(status, outcome, state, pattern)
  assert(status.status == outcome, status.msg)
  assert(status.state == state, ("state %s: %s"):format(status.state, status.msg))
  assert(not pattern or status.msg:find(pattern), status.msg)
end

--- A directory as the Python runner leaves it: the model, and an info file with two keys.
function scene.python_deployment(id, model_id, file, content)
  workspace:mkdir("base/deployment_" .. id)
  workspace:write(("base/deployment_%s/%s"):format(id, file), content)
  workspace:write(("base/deployment_%s/config.yml"):format(id),
    ("deployment_id: %s\nmodel_id: %s\n"):format(id, model_id))
end

--- The SHA-256 of a text, from another program.
function scene.sha256(text)
  local file = workspace:write("digest-me", text)
  local pipe = assert(io.popen(("sha256sum < '%s'"):format(file)))
  local hex = pipe:read(64)
  pipe:close()
  os.remove(file)
  return hex
end

function scene.current_model()
  local status = workspace:act("deployment_status", { id = "d1" })
  return status.data and status.data.currentModelId, status
end

return scene
