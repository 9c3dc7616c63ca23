--- The model package on its way into the builder's pod: by `exec` into the container that waits for it. What has
--- arrived there is kept, so that a hand-over that breaks off goes on from there.

local errors = require "bosun.error"
local text = require "bosun.text"
local time = require "bosun.time"

local job = require "kubernetes.build.job"

local hand_over = {}

local PIECE = 256 * 1024
local MOST_BREAKS = 5 -- one after the other, without a byte between them
local PAUSE = 1 -- seconds
local PROGRESS = 10 -- seconds between two lines of the log
local WRONG = 3 -- exit status of the script when what has arrived is something else

--- Prints how many bytes are there, without reading them.
local COUNT = ("set -e; touch PART; set -- $(ls -ln PART); echo $5"):gsub("PART", job.PART)
--- $1: bytes that are left. A server before 1.30 cannot be told that the input has ended. The shell has to be there
--- until the end: a program in its place sometimes does not get its input (containerd 1.6).
local RECEIVE = ('head -c "$1" >>PART || exit 1; echo received'):gsub("PART", job.PART)
--- $1: size, $2: digest or nothing, $3: name, $4: the Dockerfile. Asked twice, it says the same.
local FINISH = ([[
set -e
[ ! -e DONE ] || exit 0
if [ -n "$2" ]; then
  sum=$(sha256sum <PART); sum=${sum%% *}
  [ "$sum" = "$2" ] || { echo "SHA-256 $sum instead of $2"; exit 3; }
fi
cd FOLDER; mkdir -p model; chmod 644 PART; mv PART "model/$3"; printf '%s' "$4" >Dockerfile; : >DONE]]):gsub("%u%u+", {
  DONE = job.DONE, PART = job.PART, FOLDER = job.FOLDER,
})

--- Runs a script in the receiver: its output; or nil, err, final: another try does not help.
local function run(sending, script, arguments, stdin)
  local argv = table.move(arguments, 1, #arguments, 5, { "/bin/sh", "-c", script, "sh" })
  local result, err = sending.context.cluster:exec(sending.pod, argv, {
    namespace = sending.context.namespace, container = job.RECEIVER, stdin = stdin, timeout = math.huge,
    max_output = 4096,
  })
  if not result then return nil, err, err.status ~= nil and err.status < 500 and err.status ~= 429 end
  if result.code == 0 then return text.trimmed(result.stdout) end
  local said = text.trimmed(result.stdout .. result.stderr)
  return nil, errors.new { code = result.code == WRONG and "wrong_digest" or "Failed", op = "kubernetes",
    message = ("pod %s, container %s: what has arrived is not the model package: %s (exit status %d)"):format(
      sending.pod, job.RECEIVER, said, result.code) }, true
end

--- A function that returns the bytes of the package from there on.
local function source_of(sending, offset)
  local file, message = io.open(sending.artifact.path, "rb")
  if not file then return nil, errors.new { code = "EIO", op = "read the model", message = message } end
  file:seek("set", offset)
  local at, next_line = offset, time.monotonic() + PROGRESS
  local function read()
    local bytes, why = file:read(PIECE)
    if not bytes and why then return nil, errors.new { code = "EIO", op = "read the model", message = why } end
    at = at + #(bytes or "")
    if time.monotonic() >= next_line then
      next_line = time.monotonic() + PROGRESS
      sending.context.note("handing over the model package", { bytes = at, of = sending.artifact.size })
    end
    return bytes
  end
  return read, file
end

local function wrong(sending, there)
  return errors.new { code = "wrong_digest", op = "kubernetes",
    message = ("pod %s, container %s: %s bytes have arrived instead of %d"):format(sending.pod, job.RECEIVER, there,
      sending.artifact.size) }
end

--- Sends what is missing. True: nothing is; or nil, err, final; and how much is there.
local function send_rest(sending)
  local said, err, final = run(sending, COUNT, {})
  if not said then return nil, err, final end
  local there = math.tointeger(tonumber(said)) or -1
  local left = sending.artifact.size - there
  if left == 0 then return true end
  if there < 0 or left < 0 then return nil, wrong(sending, said), true end
  local read, file = source_of(sending, there)
  if not read then return nil, file, true, there end
  local _ <close> = file
  local ok, broken, is_final = run(sending, RECEIVE, { tostring(left) }, read)
  return nil, ok and wrong(sending, said) or broken, is_final, there, ok
end

--- Calls `fn` until it succeeds, as long as it gets on. `fn` returns true; or nil, err, final, how far it was, and
--- whether to call it again at once.
local function persist(fn)
  local breaks, best = 0, -1
  while true do
    local ok, err, final, there, at_once = fn()
    if ok then return true end
    breaks = (there or 0) > best and 1 or breaks + 1
    best = math.max(best, there or 0)
    if final or breaks > MOST_BREAKS then return nil, err end
    local slept, ended = time.sleep(at_once and 0 or PAUSE)
    if not slept then return nil, ended end
  end
end

--- Hands over the package and the Dockerfile.
---@param context table
---@param pod string whose receiver runs
---@param request kubernetes.BuildRequest
---@param dockerfile string
---@return true|nil ok
---@return bosun.Error|nil err
function hand_over.run(context, pod, request, dockerfile)
  local sending = { context = context, pod = pod, artifact = request.artifact }
  local ok, err = persist(function() return send_rest(sending) end)
  if ok then
    ok, err = persist(function()
      return run(sending, FINISH, { tostring(request.artifact.size), request.sha256 or "", request.file, dockerfile })
    end)
  end
  if ok then return true end
  return nil, errors.wrap(err, "cannot hand over the model package")
end

return hand_over
