# Rock's commands for people. `make help` lists them.
#
#   make demo      from a fresh Debian machine with Swift and git to a finished episode of Sokoban
#   make test      the whole test suite, on the same machine

PREFIX ?= /usr/local
SWIFT ?= swift
BUILD_PACKAGES = libsqlite3-dev libyaml-dev pkg-config
TEST_PACKAGES = e2fsprogs curl openssl python3 python3-venv zsh fish util-linux procps iproute2 \
	mmdebstrap busybox-static docker-registry apache2-utils gzip zstd xz-utils \
	podman runc netavark iptables
RELEASE = .build/release

.PHONY: help setup build demo test test-crash test-thread test-setup test-docker test-thread docs lint format install uninstall bench bench-env clean

help:  ## Lists these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Installs what is missing from Debian to build Rock.
	@command -v $(SWIFT) >/dev/null || { echo "There is no Swift toolchain on PATH: install Swift 6.3 or newer from swift.org, then try again." >&2; exit 1; }
	@Scripts/install-debian-packages $(BUILD_PACKAGES)

build: setup  ## Builds rockctl and rocklet in release.
	$(SWIFT) build -c release --product rocklet
	$(SWIFT) build -c release --product rockctl

demo: build  ## Plays an episode of Sokoban in a sandbox, to its end.
	$(RELEASE)/rockctl env run game:Sokoban-v0-easy --seed 42

test-setup: setup
	@Scripts/install-debian-packages $(TEST_PACKAGES)
	@Scripts/make-test-venv
	@Scripts/make-test-rootfs

# One test after the other: many start servers and count processes, mounts and milliseconds.
test: test-setup  ## Runs the whole test suite.
	$(SWIFT) build
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --no-parallel

CRASH_SEED ?= 1
test-crash: test-setup  ## Kills processes at 200 instants of a load, drawn by CRASH_SEED, and audits what is left.
	$(SWIFT) build --product rocklet
	$(SWIFT) build --product rockctl
	python3 -B Tests/EndToEndTests/Clients/Kills/kill_at_any_instant.py .build/debug .build/crash-$(CRASH_SEED) 200 $(CRASH_SEED)

test-docker: test-setup  ## Runs the docker driver's tests against Docker, where `test` takes Podman.
	@Scripts/install-debian-packages docker.io
	$(SWIFT) build --build-tests
	ROCK_TEST_ENGINE=docker $(SWIFT) test --skip-build --no-parallel --filter '^SandboxHostTests\.Docker'

# Of the thread sanitizer's own build, beside the other one. What starts the programs is left out: those are static, and
# the sanitizer cannot be linked into them.
THREAD_BUILD = .build/thread
test-thread: test-setup  ## Runs the libraries' tests under the thread sanitizer.
	$(SWIFT) build --build-tests --sanitize=thread --scratch-path $(THREAD_BUILD)
	$(SWIFT) test --skip-build --no-parallel --sanitize=thread --scratch-path $(THREAD_BUILD) \
		--filter '^(GEMTests|EnvsTests|TransportTests|RegistryTests|AdminTests)\.'

BENCH_PACKAGES = nginx-light wrk python3 python3-venv podman runc netavark mmdebstrap busybox-static curl e2fsprogs
bench: build  ## Measures Rock beside its peers, and prints a table.
	@Scripts/install-debian-packages $(BENCH_PACKAGES)
	@test -x .build/bench-venv/bin/python || python3 -m venv .build/bench-venv
	@.build/bench-venv/bin/pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt
	bench/run.py

# The package's word games read NLTK's lists; ours are the same.
bench-env: build  ## Measures every environment beside the Python package in process: five minutes.
	@Scripts/install-debian-packages python3 python3-venv
	@test -x .build/bench-venv/bin/python || python3 -m venv .build/bench-venv
	@.build/bench-venv/bin/pip install --quiet --disable-pip-version-check gem-llm==0.1.0 pandas
	@mkdir -p .build/bench-nltk/corpora/words
	@cp Sources/WordLists/en-basic.txt .build/bench-nltk/corpora/words/en-basic
	@cp Sources/WordLists/en.txt .build/bench-nltk/corpora/words/en
	NLTK_DATA=$(CURDIR)/.build/bench-nltk $(RELEASE)/rockctl bench env --all --peer .build/bench-venv/bin/python

docs:  ## Writes Docs/rockctl.md anew, after commands have changed.
	$(SWIFT) build --product rockctl
	.build/debug/rockctl help --markdown > Docs/rockctl.md

lint:  ## Checks the format of every Swift file, as CI does.
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

format:  ## Formats every Swift file in place.
	$(SWIFT) format format --in-place --recursive Sources Tests Package.swift

install: build  ## Puts rockctl, rocklet and shell completions below PREFIX (default /usr/local).
	install -D -m 755 -s $(RELEASE)/rockctl $(DESTDIR)$(PREFIX)/bin/rockctl
	install -D -m 755 -s $(RELEASE)/rocklet $(DESTDIR)$(PREFIX)/libexec/rock/rocklet
	$(RELEASE)/rockctl completions bash | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rockctl
	$(RELEASE)/rockctl completions zsh | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rockctl
	$(RELEASE)/rockctl completions fish | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rockctl.fish

uninstall:  ## Removes what install put there.
	rm -f $(DESTDIR)$(PREFIX)/bin/rockctl $(DESTDIR)$(PREFIX)/libexec/rock/rocklet
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rockctl $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rockctl $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rockctl.fish

clean:  ## Removes every built file.
	rm -rf .build
