# Boxoffice. The two commands a newcomer needs: `make run` and `make test`.
# CC=clang, BUILD=dir, OPT=-O0 and SANITIZE=address|thread|fuzzer|coverage work with any target.

ifeq ($(origin CC),default)
CC := $(if $(filter fuzzer,$(SANITIZE)),clang,gcc)
endif
CXX      := $(if $(findstring clang,$(CC)),clang++,g++)
SANITIZE ?=
BUILD    ?= build$(SANITIZE:%=-%)
JOBS     ?= $(shell nproc)
PYTHON   := /usr/bin/python3

WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wvla -Wformat=2 \
         -Wundef -Wpointer-arith -Wcast-align -Werror
# clang counts the text in assert(!"never here") as a conversion.
WARN  += $(if $(findstring clang,$(CC)),-Wno-string-conversion)
WARNC := -Wstrict-prototypes -Wmissing-prototypes
# A sanitizer brings its own checks and allocator: no fortified calls, no jemalloc.
ifeq ($(SANITIZE),)
OPT      ?= -O2 -g
GUARD    := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fcf-protection -fPIE -fno-plt
LIB_HEAP := -ljemalloc
else
OPT      ?= -O1 -g1 -fno-omit-frame-pointer
KIND_address := address,undefined
KIND_thread  := thread
KIND_fuzzer  := fuzzer-no-link,address,undefined
GUARD    := -fsanitize=$(KIND_$(SANITIZE)) -fno-sanitize-recover=all -fPIE
endif
# Branches are counted as they are written, before the optimizer joins them.
ifeq ($(SANITIZE),coverage)
OPT      := -O0 -g
GUARD    := --coverage -fprofile-update=atomic -fPIE
endif
# System headers are not ours to warn about. llhttp is strict only when built so.
INCLUDES := -isystem /usr/share/include/llhttp -isystem /usr/include/postgresql
DEFINES  := -D_GNU_SOURCE -DLLHTTP_STRICT_MODE=1
COMMON   := $(OPT) $(GUARD) -ffunction-sections -fdata-sections $(DEFINES) $(INCLUDES)
CFLAGS   := -std=gnu11 $(WARN) $(WARNC) $(COMMON)
CXXFLAGS := -std=c++17 -fno-exceptions -Wall -Wextra -Werror $(COMMON)
LDFLAGS  := -pie $(GUARD) -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections,--as-needed
LIBS     := -luring -lpq -lmsgpackc -lxxhash -lcrypto -lsimdjson -lyajl $(LIB_HEAP) -lstdc++ -lm -lpthread

