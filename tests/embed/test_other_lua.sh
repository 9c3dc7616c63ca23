#!/bin/bash
# Programs with a Lua of their own: libbosun with its Lua inside does not notice them; one that shares a Lua says what is
# wrong; C modules of plugins, and of the program, find the Lua that runs them or are refused.
set -u
build=$(realpath "${BOSUN_BUILD:-build}")
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tests=0
failed=0

if nm -D "$build/libbosun.so" | grep -qE '__(asan|tsan)_init'; then
    echo "1..0 # SKIP the library needs its compiler's run time"
    exit 0
fi

result() { # result STATUS NAME
    tests=$((tests + 1))
    [ "$1" -eq 0 ] && echo "ok $tests - $2" && return
    failed=1
    echo "not ok $tests - $2"
}

# says NAME PROGRAM LINE: the program's output has a line that begins so.
says() {
    local output
    output=$("$folder/$2" "$folder/plugin.lua" 2>&1)
    grep -qF -- "$3" <<<"$output"
    local rc=$?
    result $rc "$1"
    [ $rc -eq 0 ] || echo "# expected '$3' in: ${output//$'\n'/$'\n'# }"
}

skip() { # skip WHY NAME
    tests=$((tests + 1))
    echo "ok $tests # SKIP $1: $2"
}

cat >"$folder/plugin.lua" <<'END'
local S = require("bosun.action_status").ActionStatusInfo
local json = require "bosun.json"
local P = require("bosun.plugin_base"):extend "Modules"
function P:pe_status() return S.passing(json.encode(assert(json.decode '[1, 2.5, {"a": []}]'))) end
function P:plugin_start() return S.passing("found " .. require "native") end
function P:plugin_stop() return S.passing("the answer is " .. require "answer" ()) end
return P
END
cat >"$folder/native.c" <<'END'
#include <lauxlib.h>
int luaopen_native(lua_State *L) { lua_pushliteral(L, "a module in C"); return 1; }
END
sed -i "1i package.cpath = '$folder/?.so'" "$folder/plugin.lua"
read -ra cflags < <(pkg-config --cflags lua5.4)
read -ra libs < <(pkg-config --libs lua5.4 yaml-0.1 nettle)
read -ra lua < <(pkg-config --libs lua5.4)
read -ra compiler <<<"${CC:-cc}"
# c OUTPUT ARGUMENT...
c() { "${compiler[@]}" -D_GNU_SOURCE -g -o "$folder/$1" "${cflags[@]}" -Ihost/include "${@:2}" 2>&1 | sed 's/^/# /'; }

c native.so -shared -fPIC "$folder/native.c"
mkdir "$folder/shared"
c shared/libbosun.so -shared -Wl,-soname,libbosun.so -Wl,--version-script=host/include/bosun.map -Wl,--whole-archive \
    "$build/libbosun.a" -Wl,--no-whole-archive "${libs[@]}" -lm
in_shared=("-L$folder/shared" -lbosun "-Wl,-rpath,$folder/shared" "${lua[@]}")
in_build=("-L$build" -lbosun "-Wl,-rpath,$build" "${lua[@]}")
luajit=("-Wl,--no-as-needed" "-l:libluajit-5.1.so.2")

echo "# one Lua 5.4 for all"
c together tests/embed/modules.c "${in_shared[@]}"
says "a library that shares Lua works" together 'pe_status: passing: [1,2.5,{"a":[]}]'
says "plugins find modules in C" together "plugin_start: passing: found a module in C"
says "the program adds one" together "plugin_stop: passing: the answer is 42"
c static tests/embed/modules.c "$build/libbosun.a" "${libs[@]}" -lm
says "the program adds one to a static library, too" static "plugin_stop: passing: the answer is 42"

echo "# a program that has opened the library for itself alone"
cat >"$folder/local" <<'END'
#!/usr/bin/env python3
import ctypes, os, sys
bosun = ctypes.CDLL(os.environ["LIBRARY"], mode=os.RTLD_LOCAL | os.RTLD_NOW)
for name in ("bosun_host_new", "bosun_host_run", "bosun_status_message"):
    getattr(bosun, name).restype = ctypes.c_void_p
host = ctypes.c_void_p(bosun.bosun_host_new(None, None))
bosun.bosun_host_load(host, sys.argv[1].encode(), None, None)
for action in (b"pe_status", b"plugin_start"):
    status = ctypes.c_void_p(bosun.bosun_host_run(host, action, None))
    print(ctypes.string_at(bosun.bosun_status_message(status)).decode())
bosun.bosun_host_free(host)
END
chmod +x "$folder/local"
export PATH=/usr/bin:$PATH
export LIBRARY=$folder/shared/libbosun.so
says "JSON works" local '[1,2.5,{"a":[]}]'
says "plugins find modules in C" local "found a module in C"

if [ ! -e /usr/lib/"$("${compiler[@]}" -print-multiarch)"/libluajit-5.1.so.2 ]; then
    skip "no LuaJIT" "a program with another Lua"
else
    echo "# a program with LuaJIT, and a library that shares Lua"
    c mixed tests/embed/modules.c "${luajit[@]}" "${in_shared[@]}"
    says "two Luas that are mixed are an error" mixed "new: the program has another Lua than 5.4,"
    says "which says whose the other is" mixed "libluajit-5.1.so.2, which hides parts of"
fi

if nm -D "$build/libbosun.so" | grep -q ' U lua'; then
    skip "the library was built with LUA=shared" "a library with its Lua inside"
else
    echo "# a library with its Lua inside"
    export LIBRARY=$build/libbosun.so
    ! nm -D "$build/libbosun.so" | grep -qi ' lua'
    result $? "the library neither exports nor imports functions of Lua"
    c inside tests/embed/modules.c "${in_build[@]}"
    says "it has JSON" inside 'pe_status: passing: [1,2.5,{"a":[]}]'
    says "a module in C that would call another Lua is refused" inside "would call another Lua than libbosun's"
    says "so is one of the program" inside "opener: the module answer is written in C and would call another Lua"
    says "it can be opened for one part of a program alone" local '[1,2.5,{"a":[]}]'
    says "a module in C is refused there, too" local "libbosun keeps its Lua to itself"
    if [ -e /usr/lib/"$("${compiler[@]}" -print-multiarch)"/libluajit-5.1.so.2 ]; then
        c beside tests/embed/modules.c "${luajit[@]}" "${in_build[@]}"
        says "a program with LuaJIT makes no difference" beside 'pe_status: passing: [1,2.5,{"a":[]}]'
        says "and its modules are refused" beside "libluajit-5.1.so.2"
    fi
fi
echo "1..$tests"
exit $failed
