/* libFuzzer: the frames around the output of containers (lua/lib/bosun/docker/frames.lua, run in the root of
 * the repository). The first byte is the size of the pieces (0: sizes taken from the bytes themselves), the
 * rest is what the engine sends. Whatever it is and however it is split, no byte is lost, and the result is
 * that of a plain decoder in C. */
#include "core/base/buf.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER ((size_t)8)

/* The content of the two streams, the number of frames, and the bytes of an incomplete header. */
typedef struct result {
    bosun_buf streams[2];
    size_t frames, rest;
} result;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void free_result(result *r)
{
    bosun_buf_free(&r->streams[0]);
    bosun_buf_free(&r->streams[1]);
}

static size_t length_of(const uint8_t *header)
{
    return (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
}

/* The expected result. Anything that is not a frame, and all that follows it, is standard output. */
static result expect(const uint8_t *data, size_t size)
{
    result r = {0};
    size_t at = 0;
    while (size - at >= HEADER) {
        const uint8_t *header = data + at;
        if (header[0] > 3 || header[1] || header[2] || header[3]) {
            bosun_buf_append(&r.streams[0], header, size - at);
            return r;
        }
        size_t length = length_of(header), there = size - at - HEADER;
        length = length < there ? length : there;
        bosun_buf_append(&r.streams[header[0] > 1], header + HEADER, length);
        r.frames++;
        at += HEADER + length;
    }
    r.rest = size - at;
    return r;
}

/* The Lua code under test: split(bytes) is docker.demultiplex, and cut(bytes, size) feeds it in pieces. Both
 * return stdout, stderr, the number of frames, the rest. */
static const char script[] =
    "local frames = dofile 'lua/lib/bosun/docker/frames.lua'\n"
    "function split(bytes)\n"
    "  local text, count = { stdout = '', stderr = '' }, 0\n"
    "  local pieces, rest = frames.split(bytes)\n"
    "  for _, piece in ipairs(pieces) do\n"
    "    text[piece.stream] = text[piece.stream] .. piece.bytes\n"
    "    count = count + (piece.raw and 0 or 1)\n"
    "  end\n"
    "  return text.stdout, text.stderr, count, #rest\n"
    "end\n"
    "function cut(bytes, size)\n"
    "  local text, count, at = { stdout = '', stderr = '' }, 0, 1\n"
    "  local decoder = frames.decoder(function(stream, piece, starts)\n"
    "    text[stream] = text[stream] .. piece\n"
    "    count = count + (starts and 1 or 0)\n"
    "  end)\n"
    "  while at <= #bytes do\n"
    "    local last = at + (size > 0 and size or bytes:byte(at) % 11 + 1) - 1\n"
    "    decoder:feed(bytes:sub(at, last))\n"
    "    at = last + 1\n"
    "  end\n"
    "  return text.stdout, text.stderr, count + (decoder.starts and 1 or 0), #decoder:rest()\n"
    "end\n";

static lua_State *open_lua(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        fail("no Lua");
    luaL_openlibs(L);
    if (luaL_dostring(L, script))
        fail(lua_tostring(L, -1));
    return L;
}

static void compare_text(lua_State *L, int index, const bosun_buf *wanted)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (len != wanted->len || (len > 0 && memcmp(text, wanted->data, len) != 0))
        fail("a stream is not what it should be");
}

static void check(lua_State *L, const char *function, const uint8_t *data, size_t size, int piece,
                  const result *wanted)
{
    lua_getglobal(L, function);
    lua_pushlstring(L, (const char *)data, size);
    lua_pushinteger(L, piece);
    if (lua_pcall(L, 2, 4, 0))
        fail(lua_tostring(L, -1));
    compare_text(L, 1, &wanted->streams[0]);
    compare_text(L, 2, &wanted->streams[1]);
    if ((size_t)lua_tointeger(L, 3) != wanted->frames || (size_t)lua_tointeger(L, 4) != wanted->rest)
        fail("frames, or the rest, are not what they should be");
    lua_settop(L, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    if (!L)
        L = open_lua();
    if (size < 1)
        return 0;
    result wanted = expect(data + 1, size - 1);
    check(L, "split", data + 1, size - 1, 0, &wanted);
    check(L, "cut", data + 1, size - 1, data[0], &wanted);
    free_result(&wanted);
    return 0;
}
