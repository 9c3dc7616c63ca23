---@meta bosun.fs
-- luacheck: ignore 212 241

--- Files and folders. Relative paths are relative to the working directory; a path that is empty or holds a NUL raises.
--- What the file system refuses is `nil, err`, where `err.code` is the name of the errno value. Modes are permission
--- bits (`tonumber("644", 8)`). In a dry run the functions that change something do nothing, note what they would have
--- done, and return what success would have returned.
local fs = {}

--- Reads a whole file, pipe or device. Fails at once on a FIFO that nobody writes to, and after 5 s without data on
--- one whose writer is silent.
---@param path string
---@param options? { max_bytes?: integer } default 64 MiB
---@return string|nil content
---@return bosun.Error|nil err code "too_large" beyond max_bytes
function fs.read(path, options) end

---@class bosun.fs.WriteOptions
---@field mode? integer of the file, before the umask; default octal 666
---@field atomic? boolean default true: readers see the old content or the new; a symlink is replaced. false: the file
---itself is truncated and written, symlinks are followed, FIFOs and devices take it
---@field sync? boolean default true: on disk before the call returns

--- Writes a file, replacing it when it exists.
---@param path string
---@param s string
---@param options? bosun.fs.WriteOptions
---@return true|nil ok
---@return bosun.Error|nil err the old file is as it was, when the write was atomic
function fs.write(path, s, options) end

--- Adds to the end of a file, which is made when there is none.
---@param path string
---@param s string
---@param options? { mode?: integer } of a new file, before the umask; default octal 666
---@return true|nil ok
---@return bosun.Error|nil err
function fs.append(path, s, options) end

---@class bosun.fs.CopyOptions
---@field mode? integer of the copy, whatever the umask; default: the source's permission bits
---@field sync? boolean default false; true: the content is on disk before the call returns

--- Copies a regular file to a name that does not exist yet. The kernel copies: by sharing blocks where the file system
--- can, so that size is no matter for memory. Progress of a long copy goes to the log. A failed copy is removed.
---@param src string
---@param dst string
---@param options? bosun.fs.CopyOptions
---@return integer|nil bytes
---@return bosun.Error|nil err code "EEXIST": dst is there; "invalid": src is no regular file, or changed meanwhile
function fs.copy(src, dst, options) end

--- Renames, replacing `to`. A regular file may go to another file system: it is copied beside `to`, renamed there, then
--- removed here.
---@param from string
---@param to string
---@return true|nil ok
---@return bosun.Error|nil err code "EXDEV": a folder cannot go to another file system
function fs.move(from, to) end

--- Swaps two names in one step: files or folders, both must exist, on one file system.
---@param a string
---@param b string
---@return true|nil ok
---@return bosun.Error|nil err code "EINVAL": the file system cannot do it
function fs.exchange(a, b) end

--- Makes a folder.
---@param path string
---@param options? { parents?: boolean, mode?: integer } parents: make missing folders above too, and accept a folder
---that is there already; mode: before the umask, default octal 777
---@return true|nil ok
---@return bosun.Error|nil err
function fs.mkdir(path, options) end

--- Removes a file, a symlink or an empty folder. Nothing there is success too.
---@param path string
---@param options? { recursive?: boolean } recursive: a whole tree; symlinks in it are removed, not followed, and other
---file systems mounted in it stop it
---@return true|nil ok
---@return boolean|bosun.Error was_there or the error: the first thing that could not be removed
function fs.remove(path, options) end

--- The names in a folder, sorted by bytes, without "." and "..".
---@param path string
---@return string[]|nil names
---@return bosun.Error|nil err
function fs.list(path) end

--- The paths that match a shell pattern (`*`, `?`, `[…]`), sorted by bytes. None is an empty list.
---@param pattern string
---@return string[]|nil paths
---@return bosun.Error|nil err
function fs.glob(pattern) end

---@alias bosun.fs.Type "file"|"directory"|"symlink"|"fifo"|"socket"|"char"|"block"|"unknown"

