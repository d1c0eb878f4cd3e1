#!/usr/bin/env bash
# Runs every fuzz target for so many seconds; an input that crashes one ends it and is kept in
# fuzz/artifacts. What was found interesting is kept in fuzz/corpus and is where the next run begins.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds each target runs}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: Rust's nightly is needed: rustup toolchain install nightly" >&2
    exit 1
fi
for source in fuzz/targets/*.rs; do
    target=$(basename "$source" .rs)
    echo "== $target, $seconds s"
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=70000 -timeout=10 -dict=fuzz/protocol.dict -print_final_stats=1
done
