--- Internal: bosun bundle. Puts what is known of a run into one file, without secrets: they are replaced, and then
--- searched for once more in another way.

local base64 = require "bosun.base64"
local fs = require "bosun.fs"
local gzip = require "bosun.native.gzip"
local json = require "bosun.json"
local path = require "bosun.path"
local secrets = require "bosun.native.secrets"
local tables = require "bosun.tables"
local tar = require "bosun.tar"
local text = require "bosun.text"
local time = require "bosun.time"

local bundle = {}

local OK, NO_FILE, REFUSED, OUTPUT = 0, 66, 1, 74
local FACTS = "run.json"
local MOST_BYTES = 64 * 1024 * 1024
local SHORTEST = 8 -- characters of base64 that are told from others
local PRIVATE = tonumber("600", 8)

--- The name that --keep-runs gives to the folder of a run.
local RUN_NAME = "^%d%d%d%d%d%d%d%dT%d%d%d%d%d%d%.%d%d%dZ%-[%l_]+%-%d+$"

--- Ends the command.
local function stop(status, format, ...)
  error({ status = status, message = format:format(...) }, 0)
end

-- ---- the folder -----------------------------------------------------------------------------------------------------

--- The names in a folder, sorted.
local function names_in(folder)
  local names, err = fs.list(folder)
  if not names then stop(NO_FILE, "%s", err.message) end
  table.sort(names)
  return names
end

