# Boxoffice. The two commands a newcomer needs: `make run` and `make test`.

CC      ?= gcc
CXX     ?= g++
ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   ?= build
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wvla -Wformat=2 \
           -Wundef -Wpointer-arith -Wcast-align -Werror
OPT     ?= -O2 -g
HARDEN  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fno-plt -ffunction-sections
DEFS    := -D_GNU_SOURCE
INCS    := -isystem /usr/share/include/llhttp -isystem /usr/include/postgresql
CFLAGS  := -std=gnu11 $(OPT) $(WARN) -Wstrict-prototypes -Wmissing-prototypes $(HARDEN) $(DEFS) $(INCS)
CXXFLAGS:= -std=c++17 $(OPT) -Wall -Wextra -Werror $(HARDEN) $(DEFS) $(INCS)
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--gc-sections
LIBS    := -luring -lpq -lmsgpackc -lxxhash -lcrypto -lsimdjson -ljemalloc -lstdc++ -lm -lpthread

PROGRAM_MAINS := engine/main.c admin/boxctl.c persist/boxreplay.c
LIBRARY_C   := $(filter-out $(PROGRAM_MAINS),$(wildcard engine/*.c net/*.c persist/*.c admin/*.c))
LIBRARY_CPP := $(wildcard engine/*.cpp net/*.cpp)
LIBRARY_O   := $(LIBRARY_C:%.c=$(BUILD)/obj/%.o) $(LIBRARY_CPP:%.cpp=$(BUILD)/obj/%.o) \
               $(BUILD)/obj/llhttp/llhttp.o $(BUILD)/obj/llhttp/api.o $(BUILD)/obj/llhttp/http.o

all: $(BUILD)/boxoffice $(BUILD)/boxctl $(BUILD)/boxreplay

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/obj/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/obj/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(OPT) $(HARDEN) $(INCS) -c $< -o $@

$(BUILD)/libboxoffice.a: $(LIBRARY_O)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/boxoffice: $(BUILD)/obj/engine/main.o $(BUILD)/libboxoffice.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/boxctl: $(BUILD)/obj/admin/boxctl.o $(BUILD)/libboxoffice.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/boxreplay: $(BUILD)/obj/persist/boxreplay.o $(BUILD)/libboxoffice.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# tests/unit/test_NAME.c -> build/tests/test_NAME
$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libboxoffice.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(BUILD)/libboxoffice.a $(LIBS) -lcmocka

clean:
	rm -rf $(BUILD)
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all clean
