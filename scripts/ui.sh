#!/usr/bin/env bash
# Builds the UI into packages/web/dist, if anything it is made of has changed since.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=node_modules/.cache/parlor-ui
sources=$(
    find packages/web packages/sdk/src package-lock.json tsconfig.base.json \
        \( -name node_modules -o -name dist -o -name test \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
)
if [ -f packages/web/dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sources" ]; then
    exit 0
fi
echo 'ui: building packages/web'
npm run --silent build --workspace packages/web -- --logLevel warn
mkdir -p "$(dirname "$stamp")"
printf '%s\n' "$sources" >"$stamp"
