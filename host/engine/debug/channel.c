/* The debugger's way to an editor: standard input and output, or a unix socket that the editor, or the
 * adapter that it has started, connects to. */
#include "engine/bind/bind.h"
#include "frames.h"
#include "internal.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define METATABLE "bosun.debugger.channel"
#define PATIENCE  (5 * BOSUN_SECOND) /* for an editor that does not read */
#define CHUNK     ((size_t)65536)

typedef struct channel {
    int in;
    int out;
    bool owned; /* close them */
    bool ended;
    bosun_buf text; /* read, not taken */
    size_t taken;
    char *path; /* of a listening socket, which goes with it */
} channel;

static channel *check_channel(lua_State *L, int index)
{
    return luaL_checkudata(L, index, METATABLE);
}

int debug_channel_fd(lua_State *L, int index)
{
    const channel *c = luaL_testudata(L, index, METATABLE);
    return c ? c->in : -1;
}

static channel *push_channel(lua_State *L)
{
    channel *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (channel){.in = -1, .out = -1};
    luaL_setmetatable(L, METATABLE);
    return c;
}

static void close_channel(channel *c)
{
    if (c->owned && c->in >= 0)
        close(c->in);
    if (c->owned && c->out >= 0 && c->out != c->in)
        close(c->out);
    if (c->path)
        unlink(c->path);
    free(c->path);
    bosun_buf_free(&c->text);
    *c = (channel){.in = -1, .out = -1, .ended = true};
}

/* channel:close(), __close and __gc */
static int channel_close(lua_State *L)
{
    close_channel(check_channel(L, 1));
    return 0;
}

/* Reads what is there. */
static void read_more(channel *c)
{
    char *to = bosun_buf_reserve(&c->text, CHUNK);
    ssize_t n = to ? read(c->in, to, CHUNK - 1) : 0;
    if (n > 0)
        c->text.len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->ended = true;
}

static void drop_taken(channel *c)
{
    if (c->taken == 0)
        return;
    memmove(c->text.data, c->text.data + c->taken, c->text.len - c->taken);
    c->text.len -= c->taken;
    c->taken = 0;
}

/* channel:next() -> the next message, if it has arrived | nil | nil, err: the stream has ended, or is broken
 */
static int channel_next(lua_State *L)
{
    channel *c = check_channel(L, 1);
    bosun_err err = {0};
    size_t start = 0;
    size_t len = 0;
    drop_taken(c);
    struct pollfd set = {.fd = c->in, .events = POLLIN};
    while (!c->ended && c->text.len <= HOST_FRAME_MAX && poll(&set, 1, 0) > 0)
        read_more(c);
    int rc = c->text.len == 0 ? 0 : host_frame_find(c->text.data, c->text.len, &start, &len, &err);
    if (rc < 0)
        return bind_push_failure(L, &err);
    if (rc == 0 && c->ended) {
        bosun_err_set(&err, "EPIPE", "read", "the editor has closed the connection");
        return bind_push_failure(L, &err);
    }
    if (rc == 0)
        lua_pushnil(L);
    else
        lua_pushlstring(L, c->text.data + start, len);
    c->taken = rc == 0 ? 0 : start + len;
    return 1;
}

/* channel:read() -> bytes that are there, "": none | nil: the end */
static int channel_read(lua_State *L)
{
    channel *c = check_channel(L, 1);
    drop_taken(c);
    struct pollfd set = {.fd = c->in, .events = POLLIN};
    if (!c->ended && poll(&set, 1, 0) > 0)
        read_more(c);
    if (c->ended && c->text.len == 0)
        return 0;
    lua_pushlstring(L, bosun_buf_text(&c->text), c->text.len);
    c->taken = c->text.len;
    return 1;
}

