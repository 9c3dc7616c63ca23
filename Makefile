# Builds libbosun, bosun-plugin-runner and bosun; `make help` lists the targets.
#
# Sources are found by folder: host/core and host/engine make up the library, host/cli the programs, tests/* the tests.
# Everything is built in $(BUILD); use another BUILD for another variant.

BUILD  ?= build
PREFIX ?= /usr/local
bindir     ?= $(PREFIX)/bin
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
datadir    ?= $(PREFIX)/share
docdir     ?= $(datadir)/doc/bosun

VERSION := $(shell sed -n 's/^.define BOSUN_VERSION "\(.*\)"/\1/p' host/include/bosun.h)
SOVERSION := 0

# ---- dependencies ----------------------------------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
OBJCOPY    ?= objcopy
# The name of Lua's pkg-config file differs between systems.
LUA_PC  := $(firstword $(shell for p in lua5.4 lua-5.4 lua54 lua; do \
             $(PKG_CONFIG) --exists "$$p >= 5.4 $$p < 5.5" 2>/dev/null && echo $$p; done) lua5.4)
PC      := $(LUA_PC) yaml-0.1 nettle
# Loaded at their first use (host/core/http/curl_api.c, host/cli/repl/edit_api.c), not linked.
PC_HEADERS := libcurl zlib libedit
MISSING := $(shell command -v $(firstword $(CC)) >/dev/null 2>&1 || echo $(CC); \
             command -v $(PKG_CONFIG) >/dev/null 2>&1 || echo $(PKG_CONFIG); \
             for p in $(PC) $(PC_HEADERS); do $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
ifeq ($(strip $(MISSING)),)
PC_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PC) $(PC_HEADERS))
PC_LIBS   := $(shell $(PKG_CONFIG) --libs $(PC))
endif

# ---- flags -----------------------------------------------------------------------------------------------------

OPT      ?= -O2 -g
SANITIZE ?=
ifeq ($(SANITIZE),)
HARDEN ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong
endif
WARN := -Wall -Wextra -Wshadow -Wconversion -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wformat=2 -Wno-format-nonliteral $(if $(WERROR),-Werror)

STD := -std=c11 -D_GNU_SOURCE

# CFLAGS and LDFLAGS are for the user of this Makefile.
ALL_CFLAGS  = $(STD) $(WARN) $(OPT) $(HARDEN) $(SANITIZE) -fPIC -fvisibility=hidden -MMD -MP \
              -Ihost/include -Ihost $(PC_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(OPT) $(SANITIZE) -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
LIBS        = $(PC_LIBS) -pthread -lm

# The runner starts once per action. Linking Lua and libyaml statically, where the system has the archives, saves a tenth
# of its time (both are under the MIT licence; nettle, under the LGPL, stays a shared library). Lua's functions stay
# visible to Lua modules written in C.
archive      = $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a 2>/dev/null))
LUA_NAME    := $(firstword $(foreach l,$(PC_LIBS),$(if $(findstring lua,$l),$(l:-l%=%))))
LUA_ARCHIVE := $(call archive,$(LUA_NAME))
YAML_ARCHIVE := $(call archive,yaml)
CJSON_ARCHIVE ?= $(call archive,$(LUA_NAME)-cjson)
ifeq ($(words $(LUA_ARCHIVE) $(YAML_ARCHIVE)),2)
RUNNER_LIBS  = -rdynamic -Wl,--whole-archive $(LUA_ARCHIVE) -Wl,--no-whole-archive $(YAML_ARCHIVE) \
               $(filter-out -l$(LUA_NAME) -lyaml,$(LIBS))
else
RUNNER_LIBS  = $(LIBS)
endif

# The shared library has its own Lua, which nobody else sees, so that it works in programs with another one; and
# lua-cjson, which a module outside could not share it with. Where the system has no archives of both, and with
# LUA=shared, it shares the system's.
LUA ?= $(if $(filter 2,$(words $(LUA_ARCHIVE) $(CJSON_ARCHIVE))),hidden,shared)
ifeq ($(LUA),hidden)
HIDDEN       = $(BUILD)/hidden/lua.a $(BUILD)/hidden/cjson.a
SHARED_LIBS  = -Wl,--whole-archive $(BUILD)/hidden/cjson.a -Wl,--no-whole-archive $(BUILD)/hidden/lua.a \
               $(filter-out -l$(LUA_NAME),$(LIBS))
