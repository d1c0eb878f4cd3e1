#!/usr/bin/env bash
# Runs every fuzz target for so many seconds; an input that crashes one ends it and is kept in
# fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds each target runs}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: Rust's nightly is needed: rustup toolchain install nightly" >&2
    exit 1
fi
for target in fuzz/targets/*.rs; do
    name=$(basename "$target" .rs)
    echo "== $name, $seconds s"
    cargo +nightly fuzz run "$name" -- -max_total_time="$seconds" -max_len=70000 -print_final_stats=1
done
