#!/bin/bash
# Runs every libFuzzer target of tests/fuzz (built with sanitizers by `make check` in $BOSUN_FUZZ) for FUZZ_SECONDS,
# on its seeds and mutations of them, all at once. An input that makes one fail is left in $BOSUN_FUZZ/found.
set -u

seconds=${FUZZ_SECONDS:-5}
found=$BOSUN_FUZZ/found
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$found"

fuzz() {
    local name=$1 leaks=1
    # A collector that runs now and then looks like a leak to the check after each input; the one at the end stays.
    [ "$name" = fuzz_config ] && leaks=0
    mkdir "$work/$name"
    "$BOSUN_FUZZ/tests/fuzz/$name" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=1024 \
        -detect_leaks=$leaks -print_final_stats=1 -artifact_prefix="$found/$name-" "$work/$name" \
        "tests/fuzz/seeds/${name#fuzz_}" >"$work/$name.log" 2>&1
}

declare -A jobs
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    fuzz "$name" &
    jobs[$name]=$!
done

number=0
for name in "${!jobs[@]}"; do
    number=$((number + 1))
    if wait "${jobs[$name]}"; then
        inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
        echo "ok $number - $name: $inputs inputs in $seconds s"
    else
        echo "not ok $number - $name"
        tail -n 60 "$work/$name.log" | sed 's/^/# /'
    fi
done
echo "1..$number"
