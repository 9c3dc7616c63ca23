--- A folder that is replaced as a whole, for plugins that keep one for each deployment. Whoever looks sees the old
--- folder or the new one; an action that was killed is finished by the next; a folder that is not the plugin's own is
--- never moved, replaced or removed.
---
---     local place = folder.place("/srv/models/deployment-1", { is_ours = function(p) … end })
---     local lock <close> = assert(place:lock())
---     assert(place:settle())                           -- finishes what an interrupted action left
---     assert(place:put(function(new) assert(fs.mkdir(new)); … end))
---     assert(place:remove())
---
--- The new folder is built under a hidden name beside the old one, and the two names are exchanged. Where the file
--- system cannot do that (NFS, many FUSE file systems, ZFS before 2.2, the lower layer of an overlay), renames do the
--- same: the complete new folder is called `next`, the old one is moved away, `next` gets the name. For the moment
--- between the last two there is no folder of that name. A `next` that an interrupted action leaves behind is the
--- journal: `settle` puts it in place. A folder of an overlay's lower layer cannot even be moved away: it is emptied
--- where it is; when it is to be removed, `next` is a file that says so.
---
--- Hidden names of the place "d": `.d.bosun-new` (being built, or being removed), `.d.bosun-next` and `.d.bosun-lock`.

local errors = require "bosun.error"
local fs = require "bosun.fs"
local options = require "bosun.options"
local path = require "bosun.path"

local folder = {}

local NEW, NEXT, LOCK = ".bosun-new", ".bosun-next", ".bosun-lock"

--- The longest name of a place, in bytes.
folder.LONGEST_NAME = 255 - #"." - #NEXT

--- How file systems answer that cannot exchange two names.
local NO_EXCHANGE = { EINVAL = true, ENOSYS = true, ENOTSUP = true, EOPNOTSUPP = true, EXDEV = true }

--- The content of a `next` that stands for a removal.
local REMOVAL = "This folder is being removed.\n"

local KNOWN = { is_ours = "function", last = "table" }

---@class bosun.folder.Options
---@field is_ours fun(path: string): boolean|nil, string|nil says whether the folder at this path (the place, or one of
---its hidden names) was made by the plugin; nil and the reason if that cannot be told
---@field last? string[] names in the folder that prove this; they are removed last, in this order

---@class bosun.folder.Place
---@field path string
---@field is_ours fun(path: string): boolean|nil, string|nil
---@field last string[]
---@field unconfirmed? { ino: integer, replaced: boolean } the new folder that `confirm` is asked about
local Place = {}
Place.__index = Place

--- The place of a folder. Nothing is looked at yet.
---@param p string
---@param given bosun.folder.Options
---@return bosun.folder.Place
function folder.place(p, given)
  given = options.check("folder.place", given, KNOWN)
  local dir, name = path.dirname(p), path.basename(p)
  local hidden = path.join(dir, "." .. name)
  return setmetatable({
    path = p, dir = dir, new = hidden .. NEW, next = hidden .. NEXT, lock_file = hidden .. LOCK,
    is_ours = given.is_ours, last = given.last or {},
  }, Place)
end

