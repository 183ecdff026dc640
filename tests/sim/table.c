#include "table.h"

#include <stdio.h>

static void *must(void *memory)
{
    if (!memory) {
        fputs("sim: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void sim_table_grow(struct sim_table *table)
{
    struct sim_table old = *table;

    table->room = old.room ? 2 * old.room : SIM_TABLE_FIRST;
    table->keys = must(calloc(table->room, sizeof table->keys[0]));
    table->values = must(calloc(table->room, sizeof table->values[0]));
    for (uint32_t i = 0; i < old.room; i++) {
        if (old.keys[i] == 0)
            continue;
        uint32_t at = sim_table_slot(table, old.keys[i]);
        table->keys[at] = old.keys[i];
        table->values[at] = old.values[i];
    }
    sim_table_release(&old);
}

void *sim_grow(void *array, uint32_t count, uint32_t *room, size_t bytes)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 64;
    return must(realloc(array, *room * bytes));
}
