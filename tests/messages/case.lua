--- Reads the cases of tests/messages, for the suite and for tools/reference. A case is a file GROUP/NAME.case:
---
---     says: no option --plugn; did you mean --plugin?
---     why: The option is misspelled.
---     do: Correct it.
---     run: bosun-plugin-runner --plugn test
---
---     -- action.yaml --
---     peInfo: {}
---
--- says   the message, one line each; "…" matches anything
--- code   what data.error says of it in the status; "command_line" and "status_file" stand for
---        the exit statuses 64 and 74. Absent: no action fails
--- why    its cause; a line that begins with blanks continues the one above
--- do     what to do about it
--- run    lines of shell that provoke it, in a folder with the files below; default: pe_status of ./mine
--- in     where it appears: status, log, stdout or stderr; default: the status file if there is one, otherwise stderr
--- needs  "engine": a Docker engine with the images of tests/docker. `make test-docker` runs these cases. $NAME is a
---        new name, in the files too; everything on the engine whose name begins with it is removed afterwards.
---        "cluster": a Kubernetes cluster with the images of tests/kubernetes; `make test-kubernetes` runs these cases.
---        $NAME is a new namespace
--- send   a signal for the runner, once the plugin has made the file "started"
---
--- A line "-- NAME --" begins a file. "-- pe_status --" begins the body of that method of a plugin, mine.lua.

local case = {}

local FIELDS = {
  says = true, code = true, why = true, ["do"] = true, run = true, ["in"] = true, send = true, needs = true,
}
local PLUGIN = [[
local BosunPluginBase = require "bosun.plugin_base"
local status = require "bosun.action_status"
local Mine = BosunPluginBase:extend "Mine"
function Mine:pe_status()
%send
return Mine
]]

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  return lines
end

--- Adds a line of the part before the files; returns the field that it belongs to.
local function add_field(result, path, line, last)
  if line == "" then return nil end
  local name, text = line:match "^(%l+): ?(.*)$"
  if FIELDS[name] then
    result[name] = result[name] and result[name] .. "\n" .. text or text
    return name
  end
  assert(last and line:find "^ ", ("%s: expected a field such as \"says:\", found %q"):format(path, line))
  result[last] = result[last] .. " " .. line:match "^ +(.*)$"
  return last
end

--- The case of a file.
function case.read(path)
  local result = { path = path, name = path:match "([%w-]+)%.case$", files = {} }
  local file, last
  for line in io.lines(path) do
    local name = line:match "^%-%- (%S+) %-%-$"
    if name then
      file, result.files[name] = name, ""
    elseif file then
      result.files[file] = result.files[file] .. line .. "\n"
    else
      last = add_field(result, path, line, last)
    end
  end
  for _, name in ipairs { "says", "why", "do" } do assert(result[name], ("%s: no %s"):format(path, name)) end
  if result.files.pe_status then
    result.files["mine.lua"], result.files.pe_status = PLUGIN:format(result.files.pe_status), nil
  end
  result.run = result.run or "bosun-plugin-runner --plugin ./mine --action pe_status --status-file status.yaml"
  return result
end

--- The names of the groups below a folder.
function case.groups(folder)
  return lines_of(("cd '%s' && ls -d */ | tr -d /"):format(folder))
end

--- The cases of a group, in the order of their names.
function case.group(folder, group)
  local result = {}
  for _, path in ipairs(lines_of(("LC_ALL=C; export LC_ALL; ls '%s/%s'/*.case"):format(folder, group))) do
    result[#result + 1] = case.read(path)
  end
  return result
end

return case
