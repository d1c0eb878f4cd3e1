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

lints
step 'ui' scripts/ui.sh
step 'sdk tests' npm test --silent --workspace packages/sdk
step 'web tests' npm test --silent --workspace packages/web
step 'rust tests' rust_tests
step 'server' cargo build --quiet --package parlor-server --locked
step 'browsers' npm test --silent --workspace e2e
step 'skew between browsers' npm run --silent sync:short --workspace e2e
recap
