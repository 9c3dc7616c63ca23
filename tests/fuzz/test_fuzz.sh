#!/bin/bash
# Runs every libFuzzer target of tests/fuzz (built with sanitizers by `make check` in $BOSUN_FUZZ) for FUZZ_SECONDS,
# on its seeds and what it makes of them. What it cannot bear is left in $BOSUN_FUZZ/found.
set -u

seconds=${FUZZ_SECONDS:-5}
found=$BOSUN_FUZZ/found
mkdir -p "$found"
number=0

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    corpus=$(mktemp -d)
    number=$((number + 1))
    if output=$("$BOSUN_FUZZ/tests/fuzz/$name" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=1024 \
        -verbosity=1 -print_final_stats=1 -artifact_prefix="$found/$name-" "$corpus" \
        "tests/fuzz/seeds/${name#fuzz_}" 2>&1); then
        echo "ok $number - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' <<<"$output") inputs in $seconds s"
    else
        echo "not ok $number - $name"
        tail -n 60 <<<"$output" | sed 's/^/# /'
    fi
    rm -rf "$corpus"
done
echo "1..$number"
