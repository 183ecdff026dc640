# Programs of bench/. Included by the Makefile; `make bench` compares, `make bench-tools` only builds.
LOAD_O  := $(patsubst %,$(BUILD)/obj/%.o,$(wildcard bench/boxload_*.c))
INSIDE  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/bench_*.c))
BENCHES := $(BUILD)/bench/boxload $(BUILD)/bench/floor $(INSIDE)

$(BUILD)/bench/boxload: $(BUILD)/obj/bench/boxload.c.o $(LOAD_O)
$(BUILD)/bench/floor: $(BUILD)/obj/bench/floor.c.o
$(BUILD)/bench/boxload $(BUILD)/bench/floor:
	@mkdir -p $(@D)
	$(QUIET)$(CC) $(LDFLAGS) -o $@ $^ -luring
$(INSIDE): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.c.o $(BUILD)/obj/bench/rig.c.o $(LIBRARY)
	@mkdir -p $(@D)
	$(QUIET)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# The generator's parts are tested without the engine's library.
$(BUILD)/tests/test_boxload_%: $(BUILD)/obj/tests/unit/test_boxload_%.c.o $(LOAD_O)
	@mkdir -p $(@D)
	$(QUIET)$(CC) $(LDFLAGS) -o $@ $^ -luring -lcmocka

bench-tools: $(BENCHES)
bench: ; @./install.sh build test bench && $(MAKE) -s -j$(JOBS) all bench-tools $(BUILD)/sim && BUILD=$(BUILD) $(PYTHON) bench/compare.py $(BENCH_ARGS)
.PHONY: bench bench-tools
