#!/usr/bin/env bash
# Every lint, warnings as errors, the quick ones first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh
. scripts/lints.sh
lints
recap
