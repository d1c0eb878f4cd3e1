# Everything a person does with this repository. Each target sets up what it needs by itself.
.DEFAULT_GOAL := help
.PHONY: help run test build lint dev bench chaos codegen e2e fuzz screenshots clean-data

# Seconds that each fuzz target runs.
FUZZ_SECONDS ?= 60
# Nodes that `make chaos` kills.
CHAOS_KILLS ?= 300
# Where cargo puts what it builds.
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build what has changed and start Parlor; the address is printed
	@scripts/setup.sh run
	@scripts/ui.sh
	@cargo build --package parlor-server --locked
	@exec $(TARGET)/debug/parlor serve

test: ## Check everything: lints, unit tests, real browsers
	@scripts/setup.sh test
	@scripts/test.sh

build: ## Build the UI and the release binary, target/release/parlor
	@scripts/setup.sh build
	@scripts/ui.sh
	@cargo build --package parlor-server --release --locked
	@ls -lh $(TARGET)/release/parlor

lint: ## Every lint, warnings as errors
	@scripts/setup.sh lint
	@scripts/lint.sh

dev: ## Server and UI, both reloading themselves when a file changes
	@scripts/setup.sh run
	@node scripts/dev.mjs

bench: ## Measure for half an hour: load, comparisons, skew between browsers
	@scripts/setup.sh bench
	@scripts/ui.sh
	@bench/run.sh
	@cargo build --package parlor-server --locked
	@PARLOR_BIN=$(TARGET)/debug/parlor npm run --silent sync:full --workspace e2e

chaos: ## Kill nodes while people talk, CHAOS_KILLS times; CHAOS_SEED=n again
	@scripts/setup.sh chaos
	@scripts/ui.sh
	@cargo build --package parlor-server --package parlor-chaos --locked
	@$(TARGET)/debug/parlor-chaos --kills $(CHAOS_KILLS) $(addprefix --seed ,$(CHAOS_SEED))

codegen: ## Write everything that is made from the server's types
	@scripts/setup.sh run
	@cargo xtask codegen

e2e: ## Only the tests with real browsers; E2E='watch chat' runs some files
	@scripts/setup.sh test
	@scripts/ui.sh
	@cargo build --package parlor-server --locked
	@PARLOR_BIN=$(TARGET)/debug/parlor npm test --silent --workspace e2e -- $(E2E)

fuzz: ## Feed every decoder garbage, FUZZ_SECONDS each; needs Rust's nightly
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(FUZZ_SECONDS)

screenshots: ## Take the pictures in docs/screenshots anew
	@scripts/setup.sh screenshots
	@scripts/ui.sh
	@cargo build --package parlor-server --locked
	@PARLOR_BIN=$(TARGET)/debug/parlor node e2e/screenshots.mjs

clean-data: ## Delete ./data, everything a local Parlor kept
	@rm -rf data