--- The name of the place that a hidden name belongs to, whether or not it exists; nil for any other name.
---@param name string
---@return string|nil
function folder.owner(name)
  for _, suffix in ipairs { NEW, NEXT, LOCK } do
    if #name > #suffix + 1 and name:sub(1, 1) == "." and name:sub(-#suffix) == suffix then
      return name:sub(2, -#suffix - 1)
    end
  end
  return nil
end

--- What is at a path, nil when nothing is. Raises when that cannot be told.
local function there(p)
  local stat, err = fs.stat(p, { follow = false })
  if not stat and err.code ~= "ENOENT" then error(err, 0) end
  return stat
end

local function foreign(problem)
  return errors.new { code = "foreign", op = "replace", message = problem .. "; left untouched: move it away" }
end

--- Raises unless the folder at `p` is ours.
local function prove(self, p)
  local stat = there(p)
  local ours, problem
  if stat and stat.type ~= "directory" then
    problem = ("%s is a %s, not a directory"):format(p, stat.type)
  else
    ours, problem = self.is_ours(p)
  end
  if not ours then error(foreign(problem or p .. " was made by someone else"), 0) end
end

--- The names in our folder at `p`. Raises unless it is ours; an empty one is everybody's.
local function names_in(self, p)
  local names = there(p).type == "directory" and assert(fs.list(p))
  if not names or #names > 0 then prove(self, p) end
  return names
end

--- Removes our folder at `p`, if it is there: what proves that it is ours goes last, so that an interrupted removal can
--- go on. Raises.
local function discard(self, p)
  local names = there(p) and names_in(self, p) or {}
  local later = {}
  for _, name in ipairs(self.last) do later[name] = true end
  for _, name in ipairs(names) do
    if not later[name] then assert(fs.remove(path.join(p, name), { recursive = true })) end
  end
  for _, name in ipairs(#names > 0 and self.last or {}) do
    assert(fs.remove(path.join(p, name), { recursive = true }))
  end
  assert(fs.remove(p))
end

--- Writes changed names to disk; undoes the change where that fails. Raises.
local function sync(self, undo)
  local synced, err = fs.sync_dir(self.dir)
  if synced then return end
  undo()
  error(err, 0)
end

local function rename(self, from, to)
  assert(fs.move(from, to))
  sync(self, function() fs.move(to, from) end)
end

--- Moves our folder out of its place, to the name `new`. Returns false for one that cannot be moved: of the lower layer
--- of an overlay. Raises.
local function move_away(self)
  if there(self.new) then discard(self, self.new) end
  names_in(self, self.path)
  local moved, err = fs.move(self.path, self.new)
  if moved then
    sync(self, function() fs.move(self.new, self.path) end)
  elseif err.code ~= "EXDEV" then
    error(err, 0)
  end
  return moved or false
end

--- Puts `next` in its place. A folder that cannot be moved away is emptied where it is. Raises.
local function finish(self)
  if there(self.path) and not move_away(self) then
    self.emptied = true
    discard(self, self.path)
  end
  rename(self, self.next, self.path)
end

--- Removes our folder where it is; the note at `next` says that this was begun. Raises.
local function finish_removal(self)
  if there(self.path) then discard(self, self.path) end
  assert(fs.remove(self.next))
end

--- Frees the place. Raises.
local function vacate(self)
  if move_away(self) then return end
  assert(fs.write(self.next, REMOVAL))
  finish_removal(self)
end

--- Goes on with what the `next` that is there stands for. Raises.
local function go_on(self)
  if there(self.next).type == "file" and fs.read(self.next, { max_bytes = #REMOVAL }) == REMOVAL then
    return finish_removal(self)
  end
  prove(self, self.next)
  finish(self)
end

--- Exchanges the folders in the place and at `new` where the file system cannot. Raises; the old one is then in its
--- place, unless it had to be emptied: then `next` stays, and the next action goes on.
local function replace_by_renames(self)
  self.emptied = false
  rename(self, self.new, self.next)
  local ok, err = pcall(finish, self)
  if ok then return end
  if self.emptied then
    error(errors.wrap(err, ("%s is incomplete; the next action finishes its replacement"):format(self.path)), 0)
  end
  if there(self.new) then fs.move(self.new, self.path) end
  if there(self.path) then fs.move(self.next, self.new) end
  error(err, 0)
end

--- Puts the folder at `new` in its place. Returns whether an old one is at `new` now. Raises.
local function enter(self)
  if not there(self.path) then
    rename(self, self.new, self.path)
    return false
  end
  prove(self, self.path)
  local exchanged, err = fs.exchange(self.new, self.path)
  if exchanged then
    sync(self, function() fs.exchange(self.new, self.path) end)
  elseif NO_EXCHANGE[err.code] then
    replace_by_renames(self)
  else
    error(err, 0)
  end
  return true
end

--- Removes what an action could not bring into place, unless it waits there for the next action.
local function abandon(self)
  if there(self.new) and not there(self.next) then discard(self, self.new) end
end

--- Excludes other actions on this place until the lock is closed.
---@param given? { timeout?: number } in seconds; 0 tries once; default: until the action's deadline
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another process holds the lock; "foreign": the lock file is not ours
function Place:lock(given)
  local stat = fs.stat(self.lock_file, { follow = false })
  if stat and (stat.type ~= "file" or stat.size > 0) then
    return nil, foreign(self.lock_file .. " is not a lock file")
  end
  return fs.lock(self.lock_file, { timeout = given and given.timeout, remove = true })
end

--- Is there a replacement that was interrupted, or that another action is just making?
---@return boolean
function Place:interrupted()
  return fs.stat(self.next, { follow = false }) ~= nil
end

--- Finishes a replacement or removal that was interrupted, and removes what else an interrupted action left. Call it
--- first, with the lock.
---@return true|nil ok
---@return any err
function Place:settle()
  local ok, err = pcall(function()
    if there(self.next) then go_on(self) end
    if there(self.new) then discard(self, self.new) end
  end)
  return ok or nil, err
end

--- Brings back what was in the place before the new folder, which is removed. Raises.
local function take_back(self, replaced)
  if replaced and there(self.new) then
    enter(self)
  elseif replaced then
    error(("the previous folder is gone; the new one stays at %s"):format(self.path), 0)
  else
    vacate(self)
  end
  if there(self.new) then discard(self, self.new) end
end

--- Notes which folder is to be confirmed, before it is put in place. Raises.
local function note_unconfirmed(self)
  local stat = there(self.new)
  self.unconfirmed = { ino = stat and stat.ino, replaced = there(self.path) ~= nil }
end

--- Asks whether the new folder in place is to stay. True; or nil and why not, when what was there before is back.
--- `unconfirmed` stays if this is interrupted: for `undo`.
local function confirmed(self, confirm, replaced)
  local called, good, why = pcall(confirm)
  if called and good then
    self.unconfirmed = nil
    return true
  end
  local back, err = pcall(take_back, self, replaced)
  why = called and why or good
  if back then
    self.unconfirmed = nil
    return nil, why
  end
  return nil, ("%s; and what was there before cannot be brought back: %s"):format(tostring(why), tostring(err))
end

--- Puts a new folder in place, instead of the one that is there. On failure that one stays. Call it with the lock,
--- after `settle`.
---@param build fun(new: string) makes the folder at this path, complete and on disk; raises if it cannot
---@param confirm? fun(): boolean|nil, any called when the new folder is in place: true; or nil and why it cannot stay.
---Then what was there before comes back
---@return true|nil ok
---@return any err with true: why the previous folder could not be removed
function Place:put(build, confirm)
  local ok, replaced = pcall(function()
    build(self.new)
    if confirm then note_unconfirmed(self) end
    return enter(self)
  end)
  if not ok then
    if pcall(abandon, self) then self.unconfirmed = nil end
    return nil, replaced
  end
  if confirm then
    local good, why = confirmed(self, confirm, replaced)
    if not good then return nil, why end
  end
  if not replaced then return true end
  local _, err = pcall(discard, self, self.new)
  return true, err
end

--- Goes on with the undoing of a folder that was not confirmed, wherever that was interrupted. Raises.
local function go_on_undoing(self, left)
  if there(self.next) then go_on(self) end
  local now = there(self.path)
  if now and now.ino == left.ino then
    take_back(self, left.replaced)
  elseif there(self.new) then
    discard(self, self.new)
  end
end

--- Is the new folder of an interrupted `put` in place, or was it when that was interrupted, without being confirmed?
---@return boolean
function Place:is_unconfirmed()
  return self.unconfirmed ~= nil
end

--- Brings back what was there before a `put` of this object that was interrupted before its folder was confirmed: in a
--- plugin's `clean_up`. Does nothing otherwise. Call it with the lock, and without `settle`.
---@return true|nil ok
---@return any err
function Place:undo()
  local left = self.unconfirmed
  if not left then return true end
  local ok, err = pcall(go_on_undoing, self, left)
  if not ok then return nil, err end
  self.unconfirmed = nil
  return true
end

--- Removes the folder. It loses its name first, so that no one sees half of it. Call it with the lock, after `settle`.
---@return true|nil ok nil: it is still there
---@return any err with true: why not all of its files could be removed
function Place:remove()
  local ok, err = pcall(vacate, self)
  if not ok then return nil, err end
  local _, left = pcall(discard, self, self.new)
  return true, left
end

return folder
