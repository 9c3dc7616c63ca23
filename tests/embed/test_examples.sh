#!/bin/bash
# The examples and bosun.hpp: built as their users build them, and run. What this machine has no compiler for is skipped.
set -u
build=$(realpath "${BOSUN_BUILD:-build}")
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
tests=0
failed=0
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT

if nm -D "$build/libbosun.so" | grep -qE '__(asan|tsan)_init'; then
    echo "1..0 # SKIP the library needs its compiler's run time"
    exit 0
fi

result() { # result STATUS NAME
    tests=$((tests + 1))
    [ "$1" -eq 0 ] && echo "ok $tests - $2" && return
    failed=1
    echo "not ok $tests - $2"
    sed 's/^/# /' "$folder/output"
}

skip() { # skip NAME WHY
    tests=$((tests + 1))
    echo "ok $tests # SKIP $1: $2"
}

read -ra compiler <<<"${CC:-cc}"
read -ra compiler_plus <<<"${CXX:-c++}"
link=("-L$build" -lbosun "-Wl,-rpath,$build")
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Werror)
plugin=$folder/greet.lua
cat >"$plugin" <<'END'
local S = require("bosun.action_status").ActionStatusInfo
local P = require("bosun.plugin_base"):extend "Greet"
P.config_schema = { greeting = { type = "string", required = true } }
function P:pe_status() return S.passing(self.config.greeting .. " " .. self.pe_info.name) end
function P:deployment_status(info) return S.warning("seen", "ready", { id = info.id }) end
return P
END
echo "greeting: hello" >"$folder/private.yaml"
echo "peInfo: {id: pe, name: world}" >"$folder/action.yaml"

# runs LANGUAGE COMMAND...: the example runs an action, and fails as the runner does.
runs() {
    local language=$1 rc
    shift
    "$@" "$plugin" "$folder/private.yaml" pe_status "$folder/action.yaml" >"$folder/output" 2>&1
    rc=$?
    grep -q '"status": *"passing", *"msg": *"hello world"' "$folder/output" || rc=1
    result $rc "the example in $language runs an action"
    "$@" "$folder/no-such.lua" "$folder/private.yaml" pe_status "$folder/action.yaml" >"$folder/output" 2>&1
    [ $? -eq 1 ] && grep -q "no plugin file" "$folder/output"
    result $? "the example in $language says what is wrong"
}

# builds LANGUAGE PROGRAM COMMAND...
builds() {
    local language=$1 program=$2
    shift 2
    "$@" >"$folder/output" 2>&1
    result $? "the example in $language is built"
    [ -e "$program" ] && runs "$language" "$program"
}

builds C "$folder/run-c" "${compiler[@]}" -std=c11 "${warnings[@]}" -Ihost/include -o "$folder/run-c" examples/run.c \
    "${link[@]}"
if "${compiler_plus[@]}" -std=c++20 -x c++ -fsyntax-only /dev/null 2>/dev/null; then
    builds C++ "$folder/run-cpp" "${compiler_plus[@]}" -std=c++20 "${warnings[@]}" -Ihost/include -o "$folder/run-cpp" \
        examples/run.cpp "${link[@]}"
    "${compiler_plus[@]}" -std=c++20 "${warnings[@]}" -Ihost/include -o "$folder/raii" tests/embed/raii.cpp \
        "${link[@]}" >"$folder/output" 2>&1 && "$folder/raii" >"$folder/output" 2>&1
    result $? "bosun.hpp keeps its promises"
else
    skip C++ "no compiler for C++20"
fi
LIBBOSUN=$build/libbosun.so runs Python /usr/bin/env python3 examples/run.py
if command -v go >/dev/null; then
    export CGO_CFLAGS="-I$PWD/host/include" CGO_LDFLAGS="-L$build -Wl,-rpath,$build" GOFLAGS=-mod=mod CGO_ENABLED=1
    builds Go "$folder/run-go" go build -o "$folder/run-go" examples/run.go
else
    skip Go "no go"
fi
if command -v rustc >/dev/null; then
    builds Rust "$folder/run-rust" rustc --edition 2021 -D warnings -L "$build" -C "link-arg=-Wl,-rpath,$build" \
        -o "$folder/run-rust" examples/run.rs
else
    skip Rust "no rustc"
fi

"${compiler[@]}" -std=c11 -D_GNU_SOURCE "${warnings[@]}" -Ihost/include -o "$folder/health" examples/health.c "${link[@]}" \
    >"$folder/output" 2>&1
result $? "the health server is built"
coproc HEALTH { exec "$folder/health" 0 "$plugin" "$folder/private.yaml" 2>/dev/null; }
server=$HEALTH_PID
read -r port <&"${HEALTH[0]}"

# ask STATUS PART CURL-ARGUMENT...
ask() {
    local status=$1 part=$2
    shift 2
    curl -sS -i "$@" >"$folder/output" 2>&1
    grep -q "^HTTP/1.1 $status" "$folder/output" && grep -qF "$part" "$folder/output"
    result $? "the health server answers $status"
}

ask 200 '"msg":"hello you"' --data 'peInfo: {id: pe, name: you}' "http://127.0.0.1:$port/pe_status"
ask 200 '"data":{"id":"d1"}' --data '{"deploymentInfo": {"id": "d1"}}' "http://127.0.0.1:$port/deployment_status"
ask 503 "the request:2:1: " --data 'deploymentInfo: [' "http://127.0.0.1:$port/deployment_status"
ask 503 "no action named" "http://127.0.0.1:$port/other"
ask 200 '"msg":"hello again"' --data 'peInfo: {id: pe, name: again}' "http://127.0.0.1:$port/pe_status"
kill -TERM "$server"
wait "$server"
result $? "the health server ends when it is told to"
server=
echo "1..$tests"
exit $failed