local function runs_in(folder)
  local runs = {}
  for _, name in ipairs(names_in(folder)) do
    if name:find(RUN_NAME) then runs[#runs + 1] = name end
  end
  return runs
end

--- The folder of the run that is meant.
local function choose(folder, last)
  local runs = runs_in(folder)
  if last and #runs == 0 then
    stop(NO_FILE, "%s has no run: it is not a folder of --keep-runs, or no run has ended since", folder)
  elseif last then
    return path.join(folder, runs[#runs])
  elseif #runs > 0 then
    stop(NO_FILE, "%s has %d run%s: name one, such as %s, or say --last", folder, #runs, #runs == 1 and "" or "s",
      path.join(folder, runs[#runs]))
  end
  return folder
end

--- The regular files of the folder: a list of { name, text }.
local function read_files(folder)
  local files, total = {}, 0
  for _, name in ipairs(names_in(folder)) do
    local file = path.join(folder, name)
    local stat, err = fs.stat(file, { follow = false })
    if not stat then stop(NO_FILE, "%s", err.message) end
    if stat.type == "file" then
      total = total + stat.size
      if total > MOST_BYTES then stop(NO_FILE, "%s: its files have more than 64 MiB together", folder) end
      local content
      content, err = fs.read(file)
      if not content then stop(NO_FILE, "%s", err.message) end
      files[#files + 1] = { name = name, text = content }
    end
  end
  if #files == 0 then stop(NO_FILE, "%s has no files", folder) end
  return files
end

local function file_named(files, name)
  for _, file in ipairs(files) do
    if file.name == name then return file end
  end
end

-- ---- secrets --------------------------------------------------------------------------------------------------------

--- Adds the secrets of a config. What has been replaced already would be read as a value.
local function add_config(content)
  secrets.add_config((content:gsub("%[redacted%]", "")))
end

--- Nothing is learnt from what has been replaced already.
local function is_redacted(value)
  return value:find("[redacted]", 1, true) ~= nil
end

local function add_urls(line)
  for address in line:gmatch "%a[%w+.-]*://[^%s'\"]+" do
    if not is_redacted(address) then secrets.add_url(address) end
  end
end

--- Adds what a value that was read from JSON has below the names of secrets.
local function add_value(value, is_secret)
  if type(value) == "table" then
    for name, inner in pairs(value) do
      add_value(inner, is_secret or type(name) == "string" and secrets.is_named(name))
    end
  elseif type(value) == "string" then
    if is_redacted(value) then return end
    if is_secret then secrets.add(value) end
    secrets.add_url(value)
  elseif type(value) == "number" and is_secret then
    secrets.add(tostring(value))
  end
end

--- Adds the secrets of a text in any format: JSON, as a whole or line by line, YAML, or lines of names and values.
local function add_text(name, content)
  local value = json.decode(content)
  if value ~= nil then return add_value(value) end
  if name:lower():find "%.ya?ml$" then return add_config(content) end
  secrets.add_any((content:gsub("%[redacted%]", "")))
  for key in content:gmatch "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-.-%-%-%-%-%-END" do
    if not is_redacted(key) then secrets.add(key) end
  end
  for line in content:gmatch "[^\n]+" do
    local entry = line:find "^%s*{" and json.decode(line)
    if entry then
      add_value(entry)
    else
      add_urls(line)
      for key, inner in line:gmatch '"([^"]+)"%s*:%s*"([^"]*)"' do add_value({ [key] = inner }) end
    end
  end
end

--- The same for a file that may be gone, or be a FIFO.
local function add_config_file(file)
  local stat = type(file) == "string" and fs.stat(file)
  local content = stat and stat.type == "file" and fs.read(file)
  if content then add_text(file, content) end
end

--- Makes known what is secret: in the environment, in the configs that the run had, and in the files themselves.
local function learn(files, facts)
  secrets.add_environment()
  add_config_file(facts.config)
  add_config_file(facts.privateConfig)
  for _, file in ipairs(files) do
    add_text(file.name, file.text)
  end
end

local ESCAPES = { n = "\n", t = "\t", r = "\r" }

--- The text as it is once escapes of URLs, JSON and YAML are undone.
local function readings(content)
  local of_url = content:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  local of_json = content:gsub("\\u00(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
    :gsub("\\x(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
    :gsub("\\(.)", function(letter) return ESCAPES[letter] or letter end)
  return { content, of_url, (of_url:gsub("+", " ")), of_json }
end

--- What base64 makes of the secret, whatever is before and behind it: at each of three places in a group.
local function encodings(secret)
  local forms = {}
  for before = 0, 2 do
    local bits = (before + #secret) * 8
    local whole = base64.encode(("\0"):rep(before) .. secret):sub(({ 1, 3, 4 })[before + 1], bits // 6)
    if #whole >= SHORTEST then forms[#forms + 1] = whole end
  end
  return forms
end

--- How the text has the secret; nil: it does not.
local function finds(content, standard, secret)
  for i, reading in ipairs(content) do
    if reading:find(secret, 1, true) then return i == 1 and "as it is" or "escaped" end
  end
  for _, form in ipairs(encodings(secret)) do
    if standard:find(form, 1, true) then return "in base64" end
  end
end

--- Stops if a text has a secret. This does not use what has replaced them, and so checks that, too.
local function check(name, content)
  local forms = readings(content)
  local standard = content:gsub("-", "+"):gsub("_", "/")
  for _, secret in ipairs(secrets.list()) do
    local how = finds(forms, standard, secret)
    if how then
      stop(REFUSED, "%s contains a secret %s: no bundle was made; remove it, or move the file out of the folder",
        secrets.redact(name), how)
    end
  end
end

local function clean(file)
  if utf8.len(file.text) then file.text = secrets.redact(file.text) end
  check("the name of a file", file.name)
  check(file.name, file.text)
end

-- ---- the file -------------------------------------------------------------------------------------------------------

local function first_line(file)
  return text.one_line(fs.read(file) or "", 300)
end

--- What is known of the machine and the programs now.
local function about_now(folder, arguments)
  local names = {}
  for entry in (fs.read("/proc/self/environ") or ""):gmatch "[^\0]+" do names[#names + 1] = entry:match "^[^=]*" end
  table.sort(names)
  return json.encode({
    bundled = time.format(time.now()), bosun = arguments.version, lua = _VERSION, folder = folder,
    system = first_line "/proc/version", environment = names,
    distribution = (fs.read("/etc/os-release") or ""):match 'PRETTY_NAME="([^"]*)"',
  }, { indent = 2, sort = true }) .. "\n"
end

--- Where the bundle goes, nil: to standard output; and the folder in it, which has the name of the file.
local function output_path(folder, arguments)
  local usual = "bosun-bundle-" .. path.basename(path.abs(folder))
  local output = arguments.output or usual .. ".tar.gz"
  if output == "-" then return nil, usual end
  local name = path.basename(output)
  return output, name:match "^(.+)%.tar%.gz$" or name:match "^(.+)%.tgz$" or usual
end

--- A FIFO or a device gets the bundle, and so does the file that a symlink leads to: none is replaced.
local function write(output, packed)
  local stat = fs.stat(output, { follow = false })
  local ok, err = fs.write(output, packed, { mode = PRIVATE, atomic = not stat or stat.type == "file" })
  if not ok then stop(OUTPUT, "%s", err.message) end
end

local function pack(files, top)
  local entries, pieces = {}, {}
  for i, file in ipairs(files) do
    entries[i] = { name = top .. "/" .. file.name, content = file.text, mode = PRIVATE }
  end
  for piece in tar.new(entries):reader() do pieces[#pieces + 1] = piece end
  local packed, err = gzip.pack(table.concat(pieces))
  return packed or stop(OUTPUT, "%s", err.message)
end

local function report(files, output, bytes)
  local lines = { ("%s: %d bytes"):format(output or "standard output", bytes) }
  for _, file in ipairs(files) do lines[#lines + 1] = ("  %-22s %d bytes"):format(file.name, #file.text) end
  return table.concat(lines, "\n") .. "\n"
end

local function make(arguments)
  local folder = choose(arguments[1], arguments.last)
  local files = read_files(folder)
  local facts_file = file_named(files, FACTS)
  local facts = facts_file and json.decode(facts_file.text)
  learn(files, type(facts) == "table" and facts or {})
  files[#files + 1] = { name = "bundle.json", text = about_now(folder, arguments) }
  for _, file in ipairs(files) do clean(file) end
  local output, top = output_path(folder, arguments)
  check("the name of the bundle", top)
  local packed = pack(files, top)
  if output then write(output, packed) end
  local hint = not facts_file and "no run.json: the folder is not one of --keep-runs, so the command line, the log and "
    .. "the configs are in the bundle only as far as they lie there\n"
  local said = report(files, output, #packed)
  if not output then return OK, packed, said .. (hint or ""), true end
  return OK, said, hint or nil
end

--- Runs the command.
---@param arguments table DIR, and the fields last, output, version
---@return integer exit_status
---@return string|nil out
---@return string|nil message
---@return boolean|nil is_binary out is not a text, and has no secrets
function bundle.run(arguments)
  local results = table.pack(pcall(make, tables.copy(arguments)))
  if results[1] then return table.unpack(results, 2, 5) end
  local problem = results[2]
  if type(problem) ~= "table" or not problem.status then error(problem, 0) end
  return problem.status, nil, problem.message
end

return bundle
