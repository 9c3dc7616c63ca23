--- Internal: bosun audit. Compares what status files claim with what is there, without the plugin that wrote them.

local artifact = require "bosun.artifact"
local fs = require "bosun.fs"
local http = require "bosun.http"
local json = require "bosun.json"
local probe = require "bosun.prediction_server.probe"
local tables = require "bosun.tables"
local time = require "bosun.time"
local url = require "bosun.url"
local yaml = require "bosun.yaml"

local audit = {}

local SAME, DIFFERENT, NO_FILE, TOO_LONG = 0, 1, 66, 70
local MOST_BYTES = 128 * 1024 * 1024 -- of a status: 64 MiB of data, and what is around it
local TIMEOUT = 10 -- seconds for a request
local STATUSES = { passing = true, failing = true, warning = true, unknown = true }
local PLACEHOLDER = "has no outcome yet: it is still running, or it was killed together with its supervisor"

local TIMED_OUT = "timed out"

---@class bosun.audit.Finding
---@field file string
---@field entry string id of a deployment; "": the status itself
---@field claim "prediction URL"|"model"|"artifact"|"outcome"|"nothing"
---@field status string what the status says
---@field world string what is there
---@field agrees boolean|nil nil: it cannot be checked

--- The time of the command is over: what fails now says nothing about the world.
local function is_over()
  return (time.deadline() or 1) <= 0
end

