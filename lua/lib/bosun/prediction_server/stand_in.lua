--- Internal: what stands for an id, which is hostile text, where it cannot be used as it is: its valid characters plus
--- a digest of the whole, so two ids never share a name.

local crypto = require "bosun.crypto"

local stand_in = {}

local DIGITS = 12
local LONGEST_SEGMENT, LONGEST_KEPT = 128, 64

--- The digest in a stand-in.
---@param text string
---@return string hex
function stand_in.digest(text)
  return crypto.sha256(text):sub(1, DIGITS)
end

--- Does an id end like the stand-in for another one? No UUID does: there is no "h" before its digits.
---@param text string
---@return boolean
function stand_in.is_one(text)
  return text:find("%f[%w]h" .. ("%x"):rep(DIGITS) .. "$") ~= nil
end

--- `text` with each run of bytes that are not `allowed` (a set for a pattern) replaced by one "-", and with a letter or
--- digit at both ends.
---@param text string
---@param allowed string
---@param longest integer
---@return string
function stand_in.reduced(text, allowed, longest)
  return (text:gsub(("[^%s]+"):format(allowed), "-"):sub(1, longest):gsub("^[^%w]+", ""):gsub("[^%w]+$", ""))
end

--- The valid part of an id, and the digest of all of it.
---@param kept string
---@param id string
---@return string
function stand_in.of(kept, id)
  return (kept == "" and "" or kept .. "-") .. "h" .. stand_in.digest(id)
end

--- An id as a segment of a URL's path, without characters that are special in a rule of a proxy.
---@param id string
---@return string
function stand_in.segment(id)
  local is_plain = #id <= LONGEST_SEGMENT and not id:find("[^%w_.~-]") and not id:find("^%.+$")
  if is_plain and not stand_in.is_one(id) then return id end
  return stand_in.of(stand_in.reduced(id, "%w_~-", LONGEST_KEPT), id)
end

return stand_in
