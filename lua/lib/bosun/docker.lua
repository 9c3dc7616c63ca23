--- The Docker Engine, and Podman as far as it speaks Docker's API: containers, images, networks and volumes, over the
--- engine's HTTP API, without the docker program.
---
---     local docker = require "bosun.docker"
---     local engine <close> = assert(docker.connect { host = "unix:///var/run/docker.sock" })
---     local id = assert(engine:create_container("hello", { Image = "alpine", Cmd = { "echo", "hello" } }))
---     assert(engine:start_container(id))
---     assert(engine:wait_container(id))
---     log.info(assert(engine:logs(id)))
---     assert(engine:remove_container(id))
---
--- A failure is `nil, err`. `err.code` is "invalid" (status 400, or a request that makes no sense), "denied" (401 and
--- 403), "not_found" (404), "conflict" (409), "engine" (500 and above), or "status_NNN"; for streams "pull_failed",
--- "push_failed", "build_failed" and "incomplete"; for the connection the codes of bosun.http, such as "ENOENT",
--- "ECONNREFUSED" and "tls"; "protocol" when the other side is not an engine, "unsupported" when it is too old or too
--- new. Engines differ in their statuses: where a code is promised here, it rests on the state of the object.
---
--- Calls end with the action's deadline. In a dry run, calls that change something are noted in the plan and return
--- what success would have returned; questions are still asked.

local Engine = require "bosun.docker.engine"
require "bosun.docker.containers"
require "bosun.docker.streams"
require "bosun.docker.images"
require "bosun.docker.transfer"
require "bosun.docker.build"
require "bosun.docker.networks"

local credentials = require "bosun.registry.credentials"
local endpoint = require "bosun.docker.endpoint"
local frames = require "bosun.docker.frames"
local reference = require "bosun.registry.reference"
local registry_errors = require "bosun.registry.errors"

local docker = {}

--- Connects to an engine, and negotiates the version of the API (1.41 to 1.51).
---@param options? bosun.docker.Options
---@return bosun.docker.Engine|nil engine
---@return bosun.docker.Error|nil err
function docker.connect(options)
  return Engine._connect(options)
end

--- Can this be the address of an engine? Nothing is asked: for a plugin's schema, `check = docker.check_host`.
---@param host string
---@return true|nil ok
---@return string|nil problem what is expected instead
function docker.check_host(host)
  local problem = endpoint.problem(host)
  return not problem or nil, problem
end

--- Parses the name of an image.
---@param text string
---@return bosun.registry.Reference|nil ref
---@return string|nil problem
function docker.parse_reference(text)
  return reference.parse(text)
end

--- Do two names mean the same image? "alpine" and "docker.io/library/alpine:latest" do, and so does "localhost/alpine",
--- Podman's name for an image that was built locally.
---@param a string
---@param b string
---@return boolean
function docker.same_image(a, b)
  return reference.same(a, b)
end

--- The Docker client's credentials for the registry of an image.
---@param ref string
---@param config_file? string default config.json in the environment's DOCKER_CONFIG, else in ~/.docker
---@return bosun.registry.Credentials|nil credentials nil without an error: none
---@return bosun.registry.Error|nil err the file or a helper is broken
function docker.credentials(ref, config_file)
  local parsed, problem = reference.parse(ref)
  if not parsed then
    return nil, registry_errors.invalid("registry credentials", '"%s" is not a valid image name: %s', ref, problem)
  end
  return credentials.find(parsed, config_file or credentials.default_file())
end

--- Removes the frames around the output of a container without a TTY. The existing part of a frame that is cut off is a
--- piece; bytes outside of frames are a piece marked `raw`.
---@param bytes string
---@return bosun.docker.Piece[] pieces one for each frame
---@return string rest the beginning of a header that is cut off
function docker.demultiplex(bytes)
  return frames.split(bytes)
end

return docker