local function text_or_nil(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function is_status(value)
  return type(value) == "table" and STATUSES[value.status] ~= nil
end

-- ---- the prediction URL ---------------------------------------------------------------------------------------------

--- The server's route `info` beside the route that predicts.
local function info_beside(address)
  return (address:gsub("[?#].*$", ""):gsub("/+$", ""):gsub("/[^/]*$", "") .. "/info")
end

--- Asks for any model. Returns what the world says, and whether it answers.
local function ask_for_any(address)
  local response, err = http.request { method = "OPTIONS", url = address, timeout = TIMEOUT, follow = false,
    max_bytes = 1024 * 1024 }
  if not response then return err.message, false end
  local is_there = response.status ~= 404 and (response.status < 500 or response.status == 501)
  return ("OPTIONS %s answered %d"):format(url.show(address), response.status), is_there
end

local function ask_for(model, address)
  local target = { model = model, info = info_beside(address), predictions = address }
  local found = probe.ask(target, { way = "url" })
  if found.answers then return found.remark or "it answers with this model", true end
  return found.problem, false
end

--- Raises nothing for an address that is none.
local function is_address(address)
  local parts = url.parse(address)
  local scheme = parts and parts.scheme:lower()
  return scheme == "http" or scheme == "https"
end

local function check_url(note, status, facts)
  local address = text_or_nil(facts.predictionUrl)
  local serves = status.status == "passing" or status.status == "warning" or facts.oldModelInUse == true
  if not address or not serves then return end
  local model = text_or_nil(facts.currentModelId) or text_or_nil(facts.modelId)
  local claim = model and ("%s answers with model %s"):format(url.show(address), model)
    or ("%s answers"):format(url.show(address))
  if not is_address(address) then return note("prediction URL", claim, "that is not an http or https URL", false) end
  if model then return note("prediction URL", claim, ask_for(model, address)) end
  return note("prediction URL", claim, ask_for_any(address))
end

-- ---- the model's files ----------------------------------------------------------------------------------------------

local function check_artifact(note, status, facts)
  local place, digest = text_or_nil(facts.modelArtifact), text_or_nil(facts.artifactSha256)
  if not place or place:find "^%a[%w+.-]*://" or status.status == "failing" then return end
  local claim = digest and ("%s has the SHA-256 %s"):format(place, digest) or ("%s is there"):format(place)
  local stat, err = fs.stat(place)
  if not stat then return note("artifact", claim, err.message, false) end
  if not digest then return note("artifact", claim, "it is", true) end
  local actual
  actual, err = artifact.sha256(place)
  if not actual then return note("artifact", claim, err.message, false) end
  return note("artifact", claim, actual == digest and "it has" or "it has the SHA-256 " .. actual, actual == digest)
end

-- ---- statuses -------------------------------------------------------------------------------------------------------

--- The entries of a status: id → a status each.
local function entries_of(data)
  if type(data.deploymentsStatus) == "table" then return data.deploymentsStatus end
  local entries = {}
  for id, value in pairs(data) do
    if is_status(value) then entries[id] = value end
  end
  return entries
end

--- What a status says of the deployment: its data, and beside the six keys what a list has.
local function facts_of(status)
  local facts = type(status.data) == "table" and tables.copy(status.data) or {}
  for _, name in ipairs { "modelId", "modelArtifact", "predictionUrl" } do facts[name] = facts[name] or status[name] end
  return facts
end

--- The message of a dry run says so; what a plugin puts into data is then a plan, too.
local function is_dry_run(status)
  return text_or_nil(status.msg) and status.msg:find "^dry run, nothing was changed" ~= nil
end

local function check_status(findings, file, entry, status)
  local before = #findings
  local function note(claim, said, world, agrees)
    if agrees == false and is_over() then world, agrees = TIMED_OUT, nil end
    findings[#findings + 1] = { file = file, entry = entry, claim = claim, status = said, world = world,
      agrees = agrees }
  end
  local facts = facts_of(status)
  if is_dry_run(status) then return note("nothing", "status: " .. status.status, "it is of a dry run") end
  check_url(note, status, facts)
  check_artifact(note, status, facts)
  for _, id in ipairs(tables.sorted_keys(entries_of(facts))) do
    local inner = entries_of(facts)[id]
    if is_status(inner) then
      check_status(findings, file, entry == "" and id or entry .. "/" .. id, inner)
    else
      note("outcome", ("%s is a deployment's status"):format(id), "it has none of the four outcomes", false)
    end
  end
  if #findings > before then return end
  if text_or_nil(status.msg) and status.msg:find(PLACEHOLDER, 1, true) then
    return note("nothing", status.msg, "there is no outcome to check")
  end
  note("nothing", "status: " .. status.status, "it claims nothing that can be checked without the plugin")
end

local function read(file)
  local status, err = yaml.load(file, { max_bytes = MOST_BYTES })
  if err then return nil, tostring(err) end
  if not is_status(status) then
    return nil, file .. ": not a status file: expected the key status with passing, failing, warning or unknown"
  end
  return status
end

-- ---- showing --------------------------------------------------------------------------------------------------------

local function place_of(finding)
  return finding.file .. (finding.entry ~= "" and ": " .. finding.entry or "")
end

local function as_text(findings)
  local lines = {}
  for _, finding in ipairs(findings) do
    if finding.agrees == false then
      lines[#lines + 1] = ("%s: %s"):format(place_of(finding), finding.claim)
      lines[#lines + 1] = "  status says: " .. finding.status
      lines[#lines + 1] = "  world says:  " .. finding.world
    elseif finding.agrees then
      lines[#lines + 1] = ("%s: %s: %s: %s"):format(place_of(finding), finding.claim, finding.status, finding.world)
    else
      lines[#lines + 1] = ("%s: not checked: %s: %s"):format(place_of(finding), finding.status, finding.world)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function as_json(findings)
  for _, finding in ipairs(findings) do
    if finding.agrees == nil then finding.agrees = json.null end
  end
  return json.encode(json.array(findings), { indent = 2, sort = true }) .. "\n"
end

local function count_of(count, what)
  return ("%d %s%s"):format(count, what, count == 1 and "" or "s")
end

--- How many claims differ, and that as a line.
local function summary(findings)
  local different, checked = 0, 0
  for _, finding in ipairs(findings) do
    different = different + (finding.agrees == false and 1 or 0)
    checked = checked + (type(finding.agrees) == "boolean" and 1 or 0)
  end
  return different, ("%s in %s"):format(count_of(different, "difference"), count_of(checked, "claim"))
end

local function has_timed_out(findings)
  for _, finding in ipairs(findings) do
    if finding.world == TIMED_OUT then return true end
  end
  return false
end

--- Runs the command.
---@param arguments table the status files, and the field format
---@return integer exit_status
---@return string out
---@return string message
function audit.run(arguments)
  local findings, problems, missing = {}, {}, false
  for _, file in ipairs(arguments) do
    local status, problem
    if not is_over() then status, problem = read(file) end
    if not status and is_over() then
      findings[#findings + 1] = { file = file, entry = "", claim = "nothing", status = "the file", world = TIMED_OUT }
    elseif status then
      check_status(findings, file, "", status)
    else
      missing, problems[#problems + 1] = true, problem
    end
  end
  local different, line = summary(findings)
  if #findings > 0 then table.insert(problems, 1, line) end
  local out = arguments.format == "json" and as_json(findings) or #findings > 0 and as_text(findings) or ""
  local status = missing and NO_FILE or different > 0 and DIFFERENT or SAME
  return is_over() and has_timed_out(findings) and TOO_LONG or status, out, table.concat(problems, "\n")
end

return audit
