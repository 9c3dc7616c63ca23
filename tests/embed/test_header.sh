#!/bin/bash
# The public header stands alone, in C11 and C++11, and what it declares is what the library exports.
set -u
build=${BOSUN_BUILD:-build}
cd "$(dirname "$0")/../.." || exit 1
tests=0
failed=0

check() {
    local name=$1
    shift
    tests=$((tests + 1))
    if output=$("$@" 2>&1); then
        echo "ok $tests - $name"
    else
        failed=1
        printf 'not ok %d - %s\n' "$tests" "$name"
        echo "${output//$'\n'/$'\n'# }" | sed '1s/^/# /'
    fi
}

# shellcheck disable=SC2317 # called by check
same_symbols() {
    diff <(sed -n 's/^BOSUN_API.*[ *]\(bosun_[a-z_]*\)(.*/\1/p' host/include/bosun.h | sort) \
        <(nm -D --defined-only "$build/libbosun.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | grep -v '^__' |
            sed 's/@@BOSUN_0$//' | sort)
}

strict="-Wall -Wextra -Wpedantic -Werror -fsyntax-only"
# shellcheck disable=SC2086 # a list of words
check "bosun.h is C11 by itself" ${CC:-cc} -std=c11 $strict -x c host/include/bosun.h
# shellcheck disable=SC2086
check "bosun.h is C++11 by itself" ${CXX:-c++} -std=c++11 $strict -x c++ host/include/bosun.h
# shellcheck disable=SC2086
check "bosun.hpp is C++20 by itself" ${CXX:-c++} -std=c++20 $strict -Ihost/include -x c++ host/include/bosun.hpp
check "the library exports what bosun.h declares, and nothing else" same_symbols
echo "1..$tests"
exit $failed
