--- Internal: the model package that an action brings, on its way into an image: what it is called there, its digest,
--- and whether it is still the same after it was sent.

local errors = require "bosun.error"
local files = require "bosun.artifact"
local given = require "bosun.deployment_info"

local model_package = {}

local LONGEST_FILE_NAME = 255
local CHANGED = "cannot read the model: %s changed while it was read"

--- The package's name inside the image, which the server has to recognize.
---@param artifact bosun.deployment_info.Artifact
---@return string
function model_package.name(artifact)
  return artifact.file:find("%.mlpkg$") and artifact.file or artifact.file .. ".mlpkg"
end

--- Why a package cannot have its name in an image; nil: it can.
---@param artifact bosun.deployment_info.Artifact
---@return string|nil
function model_package.name_problem(artifact)
  local name = model_package.name(artifact)
  if name:find("^%.wh%.") then
    return ("the model package %s cannot have that name: in an image, files named .wh.* mark removed files")
      :format(artifact.path)
  elseif #name > LONGEST_FILE_NAME then
    return ("the file name of the model package is too long: %s has %d bytes, at most %d are allowed"):format(name,
      #name, LONGEST_FILE_NAME)
  end
end

--- The model package that an action was given, checked.
---@param deployment_info table
---@return bosun.deployment_info.Artifact|nil artifact
---@return bosun.Error|nil problem
function model_package.artifact(deployment_info)
  local artifact, problem = given.artifact(deployment_info)
  if not artifact then return nil, problem end
  if artifact.size == 0 then
    return nil, errors.new { code = "invalid", op = "read the model",
      message = ("the model package %s is empty"):format(artifact.path) }
  end
  return artifact
end

--- Does the action name a model package?
---@param deployment_info table
---@return boolean
function model_package.is_named(deployment_info)
  return deployment_info.modelArtifact ~= nil and deployment_info.modelArtifact ~= ""
end

--- Reads a package. Its digest, which is the one that it is to have; or nil and a problem.
---@param artifact bosun.deployment_info.Artifact
---@param deployment { info: table, seen?: string } `seen` is set to what changes when the file is written
---@return string|nil digest
---@return bosun.Error|string|nil problem
function model_package.digest(artifact, deployment)
  local before = files.look(artifact.path)
  local digest, err = files.sha256(artifact.path)
  if not digest then return nil, errors.wrap(err, "cannot read the model") end
  local now = files.look(artifact.path)
  if not (now and before and now.size == artifact.size and now.version == before.version) then
    return nil, CHANGED:format(artifact.path)
  end
  deployment.seen = now.version
  local right, wrong = given.check_sha256(deployment.info, digest)
  return right and digest, wrong
end

--- The digest that a deployment is to have: that of the package, or where none is named, of the one that is served.
---@param deployment { model: string, info: table, seen?: string }
---@param current? { model: string, package?: string } what is served
---@param takes_digest boolean whether it is taken without being asked for
---@return string|nil digest nil without a problem: not known
---@return bosun.Error|string|nil problem
function model_package.wanted(deployment, current, takes_digest)
  local expected, invalid = given.sha256(deployment.info)
  if invalid then return nil, invalid end
  local artifact = model_package.artifact(deployment.info)
  if artifact and (expected or takes_digest) then return model_package.digest(artifact, deployment) end
  local noted = current and current.model == deployment.model and current.package or nil
  if expected and noted and noted ~= expected then
    return nil, ("the SHA-256 of the model that is served is %s, not %s as deploymentInfo has it"):format(noted,
      expected)
  end
  return noted
end

--- Is the package still the one whose digest was taken? Asked after it was sent.
---@param deployment { seen?: string }
---@param artifact bosun.deployment_info.Artifact
---@return true|nil ok
---@return string|nil problem
function model_package.is_unchanged(deployment, artifact)
  local now = deployment.seen and files.look(artifact.path)
  if not deployment.seen or now and now.version == deployment.seen then return true end
  return nil, CHANGED:format(artifact.path)
end

return model_package