# A file with main() is a program, with what starts its parts; every other source is the library's.
ENGINE  := engine/main.c $(wildcard engine/boxoffice_*.c)
MAINS   := $(ENGINE) admin/boxctl.c persist/boxreplay.c
SOURCES := $(filter-out $(MAINS),$(wildcard engine/*.c net/*.c persist/*.c admin/*.c))
OBJECTS := $(patsubst %,$(BUILD)/obj/%.o,$(SOURCES) $(wildcard engine/*.cpp net/*.cpp) \
             llhttp/llhttp.c llhttp/api.c llhttp/http.c)
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
# The simulator's parts; a unit test named test_sim_* may use them, test_model_* its model.
SIM_MAINS   := $(wildcard tests/sim/main.c tests/sim/*_main.c)
SIM_LIBRARY := $(filter $(BUILD)/obj/engine/% $(BUILD)/obj/persist/%,$(OBJECTS))
SIM_OBJECTS := $(patsubst %,$(BUILD)/obj/%.o,$(filter-out $(SIM_MAINS),$(wildcard tests/sim/*.c)))
MODEL       := $(patsubst %,$(BUILD)/obj/%.o,$(wildcard tests/model/*.c) tests/sim/table.c)
FUZZ    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
LIBRARY := $(BUILD)/libboxoffice.a

all: $(BUILD)/boxoffice $(BUILD)/boxctl $(BUILD)/boxreplay
$(BUILD)/boxoffice: $(ENGINE:%=$(BUILD)/obj/%.o)
$(BUILD)/boxctl: $(BUILD)/obj/admin/boxctl.c.o
$(BUILD)/boxreplay: $(BUILD)/obj/persist/boxreplay.c.o
$(BUILD)/obj/persist/postgres_schema.c.o: $(wildcard persist/schema/*.sql)
-include $(wildcard bench/*.mk)

# Another compiler or other flags rebuild everything.
FLAGS := $(CC) $(CFLAGS) $(CXXFLAGS) $(LDFLAGS)
$(shell mkdir -p $(BUILD); echo '$(FLAGS)' | cmp -s - $(BUILD)/flags || echo '$(FLAGS)' >$(BUILD)/flags)

$(BUILD)/obj/%.c.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/obj/%.cpp.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/obj/llhttp/%.c.o: /usr/share/llhttp/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(COMMON) -c $< -o $@
$(LIBRARY): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/boxoffice $(BUILD)/boxctl $(BUILD)/boxreplay: $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS)
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.c.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(BUILD)/tests/test_sim_%: $(BUILD)/obj/tests/unit/test_sim_%.c.o $(SIM_OBJECTS) $(MODEL) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(BUILD)/sim: $(SIM_MAINS:%=$(BUILD)/obj/%.o) $(SIM_OBJECTS) $(MODEL) $(SIM_LIBRARY)
	$(CC) $(LDFLAGS) -Wl,--wrap=pthread_create -o $@ $^ $(LIBS)
$(BUILD)/tests/test_model_%: $(BUILD)/obj/tests/unit/test_model_%.c.o $(MODEL) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.c.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
unit: $(UNIT)
fuzzers: $(FUZZ)

# Lint: each C file is read by clang and clang-tidy once its gcc object is current,
# so that a second run costs only what changed. The analyzer follows so many states of a
# function at most; in `make lint-deep`, a part of soak, as many as it knows.
TIDY_STATES := 50000
TIDY_BOUND  := $(if $(DEEP),,-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_STATES))
LINTED := $(wildcard engine/*.[ch] net/*.[ch] persist/*.[ch] admin/*.[ch] bench/*.[ch] tests/*/*.[ch] \
            engine/*.cpp net/*.cpp)
TIDY   := $(patsubst %,$(BUILD)/lint/%.tidy,$(filter-out bench/%,$(filter %.c,$(LINTED))))
lint: $(BUILD)/lint/format $(TIDY) $(BUILD)/lint/cppcheck $(BUILD)/lint/purity
lint-deep: ; $(MAKE) -s -k BUILD=$(BUILD)-deep DEEP=1 lint
$(BUILD)/lint/format: $(LINTED) .clang-format
	@mkdir -p $(@D)
	clang-format --dry-run -Werror $(LINTED) && touch $@
$(BUILD)/lint/%.c.tidy: $(BUILD)/obj/%.c.o .clang-tidy
	@mkdir -p $(@D)
	clang-tidy --quiet $*.c -- $(CFLAGS) -Wno-string-conversion $(TIDY_BOUND) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@
$(BUILD)/lint/purity: tests/purity $(OBJECTS) $(MAINS:%=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	tests/purity $(BUILD) && touch $@
$(BUILD)/lint/cppcheck: $(LINTED) tests/cppcheck.suppress
	@mkdir -p $(BUILD)/lint/cppcheck.cache
	cppcheck -j$(JOBS) --quiet --std=c11 --language=c --enable=warning,performance,portability \
	  --inline-suppr --suppressions-list=tests/cppcheck.suppress --error-exitcode=1 -D_GNU_SOURCE \
	  --cppcheck-build-dir=$(BUILD)/lint/cppcheck.cache $(filter %.c,$(LINTED)) && touch $@

run: ; @./install.sh build && $(MAKE) -s -j$(JOBS) all && BUILD=$(BUILD) admin/demo.sh
# Branches of engine/ and persist/ that the unit tests and the simulator take.
coverage: export BUILD := build-coverage
coverage:
	@./install.sh build test && $(MAKE) -s -j$(JOBS) SANITIZE=coverage CC=gcc unit $(BUILD)/sim
	@find $(BUILD) -name '*.gcda' -delete && tests/coverage $(BUILD) --run
test: ; @./install.sh build test && BUILD=$(BUILD) $(PYTHON) tests/run
soak: ; @./install.sh build test && BUILD=$(BUILD) $(PYTHON) tests/run --soak
# LEVEL=S0|S1|S2, SEED=n (shrinks what fails) or SEEDS=n
sim: $(BUILD)/sim ; $< --level $(or $(LEVEL),S2) $(if $(SEED),--seed $(SEED) --shrink,--seeds $(or $(SEEDS),1000) --jobs $(JOBS))
sim-canary: ; @BUILD=$(BUILD) JOBS=$(JOBS) $(PYTHON) tests/sim/canary
sim-determinism: ; @BUILD=$(BUILD) $(PYTHON) tests/sim/determinism
fuzz: ; @./install.sh build test && BUILD=$(BUILD) $(PYTHON) tests/run --only fuzz --fuzz-seconds $(or $(SECONDS),600)
stack: ; @./install.sh build test && $(MAKE) -s -j$(JOBS) all && BUILD=$(BUILD) admin/stack.sh
stack-stop: ; @admin/stack.sh stop
clean: ; rm -rf $(BUILD) $(BUILD)-clang-O0 $(BUILD)-clang-O2 $(BUILD)-gcc-O0 build-address build-thread build-fuzzer build-coverage

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.PHONY: lint-deep sim sim-canary sim-determinism all unit fuzzers lint run test coverage soak fuzz stack stack-stop clean
.SECONDARY:
