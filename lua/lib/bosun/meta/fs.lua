---@meta bosun.fs
-- luacheck: ignore 212 241

--- Files and folders. Relative paths start at the working directory. An empty path, or one with a NUL byte, raises an
--- error. A call that the file system refuses returns `nil, err`; `err.code` is the name of the system's error
--- ("ENOENT"). Modes are permission bits (`tonumber("644", 8)`). In a dry run, functions that change something add the
--- change to the plan instead and return what success would return.
local fs = {}

--- Reads a whole file, pipe or device. Fails at once on a FIFO without a writer, and after 5 s without data.
---@param path string
---@param options? { max_bytes?: integer } default 64 MiB
---@return string|nil content
---@return bosun.Error|nil err code "too_large": more than max_bytes
function fs.read(path, options) end

---@class bosun.fs.WriteOptions
---@field mode? integer of the file, before the umask; default octal 666
---@field atomic? boolean default true: readers see the old content or the new; a symlink is replaced. false: the file
---is truncated and written in place; symlinks are followed, and FIFOs and devices are allowed
---@field sync? boolean default true: the content is on disk before the call returns

--- Writes a file, and replaces an existing one.
---@param path string
---@param s string
---@param options? bosun.fs.WriteOptions
---@return true|nil ok
---@return bosun.Error|nil err an atomic write has left the old file unchanged
function fs.write(path, s, options) end

--- Appends to a file, and creates it if it does not exist.
---@param path string
---@param s string
---@param options? { mode?: integer } of a new file, before the umask; default octal 666
---@return true|nil ok
---@return bosun.Error|nil err
function fs.append(path, s, options) end

---@class bosun.fs.CopyOptions
---@field mode? integer of the copy, regardless of the umask; default: the source's permission bits
---@field sync? boolean default false; true: the content is on disk before the call returns
---@field sha256? boolean default false; true: also returns the copy's SHA-256, which is taken while the copy is made

--- Copies a regular file to a path that does not exist yet. The kernel does the copying and shares blocks where the
--- file system can, so large files need no memory. The log shows the progress of a long copy. A failed copy is removed.
---@param src string
---@param dst string
---@param options? bosun.fs.CopyOptions
---@return integer|nil bytes
---@field sha256? boolean default false; true: also returns the SHA-256 of the copy, taken while it is made
---"invalid": src is not a regular file, or changed during the copy
function fs.copy(src, dst, options) end

--- Renames, and replaces `to`. A regular file may move to another file system: it is copied next to `to`, renamed, and
--- then removed from its old place.
---@param from string
---@param to string
---@return true|nil ok
---@return bosun.Error|nil err code "EXDEV": a folder cannot move to another file system
function fs.move(from, to) end

--- Swaps two files or folders in one step. Both must exist, on the same file system. NFS, many FUSE file systems and
--- ZFS before 2.2 cannot do it; `bosun.folder` replaces folders there, too.
---@param a string
---@param b string
---@return true|nil ok
---@return bosun.Error|nil err code "EINVAL", "ENOSYS" or "EXDEV": the file system cannot do it
function fs.exchange(a, b) end

--- Creates a folder.
---@param path string
---@param options? { parents?: boolean, mode?: integer } parents: create missing parents too, and accept an existing
---folder; mode: before the umask, default octal 777
---@return true|nil ok
---@return bosun.Error|nil err
function fs.mkdir(path, options) end

--- Removes a file, a symlink or an empty folder. It is not an error if nothing is there.
---@param path string
---@param options? { recursive?: boolean } recursive: remove a whole tree. Symlinks in it are removed, not followed. It
---stops at a file system mounted in it
---@return true|nil ok
---@return boolean|bosun.Error was_there whether there was something; or the error, about the first entry that could not
---be removed
function fs.remove(path, options) end

--- Lists the names in a folder, sorted by bytes, without "." and "..".
---@param path string
---@return string[]|nil names
---@return bosun.Error|nil err
function fs.list(path) end

--- Lists the paths that match a shell pattern (`*`, `?`, `[…]`), sorted by bytes. The list is empty if none match.
---@param pattern string
---@return string[]|nil paths
---@return bosun.Error|nil err
function fs.glob(pattern) end

