--- The Docker Engine, and Podman where it speaks Docker's API: containers, images, networks and volumes, over the
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
--- What fails is `nil, err`: `err.code` is "invalid" (400, or something that cannot be asked for), "denied" (401, 403),
--- "not_found" (404), "conflict" (409), "engine" (500 and more), or "status_NNN"; of streams "pull_failed",
--- "push_failed", "build_failed" and "incomplete"; of the connection the codes of bosun.http ("ENOENT", "ECONNREFUSED",
--- "tls", …); "protocol" and "unsupported" of something that is no engine, or one too old or too new. Engines differ in
--- statuses: where a code is promised here, it is the state that was looked at.
---
--- Calls end with the action's deadline. In a dry run what changes something is noted in the plan, and what success
--- would have returned comes back; questions are asked.

local Engine = require "bosun.docker.engine"
require "bosun.docker.containers"
require "bosun.docker.streams"
require "bosun.docker.images"
require "bosun.docker.transfer"
require "bosun.docker.build"
require "bosun.docker.networks"

local credentials = require "bosun.docker.credentials"
local errors = require "bosun.docker.errors"
local frames = require "bosun.docker.frames"
local reference = require "bosun.docker.reference"

local docker = {}

--- Reaches an engine, and finds out which version of the API both sides speak (1.41 to 1.51).
---@param options? bosun.docker.Options
---@return bosun.docker.Engine|nil engine
---@return bosun.docker.Error|nil err
function docker.connect(options)
  return Engine._connect(options)
end

--- Takes the name of an image apart.
---@param text string
---@return bosun.docker.Reference|nil ref
---@return string|nil problem
function docker.parse_reference(text)
  return reference.parse(text)
end

--- Do two names mean the same image? "alpine" and "docker.io/library/alpine:latest" do, and so does Podman's
--- "localhost/alpine", which is what it calls what was built here.
---@param a string
---@param b string
---@return boolean
function docker.same_image(a, b)
  return reference.same(a, b)
end

--- The credentials that the Docker client has for the registry of an image.
---@param ref string
---@param config_file? string default config.json in the environment's DOCKER_CONFIG, else in ~/.docker
---@return bosun.docker.Credentials|nil credentials nil without an error: there are none
---@return bosun.docker.Error|nil err the file or a helper is broken
function docker.credentials(ref, config_file)
  local parsed, problem = reference.parse(ref)
  if not parsed then return nil, errors.invalid("credentials of registries", '"%s": %s', ref, problem) end
  return credentials.find(parsed, config_file or credentials.default_file())
end

--- Takes the frames off what a container without a TTY has written. Of a frame that is cut, what is there is a piece;
--- what is in no frame at all is a piece marked `raw`.
---@param bytes string
---@return bosun.docker.Piece[] pieces one for each frame
---@return string rest the beginning of a header that is cut
function docker.demultiplex(bytes)
  return frames.split(bytes)
end

return docker
