#!/usr/bin/env bash
# Every lint, warnings as errors, the quick ones first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh
. scripts/lints.sh
quick_lints
rust_lints
step 'generated files' cargo xtask codegen --check
recap