---@alias bosun.fs.Type "file"|"directory"|"symlink"|"fifo"|"socket"|"char"|"block"|"unknown"

--- Walks everything below a folder, sorted, each folder before its contents. Symlinks are not followed. Nothing stays
--- open between two steps, so you may leave the loop at any point.
---
---     for path, type, err in assert(fs.walk(dir)) do … end
---
--- The third value is an error if that folder could not be read; its contents are left out.
---@param path string
---@return (fun(): string, bosun.fs.Type, bosun.Error|nil)|nil iterator
---@return bosun.Error|nil err `path` itself cannot be read
function fs.walk(path) end

---@class bosun.fs.Stat
---@field type bosun.fs.Type
---@field size integer bytes
---@field sized boolean false: only reading tells how much there is, because the kernel or a FUSE program makes the
---content while it is read, as in /proc and /sys; an empty file counts as one of these
---@field mode integer permission bits
---@field mtime number when the content changed last, in seconds since the epoch; programs can set it
---@field ctime number when the content or a property changed last; programs cannot set it
---@field uid integer
---@field gid integer
---@field ino integer
---@field dev integer
---@field nlink integer

--- Describes a file.
---@param path string
---@param options? { follow?: boolean } default true; false: describe a symlink itself
---@return bosun.fs.Stat|nil
---@return bosun.Error|nil err code "ENOENT": it does not exist
function fs.stat(path, options) end

--- True if a file of any type exists. A dangling symlink does not count.
---@param path string
---@return boolean|nil
---@return bosun.Error|nil err the answer is not known: "EACCES"
function fs.exists(path) end

--- Creates the symlink `path`, which points to `target`.
---@param target string
---@param path string
---@return true|nil ok
---@return bosun.Error|nil err
function fs.symlink(target, path) end

--- Reads where a symlink points to.
---@param path string
---@return string|nil target
---@return bosun.Error|nil err code "EINVAL": not a symlink
function fs.readlink(path) end

--- Sets permission bits. Follows symlinks.
---@param path string
---@param mode integer
---@return true|nil ok
---@return bosun.Error|nil err
function fs.chmod(path, mode) end

--- Sets owner and group. Does not follow symlinks.
---@param path string
---@param uid? integer nil: unchanged
---@param gid? integer nil: unchanged
---@return true|nil ok
---@return bosun.Error|nil err
function fs.chown(path, uid, gid) end

---@class bosun.fs.TempOptions
---@field dir? string where to create it; default: TMPDIR of the environment, otherwise "/tmp"
---@field prefix? string default "bosun-"
---@field suffix? string for files only; default none

--- Creates a folder with a new name that only this user can enter. Removing it is up to you.
---@param options? bosun.fs.TempOptions
---@return string|nil path
---@return bosun.Error|nil err
function fs.tempdir(options) end

--- Creates an empty file with a new name that only this user can read. Removing it is up to you.
---@param options? bosun.fs.TempOptions
---@return string|nil path
---@return bosun.Error|nil err
function fs.tempfile(options) end

--- Computes the SHA-256 of a file's content.
---@param path string
---@return string|nil hex 64 lower-case digits
---@return bosun.Error|nil err
function fs.sha256(path) end

---@class bosun.fs.Lock
local lock = {}

--- Releases the lock. Does nothing if it is not held.
---@return true|nil ok
---@return bosun.Error|nil err the lock file could not be removed; the lock is released anyway
function lock:release() end

--- True until the lock is released. False in a dry run, which takes no locks.
---@return boolean
function lock:held() end

--- Takes a lock that excludes other processes until it is released, closed (`local l <close> = …`) or collected, or
--- this process ends. `path` is a file for the lock alone; it is created if it does not exist.
---@param path string
---@param options? { timeout?: number, remove?: boolean } timeout: in seconds; 0 tries once; default: until the
---action's deadline. remove: remove the lock file on release
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another process holds the lock
function fs.lock(path, options) end

--- Space on the file system that holds a path.
---@param path string
---@return integer|nil free bytes that this user can still write
---@return integer|bosun.Error total bytes in total, or the error
function fs.disk_free(path) end

--- Writes a folder's names to disk. Call it after a rename or removal that has to survive a power loss.
---@param path string
---@return true|nil ok
---@return bosun.Error|nil err
function fs.sync_dir(path) end

return fs
