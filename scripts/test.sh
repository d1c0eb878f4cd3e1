#!/usr/bin/env bash
# Everything that must hold: lints, tests of every crate and package, real browsers against the
# real server. What fails fast comes first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh
. scripts/lints.sh
rm -f "$steps_log"/*.log

rust_tests() {
    if command -v cargo-nextest >/dev/null 2>&1; then
        cargo nextest run --workspace --locked --no-fail-fast
    else
        cargo test --quiet --workspace --locked --no-fail-fast
    fi
}

quick_lints
step 'sdk tests' npm test --silent --workspace packages/sdk
step 'web tests' npm test --silent --workspace packages/web
step 'ui' scripts/ui.sh
rust_lints
# Bins and tests together: one set of features, so that nothing is built twice.
step 'build' cargo build --quiet --workspace --bins --tests --locked
# From here on everybody takes the server that was just built.
export PARLOR_BIN=${CARGO_TARGET_DIR:-$PWD/target}/debug/parlor
step 'generated files' cargo xtask codegen --check
step 'rust tests' rust_tests
step 'nodes in a storm' "${CARGO_TARGET_DIR:-$PWD/target}/debug/parlor-chaos"
step 'browsers' npm test --silent --workspace e2e
step 'skew between browsers' npm run --silent sync:short --workspace e2e
recap