else
SHARED_LIBS  = $(LIBS)
endif
SYMBOLS     := host/include/bosun.map
DATADIR_FLAG = -DBOSUN_DATADIR='"$(datadir)/bosun"'

# ---- files -----------------------------------------------------------------------------------------------------

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LUA_FILES   := $(sort $(shell find lua/lib lua/plugins -name '*.lua' ! -path '*/meta/*'))
SOURCE_FILES := $(sort $(shell find lua/lib lua/plugins -name '*.lua'))
CORE_FILES   := $(sort $(shell find host/core -name '*.c'))
ENGINE_FILES := $(sort $(shell find host/engine -name '*.c'))
CLI_FILES    := $(sort $(shell find host/cli -name '*.c'))
RUNNER_MAIN  := host/cli/runner/runner.c
TOOL_MAIN    := host/cli/tool/main.c
LIB_OBJECTS := $(call objects,$(ENGINE_FILES) $(CORE_FILES)) $(BUILD)/obj/embedded.o
CLI_OBJECTS := $(call objects,$(filter-out $(RUNNER_MAIN) $(TOOL_MAIN),$(CLI_FILES)))
CLI_LIB     := $(BUILD)/cli.a
STATIC_LIB  := $(BUILD)/libbosun.a
SHARED_LIB  := $(BUILD)/libbosun.so.$(SOVERSION)
RUNNER      := $(BUILD)/bosun-plugin-runner
TOOL        := $(BUILD)/bosun

