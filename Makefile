# Shortcuts for common tasks. Meson is the build system; these targets first install what it needs.
#
#   make run      build examples/quickstart.c and all it needs, and run it with a private wrennd
#   make test     run all tests; with SAN=address,undefined or SAN=thread in a sanitizer build
#   make help     list all targets

BUILD ?= build
WERROR ?= false
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?=
SOAK_MINUTES ?= 10
SANDBOXES ?= 1000
HOSTILE_SECONDS ?= 30
BENCH ?=
TESTS ?=

# The distribution's own Python has the YAML module we install; another one earlier in PATH may not.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
MESON = $$(command -v /usr/bin/meson || echo meson)
C_FILES = $(PYTHON) tools/c_files.py

ifneq ($(findstring thread,$(SAN)),)
SAN_BUILD = build-tsan
else
SAN_BUILD = build-asan
endif

# Compiles in a third of the time of -O2; reports need no more than lines.
SAN_OPTIONS = -Doptimization=0 -Dc_args=-g1

all: build

help:
	@sed -n 's/^#   //p' Makefile
	@echo "make build    compile into $(BUILD)/ (CC, CFLAGS, BUILD, WERROR=true)"
	@echo "make test-integration  run the live tests against WRENN_BASE_URL, with WRENN_API_KEY or WRENN_TOKEN"
	@echo "make test-debian13  run unit, sdk, packaging, examples and gate on a Debian 13 that it makes; needs root"
	@echo "make test-packages  make the packages on Debian 12 and 13, install, use and remove them there; needs root"
	@echo "make test-system    test units, limits and restarts (TESTS) on Debian 13 in QEMU; needs root, takes tens of minutes"
	@echo "make test-vm  run tests of sandboxes in virtual machines; takes up to half an hour"
	@echo "make lint     run clang-format, clang-tidy, cppcheck and the checks of this repository"
	@echo "make check    fail when generated code is out of date"
	@echo "make generate generate the models from api/openapi.yaml, and the operations from include/wrenn"
	@echo "make format   format all C with clang-format"
	@echo "make docs     make the reference of the headers in $(BUILD)/docs/html"
	@echo "make abi-baseline  record the interface of the library, which lint compares with"
	@echo "make fuzz     run the fuzz targets (FUZZ_TARGETS), each for FUZZ_SECONDS ($(FUZZ_SECONDS))"
	@echo "make soak     run the long failure tests for SOAK_MINUTES ($(SOAK_MINUTES))"
	@echo "make many     run SANDBOXES ($(SANDBOXES)) at once: measure time and memory, look for leaks"
	@echo "make bench    measure calls and sandboxes, as ratios to yardsticks; BENCH='command' only that of call, sandbox, command, code, vm, network"
	@echo "make bench-hostile  measure commands while clients and sandboxes attack, for HOSTILE_SECONDS ($(HOSTILE_SECONDS))"
	@echo "make install  install into PREFIX ($(PREFIX)), below DESTDIR"
	@echo "make uninstall  remove what was installed there"
	@echo "make deb      make Debian packages for this system in build-deb/, and check them with lintian"
	@echo "make clean    remove the build directories"

deps:
	@tools/install-deps.sh build

deps-test:
	@tools/install-deps.sh build test

deps-lint:
	@tools/install-deps.sh build lint

deps-deb:
	@tools/install-deps.sh build deb

build: deps
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR)
	@$(MESON) compile -C $(BUILD)

run: deps
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR)
	@$(MESON) compile -C $(BUILD) quickstart wrennd wrenn-agent
	@env -u WRENN_API_KEY -u WRENN_TOKEN WRENN_BASE_URL=local: WRENN_WRENND=$(CURDIR)/$(BUILD)/src/server/wrennd \
		$(BUILD)/examples/quickstart

test: deps-test
ifdef SAN
	@$(PYTHON) tools/configure.py $(SAN_BUILD) -Db_sanitize=$(SAN) $(SAN_OPTIONS)
	@$(PYTHON) tools/run_tests.py $(SAN_BUILD)
else
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR)
	@$(PYTHON) tools/configure.py build-asan -Db_sanitize=address,undefined $(SAN_OPTIONS)
	@$(PYTHON) tools/run_tests.py $(BUILD) build-asan:unit,agent,sdk,cli,examples,gate $(BUILD):unit,sdk:valgrind
endif

test-system:
	@tools/test_system.sh $(TESTS)

# With WRENN_API_KEY or WRENN_TOKEN, and WRENN_BASE_URL.
test-integration: build
	@$(BUILD)/tests/integration/test-integration

test-debian13:
	@tools/test_debian13.sh -Dwerror=$(WERROR)

