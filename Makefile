# `make` shows what there is.

# With HOME elsewhere, as in a clean room, rustup finds no toolchain: then the one of the account's
# own home is taken.
ifeq ($(shell cargo --version 2>/dev/null),)
account := $(shell getent passwd "$$(id -u)" 2>/dev/null | cut -d: -f6)
ifneq ($(wildcard $(account)/.cargo/bin),)
export PATH := $(PATH):$(account)/.cargo/bin
endif
ifneq ($(wildcard $(account)/.rustup),)
export RUSTUP_HOME ?= $(account)/.rustup
endif
endif

.PHONY: help
help:
	@echo 'dlvgate: a debugging proxy for Go'
	@echo
	@echo '  make demo      a tour: doctor, a session with a real dlv under the gate, its recording, its page'
	@echo '                 (installs dlv and Go where they are missing)'
	@echo '  make build     the release binary: target/release/dlvgate'
	@echo '  make test      all tests (installs what they need: tests/setup/README.md)'
	@echo '  make packages  archives for macOS and Linux, Debian packages, formula, SBOM: target/release-files'
	@echo '  make check-packages'
	@echo '                 try them, as root on a Debian: fresh chroots, Mach-O, completions, a stranger'\''s first minutes'
	@echo '  make bench     dlvgate beside other forwarders (installs haproxy and socat): writes docs/performance.md'
	@echo '                 BENCH=--help says how to measure a part of it, or two builds; then it only prints'
	@echo '  make mutants   change every decision of protocol, sessions and gates once: do the tests notice? (some hours)'
	@echo '                 MUTANTS="--file src/session/conversation.rs" tries a part'
	@echo '  make mutations twenty mistakes where I/O is done: do the end-to-end tests notice each? MUTATIONS="03 16" tries two'
	@echo '  make repeat    all tests RUNS=12 times in a row, the first half with all processors kept busy'
	@echo '  make soak      an hour of random sessions with faults, eight at a time (SOAK_SECONDS, DLVGATE_SOAK_SEED)'
	@echo '  make picture   run the demo and draw docs/demo.svg of it'
	@echo '  make fixtures  record fixtures/sessions again, with the real dlv of two versions'
	@echo '  make test-pf-real'
	@echo '                 on a Mac: the tests of pf with its own, as root through sudo (make test has a stand-in for pf)'
	@echo '  make check     formatting, lints, documentation, the macOS target, the oldest compiler, dependencies, unsafe code'
	@echo '  make fuzz      every parser, FUZZ_SECONDS=60 each: docs/dev/fuzzing.md (make fuzz-smoke: a second each)'
	@echo '  make miri      the tests of dlvgate-protocol under Miri, where a nightly toolchain has it'
	@echo '  make reproducible'
	@echo '                 build the release binary twice, in different places, and compare'
	@echo '  make clean     remove target/ and the test clients'\'' packages'
	@echo
	@echo 'A single test, once make test has run: cargo test NAME'

.PHONY: demo
demo: rust
	@tests/setup/install-delve --for-demo
	@if [ "$$(id -u)" = 0 ]; then tests/setup/install-network; fi
	cargo run --quiet --release -- demo --out target/demo

.PHONY: build
build: rust
	cargo build --release

# Most tests wait for processes most of the time: two a processor.
.PHONY: test
test: rust
	@tests/setup/install-delve
	@tests/setup/install-clients
	@tests/setup/install-network
	@tests/setup/install-tools
	@if test ! -e target/toolchains/dlv-1.27/env; then export DLVGATE_TESTS_WITHOUT_SID=1; fi; \
	export RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(getconf _NPROCESSORS_ONLN)))}; \
	set -x; cargo test --workspace --all-targets --no-fail-fast
	cargo test --workspace --doc

.PHONY: packages
packages: rust
	.ci/release/all

.PHONY: check-packages
check-packages:
	.ci/release/check

# What is measured is what a user builds: cargo bench would build dlvgate with the tests' features
# of its dependencies.
.PHONY: bench
bench: rust
	@tests/setup/install-delve
	@tests/setup/install-bench
	cargo build --release
	@mkdir -p target/bench
	@cp target/release/dlvgate target/bench/dlvgate
	cargo bench --bench compare -- $(if $(findstring --dlvgate,$(BENCH)),,--dlvgate target/bench/dlvgate) \
		$(if $(BENCH),$(BENCH),--write docs/performance.md)

.PHONY: mutants
mutants: rust
	@tests/setup/install-mutants
	.ci/mutants $(MUTANTS)

.PHONY: mutations
mutations: rust
	@tests/setup/install-delve
	@tests/setup/install-network
	@tests/setup/install-tools
	.ci/mutations $(MUTATIONS)

.PHONY: repeat
repeat: rust
	@tests/setup/install-stress
	.ci/repeat

# The release build, for its memory is what counts; make test has a short form of it.
.PHONY: soak
soak: rust
	@tests/setup/install-delve
	@tests/setup/install-network
	DLVGATE_SOAK_SECONDS=$(or $(SOAK_SECONDS),3600) cargo test --release --test soak random_sessions -- --nocapture

.PHONY: picture
picture: rust
	@tests/setup/install-delve --for-demo
	cargo build --quiet --release
	.ci/picture target/release/dlvgate docs/demo.svg

.PHONY: fixtures
fixtures: rust
	@tests/setup/install-delve
	cargo test --quiet --test record-fixtures

.PHONY: test-pf-real
test-pf-real: rust
	@.ci/pf-real

.PHONY: check
check: check-format check-lints check-docs check-macos check-msrv check-dependencies check-unsafe

.PHONY: check-format
check-format: rust
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --all --check

.PHONY: check-lints
check-lints: rust
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: check-docs
check-docs: rust
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

.PHONY: check-macos
check-macos: rust
	@.ci/macos-check $(MACOS_CHECK)

.PHONY: check-msrv
check-msrv: rust
	@.ci/msrv

.PHONY: check-dependencies
check-dependencies: rust
	@tests/setup/install-checkers
	@.ci/dependencies

.PHONY: check-unsafe
check-unsafe:
	@.ci/unsafe-code

# All fuzz targets, FUZZ_SECONDS each: 60, unless said otherwise.
.PHONY: fuzz
fuzz: rust
	@tests/setup/install-fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) .ci/fuzz

.PHONY: fuzz-smoke
fuzz-smoke: rust
	@tests/setup/install-fuzz
	@.ci/fuzz --smoke

.PHONY: miri
miri: rust
	@.ci/miri

.PHONY: reproducible
reproducible: rust
	@.ci/reproducible

.PHONY: clean
clean:
	rm -rf target tests/clients/*/node_modules

.PHONY: rust
rust:
	@tests/setup/check-rust
