--- Secrets that a test can find again: canaries. Whatever a program has shown is searched for each, as it is, escaped
--- as in URLs, in base64, and for any piece of PIECE characters of these.

local canary = {}

local PIECE = 8
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function escaped(text, format)
  return (text:gsub("[^%w._~-]", function(c) return format:format(c:byte()) end))
end

--- Those characters of the base64 of a text, `before` bytes into something, that depend on nothing else.
local function base64(text, before)
  local bits = {}
  for i = 1, #text do
    for bit = 7, 0, -1 do bits[#bits + 1] = text:byte(i) >> bit & 1 end
  end
  local out = {}
  for at = (6 - before * 8 % 6) % 6 + 1, #bits - 5, 6 do
    local value = 0
    for i = at, at + 5 do value = value * 2 + bits[i] end
    out[#out + 1] = ALPHABET:sub(value + 1, value + 1)
  end
  return table.concat(out)
end

--- All forms in which a secret can show: of several lines, such as a key in PEM format, those of each; the first and
--- the last are no secret.
local function forms_of(secret)
  if secret:find "\n" then
    local all = {}
    for line in secret:gmatch "[^\n]+" do
      if not line:find "^%-%-%-%-%-" then table.move(forms_of(line), 1, 11, #all + 1, all) end
    end
    return all
  end
  local forms = { secret, escaped(secret, "%%%02X"), escaped(secret, "%%%02x") }
  for before = 0, 2 do
    local text = base64(secret, before)
    forms[#forms + 1] = text
    forms[#forms + 1] = (text:gsub("[+/]", { ["+"] = "-", ["/"] = "_" }))
  end
  return forms
end

--- The first piece of the secrets that the text has, or nil. Second: the text around it.
function canary.find(text, secrets)
  for _, secret in ipairs(secrets) do
    for _, form in ipairs(forms_of(secret)) do
      for at = 1, #form - PIECE + 1 do
        local piece = form:sub(at, at + PIECE - 1)
        local first = text:find(piece, 1, true)
        if first then return piece, text:sub(math.max(1, first - 150), first + 150) end
      end
    end
  end
end

return canary