test-vm: deps-test
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR)
	@tools/test_vm.sh $(BUILD)

test-packages:
	@tools/test_packages.sh

lint: deps-lint
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR)
	@$(MESON) compile -C $(BUILD)
	@$(PYTHON) tools/lint.py $(BUILD)

generate: deps
	@$(PYTHON) tools/generate.py
	@$(PYTHON) tools/generate_operations.py
	@$(PYTHON) tools/generate_version.py

check: deps
	@$(PYTHON) tools/generate.py --check
	@$(PYTHON) tools/generate_operations.py --check
	@$(PYTHON) tools/generate_version.py --check

abi-baseline: deps-lint
	@$(PYTHON) tools/configure.py $(BUILD)
	@$(MESON) compile -C $(BUILD) wrenn:shared_library
	@$(PYTHON) tools/check_abi.py --update $(BUILD)/src/api/libwrenn.so

format: deps-lint
	@$(C_FILES) | xargs clang-format -i

docs: deps-lint
	@$(PYTHON) tools/make_docs.py $(BUILD)/docs

fuzz:
	@tools/install-deps.sh build fuzz
	@CC=clang $(PYTHON) tools/configure.py build-fuzz -Dfuzz=true -Db_sanitize=address,undefined
	@$(MESON) compile -C build-fuzz fuzzers
	@$(PYTHON) tools/fuzz.py build-fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Lines that begin with # report the progress.
soak: build
	@WRENN_SOAK=$(SOAK_MINUTES) $(BUILD)/tests/sdk/test-sdk-calls cut_at_each_byte
	@WRENN_SOAK=$(SOAK_MINUTES) $(BUILD)/tests/sdk/test-sdk-memory-doors each_allocation
	@WRENN_SOAK=$(SOAK_MINUTES) WRENN_WRENND=$(CURDIR)/$(BUILD)/src/server/wrennd \
		$(BUILD)/tests/e2e/test-e2e-rounds rounds_with_kills
	@WRENN_SOAK=$(SOAK_MINUTES) WRENN_TEST_AGENT=$(CURDIR)/$(BUILD)/src/agent/wrenn-agent \
		$(BUILD)/tests/e2e/test-e2e-vm_rounds
	@WRENN_SOAK=$(SOAK_MINUTES) WRENN_TEST_AGENT=$(CURDIR)/$(BUILD)/src/agent/wrenn-agent \
		$(BUILD)/tests/e2e/test-e2e-template_builds debian

many: build
	@SANDBOXES=$(SANDBOXES) WRENN_WRENND=$(CURDIR)/$(BUILD)/src/server/wrennd $(BUILD)/tests/e2e/test-many

bench-hostile: deps-test
	@$(PYTHON) tools/configure.py build-bench --buildtype=release
	@$(MESON) compile -C build-bench
	@$(PYTHON) tests/hostile/test_hostile.py build-bench/src/server/wrennd --measure $(HOSTILE_SECONDS)

# All parts, or those in BENCH; "network" is none of the program's.
bench: deps-test
	@$(PYTHON) tools/configure.py build-bench --buildtype=release
	@$(MESON) compile -C build-bench
	$(if $(if $(BENCH),$(filter-out network,$(BENCH)),all),@build-bench/bench/bench $(filter-out network,$(BENCH)))
	$(if $(if $(BENCH),$(filter network,$(BENCH)),all),@$(PYTHON) tests/gate/test_links.py build-bench/src/gate/wrenn-gate --measure)

# No tests are compiled, where none have been yet.
install: deps
	@$(PYTHON) tools/configure.py $(BUILD) -Dwerror=$(WERROR) --prefix=$(PREFIX)
	@ninja -C $(BUILD) $$($(PYTHON) packaging/installed.py targets $(BUILD))
	@$(PYTHON) packaging/installed.py install $(BUILD) $(PREFIX) $(if $(DESTDIR),$(abspath $(DESTDIR)))
ifeq ($(DESTDIR),)
	@packaging/after_install.sh $(PREFIX)/lib
endif

uninstall:
	@$(PYTHON) packaging/installed.py uninstall $(PREFIX) $(if $(DESTDIR),$(abspath $(DESTDIR)))
ifeq ($(DESTDIR),)
	@[ "$$(id -u)" != 0 ] || PATH=$$PATH:/usr/sbin:/sbin ldconfig
endif

deb: deps-deb
	@tools/make_deb.sh build-deb

clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang build-bench build-fuzz build-debian13 build-system build-deb build-packages

.PHONY: all help deps deps-test deps-lint deps-deb build run test test-integration test-debian13 test-packages test-system test-vm lint generate check abi-baseline format docs fuzz soak many bench bench-hostile install uninstall deb clean
