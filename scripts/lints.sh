# What `make lint` and `make test` have in common. To be sourced after steps.sh.

quick_lints() {
    step 'rustfmt' cargo fmt --all --check
    step 'prettier' npx --no-install prettier --check --log-level warn .
    step 'tidy' cargo xtask tidy
    step 'sdk types' npm run --silent check --workspace packages/sdk
    step 'web types' npm run --silent check --workspace packages/web -- --fail-on-warnings
    step 'e2e types' npm run --silent check --workspace e2e
    step 'eslint' npx --no-install eslint --max-warnings 0 .
}

rust_lints() {
    step 'clippy' cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
    # A workspace of its own; in the same folder, so that what it shares is not built twice.
    step 'clippy of bench' env CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}" \
        cargo clippy --quiet --manifest-path bench/Cargo.toml --all-targets --locked -- -D warnings
    step 'rustdoc' env RUSTDOCFLAGS='-D warnings' cargo doc --quiet --workspace \
        --no-deps --document-private-items --locked
}