static ssize_t write_some(const channel *c, const char *bytes, size_t len)
{
    ssize_t n = send(c->out, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 && errno == ENOTSOCK ? write(c->out, bytes, len < PIPE_BUF ? len : PIPE_BUF) : n;
}

static int write_all(const channel *c, const char *bytes, size_t len, bosun_err *err)
{
    int64_t end = bosun_wait_after(PATIENCE);
    while (len > 0) {
        int ready = bosun_wait_fd(NULL, c->out, POLLOUT, end, "write", err);
        if (ready == 0)
            return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "write", "the editor does not read");
        if (ready < 0)
            return -1;
        ssize_t n = write_some(c, bytes, len);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return bosun_err_errno(err, errno, "write to", "the editor");
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* channel:send(message) -> true | nil, err. Secrets are replaced, as everywhere. */
static int channel_send(lua_State *L)
{
    channel *c = check_channel(L, 1);
    size_t len;
    const char *message = luaL_checklstring(L, 2, &len);
    lua_settop(L, 2);
    bosun_buf *clean = bind_push_buf(L);
    bosun_redact(clean, &host_of(L)->secrets, message, len);
    bind_push_text(L, clean);
    lua_pushfstring(L, "Content-Length: %d\r\n\r\n", (int)lua_rawlen(L, -1));
    lua_insert(L, -2);
    lua_concat(L, 2);
    const char *bytes = lua_tolstring(L, -1, &len);
    bosun_err err = {0};
    int rc = c->out < 0 ? bosun_err_set(&err, "EPIPE", "write", "the editor has closed the connection")
                        : write_all(c, bytes, len, &err);
    return bind_push_done(L, rc, &err);
}

/* channel:accept() -> channel | nil: nobody is there. Only the same user and root are let in. */
static int channel_accept(lua_State *L)
{
    const channel *listening = check_channel(L, 1);
    channel *c = push_channel(L);
    int fd = accept4(listening->in, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return 0;
    *c = (channel){.in = fd, .out = fd, .owned = true};
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid()))
        return 1;
    close_channel(c);
    return 0;
}

static int set_address(struct sockaddr_un *address, const char *path, bosun_err *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return bosun_err_set(err, "ENAMETOOLONG", "open",
                             "cannot use the socket %s: its path is too long, %zu bytes at most", path,
                             sizeof address->sun_path - 1);
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 0;
}

/* Removes a socket that nobody listens at any more. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

static int open_listening(channel *c, const char *path, bosun_err *err)
{
    struct sockaddr_un address;
    if (set_address(&address, path, err) < 0)
        return -1;
    c->in = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    c->owned = true;
    if (c->in < 0)
        return bosun_err_errno(err, errno, "create", "a socket");
    remove_stale(&address);
    /* nobody else can connect, not even for a moment: Linux gives the file the socket's mode */
    if (fchmod(c->in, 0600) < 0 || bind(c->in, (const struct sockaddr *)&address, sizeof address) < 0)
        return bosun_err_errno(err, errno, "listen at", path);
    c->path = strdup(path);
    return listen(c->in, 1) < 0 ? bosun_err_errno(err, errno, "listen at", path) : 0;
}

static int open_connected(channel *c, const char *path, bosun_err *err)
{
    struct sockaddr_un address;
    if (set_address(&address, path, err) < 0)
        return -1;
    c->in = c->out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->owned = true;
    if (c->in < 0)
        return bosun_err_errno(err, errno, "create", "a socket");
    if (connect(c->in, (const struct sockaddr *)&address, sizeof address) < 0)
        return bosun_err_errno(err, errno, "connect to", path);
    return 0;
}

/* listen(path) -> channel, to accept from | nil, err */
static int debugger_listen(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    channel *c = push_channel(L);
    bosun_err err = {0};
    return open_listening(c, path, &err) < 0 ? bind_push_failure(L, &err) : 1;
}

/* connect(path) -> channel | nil, err */
static int debugger_connect(lua_State *L)
{
    const char *path = bind_check_path(L, 1);
    channel *c = push_channel(L);
    bosun_err err = {0};
    return open_connected(c, path, &err) < 0 ? bind_push_failure(L, &err) : 1;
}

void debug_channel_push(lua_State *L, int fd)
{
    channel *c = push_channel(L);
    c->in = fd;
}

/* stdio() -> channel */
static int debugger_stdio(lua_State *L)
{
    channel *c = push_channel(L);
    *c = (channel){.in = STDIN_FILENO, .out = STDOUT_FILENO};
    return 1;
}

/* wait(channels, seconds) -> true: one can be read, or has ended | false: the time is over, or the action is
 * cancelled. seconds: nil: no limit */
static int debugger_wait(lua_State *L)
{
    struct pollfd set[8];
    nfds_t count = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    double seconds = luaL_optnumber(L, 2, -1);
    for (lua_Integer i = 1; count < 7 && lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
        const channel *c = check_channel(L, -1);
        if (c->ended || c->taken < c->text.len) {
            lua_pushboolean(L, 1);
            return 1;
        }
        set[count++] = (struct pollfd){.fd = c->in, .events = POLLIN};
        lua_pop(L, 1);
    }
    set[count] = (struct pollfd){.fd = host_of(L)->limits.cancel_fd, .events = POLLIN};
    int milliseconds = seconds < 0 ? -1 : (int)(seconds * 1000);
    int n;
    do
        n = poll(set, count + 1, milliseconds); /* a cancel is seen at its descriptor */
    while (n < 0 && errno == EINTR);
    lua_pushboolean(L, n > 0 && !set[count].revents);
    return 1;
}

void debug_channel_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"listen", debugger_listen},
                                         {"connect", debugger_connect},
                                         {"stdio", debugger_stdio},
                                         {"wait", debugger_wait},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"next", channel_next},   {"read", channel_read},
                                       {"send", channel_send},   {"accept", channel_accept},
                                       {"close", channel_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", channel_close}, {"__close", channel_close}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    bind_push_class(L, METATABLE, methods, metamethods);
    lua_pop(L, 1);
}