# Every test is a program: tests/unit sees the internals of the library, tests/embed only what it exports. The programs
# in tests/fault and tests/bench are tools for the scripts there.
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
EMBED_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/embed/test_*.c))
PRELOADS    := tests/fault/failmalloc.c tests/fault/norename.c
FAULT_TOOLS := $(patsubst %.c,$(BUILD)/%,$(filter-out $(PRELOADS),$(wildcard tests/fault/*.c))) \
               $(PRELOADS:%.c=$(BUILD)/%.so)
BENCH_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
FUZZ_TARGETS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
# The stand-in for a prediction server, beside the image that tests/docker makes of it.
STAND_IN    := $(BUILD)/tests/prediction-server
TEST_FILES   = $(UNIT_TESTS) $(EMBED_TESTS) $(FAULT_TOOLS) $(STAND_IN)

SUITES ?= unit lua cli agent messages embed debug fault docs
DEPS   := tools/deps

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all demo test test-docker test-kubernetes check lint format bench install uninstall clean help deps
.PHONY: build-tests build-fuzz run-tests run-docker-tests run-kubernetes-tests run-check run-bench FORCE

all: $(STATIC_LIB) $(SHARED_LIB) $(RUNNER) $(TOOL) ## build the library, the runner and the developer's tool (default)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  variables: PREFIX=$(PREFIX) DESTDIR= BUILD=$(BUILD) CC=$(CC) CFLAGS= WERROR=1 LUA=hidden|shared SUITES='$(SUITES)'"

deps: ## install the packages to build with (Debian, Ubuntu), or list them
	@sh $(DEPS) build

# ---- compiling -------------------------------------------------------------------------------------------------

ifneq ($(strip $(MISSING)),)
define MISSING_TEXT
missing: $(MISSING)
run 'make deps': it installs them on Debian and Ubuntu, and lists the packages for other systems
endef
FORCE:
	$(error $(MISSING_TEXT))
endif

# New flags or another compiler rebuild everything: a stamp file changes only when its text does. What is built already
# is installed as it is, whatever the variables then are.
ALWAYS := $(if $(INSTALLING),,FORCE)
define stamp
@mkdir -p $(@D)
@printf '%s\n' $(call quote,$(1)) | cmp -s - $@ || printf '%s\n' $(call quote,$(1)) > $@
endef
quote = '$(subst ','\'',$(1))'

$(BUILD)/flags: $(ALWAYS)
	$(call stamp,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS))
$(BUILD)/datadir: $(ALWAYS)
	$(call stamp,$(DATADIR_FLAG))

$(BUILD)/obj/host/engine/%.o: ALL_CFLAGS += $(DATADIR_FLAG)
$(call objects,$(ENGINE_FILES)): $(BUILD)/datadir

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The Lua library and the built-in plugins are compiled into the C library.
$(BUILD)/lua-files: $(ALWAYS)
	$(call stamp,$(LUA_FILES))
$(BUILD)/embed: tools/embed.c $(BUILD)/flags
	$(CC) $(STD) $(WARN) -O1 $(PC_CFLAGS) -o $@ $< $(PC_LIBS)
$(BUILD)/embedded.c: $(BUILD)/embed $(LUA_FILES) $(BUILD)/lua-files
	$(BUILD)/embed lua/lib '' lua/plugins plugins/ -- $(LUA_FILES) > $@
$(BUILD)/obj/embedded.o: $(BUILD)/embedded.c host/engine/host/embedded.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Their texts, with the annotations of what is in C, are for the prompt; only bosun has them.
$(BUILD)/source-files: $(ALWAYS)
	$(call stamp,$(SOURCE_FILES))
$(BUILD)/sources.c: $(BUILD)/embed $(SOURCE_FILES) $(BUILD)/source-files
	$(BUILD)/embed --text lua/lib '' lua/plugins plugins/ -- $(SOURCE_FILES) > $@
$(BUILD)/obj/sources.o: $(BUILD)/sources.c host/cli/repl/sources.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(STATIC_LIB): $(LIB_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

# Archives are made for programs: their code reaches variables of the C library as only a program's can. The three
# that Lua uses become variables of libbosun's (host/engine/host/streams.c).
$(BUILD)/hidden/lua.a: $(LUA_ARCHIVE)
$(BUILD)/hidden/cjson.a: $(CJSON_ARCHIVE)
$(BUILD)/hidden/lua.a $(BUILD)/hidden/cjson.a: $(BUILD)/flags
	@mkdir -p $(@D)
	$(OBJCOPY) $(foreach s,stdin stdout stderr,--redefine-sym $(s)=host_lua_$(s)) $(filter %.a,$^) $@
$(BUILD)/shared-libs: $(ALWAYS)
	$(call stamp,$(SHARED_LIBS))
$(SHARED_LIB): $(LIB_OBJECTS) $(SYMBOLS) $(HIDDEN) $(BUILD)/shared-libs
	$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--version-script=$(SYMBOLS) -o $@ $(filter %.o,$^) $(SHARED_LIBS)
	ln -sf $(@F) $(BUILD)/libbosun.so

# An archive: each program links only what it uses.
$(CLI_LIB): $(CLI_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(RUNNER): $(call objects,$(RUNNER_MAIN)) $(CLI_LIB) $(STATIC_LIB)
	$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(RUNNER_LIBS)
	ln -sf $(notdir $@) $(@D)/plugin-runner

$(TOOL): $(call objects,$(TOOL_MAIN)) $(BUILD)/obj/sources.o $(CLI_LIB) $(STATIC_LIB)
	$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(RUNNER_LIBS)

$(UNIT_TESTS): $(BUILD)/%: $(BUILD)/obj/%.o $(STATIC_LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(EMBED_TESTS): $(BUILD)/%: $(BUILD)/obj/%.o $(SHARED_LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $< -L$(BUILD) -lbosun -Wl,-rpath,'$$ORIGIN/../..' -pthread

# For `make check`, which compiles everything with the instrumentation for libFuzzer.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/obj/%.o $(STATIC_LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# The tests' tools run beside the program under test, never with its sanitizers.
$(filter %.so,$(FAULT_TOOLS)): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -O2 -g -fPIC -shared -o $@ $< -ldl
$(BUILD)/tests/bench/warm: tests/bench/warm.c $(STATIC_LIB)
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -O2 -g -Ihost/include $(PC_CFLAGS) -o $@ $^ $(LIBS)
$(filter-out %.so,$(FAULT_TOOLS)) $(filter-out %/warm,$(BENCH_TOOLS)): $(BUILD)/%: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -O2 -g $(PC_CFLAGS) -o $@ $< -Wl,--as-needed $(PC_LIBS)

$(STAND_IN): $(wildcard tests/docker/images/pps/*.[ch]) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -O2 -g -D_GNU_SOURCE -pthread -o $@ $(filter %.c,$^)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- running ---------------------------------------------------------------------------------------------------
# A target that needs packages installs them first and then runs make again, which now finds them. V=1 shows the
# commands that build. Without -j or JOBS, every processor builds.

JOBS_FLAG = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(or $(JOBS),$(shell nproc 2>/dev/null || echo 2)))
REMAKE    = $(MAKE) --no-print-directory $(if $(V),,-s) $(JOBS_FLAG)

demo: ## play the agent: run nine actions, a failure and a dry run, and show the status of each
	@sh $(DEPS) build
	@echo "building in $(BUILD)/ (V=1 shows how)"
	@$(REMAKE) all
	@bash tools/demo $(BUILD)

test: ## run the tests that need no container engine (SUITES="unit cli" for some, V=1 shows how they are built)
	@sh $(DEPS) build test
	@echo "building in $(BUILD)/ (V=1 shows how)"
	@$(REMAKE) run-tests

test-docker: ## test the docker plugin against a real engine (DOCKER_HOST=… for another one)
	@sh $(DEPS) build test docker
	@$(REMAKE) run-docker-tests
run-docker-tests: build-tests
	@BOSUN_BUILD='$(abspath $(BUILD))' bash tests/docker/run

test-kubernetes: ## test bosun.kubernetes on a real cluster, built once (BOSUN_TEST_KUBECONFIG=… for another one)
	@sh $(DEPS) build test $(if $(BOSUN_TEST_KUBECONFIG),,kubernetes)
	@$(REMAKE) run-kubernetes-tests
run-kubernetes-tests: build-tests
	@BOSUN_BUILD='$(abspath $(BUILD))' bash tests/kubernetes/run

check: ## run tests and fuzz targets with the address, leak, undefined-behaviour and thread sanitizers
	@sh $(DEPS) build test check
	@$(REMAKE) build-fuzz BUILD=$(BUILD)/fuzz CC=clang-14 OPT='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
	@$(REMAKE) run-tests BUILD=$(BUILD)/asan CC=clang-14 OPT='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' SUITES='$(CHECK_SUITES)'
	@$(REMAKE) run-tests BUILD=$(BUILD)/tsan CC=clang-14 OPT='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=thread' SUITES=embed
CHECK_SUITES ?= unit lua cli agent embed debug fuzz
# How many seconds each fuzz target runs.
export FUZZ_SECONDS ?= 5
export BOSUN_FUZZ ?= $(abspath $(BUILD)/fuzz)

build-fuzz: $(FUZZ_TARGETS)
build-tests: all $(TEST_FILES)
run-tests: build-tests
	@BOSUN_BUILD='$(abspath $(BUILD))' bash tests/run $(SUITES)

lint: ## check style, layering and common mistakes in all sources; warnings are errors
	@sh $(DEPS) build lint
	@CC='$(CC)' bash tools/lint

C_FILES = $(shell find host tests examples -name '*.[ch]' -o -name '*.[ch]pp')
format: ## format the C sources
	@sh $(DEPS) lint
	clang-format-14 -i $(C_FILES)

bench: ## measure time and memory against baselines of the same run (BENCH="http yaml" for some)
	@sh $(DEPS) build bench
	@$(REMAKE) run-bench
run-bench: all $(BENCH_TOOLS)
	@BOSUN_BUILD='$(abspath $(BUILD))' PATH=/usr/bin:$$PATH python3 -B tests/bench/bench.py $(BENCH)

# ---- installing ------------------------------------------------------------------------------------------------

dest      = $(DESTDIR)$(1)
dest_data = $(DESTDIR)$(datadir)/bosun
dest_doc  = $(DESTDIR)$(docdir)
# $(call install_tree,from,to): installs every file below `from`, with its folders.
define install_tree
cd $(1) && find . -type f | while read -r file; do \
    install -D -m 0644 "$$file" "$(2)/$$file" || exit 1; done
endef

# What is missing or older than its sources is built first, but not by another user than the owner of the build: root
# would leave files that the owner cannot replace. The programs find their data in ../share; for another place they have
# to be built.
define build_to_install
@$(MAKE) --no-print-directory -q INSTALLING=1 all 2>/dev/null || { \
    at=$$(ls -d '$(BUILD)' 2>/dev/null || echo .); \
    if [ "$$(stat -c %u "$$at")" != "$$(id -u)" ]; then \
        echo "not built, or not up to date: run 'make' as $$(stat -c %U "$$at") first" >&2; exit 1; fi; \
    $(MAKE) --no-print-directory all; }
@[ '$(abspath $(bindir)/../share)' = '$(abspath $(datadir))' ] || \
    printf '%s\n' $(call quote,$(DATADIR_FLAG)) | cmp -s - '$(BUILD)/datadir' || { \
    echo "the programs do not look in $(datadir): run 'make datadir=$(datadir)' first" >&2; exit 1; }
endef

install: ## install what was built below PREFIX (and DESTDIR)
	@case '$(PREFIX)' in /*) ;; *) echo "PREFIX is '$(PREFIX)': give an absolute path" >&2; exit 1 ;; esac
	@case '$(DESTDIR)' in '' | /*) ;; *) echo "DESTDIR is '$(DESTDIR)': give an absolute path" >&2; exit 1 ;; esac
	$(build_to_install)
	install -D -m 0755 $(RUNNER) "$(call dest,$(bindir))/bosun-plugin-runner"
	ln -sf bosun-plugin-runner "$(call dest,$(bindir))/plugin-runner"
	install -D -m 0755 $(TOOL) "$(call dest,$(bindir))/bosun"
	install -D -m 0755 $(SHARED_LIB) "$(call dest,$(libdir))/$(notdir $(SHARED_LIB))"
	ln -sf $(notdir $(SHARED_LIB)) "$(call dest,$(libdir))/libbosun.so"
	install -D -m 0644 $(STATIC_LIB) "$(call dest,$(libdir))/libbosun.a"
	install -D -m 0644 host/include/bosun.h "$(call dest,$(includedir))/bosun.h"
	install -D -m 0644 host/include/bosun.hpp "$(call dest,$(includedir))/bosun.hpp"
	install -d "$(call dest,$(libdir))/pkgconfig" "$(dest_data)/site"
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' 'Name: bosun' \
	    'Description: Runs the actions of Lua plugins' 'Version: $(VERSION)' 'Requires.private: $(PC)' \
	    'Libs: -L$${libdir} -lbosun' 'Libs.private: -pthread -lm' 'Cflags: -I$${includedir}' \
	    > "$(call dest,$(libdir))/pkgconfig/bosun.pc"
	chmod 0644 "$(call dest,$(libdir))/pkgconfig/bosun.pc"
	$(call install_tree,lua/lib,$(dest_data)/lua)
	$(call install_tree,lua/plugins,$(dest_data)/plugins)
	$(call install_tree,docs,$(dest_doc)/docs)
	$(call install_tree,charts,$(dest_doc)/charts)
	$(call install_tree,sample_configs,$(dest_doc)/sample_configs)
	$(call install_tree,sample_plugin,$(dest_doc)/sample_plugin)
	$(call install_tree,examples,$(dest_doc)/examples)
	for file in README.md CHANGELOG.md CONTRIBUTING.md LICENSE; do \
	    install -D -m 0644 $$file "$(dest_doc)/$$file" || exit 1; done

uninstall: ## remove what install put there, and nothing else (your plugins in the site folder stay)
	cd "$(call dest,$(bindir))" 2>/dev/null && rm -f bosun-plugin-runner plugin-runner bosun || true
	cd "$(call dest,$(includedir))" 2>/dev/null && rm -f bosun.h bosun.hpp || true
	cd "$(call dest,$(libdir))" 2>/dev/null && \
	    rm -f $(notdir $(SHARED_LIB)) libbosun.so libbosun.a pkgconfig/bosun.pc || true
	rm -rf "$(dest_data)/lua" "$(dest_data)/plugins" "$(dest_doc)"
	rmdir "$(dest_data)/site" "$(dest_data)" 2>/dev/null || true

clean: ## remove the build
	rm -rf $(BUILD)
