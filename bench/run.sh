#!/bin/sh
# Builds what is measured and what measures, then measures: bench/run.sh [--quick] [--only NAMES].
# A release binary of Parlor that is there is taken as it is when PARLOR_BENCH_NO_BUILD is set.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${PARLOR_BENCH_NO_BUILD:-}" ]; then
    cargo build --release --locked --package parlor-server
fi
cargo build --release --locked --manifest-path bench/Cargo.toml
exec bench/target/release/parlor-bench "$@"