--- Everything below a folder, sorted, a folder before what is in it; symlinks are not followed. Nothing stays open
--- between two steps, so the loop may be left at any point.
---
---     for path, type, err in assert(fs.walk(dir)) do … end
---
--- The third value is the error when that folder could not be read: what is in it is left out.
---@param path string
---@return (fun(): string, bosun.fs.Type, bosun.Error|nil)|nil iterator
---@return bosun.Error|nil err `path` itself cannot be read
function fs.walk(path) end

---@class bosun.fs.Stat
---@field type bosun.fs.Type
---@field size integer bytes
---@field mode integer permission bits
---@field mtime number seconds since the epoch
---@field uid integer
---@field gid integer
---@field ino integer
---@field dev integer
---@field nlink integer

--- What a file is.
---@param path string
---@param options? { follow?: boolean } default true; false: of a symlink itself
---@return bosun.fs.Stat|nil
---@return bosun.Error|nil err code "ENOENT": there is none
function fs.stat(path, options) end

--- Is there a file of any type? A symlink to nothing counts as none.
---@param path string
---@return boolean|nil
---@return bosun.Error|nil err it cannot be told: "EACCES"
function fs.exists(path) end

--- Makes the symlink `path` that points to `target`.
---@param target string
---@param path string
---@return true|nil ok
---@return bosun.Error|nil err
function fs.symlink(target, path) end

--- Where a symlink points to.
---@param path string
---@return string|nil target
---@return bosun.Error|nil err code "EINVAL": it is no symlink
function fs.readlink(path) end

--- Sets permission bits, of what a symlink points to.
---@param path string
---@param mode integer
---@return true|nil ok
---@return bosun.Error|nil err
function fs.chmod(path, mode) end

--- Sets owner and group, of a symlink itself.
---@param path string
---@param uid? integer nil: as it is
---@param gid? integer nil: as it is
---@return true|nil ok
---@return bosun.Error|nil err
function fs.chown(path, uid, gid) end

---@class bosun.fs.TempOptions
---@field dir? string where; default the environment's TMPDIR, else "/tmp"
---@field prefix? string default "bosun-"
---@field suffix? string of files only; default none

--- Makes a folder of a new name that only this user can enter. It stays until it is removed.
---@param options? bosun.fs.TempOptions
---@return string|nil path
---@return bosun.Error|nil err
function fs.tempdir(options) end

--- Makes an empty file of a new name that only this user can read. It stays until it is removed.
---@param options? bosun.fs.TempOptions
---@return string|nil path
---@return bosun.Error|nil err
function fs.tempfile(options) end

--- The SHA-256 of a file's content.
---@param path string
---@return string|nil hex 64 lower-case digits
---@return bosun.Error|nil err
function fs.sha256(path) end

---@class bosun.fs.Lock
local lock = {}

--- Gives the lock back; again, or for one that is not held, does nothing.
---@return true|nil ok
---@return bosun.Error|nil err the lock file could not be removed (the lock is given back all the same)
function lock:release() end

--- False once it was released, and in a dry run, which takes no locks.
---@return boolean
function lock:held() end

--- Takes a lock that excludes other processes, until it is released, closed (`local l <close> = …`) or collected, or
--- this process ends. `path` is a file of its own, made when there is none.
---@param path string
---@param options? { timeout?: number, remove?: boolean } timeout: seconds, 0 tries once, default: until the action's
---deadline; remove: the lock file, when the lock is released
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another process holds it
function fs.lock(path, options) end

--- The space of the file system that a path is on.
---@param path string
---@return integer|nil free bytes that this user can still write
---@return integer|bosun.Error total bytes in all, or the error
function fs.disk_free(path) end

--- Puts a folder's names on disk: after a rename or removal that has to survive a power cut.
---@param path string
---@return true|nil ok
---@return bosun.Error|nil err
function fs.sync_dir(path) end

return fs
